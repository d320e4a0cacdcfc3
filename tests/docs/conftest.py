"""The handlers, wired to a fresh store, the sample feed, the sample reports and a sandbox."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import functions.export.app as exports
import functions.filter.app as filters
import functions.ingest.app as ingest
from local.buckets import make_bucket
from local.context import LocalContext
from local.environment import DEFAULT_API_KEY
from local.events import Request, Response, http_event, http_response, timer_event
from local.feed import sample_feed
from local.handlers import load_gateway
from local.up import SAMPLE_REPORTS, publish_samples
from shared.store.api_keys import ALL_RIGHTS, ApiKeys
from tests.conftest import Store
from tests.contract.support import READER_KEY, serving
from tests.exports import ageless
from tests.feed_server import FeedServer, page

Ask = Callable[[Request], Response]


@pytest.fixture
def wired(
    fresh_handlers: None, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """A store that all handlers use, with the local key, and the address of the sample feed."""
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FEED_API_KEY", "")
    keys = ApiKeys(engine_store.client, engine_store.state_table)
    keys.put(DEFAULT_API_KEY, "test", now=0, rights=ALL_RIGHTS)
    keys.put(READER_KEY, "test", now=0)
    with sample_feed() as url:
        monkeypatch.setenv("FEED_URL", url)
        yield engine_store


@pytest.fixture
def summary(wired: Store) -> dict[str, Any]:
    """Summary of the ingest handler after a run over the sample feed."""
    timer: Any = LocalContext("ingest", 300)
    told: dict[str, Any] = ingest.lambda_handler(timer_event("test", datetime.now(UTC)), timer)
    assert told["complete"], told
    return told


@pytest.fixture
def circle(summary: dict[str, Any]) -> list[str]:
    """Lines that `make run` prints after it has published the sample reports."""
    with serving(load_gateway()) as api:
        return publish_samples(api.base, 60)


@pytest.fixture
def published_filter(circle: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Description of the filter of the sample feed and the sample reports, all of them valid."""
    ageless(monkeypatch)
    make_bucket()
    timer: Any = LocalContext("filter", 300)
    make_bucket(os.environ["EXPORT_BUCKET"])
    exports.lambda_handler({}, timer)
    told: dict[str, Any] = filters.lambda_handler(timer_event("test", datetime.now(UTC)), timer)
    return told


@pytest.fixture
def ask(published_filter: dict[str, Any]) -> Ask:
    """Asks the handlers as the local API would, over the sample feed and the sample reports."""
    gateway = load_gateway()
    context: Any = LocalContext("api", 10)

    def respond(request: Request) -> Response:
        event = http_event(request, "test", datetime.now(UTC))
        return http_response(gateway(event, context))

    return respond


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    """A sandbox that has the sample reports."""
    scans = [json.loads(path.read_bytes()) for path in sorted(SAMPLE_REPORTS.glob("*.json"))]
    listed = [
        {"id": report_id, "scan_init": {"id": scan["flowId"]}}
        for scan in scans
        for report_id in scan["reports"]
    ]
    with FeedServer() as server:
        found = page(json.dumps({"items": listed}).encode())
        server.answer("/api/reports/search?page=1&page_size=20", found)
        for scan in scans:
            server.answer(f"/api/scan/{scan['flowId']}/report", page(json.dumps(scan).encode()))
        monkeypatch.setenv("SANDBOX_URL", f"http://127.0.0.1:{server.port}")
        yield server
