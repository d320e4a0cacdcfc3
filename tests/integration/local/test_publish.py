"""`python -m local publish` and `poll`: reports from files and from a sandbox, into the feed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.publish.poll import search_url
from local.__main__ import main
from shared.formats.feed.scan_report import scan_url
from tests.conftest import Store
from tests.feed_server import FeedServer, page
from tests.publishing import feed, names
from tests.scans import REPORT_ID, body_of, raw_scan, raw_scan_report

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def local(
    engine_store: Store,
    fresh_handlers: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs a command in this process; gives its status and the JSON that it printed."""
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        status = main(list(arguments))
        printed = capsys.readouterr().out
        return status, json.loads(printed) if printed else None

    return run


def scan(name: str, **fields: Any) -> bytes:
    return body_of(raw_scan(raw_scan_report(**fields), flow_id=name))


def test_files_are_published(local: Run, engine_store: Store, tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        path.write_bytes(scan(path.stem))
    status, told = local("publish", *map(str, paths))
    assert (status, list(told)) == (0, [str(path) for path in paths])
    assert [one["status"] for answer in told.values() for one in answer["reports"]] == [
        "published",
        "published",
    ]
    assert names(feed(engine_store)) == [f"a/{REPORT_ID}", f"b/{REPORT_ID}"]
    status, told = local("publish", str(paths[0]))
    assert (status, told[str(paths[0])]["reports"][0]["status"]) == (0, "unchanged")


@pytest.mark.parametrize("body", [b"", b"[]", scan("bad", created_date="never")])
def test_a_file_that_is_refused_does_not_hold_up_the_others(
    local: Run, engine_store: Store, tmp_path: Path, body: bytes
) -> None:
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_bytes(body)
    good.write_bytes(scan("good"))
    status, told = local("publish", str(bad), str(good))
    assert status == 1
    assert "detail" in told[str(bad)]
    assert names(feed(engine_store)) == [f"good/{REPORT_ID}"]


def test_a_file_that_is_not_there_is_named(local: Run, tmp_path: Path) -> None:
    assert local("publish", str(tmp_path / "none.json")) == (2, None)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Any:
    with FeedServer() as server:
        base = f"http://127.0.0.1:{server.port}"
        monkeypatch.setenv("SANDBOX_URL", base)
        monkeypatch.setenv("SANDBOX_API_KEY", "a-key-of-the-sandbox")
        listed = [{"id": REPORT_ID, "scan_init": {"id": name}} for name in ("b", "a")]
        server.answer(search_url(base, 1).removeprefix(base), page(body_of({"items": listed})))
        for name in ("a", "b"):
            server.answer(scan_url(base, name).removeprefix(base), page(scan(name)))
        yield server


def test_a_sandbox_is_polled(local: Run, engine_store: Store, sandbox: FeedServer) -> None:
    status, told = local("poll")
    assert (status, told["complete"], told["published"]) == (0, True, 2)
    assert names(feed(engine_store)) == [f"b/{REPORT_ID}", f"a/{REPORT_ID}"]
    assert {"a-key-of-the-sandbox"} <= set(sandbox.requests[0].headers.values())
    asked = len(sandbox.requests)
    status, told = local("poll")
    assert (status, told["known"], told["published"]) == (0, 2, 0)
    assert len(sandbox.requests) == asked + 1


def test_a_poll_that_misses_a_scan_says_so(
    local: Run, engine_store: Store, sandbox: FeedServer
) -> None:
    sandbox.answer("/api/scan/b/report", page(b"", status="404 Not Found"))
    status, told = local("poll")
    assert (status, told["complete"], told["failed"], told["published"]) == (1, False, 1, 1)
    assert names(feed(engine_store)) == [f"a/{REPORT_ID}"]
