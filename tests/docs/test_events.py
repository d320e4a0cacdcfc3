"""Every event file is run by the handler that it is for, over the sample feed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import functions.ingest.app as ingest
import functions.lookup.app as lookup
from functions.lookup.routes import ROUTES
from local.context import LocalContext
from local.environment import DEFAULT_API_KEY
from local.feed import sample_feed
from shared.http.web import read_request
from shared.store.api_keys import ApiKeys
from tests.conftest import Store

EVENTS = sorted((Path(__file__).parents[2] / "events").glob("*.json"))
REQUESTS = [path for path in EVENTS if path.stem.startswith("apigateway-http-api-proxy")]
TIMERS = [path for path in EVENTS if path.stem.startswith("scheduler")]


def load(path: Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return event


def content_type(path: Path) -> str:
    """What a request is answered with: JSON, unless a browser wants a page."""
    page = path.stem.endswith("-docs")
    return f"{'text/html' if page else 'application/json'}; charset=utf-8"


@pytest.fixture
def configured(
    fresh_handlers: None, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Both handlers on a fresh store, with the local key and the sample feed."""
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    ApiKeys(engine_store.client, engine_store.state_table).put(DEFAULT_API_KEY, "test", now=0)
    with sample_feed() as url:
        monkeypatch.setenv("FEED_URL", url)
        yield


@pytest.mark.usefixtures("configured")
def test_every_event_is_answered() -> None:
    timer: Any = LocalContext("ingest", 300)
    gateway: Any = LocalContext("lookup", 10)
    for path in TIMERS:
        summary = ingest.lambda_handler(load(path), timer)
        assert summary["complete"], path.name
        assert summary["iocs_new"] > 0
    for path in REQUESTS:
        result = lookup.lambda_handler(load(path), gateway)
        assert result["statusCode"] == 200, path.name
        assert result["headers"]["Content-Type"] == content_type(path)
        if any(kind in path.stem for kind in ("hash", "ip", "domain", "url")):
            assert "66b3763be7dbbbdfcd0a00" in result["body"], f"{path.name} finds no report"


def test_every_event_file_is_for_a_handler() -> None:
    assert set(EVENTS) == {*REQUESTS, *TIMERS}
    assert TIMERS


def test_every_method_of_every_route_has_an_event() -> None:
    requests = [read_request(load(path)) for path in REQUESTS]
    for route in ROUTES:
        for method in route.methods:
            assert any(
                request.method == method and route.pattern.fullmatch(request.path)
                for request in requests
            ), f"{method} {route.template}"
