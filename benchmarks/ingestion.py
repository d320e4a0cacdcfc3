"""Measures ingestion: units and CPU of a sighting, and memory by size of the feed."""

import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3

from benchmarks.feeds import FEED_URL, NOW_MS, Feed, report
from benchmarks.metering import Meter, Usage, item_size
from functions.ingest.batch import BatchWriter
from functions.ingest.resolve import Resolver
from functions.ingest.run import Clock, Fetcher, Run, Stores
from functions.ingest.store.ledger import Ledger
from functions.ingest.store.quarantine import Quarantine
from functions.ingest.store.runs import FeedStates, RunLog
from functions.ingest.store.unresolved import UnresolvedReports
from functions.ingest.summary import Summary
from local.tables import make_tables
from shared.http.fetch import Fetched
from shared.store.client import dynamodb_client
from shared.store.direct import direct_client
from shared.store.feed_runs import FeedRuns
from shared.store.iocs import IocTable
from shared.store.search_index import SearchIndex

WRITERS = 16
REPORTS = 500
_numbers = itertools.count()


@dataclass(frozen=True)
class Tables:
    """Names of fresh tables, and a client for them."""

    client: Any
    iocs: str
    state: str
    reports: str
    search: str

    def sizes(self) -> list[int]:
        """Return the bytes of each item of the IOC table."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.iocs)
        return [item_size(item) for page in pages for item in page["Items"]]


def new_tables() -> Tables:
    """Create tables as the template declares them."""
    number = next(_numbers)
    client = dynamodb_client()
    names = {
        "IocTable": f"iocs-{number}",
        "StateTable": f"state-{number}",
        "ReportTable": f"reports-{number}",
        "SearchTable": f"search-{number}",
    }
    make_tables(client, names)
    return Tables(client, *names.values())


@contextmanager
def metered() -> Iterator[Meter]:
    """Yield a meter for the boto3 clients that are created within the `with` block."""
    before = boto3.DEFAULT_SESSION
    boto3.setup_default_session()
    try:
        meter = Meter()
        meter.listen(boto3.DEFAULT_SESSION.events)  # type: ignore[union-attr]
        yield meter
    finally:
        boto3.DEFAULT_SESSION = before


def ingest(
    client: Any,
    iocs: str,
    state: str,
    fetcher: Fetcher,
    *,
    index: SearchIndex | None = None,
    writers: Executor | None = None,
) -> Summary:
    """Execute a run, wired as in the function except for the fetcher and optionally the writers."""
    ledger = Ledger(client, state)
    with writers or ThreadPoolExecutor(WRITERS) as pool:
        return Run(
            feed_url=FEED_URL,
            fetcher=fetcher,
            resolver=Resolver(
                FEED_URL, ledger, UnresolvedReports(client, state, FEED_URL), NOW_MS, has_key=False
            ),
            stores=Stores(
                ledger=ledger,
                run_log=RunLog(client, state),
                feed_states=FeedStates(client, state, FEED_URL),
                feed_runs=FeedRuns(client, state),
                quarantine=Quarantine(client, state, FEED_URL),
            ),
            batch_writer_for=partial(
                BatchWriter,
                IocTable(client, iocs),
                ledger,
                NOW_MS,
                pool=pool,
                out_of_time=lambda: False,
                index=index,
            ),
            clock=Clock(NOW_MS, lambda: 0.0, lambda: 1e6, lambda: 1e6),
        ).execute()


@dataclass(frozen=True)
class Costs:
    """Usage for a feed that is new, delivered again, and followed by new reports of its IOCs."""

    sightings: int
    new: Usage
    again: Usage
    seen: Usage
    sizes: list[int]


def units(reports: int = REPORTS) -> Costs:
    """Measure the units of a feed."""
    with metered() as meter:
        tables = new_tables()
        run = partial(ingest, tables.client, tables.iocs, tables.state)
        with meter.section() as new:
            summary = run(Feed("first", reports))
        sightings = summary.sightings
        assert summary.complete
        assert summary.quarantined == 0
        with meter.section() as again:
            summary = run(Feed("first", reports))
        assert summary.known == reports
        with meter.section() as seen:
            summary = run(Feed("second", reports))
        assert summary.iocs_new == 0
        assert summary.sightings == sightings
        return Costs(sightings, new, again, seen, tables.sizes())


def cpu_us(rounds: int, reports: int = REPORTS) -> dict[str, list[float]]:
    """Measure the CPU microseconds for a sighting, over all threads, round by round."""
    found: dict[str, list[float]] = {"new": [], "re-delivered": [], "seen again": []}
    for _ in range(rounds):
        tables = new_tables()
        for kind, name in zip(found, ("first", "first", "second"), strict=True):
            started = time.process_time()
            summary = ingest(direct_client(), tables.iocs, tables.state, Feed(name, reports))
            found[kind].append((time.process_time() - started) * 1e6 / (reports * 10))
            assert summary.complete
    return found


@dataclass(frozen=True)
class HotFeed:
    """A feed whose reports all hold one domain, and one of them the longest URL of a key."""

    reports: int

    def get(self, url: str) -> Fetched:
        """Return its only page."""
        items = [report("hot", at, self.reports, iocs=0, shared=0) for at in range(self.reports)]
        for item in items:
            item["iocs"] = {"domain": [{"data": "hot.example", "verdict": "MALICIOUS"}]}
        long = "http://giant.example/" + "a" * 1900
        items[0]["iocs"]["url"] = [{"data": long, "verdict": "MALICIOUS"}]
        return Fetched(url, json.dumps({"items": items, "count": len(items)}).encode())


def hot_size(reports: int = REPORTS) -> int:
    """Return the bytes of the largest item after a batch in which all reports hold one IOC."""
    tables = new_tables()
    assert ingest(tables.client, tables.iocs, tables.state, HotFeed(reports)).complete
    return max(tables.sizes())


class Forgetful:
    """A store that accepts all writes and returns no items, so that it uses no memory itself."""

    class exceptions:  # noqa: N801, D106
        class ConditionalCheckFailedException(Exception):  # noqa: D106
            pass

    def get_item(self, **_: Any) -> Any:
        """Return no item."""
        return {}

    def batch_get_item(self, **_: Any) -> Any:
        """Return no items."""
        return {"Responses": {}}

    def put_item(self, **_: Any) -> Any:
        """Accept a write."""
        return {}

    batch_write_item = put_item

    def update_item(self, **_: Any) -> Any:
        """Accept an update, and return the number 1."""
        return {"Attributes": {"number": {"N": "1"}}}


def peak_kb(reports: int) -> tuple[int, int]:
    """Measure the peak memory of a process in KB, before a run and after it."""
    # More reports than a usual page has, because a run reads at most 400 pages.
    page = 300
    command = [sys.executable, "-m", "benchmarks.ingestion", str(reports), str(page)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    before, after = map(int, done.stdout.split())
    return before, after


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def _high_water_kb() -> int:
    """Return the peak memory; getrusage would include that of the parent process."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1])


def _main() -> None:
    reports, page = map(int, sys.argv[1:])
    before = _high_water_kb()
    summary = ingest(
        Forgetful(), "iocs", "state", Feed("memory", reports, page=page, iocs=3, shared=1)
    )
    assert summary.complete, summary
    assert summary.sightings == 3 * reports, summary
    print(before, _high_water_kb())


if __name__ == "__main__":
    os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "benchmark")
    _main()
