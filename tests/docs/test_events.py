"""Every event file is run by the handler that it is for, over the samples."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import functions.changes.app as changes
import functions.export.app as exports
import functions.filter.app as filters
import functions.ingest.app as ingest
import functions.providers.app as providers
import functions.publish.app as publish
import functions.webhook.app as webhook
from local.buckets import make_bucket
from local.context import LocalContext
from local.handlers import load_gateway
from local.openapi import ROUTES
from shared.http.routing import find_route
from shared.http.web import read_request
from tests.changes import Bus
from tests.feed_server import FeedServer, page

EVENTS = sorted((Path(__file__).parents[2] / "events").glob("*.json"))
REQUESTS = [
    path for path in EVENTS if path.stem.startswith(("apigateway-aws-proxy", "lambda-function-url"))
]
STREAM = next(path for path in EVENTS if path.stem == "dynamodb-stream-changes")
QUEUE = next(path for path in EVENTS if path.stem == "sqs-webhook")
EXPORT, FILTER, INGEST, POLL, PROVIDERS = TIMERS = [
    path for path in EVENTS if path.stem.startswith("scheduler")
]


def load(path: Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return event


def content_type(path: Path) -> str:
    """What a request is answered with: JSON, unless it wants something else."""
    if "-taxii" in path.stem:
        return "application/taxii+json;version=2.1"
    kinds = {
        "-docs": "text/html; charset=utf-8",
        "-page": "text/html; charset=utf-8",
        "-feed": "application/atom+xml; charset=utf-8",
        "-export-csv": "text/csv; charset=utf-8",
        "-export-misp": "application/json",
        "-export-stix": "application/stix+json;version=2.1",
        "-export-blocklist": "text/plain; charset=utf-8",
    }
    json_ = "application/json; charset=utf-8"
    return next((kinds[end] for end in kinds if path.stem.endswith(end)), json_)


@pytest.mark.usefixtures("wired", "sandbox")
def test_every_event_is_answered() -> None:
    timer: Any = LocalContext("timer", 300)
    summary = ingest.lambda_handler(load(INGEST), timer)
    assert summary["complete"]
    assert summary["iocs_new"] > 0
    polled = publish.lambda_handler(load(POLL), timer)
    assert polled["complete"]
    assert polled["published"] > 0
    # Where none is switched on, none is refreshed.
    assert providers.lambda_handler(load(PROVIDERS), timer) == {}
    make_bucket()
    assert filters.lambda_handler(load(FILTER), timer)["entries"] > 0
    make_bucket(os.environ["EXPORT_BUCKET"])
    assert exports.lambda_handler(load(EXPORT), timer)["iocs"] > 0
    gateway = load_gateway()
    for path in REQUESTS:
        result = gateway(load(path), timer)
        assert result["statusCode"] == (302 if path.stem.endswith("-download") else 200), path.name
        assert result["headers"]["Content-Type"] == content_type(path)
        if "-verdict" in path.stem or "-report-fp" in path.stem:
            continue
        if any(kind in path.stem for kind in ("hash", "ip", "domain", "url")):
            assert "66b3763be7dbbbdfcd0a00" in result["body"], f"{path.name} finds no report"
        if path.stem.endswith(("-feed", "-feed-json", "-publish")):
            assert "66b3763be7dbbbdfcd0b00" in result["body"], f"{path.name} finds no report"


def test_events_of_stream_and_queue_are_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    context: Any = LocalContext("changes", 60)
    bus = Bus()
    monkeypatch.setattr(changes, "_client", lambda: bus)
    assert changes.lambda_handler(load(STREAM), context) == {"batchItemFailures": []}
    new, worse, gone = bus.details
    assert (new["previous_verdict"], new["verdict"]) == (None, "SUSPICIOUS")
    assert (worse["previous_verdict"], worse["verdict"]) == ("SUSPICIOUS", "MALICIOUS")
    assert (gone["previous_verdict"], gone["verdict"]) == ("LIKELY_MALICIOUS", None)
    with FeedServer() as server:
        server.answer("/hook", page(b""))
        monkeypatch.setenv("WEBHOOK_URL", f"http://127.0.0.1:{server.port}/hook")
        assert webhook.lambda_handler(load(QUEUE), context) == {"batchItemFailures": []}
        [request] = server.requests
    assert json.loads(request.body) == worse


def test_every_event_file_is_for_a_handler() -> None:
    assert set(EVENTS) == {*REQUESTS, *TIMERS, STREAM, QUEUE}
    assert [path.stem.partition("-")[2] for path in TIMERS] == [
        "export",
        "filter",
        "ingest",
        "poll",
        "providers",
    ]


def test_every_method_of_every_route_has_an_event() -> None:
    requests = [read_request(load(path)) for path in REQUESTS]
    for route in ROUTES:
        for method in route.methods:
            assert any(
                request.method == method and find_route([route], request.path)[0]
                for request in requests
            ), f"{method} {route.template}"
