"""Measures what siblings, evidence and explanations cost: `python -m benchmarks.explanations`.

The reports have the shape of a sample scan report, published and ingested by the real code. The CPU
of an explanation and of a look-up with `x-match: parents` is given against that of a plain look-up:
all take turns in one process, event in to answer out, on a table that holds what is around.
"""

import hashlib
import json
import os
import re
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import environment

# Powertools reads some of it when a handler's module is imported.
environment.prepare()

from benchmarks.feeds import FEED_URL, NOW_MS  # noqa: E402
from benchmarks.ingestion import Tables, ingest, metered, new_tables  # noqa: E402
from benchmarks.lookups import ask, captured_output, configure_handler, event_of  # noqa: E402
from benchmarks.metering import Usage  # noqa: E402
from benchmarks.questions import single  # noqa: E402
from benchmarks.wire import metered_wire  # noqa: E402
from functions.lookup import app  # noqa: E402
from functions.publish.history import History, ReportMention, record  # noqa: E402
from functions.publish.history import Membership as NoReports  # noqa: E402
from functions.publish.intake import feed_item  # noqa: E402
from functions.publish.scan import ScanReport, read_scan  # noqa: E402
from functions.publish.verdict_rule import decide  # noqa: E402
from local.engine import running_engine  # noqa: E402
from local.events import Request  # noqa: E402
from shared.http.fetch import Fetched  # noqa: E402
from shared.store.direct import direct_client  # noqa: E402

SAMPLE = Path(__file__).parents[1] / "local" / "sample_reports" / "order.json"
REPORTS, ROUNDS, REQUESTS = 200, 15, 40
URL = "http://a.b.c.evil.example/one/two/three/four.php?id=5"
AROUND = {
    "url": [URL, "http://a.b.c.evil.example/one/", "http://a.b.c.evil.example/"],
    "domain": ["a.b.c.evil.example", "b.c.evil.example", "evil.example"],
}
READ_DOLLARS, WRITE_DOLLARS = 0.125, 0.625
_DIGEST = re.compile(rb"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}|[0-9a-f]{24})\b")


@dataclass(frozen=True)
class PublishedFeed:
    """A feed of reports that publishing wrote.

    Attributes:
        name: another one makes other scans, dates and report_ids of the same files.
        siblings: whether the hashes name their files.
    """

    name: str
    siblings: bool = True

    def get(self, url: str) -> Fetched:
        """Return its only page."""
        items = [self._item(number) for number in range(REPORTS)]
        return Fetched(url, json.dumps({"items": items, "count": len(items)}).encode())

    def _item(self, number: int) -> dict[str, Any]:
        def other(found: re.Match[bytes]) -> bytes:
            seed = found[0] + str(number).encode()
            return hashlib.sha512(seed).hexdigest()[: len(found[0])].encode()

        [report] = read_scan(_DIGEST.sub(other, SAMPLE.read_bytes()), NOW_MS)
        assert isinstance(report, ScanReport)
        report.flow_id = hashlib.sha256(f"{self.name}{number}".encode()).hexdigest()[:24]
        decisions = {one: decide(seen.evidence) for one, seen in report.iocs.items()}
        mention = ReportMention(report.flow_id, report.report_id, report.seen_at, None)
        history, _ = record(History(), NoReports(), mention)
        item = feed_item(report, decisions, dict.fromkeys(report.iocs, history), "sandbox")
        if not self.siblings:
            item.pop("file")
            for ioc in (one for iocs in item["iocs"].values() for one in iocs):
                ioc.pop("file", None)
        return item


@dataclass(frozen=True)
class Runs:
    """Three runs: a feed that is new, delivered again, and followed by new scans of its files.

    Attributes:
        sightings: of the first run.
        usage: units by run.
        cpu_us: CPU microseconds for a sighting by run, over all threads.
        sizes: bytes of each item.
    """

    sightings: int
    usage: Mapping[str, Usage]
    cpu_us: Mapping[str, float]
    sizes: list[int]


def ingestion(*, siblings: bool) -> Runs:
    """Measure the three runs."""
    pages = {
        kind: _Page(PublishedFeed(name, siblings=siblings).get(FEED_URL))
        for kind, name in (("new", "a"), ("re-delivered", "a"), ("seen again", "b"))
    }
    usage, cpu_us = {}, {}
    with metered() as meter:
        tables = new_tables()
        for kind, page in pages.items():
            with meter.section() as usage[kind]:
                summary = ingest(tables.client, tables.iocs, tables.state, page)
            assert summary.complete
            assert not summary.quarantined
    sightings, sizes = summary.sightings, tables.sizes()
    tables = new_tables()
    for kind, page in pages.items():
        started = time.process_time()
        ingest(direct_client(), tables.iocs, tables.state, page)
        cpu_us[kind] = (time.process_time() - started) * 1e6 / sightings
    return Runs(sightings, usage, cpu_us, sizes)


@dataclass(frozen=True)
class _Page:
    page: Fetched

    def get(self, _: str) -> Fetched:
        return self.page


def requests() -> dict[str, Request]:
    """Return the requests by name; the first is the plain one."""
    plain = single(f"url#{URL}")
    matched = Request("GET", plain.raw_path, headers=[*plain.headers, (b"x-match", b"parents")])
    explained = Request(
        "GET", plain.raw_path.replace(b"/v4/", b"/v4/ioc/", 1), headers=plain.headers
    )
    return {"a plain look-up": plain, "with parents": matched, "an explanation": explained}


def around() -> Tables:
    """Return tables that hold a URL and what is around it, and configure the handler for them."""
    tables = new_tables()
    item = PublishedFeed("around")._item(0)
    like = item["iocs"]["url"][0]
    item["iocs"] = {
        kind: [like | {"data": value} for value in values] for kind, values in AROUND.items()
    }
    page = Fetched(FEED_URL, json.dumps({"items": [item], "count": 1}).encode())
    assert ingest(tables.client, tables.iocs, tables.state, _Page(page)).complete
    configure_handler(tables)
    return tables


def cpu_us() -> dict[str, list[float]]:
    """Return the CPU microseconds of a request by kind, one number for each round."""
    events = {name: event_of(request) for name, request in requests().items()}
    found: dict[str, list[float]] = {name: [] for name in events}
    app._service.cache_clear()
    with captured_output():
        for number in range(ROUNDS + 1):
            for name, event in events.items():
                started = time.thread_time()  # the engine has threads of its own
                for _ in range(REQUESTS):
                    ask(event)
                if number:  # the first round fills caches
                    took = (time.thread_time() - started) * 1e6 / REQUESTS
                    found[name].append(took)
    return found


def units() -> Mapping[str, Usage]:
    """Return the units of a request by kind."""
    found = {}
    app._service.cache_clear()
    with metered_wire() as wire, captured_output():
        for name, request in requests().items():
            ask(event_of(request))
            with wire.meter.section() as usage:
                ask(event_of(request))
            found[name] = usage
    app._service.cache_clear()
    return found


def main() -> None:
    """Print the figures."""
    with running_engine() as endpoint:
        os.environ[environment.ENDPOINT] = endpoint
        for siblings in (False, True):
            runs = ingestion(siblings=siblings)
            print(f"{'with' if siblings else 'without'} siblings: {runs.sightings} sightings a run")
            for name, used in runs.usage.items():
                dollars = used.written * WRITE_DOLLARS + used.read * READ_DOLLARS
                print(
                    f"  {name:13} {dollars / runs.sightings:.3f} dollars a million,"
                    f" {runs.cpu_us[name]:.0f} µs of CPU for each"
                )
            print(f"  items: mean {statistics.mean(runs.sizes):.0f} B, largest {max(runs.sizes)} B")
        around()
        took_us, units_of = cpu_us(), units()
        plain, *_ = took_us.values()
        for name, took in took_us.items():
            ratio = statistics.median(took) / statistics.median(plain)
            print(
                f"{name:16} {ratio:.2f} x, best {min(took) / min(plain):.2f} x,"
                f" median {statistics.median(took):.0f} µs, {units_of[name].read:.1f} read units"
            )


if __name__ == "__main__":
    main()
