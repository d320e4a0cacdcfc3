# ruff: noqa: T201
"""A stack's tables with what was stored under old canonical forms, and what has to become of it.

The gate moves a small one, killed at some calls. By hand, with any number of items and of kills:

    .venv/bin/python -m tests.rekeying 10000 200
"""

import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from functions.ingest.batch import BatchWriter, NewReport
from functions.ingest.store.ledger import Ledger
from functions.ingest.store.runs import RunLog
from functions.providers.snapshots import Snapshots, SnapshotState
from functions.publish.history import History, Membership, record
from functions.publish.history import ReportMention as Seen
from functions.publish.store.feed_log import FeedLog
from functions.publish.store.histories import Histories
from local.rekey import WRITERS, Rekey
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.provider import Listing, ListingStatus
from shared.domain.reputation import Reputation, Sighting, join_all
from shared.domain.verdict import Verdict
from shared.formats.feed.report import Report
from shared.store.iocs import IocTable
from shared.store.items import listings_from_item, reputation_from_item
from shared.store.keys import flow_key, ioc_key
from shared.store.search_index import SearchIndex
from tests.builders import sighting_summary
from tests.conftest import Store
from tests.fakes import HookedClient, InlineExecutor, Killed

NOW = 1_767_600_000_000
PROVIDER = "listed"
# Long enough that the key is made of a digest.
_PAD = "p" * 2100


def forms(number: int) -> list[Indicator]:
    """The spellings of one URL that were keys of their own; the canonical one is the first."""
    pad = _PAD if number % 19 == 0 else ""
    host = f"http://h{number % 97}.example"
    return [
        Indicator(IndicatorType.URL, f"{host}{path.format(number=number, pad=pad)}")
        for path in (
            "/~u{number}/{pad}%2Fa",
            "/%7Eu{number}/{pad}%2Fa",
            "/%7eu{number}/{pad}%2fa",
            "/~u{number}/{pad}%2fa",
        )
    ]


@dataclass
class Old:
    """What was stored, and what has to be found: by canonical form.

    Attributes:
        reports: as they were applied.
        pending: how many of them an interrupted run has applied, and not entered in the ledger.
        listed: what the provider lists.
    """

    reports: list[NewReport] = field(default_factory=list)
    pending: int = 0
    listed: dict[Indicator, Listing] = field(default_factory=dict)

    def canonical(self) -> dict[Indicator, Reputation]:
        """The reputations of the model."""
        found: defaultdict[Indicator, list[Sighting]] = defaultdict(list)
        for new in self.reports:
            for one in new.report.sightings:
                found[parse(one.indicator.type, one.indicator.value)].append(one)
        return {
            key: join_all(sightings)._replace(indicator=key) for key, sightings in found.items()
        }

    def histories(self) -> dict[Indicator, History]:
        """The histories of the model."""
        histories: defaultdict[Indicator, History] = defaultdict(History)
        memberships: defaultdict[tuple[Indicator, str], Membership] = defaultdict(Membership)
        for new in self.reports:
            # Of two spellings in one report the worse one counts.
            for one in sorted(new.report.sightings, key=lambda one: one.summary.latest):
                key = parse(one.indicator.type, one.indicator.value)
                scan = key, one.flow_id
                histories[key], memberships[scan] = record(
                    histories[key], memberships[scan], _seen(one)
                )
        return dict(histories)


def _seen(one: Sighting) -> Seen:
    latest = one.summary.latest
    return Seen(latest.flow_id, latest.report_id, latest.seen_at, latest.verdict)


def fill(store: Store, items: int, *, seed: int = 1, pool: Executor | None = None) -> Old:
    """Store about so many URLs as an earlier release has done, and what goes along with them."""
    rng = random.Random(seed)  # noqa: S311
    pool = pool or InlineExecutor()
    old = Old()
    chosen = [one for number in range(items * 2 // 5) for one in _spellings(number, rng)]
    rng.shuffle(chosen)
    others = [Indicator(IndicatorType.DOMAIN, f"d{n}.example") for n in range(items // 20 + 1)]
    size = 4 if items < 1_000 else 10
    for number, start in enumerate(range(0, len(chosen), size)):
        some = [*chosen[start : start + size], rng.choice(others)]
        # Two reports of a scan, and URLs that come again.
        some += rng.sample(chosen, min(4, len(chosen)))
        old.reports.append(_report(f"flow-{number * 2 // 3}", number, set(some), rng))
    old.pending = 2
    done, left = old.reports[: -old.pending], old.reports[-old.pending :]
    log = RunLog(store.client, store.state_table)
    run, complete = log.begin()
    applier = _applier(store, run, complete, pool)
    for start in range(0, len(done), 100):
        assert not applier.apply(done[start : start + 100]).unapplied
    log.complete(run, complete)
    run, complete = log.begin()
    broken = replace(_applier(store, run, complete, pool), ledger=_NoEntries(store))
    broken.apply(left)
    histories = Histories(store.client, store.report_table)
    feed = FeedLog(store.client, store.report_table)
    for new in old.reports:
        sightings = new.report.sightings
        report_id = sightings[0].summary.latest.report_id
        histories.change(
            new.report.flow_id, report_id, seen={one.indicator: _seen(one) for one in sightings}
        )
    first = old.reports[0].report
    urls = [one.indicator for one in first.sightings if one.indicator.type is IndicatorType.URL]
    body = {"iocs": {"url": [{"data": one.value} for one in urls]}}
    import json

    claim = feed.claim(first.flow_id, "report-0", b"c", [])
    feed.append(claim, b"c", json.dumps(body).encode(), NOW)
    _list(store, old, chosen, rng)
    return old


def _spellings(number: int, rng: random.Random) -> list[Indicator]:
    found = forms(number)
    if number % 5 == 0:
        return found[:1]
    return rng.sample(found, k=rng.choice((1, 2, 3, 4)))


def _report(flow_id: str, number: int, some: set[Indicator], rng: random.Random) -> NewReport:
    report_id = f"report-{number}"
    date = NOW - rng.randrange(10**10)
    sightings = [
        Sighting(
            one,
            sighting_summary(
                seen_at=date,
                verdict=rng.choice(list(Verdict)),
                flow_id=flow_id,
                report_id=report_id,
                tags=frozenset({f"tag-{rng.randrange(6)}"}),
                claimed_count=rng.choice((0, 0, 0, 7)),
            ),
        )
        for one in sorted(some)
    ]
    report = Report(flow_id, date, sightings)
    return NewReport(flow_key(flow_id), number.to_bytes(16, "big"), report)


class _NoEntries(Ledger):
    """Of a run that is killed before it enters anything."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.client, store.state_table)

    def add(self, *_: Any) -> None:
        pass


def _applier(store: Store, run: int, complete: frozenset[int], pool: Executor) -> BatchWriter:
    return BatchWriter(
        IocTable(store.client, store.table),
        Ledger(store.client, store.state_table),
        now=NOW,
        run=run,
        complete_runs=complete,
        pool=pool,
        out_of_time=lambda: False,
        index=SearchIndex(store.client, store.search_table),
    )


def _list(store: Store, old: Old, chosen: list[Indicator], rng: random.Random) -> None:
    subjects: dict[Any, Listing] = {
        one: Listing(ListingStatus.LISTED, "malware", detect_time=NOW - rng.randrange(10**9))
        for one in rng.sample(chosen, len(chosen) // 6)
    }
    # Only the provider knows these.
    for number in range(3):
        spelled = forms(10_000_019 + number)[1]
        subjects[spelled] = Listing(ListingStatus.LISTED, "phishing", detect_time=NOW - number)
    snapshots = Snapshots(store.client, store.state_table, PROVIDER, "somebody")
    assert snapshots.claim(NOW, NOW + 1) == SnapshotState()
    snapshots.finish(snapshots.begin(SnapshotState(), subjects))
    snapshots.release()
    table = IocTable(store.client, store.table)
    for subject, listing in subjects.items():
        table.list_subject(PROVIDER, subject, listing)
        key = parse(subject.type, subject.value)
        known = old.listed.get(key, listing)
        old.listed[key] = min(known, listing, key=lambda one: one.detect_time)


def rekey(store: Store, client: Any = None, *, pool: Executor | None = None) -> Rekey:
    """The command's work on a store of a test."""
    names = {
        "IocTable": store.table,
        "StateTable": store.state_table,
        "ReportTable": store.report_table,
        "SearchTable": store.search_table,
    }
    work = Rekey(client or store.client, names, pool or InlineExecutor(), NOW, segments=1)
    return replace(work, report=lambda _: None)


def faults(store: Store, old: Old) -> list[str]:
    """What is not as the model has it."""
    items = store.items()
    known = {one.indicator: one for item in items if (one := reputation_from_item(item))}
    model = old.canonical()
    found: list[str] = [f"{one} is stored under an old form" for one in known.keys() - model.keys()]
    found += [f"{one} is lost" for one in model.keys() - known.keys()]
    found += [
        f"{one.value[:60]}: {known[one]} is not {model[one]}"
        for one in known.keys() & model.keys()
        if known[one] != model[one]
    ]
    by_key = {item["pk"]["S"]: item for item in items}
    found += [
        f"{one} is not listed as it was"
        for one, listing in old.listed.items()
        if listings_from_item(by_key.get(ioc_key(one), {})) != {PROVIDER: listing}
    ]
    snapshots = Snapshots(store.client, store.state_table, PROVIDER, "a test")
    state = snapshots.claim(NOW * 2, NOW * 2 + 1)
    if state is None or snapshots.read(state, state.current) != old.listed:
        found.append("the kept list is another one")
    snapshots.release()
    histories = Histories(store.client, store.report_table)
    if histories.read(model) != old.histories():
        found.append("histories are others")
    index = SearchIndex(store.client, store.search_table)
    seen: defaultdict[Indicator, set[Any]] = defaultdict(set)
    for new in old.reports:
        for said in new.report.sightings:
            key = parse(said.indicator.type, said.indicator.value)
            seen[key].add(said.summary.latest)
    found += [
        f"{one} has other sightings"
        for one, winners in seen.items()
        if set(index.sightings(one, 1000).rows) != winners
    ]
    named = Ledger(store.client, store.state_table).read(
        {new.flow for new in old.reports}, consistent=True
    )
    if len(named) < len({new.flow for new in old.reports[: -old.pending]}):
        found.append("entries of the ledger are lost")
    return found


def reapplied(store: Store, old: Old) -> list[str]:
    """What is not as the model has it after all reports came again, in the present forms."""
    again = [
        replace(
            new,
            report=replace(
                new.report,
                sightings=[
                    Sighting(parse(one.indicator.type, one.indicator.value), one.summary)
                    for one in new.report.sightings
                ],
            ),
        )
        for new in old.reports
    ]
    log = RunLog(store.client, store.state_table)
    applier = _applier(store, *log.begin(), InlineExecutor())
    for start in range(0, len(again), 100):
        applier.apply(again[start : start + 100])
    return faults(store, old)


def calls_of(work: Callable[[Any], object], client: Any) -> int:
    """How many calls of the store something takes."""
    counted = 0

    def count(_: str) -> None:
        nonlocal counted
        counted += 1

    work(HookedClient(client, before=count))
    return counted


def main(items: int, kills: int) -> int:
    """Move a table of so many items, killed so often, and compare it with the model."""
    import os

    from local.engine import running_engine
    from local.environment import DEFAULTS, ENDPOINT
    from tests.conftest import new_store

    os.environ.update(DEFAULTS | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1"})
    with running_engine() as endpoint, ThreadPoolExecutor(WRITERS) as pool:
        os.environ[ENDPOINT] = endpoint
        store = new_store()
        old = fill(store, items, pool=pool)
        print(f"{len(store.items())} items, {len(old.canonical())} of them when they are joined")
        print(rekey(store).preview())
        rng = random.Random(items)  # noqa: S311
        killed = 0
        for _ in range(kills):
            left = rng.choice((1, 3, 10, 100, 1_000, 3_000))

            def hook(_: str) -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed

            client = HookedClient(store.client, **{rng.choice(("before", "after")): hook})
            try:
                rekey(store, client).execute()
            except Killed:
                killed += 1
        started = time.monotonic()
        told = rekey(store, pool=pool).execute()
        took = time.monotonic() - started
        print(f"killed {killed} times; the last run took {took:.1f} s: {told}")
        found = faults(store, old)
        found += rekey(store).preview()["moved"] * ["something still moves"]
        found += reapplied(store, old)
        print(f"{len(found)} faults {found[:10]}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
