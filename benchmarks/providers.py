"""Measures lists of providers: `.venv/bin/python -m benchmarks.providers`.

It counts the calls and capacity units that the embedded engine reports. A refresh writes a list,
replaces it by one that differs in 1% of the entries, and replaces it again with an interruption.
Then addresses are looked up, one in three of many networks and one in none.
"""

import argparse
import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from functions.lookup.providers import CachedProviders
from functions.providers.refresh import Refresh, Refreshed
from functions.providers.snapshots import Snapshots
from local import environment
from local.engine import running_engine
from local.tables import make_tables
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import parse_network
from shared.domain.provider import Listing, ListingStatus, Provider, Subject
from shared.formats.lists.declaration import load_catalog
from shared.formats.lists.entry import ListContent
from shared.store.client import dynamodb_client
from shared.store.iocs import IocTable
from shared.store.providers import ProviderState, ProviderStates

WRITERS = 16
LISTED = Listing(ListingStatus.LISTED, "malware")
NAME = "blocklist-de"


@dataclass
class Meter:
    """Counts the calls and the capacity units of a client."""

    client: Any
    calls: Counter[str] = field(default_factory=Counter)
    units: float = 0.0

    def __post_init__(self) -> None:
        events = self.client.meta.events
        events.register("provide-client-params.dynamodb", self._ask)
        events.register("after-call.dynamodb", self._add)

    def _ask(self, params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def _add(self, parsed: Any, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1
        consumed = parsed.get("ConsumedCapacity") or []
        tables = consumed if isinstance(consumed, list) else [consumed]
        self.units += sum(table.get("CapacityUnits", 0.0) for table in tables)

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Print the counts within the `with` block."""
        self.calls.clear()
        self.units = 0.0
        started = time.process_time()
        yield
        cpu_s = time.process_time() - started
        calls = ", ".join(f"{count:,} {call}" for call, count in self.calls.most_common())
        print(f"| {name} | {calls} | {self.units:,.1f} | {cpu_s:.1f} |", flush=True)


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--networks", type=int, default=10_000)
    arguments = parser.parse_args()
    environment.prepare()
    print("| What | Calls | Capacity units | CPU seconds |\n|---|---|---|---|")
    with running_engine() as endpoint:
        os.environ[environment.ENDPOINT] = endpoint
        make_tables(dynamodb_client(), environment.table_names())
        measure_lists(arguments.entries)
        measure_networks(arguments.networks)


def measure_lists(entries: int) -> None:
    """Measure a first list, a list that differs in 1% of the entries, and an interruption."""
    meter = Meter(dynamodb_client(connections=WRITERS))
    # Removed and new entries together are 1%.
    moved = entries // 200
    with meter.section(f"a first list of {entries:,}"):
        refresh(meter.client, listed(range(entries)))
    with meter.section("the same list again"):
        refresh(meter.client, listed(range(entries)))
    with meter.section(f"{moved:,} entries gone and {moved:,} new"):
        refresh(meter.client, listed(range(moved, entries + moved)))
    stop = itertools.count()
    with meter.section("the same again, stopped in the middle"):
        cut = refresh(
            meter.client,
            listed(range(2 * moved, entries + 2 * moved)),
            out_of_time=lambda: next(stop) >= 1,
        )
    with meter.section("and gone on with"):
        rest = refresh(meter.client, listed(range(2 * moved, entries + 2 * moved)))
    meant = listed(range(2 * moved, entries + 2 * moved))
    ever = listed(range(entries + 2 * moved))
    found = on_the_list(meter.client, ever)
    print(f"\nstopped after {cut.changes:,} changes, then {rest.changes:,}; ", end="")
    lost, kept = len(meant.keys() - found), len(found - meant.keys())
    print(f"lost {lost}, wrongly kept {kept} of {len(meant):,}\n")


def measure_networks(networks: int) -> None:
    """Measure an address in three of many networks, and one in none."""
    meter = Meter(dynamodb_client())
    client = meter.client
    some: dict[Subject, Listing] = {
        parse_network(f"{11 + n // 65_536}.{n // 256 % 256}.{n % 256}.0/24"): LISTED
        for n in range(networks - 2)
    }
    some |= {parse_network("11.0.0.0/16"): LISTED, parse_network("11.0.0.0/12"): LISTED}
    refresh(client, some, name="feodo-tracker")
    table = IocTable(client, os.environ["TABLE_NAME"])
    states = ProviderStates(client, os.environ["STATE_TABLE_NAME"])
    providers = CachedProviders(states, time.monotonic, no_asker, table.list_subject)
    inside, outside = (Indicator(IndicatorType.IP, ip) for ip in ("11.0.7.9", "203.0.113.9"))
    with meter.section(f"reading the index of {networks:,} networks, once a change"):
        providers.covering(outside)
    for address, name in ((inside, "an address in three networks"), (outside, "one in none")):
        with meter.section(name):
            holding = providers.covering(address)
            known = table.find(address, holding)
        assert bool(known.listings) == bool(holding)


def no_asker() -> Any:
    """Fail: the benchmark has no on-demand provider."""
    raise AssertionError


def listed(numbers: Iterable[int]) -> dict[Subject, Listing]:
    """Return a list of addresses."""
    return {
        Indicator(IndicatorType.IP, f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"): LISTED
        for n in numbers
    }


def refresh(
    client: Any,
    entries: dict[Subject, Listing],
    *,
    name: str = NAME,
    out_of_time: Callable[[], bool] = lambda: False,
) -> Refreshed:
    """Refresh a provider once."""
    declaration = load_catalog()[name]
    states = ProviderStates(client, os.environ["STATE_TABLE_NAME"])
    provider = Provider(name, declaration.name, frozenset({"ip"}))
    known = {state.provider.id: state for state in states.read(consistent=True)}
    now = time.time_ns() // 1_000_000
    with ThreadPoolExecutor(WRITERS) as pool:
        return Refresh(
            declaration,
            lambda: ListContent(entries),
            IocTable(client, os.environ["TABLE_NAME"]),
            Snapshots(client, os.environ["STATE_TABLE_NAME"], name, "benchmark"),
            states,
            pool,
            now,
            now + 3_600_000,
            out_of_time,
        ).execute(known.get(name, ProviderState(provider)))


def on_the_list(client: Any, ever: Iterable[Subject]) -> set[Subject]:
    """Return those of the addresses whose items have the listing."""
    table = IocTable(client, os.environ["TABLE_NAME"])
    left = iter(one for one in ever if isinstance(one, Indicator))
    found: set[Subject] = set()
    while part := list(itertools.islice(left, 1000)):
        found |= {one for one, known in table.find_many(part).items() if NAME in known.listings}
    return found


if __name__ == "__main__":
    main()
