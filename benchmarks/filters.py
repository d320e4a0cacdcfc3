"""Compares filter libraries: size, build time, rate of false positives, look-ups a second.

Run by hand, because it takes minutes: `python -m benchmarks.filters [ENTRIES]`. It prints the
tables of docs/filter.md. rbloom is measured if it is installed.
"""

import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from local import environment
from shared.domain.indicator_types import INDICATOR_TYPES

# Powertools reads some of it when a handler's module is imported.
environment.prepare()

import flor  # noqa: E402
from poppy import BloomFilter, loads  # noqa: E402

from benchmarks import cost  # noqa: E402
from benchmarks.feeds import indicator  # noqa: E402
from functions.filter import app  # noqa: E402
from local.buckets import make_bucket  # noqa: E402
from local.context import LocalContext  # noqa: E402
from local.engine import running_engine  # noqa: E402
from local.tables import make_tables  # noqa: E402
from shared.domain.indicator import Indicator, IndicatorType, parse  # noqa: E402
from shared.formats.bloom_filter import (  # noqa: E402
    FALSE_POSITIVE_RATE,
    Facts,
    entry,
    make_file,
    read_file,
)
from shared.store.client import dynamodb_client  # noqa: E402
from shared.store.keys import ioc_key  # noqa: E402

ENTRIES = 1_000_000
BUILT = 1_767_607_200_000
PROBES = 1_000_000
# Fewer look-ups for the pure Python filter, to end within a minute.
FEW = 100_000
# The engine returns each segment as one page, slowly.
STORED = 20_000
# Of an item, as `make bench` measures it.
ITEM_BYTES = 225
FILTER_MB = 1769
RUNS_A_MONTH = 30
CHECKS_A_MONTH = 30 * 24
READ_UNIT_BYTES = 4096
# Dollars, as in benchmarks/cost.py.
S3_WRITE = 5e-6
S3_GB_MONTH = 0.023
INTERNET_GB = 0.09
Holds = Callable[[bytes], bool]


def indicators(prefix: str, count: int) -> Iterator[Indicator]:
    """Yield indicators of the types of a feed; two prefixes have none in common."""
    for number in range(count):
        kind, text = indicator(f"{prefix}/{number}")
        yield parse(IndicatorType(kind), text)


def unique(prefix: str, count: int) -> list[bytes]:
    """Return their distinct entries; only addresses repeat."""
    return list(dict.fromkeys(map(entry, indicators(prefix, count))))


@dataclass(frozen=True)
class Made:
    """A filter built by one library.

    Attributes:
        size: size of its file in bytes.
        build_s, load_s: CPU seconds to build and to read it.
        holds: looks an entry up.
        probes: number of look-ups to measure.
    """

    name: str
    size: int
    build_s: float
    load_s: float
    holds: Holds
    probes: int = PROBES


def ours(entries: Sequence[bytes]) -> Made:
    """Build the filter of the job: the format of DCSO, by poppy, with facts and a digest."""
    facts = Facts(BUILT, len(entries), frozenset(INDICATOR_TYPES))
    content, build_s = timed(lambda: make_file(entries, facts))
    made, load_s = timed(lambda: read_file(content))
    return Made("DCSO by poppy (taken)", len(content), build_s, load_s, made._bloom.contains_bytes)


def poppy_2(entries: Sequence[bytes]) -> Made:
    """Build the newer format of poppy."""

    def build() -> bytes:
        bloom = BloomFilter.with_version(2, len(entries), FALSE_POSITIVE_RATE)
        for one in entries:
            bloom.insert_bytes(one)
        content: bytes = bloom.dumps()
        return content

    content, build_s = timed(build)
    bloom, load_s = timed(lambda: loads(content))
    return Made("poppy's own format", len(content), build_s, load_s, bloom.contains_bytes)


def by_flor(entries: Sequence[bytes]) -> Made:
    """Build our format in pure Python."""

    def build() -> bytes:
        bloom = flor.BloomFilter(n=len(entries) + 1, p=FALSE_POSITIVE_RATE)
        for one in entries:
            bloom.add(one)
        file = BytesIO()
        bloom.write(file)
        return file.getvalue()

    content, build_s = timed(build)
    bloom = flor.BloomFilter()
    _, load_s = timed(lambda: bloom.read(BytesIO(content)))
    return Made("DCSO by flor", len(content), build_s, load_s, bloom.check, FEW)


def by_rbloom(entries: Sequence[bytes]) -> Made:
    """Build with a fast library that has its own file format and needs a stable hash function."""
    rbloom = importlib.import_module("rbloom")
    hashlib = importlib.import_module("hashlib")

    def stable(one: bytes) -> int:
        return int.from_bytes(hashlib.sha256(one).digest()[:16], "big", signed=True)

    def build() -> bytes:
        bloom = rbloom.Bloom(len(entries), FALSE_POSITIVE_RATE, stable)
        bloom.update(entries)
        content: bytes = bloom.save_bytes()
        return content

    content, build_s = timed(build)
    bloom, load_s = timed(lambda: rbloom.Bloom.load_bytes(content, stable))
    return Made("rbloom", len(content), build_s, load_s, bloom.__contains__)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Run it, and return its result and the CPU seconds."""
    before = time.process_time()
    done = work()
    return done, time.process_time() - before


def row(made: Made, entries: Sequence[bytes], probes: Sequence[bytes]) -> str:
    """Return a line of the table, after asserting that no stored entry is missing."""
    some = probes[: made.probes]
    assert all(map(made.holds, entries[: made.probes])), made.name
    wrong, seconds = timed(lambda: sum(map(made.holds, some)))
    return (
        f"| {made.name} | {made.size / 1e6:.2f} | {8 * made.size / len(entries):.1f} "
        f"| {made.build_s:.2f} | {made.load_s:.3f} | {100 * wrong / len(some):.3f}% "
        f"| {len(some) / seconds / 1e6:.2f} |"
    )


def comparison(entries: Sequence[bytes]) -> None:
    """Print the table of all filters."""
    stored = set(entries)
    probes = [one for one in unique("never seen", PROBES) if one not in stored]
    print(f"{len(entries):,} entries, {len(probes):,} that were never stored\n")
    print(
        "| Filter | MB | Bits an entry | Build, CPU s | Load, CPU s | Taken for seen "
        "| Million questions a CPU s |"
    )
    print("|---|---|---|---|---|---|---|")
    for make in (ours, poppy_2, by_flor, by_rbloom):
        if make is by_flor and len(entries) > ENTRIES:
            continue
        try:
            made = make(entries)
        except ModuleNotFoundError as error:
            print(f"not installed: {error.name}", file=sys.stderr)
            continue
        print(row(made, entries, probes), flush=True)


def by_type(entries: Sequence[bytes]) -> None:
    """Print the rate of false positives of each type, for values that are counted up."""
    facts = Facts(BUILT, len(entries), frozenset(INDICATOR_TYPES))
    known = read_file(make_file(entries, facts))
    stored = set(entries)
    kinds: dict[str, Callable[[int], str]] = {
        "sha256": lambda n: f"{n:064X}",
        "ip": lambda n: f"{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}.7",
        "domain": lambda n: f"a{n}.example",
        "url": lambda n: f"http://a.example/{n}?q=1",
    }
    print("\n| Type, counted up | Taken for seen |\n|---|---|")
    for kind, spell in kinds.items():
        asked = [Indicator(IndicatorType(kind), spell(n)) for n in range(PROBES)]
        fresh = [one for one in asked if entry(one) not in stored]
        print(f"| {kind} | {100 * sum(map(known.holds, fresh)) / len(fresh):.3f}% |")


def the_job() -> float:
    """Run the real handler over a table of the engine, and return CPU microseconds for an item."""
    with running_engine() as endpoint:
        os.environ[environment.ENDPOINT] = os.environ[environment.OBJECTS] = endpoint
        client = dynamodb_client()
        make_tables(client, environment.table_names())
        make_bucket()
        items = [
            {
                "PutRequest": {
                    "Item": {"pk": {"S": ioc_key(one)}, "x": {"S": "x" * ITEM_BYTES}},
                }
            }
            for one in dict.fromkeys(indicators("stored", STORED))
        ]
        for start in range(0, len(items), 25):
            requests: Any = {os.environ["TABLE_NAME"]: items[start : start + 25]}
            client.batch_write_item(RequestItems=requests)
        context: Any = LocalContext("filter", 900)
        began = time.monotonic()
        offer, cpu_s = timed(lambda: app.lambda_handler({}, context))
        seconds = time.monotonic() - began
    assert offer["entries"] == len(items)
    cpu_us = 1e6 * cpu_s / len(items)
    print(f"\nThe job: {len(items):,} items, {seconds:.1f} s, {cpu_us:.1f} CPU us an item")
    return cpu_us


def month(file_bytes: int, cpu_us: float) -> None:
    """Print the cost of a month for a million stored indicators, and for each client."""
    items = cost.MILLION
    # Eventually consistent: half a unit for each 4 KB.
    units = items * ITEM_BYTES / READ_UNIT_BYTES / 2
    seconds = items * cpu_us / 1e6
    checks = CHECKS_A_MONTH * (cost.GATEWAY_REQUEST + cost.LAMBDA_REQUEST)
    lines = {
        "reading the table once a day": RUNS_A_MONTH * units * cost.READ_UNIT,
        "Lambda": RUNS_A_MONTH * seconds * FILTER_MB / 1024 * cost.LAMBDA_GB_SECOND,
        "the bucket": RUNS_A_MONTH * S3_WRITE + file_bytes / cost.GB * S3_GB_MONTH,
        "alarm and metrics": cost.ALARM_MONTH + 2 * cost.METRIC_MONTH,
        "each client: asking every hour": checks,
        "each client: a download a day": RUNS_A_MONTH * file_bytes / cost.GB * INTERNET_GB,
    }
    print("\n| A month, a million stored indicators | Dollars |\n|---|---|")
    for name, dollars in lines.items():
        print(f"| {name} | {dollars:.4f} |")


def spool_rate(entries: Sequence[bytes]) -> None:
    """Print the CPU time for entries that wait in a file."""

    def through_a_file() -> int:
        with tempfile.TemporaryFile() as spool:
            spool.writelines(one + b"\n" for one in entries)
            spool.seek(0)
            return sum(1 for _ in spool)

    count, seconds = timed(through_a_file)
    size = sum(map(len, entries)) / len(entries)
    print(f"Waiting in a file: {size:.0f} bytes a value, {1e6 * seconds / count:.2f} CPU us each")


def main(count: int) -> None:
    """Measure, and print the tables."""
    entries = unique("stored", count)
    comparison(entries)
    by_type(entries)
    spool_rate(entries)
    facts = Facts(BUILT, len(entries), frozenset(INDICATOR_TYPES))
    month(len(make_file(entries, facts)) * cost.MILLION // len(entries), the_job())
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(next(line for line in status.splitlines() if line.startswith("VmHWM")))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES)
