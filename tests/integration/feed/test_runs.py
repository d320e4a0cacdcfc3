"""Whole runs over a feed that misbehaves on the wire, by the handler and with its own budget."""

import gzip
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.ingest.settings import IngestSettings
from local.ingest import run_once
from shared.domain.indicator import Indicator
from shared.domain.reputation import Reputation
from shared.http import fetch
from shared.runtime.settings import SettingsError
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.fakes import json_page
from tests.feed_server import (
    PATH,
    Answer,
    FeedServer,
    drip,
    endless,
    gzip_bomb,
    head,
    page,
    raw,
    reset,
    stall,
)
from tests.ingestion import model, stored

ROOT = Path(__file__).parents[3]
SECOND, THIRD = f"{PATH}?page=2", f"{PATH}?page=3"
# Of these the handler keeps seven free; three quarters of the rest are for reading.
BUDGET_S = 7.6
SHARED = raw_ioc("shared.example")
REPORTS = {
    target: [
        raw_report(f"{name}-{number}", iocs={"domain": [SHARED, raw_ioc(f"{name}.example")]})
        for number in range(3)
    ]
    for name, target in (("first", PATH), ("second", SECOND), ("third", THIRD))
}
EXPECTED = model(itertools.chain.from_iterable(REPORTS.values()))
GOOD = json_page(REPORTS[SECOND], "?page=3")


@pytest.fixture
def server(
    engine_store: Store, fresh_handlers: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FeedServer]:
    """A feed of three pages that the handler is configured for."""
    with FeedServer() as running:
        for name, value in {**engine_store.env(), "FEED_URL": running.url}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(fetch, "BACKOFF_S", 0.01)
        running.answer(PATH, page(json_page(REPORTS[PATH], "?page=2")))
        running.answer(SECOND, page(GOOD))
        running.answer(THIRD, page(json_page(REPORTS[THIRD])))
        yield running


FAULTS: dict[str, Answer] = {
    "stall": stall(),
    "stall in the body": stall(head(content_length=len(GOOD)) + GOOD[:-9]),
    "drip in a header": drip(b"HTTP/1.1 200 OK\r\na: ", itertools.repeat(b"b")),
    "drip in the body": drip(head() + GOOD, itertools.repeat(b" ")),
    "reset": reset(),
    "reset in the body": reset(head(content_length=len(GOOD)) + GOOD[:-9]),
    "cut": raw(head(content_length=len(GOOD)) + GOOD[:-9]),
    "cut without a length": raw(head() + GOOD[:-9]),
    "cut in the headers": raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"),
    "cut gzip": page(gzip.compress(GOOD)[:-40], Content_Encoding="gzip"),
    "bad gzip": page(GOOD, Content_Encoding="gzip"),
    "bad chunk": raw(head(Transfer_Encoding="chunked") + b"xyz\r\n" + GOOD),
    "bomb": page(gzip_bomb(), Content_Encoding="gzip"),
    "endless body": endless(head() + GOOD, b" " * 65536),
    "headers": raw(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5000 + b"\r\n" + GOOD),
    "empty": page(b""),
    "HTML": page(b"<!DOCTYPE html><html><body>Try later</body></html>"),
    "no content": page(b"", status="204 No Content"),
    "forbidden": page(b"", status="403 Forbidden"),
    "not found": page(b"", status="404 Not Found"),
    "down": page(b"", status="500 Internal Server Error"),
    "overloaded": page(b"", status="503 Service Unavailable", Retry_After="9999"),
    "loop": page(json_page(REPORTS[SECOND], PATH)),
    "loop of redirects": page(b"", status="302 Found", Location=SECOND),
    "redirect away": page(b"", status="302 Found", Location="http://localhost:9/"),
    "next away": page(json_page(REPORTS[SECOND], "http://localhost:9/")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_ends_inside_its_budget_and_the_next_one_repairs(
    server: FeedServer, engine_store: Store, fault: str
) -> None:
    server.answer(SECOND, FAULTS[fault])
    start = time.monotonic()
    summary = run_once(BUDGET_S)
    assert time.monotonic() - start < BUDGET_S
    assert not summary["complete"]
    assert "127.0" not in summary["stopped"]
    assert "localhost" not in summary["stopped"]
    found = stored(engine_store)
    # On a machine that is busy the time may be up before anything is written.
    assert found or summary["stopped"] == "the time for writing is used up"
    no_more_than(found, EXPECTED)
    server.answer(SECOND, page(GOOD))
    assert run_once(60)["complete"]
    assert stored(engine_store) == EXPECTED
    assert run_once(60)["complete"]
    assert stored(engine_store) == EXPECTED


def no_more_than(found: dict[Indicator, Reputation], expected: dict[Indicator, Reputation]) -> None:
    for indicator, reputation in found.items():
        assert reputation.counted <= expected[indicator].counted


def test_a_feed_whose_pages_never_end_stops_at_the_budget(
    server: FeedServer, engine_store: Store
) -> None:
    """Each page names another one that was never seen."""
    server.answer(SECOND, page(json_page([], "?page=3")))
    for number in range(3, 1000):
        server.answer(f"{PATH}?page={number}", page(json_page([], f"?page={number + 1}")))
    summary = run_once(60)
    assert not summary["complete"]
    assert summary["requests"] <= 400
    assert stored(engine_store) == model(REPORTS[PATH])


@pytest.mark.parametrize(
    "declared",
    ['<!ENTITY a SYSTEM "http://{0}/">', '<!ENTITY % a SYSTEM "http://{0}/">%a;', "%a;"],
    ids=["entity", "parameter entity", "external subset"],
)
def test_an_address_inside_xml_is_never_asked(server: FeedServer, declared: str) -> None:
    with FeedServer() as stranger:
        address = f"127.0.0.1:{stranger.port}"
        kind = f'SYSTEM "http://{address}/" ' if declared == "%a;" else ""
        text = (
            f'<?xml version="1.0"?><!DOCTYPE f {kind}[{declared.format(address)}]>'
            '<feed xmlns="http://www.w3.org/2005/Atom"><title>&a;</title></feed>'
        )
        server.answer(SECOND, page(text.encode()))
        assert run_once(60)["stopped"] == "the page has a document type"
        assert stranger.connections == 0


def test_a_feed_that_stays_bad_is_told_as_a_metric(
    server: FeedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The numbers that FeedFailingAlarm and FeedStaleAlarm watch."""

    def told() -> tuple[float, float]:
        run_once(60)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        [metrics] = [line for line in lines if "_aws" in line and "ingest_complete" in line]
        return metrics["ingest_complete"][0], metrics["ingest_feed_failures"][0]

    assert told() == (1, 0)
    server.answer(SECOND, page(b"", status="403 Forbidden"))
    assert [told() for _ in range(4)] == [(0, number) for number in (1, 2, 3, 4)]
    server.answer(SECOND, page(GOOD))
    assert told() == (1, 0)


def test_a_feed_that_is_not_on_the_internet_is_not_asked(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEED_ALLOW_PRIVATE", "")
    summary = run_once(60)
    assert not summary["complete"]
    assert "not on the internet" in summary["stopped"]
    assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    ["ftp://feed.example/", "http://", "http://feed.example:x/", "http://[", "http://u:p@feed/"],
)
def test_an_address_that_cannot_be_asked_is_refused_as_a_setting(url: str) -> None:
    env = {"FEED_URL": url, "TABLE_NAME": "iocs", "STATE_TABLE_NAME": "state"}
    with pytest.raises(SettingsError, match=r"^FEED_URL is not an http or https address$"):
        IngestSettings(env)


RUN = """
import json, sys, time
from pathlib import Path
from local.ingest import run_once
from shared.http import fetch

fetch.BACKOFF_S = 0
start = time.monotonic()
summary = run_once(float(sys.argv[1]))
seconds = time.monotonic() - start
# Not ru_maxrss, which begins with the memory of the process that started this one.
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
print(json.dumps([summary["stopped"], seconds, peak]))
"""
# Enough to read 34 MB and to refuse them; a drip takes all the time that is for reading.
HOSTILE_BUDGET_S = 12.0
TEN_MINUTES = 6000
HOSTILE: dict[str, tuple[Answer, str]] = {
    "a gzip bomb of 1 GB": (FAULTS["bomb"], "the page is larger than 33554432 bytes"),
    "a page of spaces": (
        page(gzip.compress(b" " * fetch.MAX_PAGE_BYTES), Content_Encoding="gzip"),
        "the page is neither JSON nor Atom",
    ),
    "a drip of ten minutes": (
        drip(head() + GOOD[:-1], itertools.repeat(b" ", TEN_MINUTES)),
        "the time for fetching is used up",
    ),
    "a next that loops": (FAULTS["loop"], "the pages of the feed form a loop"),
    "redirects that loop": (FAULTS["loop of redirects"], "the feed redirects more than 5 times"),
}


@pytest.mark.parametrize("fault", HOSTILE)
def test_a_hostile_page_costs_neither_time_nor_memory_and_the_next_run_is_fine(
    server: FeedServer, engine_store: Store, fault: str
) -> None:
    """Measured in a process of its own, as a function would run."""
    answer, expected = HOSTILE[fault]
    server.answer(SECOND, answer)
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(HOSTILE_BUDGET_S)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    stopped, seconds, megabytes = json.loads(run.stdout.splitlines()[-1])
    assert stopped == expected
    assert seconds < HOSTILE_BUDGET_S
    assert megabytes < 300
    no_more_than(stored(engine_store), EXPECTED)
    server.answer(SECOND, page(GOOD))
    assert run_once(60)["complete"]
    assert stored(engine_store) == EXPECTED
