"""A link whose report ends the process: real processes, with less memory than it takes."""

import json
import os
import subprocess
import sys
from typing import Any

from functions.ingest.store.quarantine import QuarantineEntries
from functions.ingest.store.unresolved import UnresolvedReports
from shared.formats.feed.scan_report import report_url
from tests.builders import linking_page, raw_ioc, raw_report, scan_report
from tests.conftest import Store
from tests.fakes import json_page
from tests.feed_server import PATH, FeedServer, page
from tests.ingestion import stored

# What a run may take beyond what it has when it begins; a quiet run takes a fifth of it.
MORE_MEMORY = 100 * 1024 * 1024
RUN = f"""
import json, resource, threading
import functions.ingest.app
from local.handlers import run_timer

threading.stack_size(256 * 1024)
pages = int(open("/proc/self/statm").read().split()[5])
limit = pages * resource.getpagesize() + {MORE_MEMORY}
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
print(json.dumps(run_timer("ingest", 60)))
"""


def greedy_report(flow_id: str) -> bytes:
    """A scan report of 6 MB, within the limits, that takes 160 MB when it is read."""
    report = json.loads(scan_report(flow_id))
    report["reports"]["r1"]["iocs"] = {"email": []}
    many = b"[" + b'{"a":0},' * 750_000 + b"{}]"
    return json.dumps(report).encode().replace(b'{"email": []}', b'{"email": ' + many + b"}")


def run(store: Store, feed_url: str) -> tuple[int, dict[str, Any] | None]:
    """Exit code and summary of one run in a process of its own."""
    settings = {"FEED_URL": feed_url, "FEED_API_KEY": "key", "FEED_ALLOW_PRIVATE": "true"}
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env=os.environ | store.env() | settings | {"MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    summaries = [line for line in lines if "complete" in line and "pages" in line]
    return done.returncode, summaries[0] if summaries else None


def test_the_runs_store_what_they_read_and_the_third_gives_the_link_up(
    engine_store: Store,
) -> None:
    with FeedServer() as feed:
        feed.answer(PATH, page(json_page([raw_report("first")], "?page=2")))
        feed.answer(f"{PATH}?page=2", page(linking_page("greedy", "modest")))
        for flow_id, report in (
            ("greedy", greedy_report("greedy")),
            ("modest", scan_report("modest")),
        ):
            target = report_url(feed.url, flow_id).partition(str(feed.port))[2]
            feed.answer(target, page(report))

        code, summary = run(engine_store, feed.url)
        assert (code != 0, summary) == (True, None), "the report is to end the process"
        assert "evil.example" in {one.value for one in stored(engine_store)}

        iocs = {"domain": [raw_ioc("second.example")]}
        second = [raw_report("second", iocs=iocs), raw_report("first")]
        feed.answer(PATH, page(json_page(second, "?page=2")))
        code, summary = run(engine_store, feed.url)
        assert (code != 0, summary) == (True, None)
        assert "second.example" in {one.value for one in stored(engine_store)}

        code, summary = run(engine_store, feed.url)
        assert summary is not None
        assert (code, summary["complete"], summary["unresolved"]) == (0, True, 0)
        values = {one.value for one in stored(engine_store)}
        assert values == {"evil.example", "second.example", "modest.example"}
        entries = list(QuarantineEntries(engine_store.client, engine_store.state_table).find())
        assert [(one.flow_id, one.reason) for one in entries] == [
            ("greedy", "the report was too large to be read 2 times")
        ]
        waiting = UnresolvedReports(engine_store.client, engine_store.state_table, feed.url)
        assert (waiting.read(), waiting.tries()) == (frozenset(), {})

        asked = len(feed.requests)
        code, summary = run(engine_store, feed.url)
        assert summary is not None
        assert (summary["complete"], len(feed.requests) - asked) == (True, 2)
