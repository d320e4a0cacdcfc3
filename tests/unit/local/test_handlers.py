"""Which function gets a request, as API Gateway would choose it."""

from datetime import UTC, datetime
from typing import Literal

import pytest

from local.events import FUNCTION_URL, REST, Front, Request
from local.handlers import Handler, gateway, load
from local.template import http_routes

LOOKUP = "functions.lookup.app.lambda_handler"
ANNOTATE = "functions.annotate.app.lambda_handler"
PUBLISH = "functions.publish.app.lambda_handler"


@pytest.mark.parametrize("name", ["ingest", "lookup", "publish"])
def test_each_function_is_loaded_by_its_name(name: Literal["ingest", "lookup", "publish"]) -> None:
    assert load(name).__module__ == f"functions.{name}.app"


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("/api/reports", PUBLISH),
        ("/feed/reports", PUBLISH),
        ("/feed/reports/info", PUBLISH),
        ("/feed/anything/at/all", PUBLISH),
        ("/api/feed/reports.json", PUBLISH),
        ("/api/reports/", LOOKUP),
        ("/api/reports/search", LOOKUP),
        ("/api/reputation/ip", LOOKUP),
        ("/feed", LOOKUP),
        ("/feed/", LOOKUP),
        ("/feeds/reports", LOOKUP),
        ("/v4/ip/192.0.2.1", LOOKUP),
        ("/", LOOKUP),
    ],
)
@pytest.mark.parametrize("front", [REST, FUNCTION_URL])
def test_a_path_belongs_to_one_function(path: str, function: str, front: Front) -> None:
    handlers = {route: answering(name) for route, name in http_routes().items()}
    event = front.event(Request("GET", path.encode()), "one", datetime.now(UTC))
    assert gateway(handlers)(event, None) == function


@pytest.mark.parametrize("front", [REST, FUNCTION_URL])
@pytest.mark.parametrize(
    ("method", "function"),
    [
        ("GET", LOOKUP),
        ("HEAD", LOOKUP),
        ("PUT", ANNOTATE),
        ("POST", ANNOTATE),
        ("DELETE", ANNOTATE),
    ],
)
def test_requests_that_write_belong_to_another_function(
    method: str, function: str, front: Front
) -> None:
    handlers = {route: answering(name) for route, name in http_routes().items()}
    path = b"/v4/ioc/url/https%3A%2F%2Fevil.example%2F/verdict"
    event = front.event(Request(method, path), "one", datetime.now(UTC))
    assert gateway(handlers)(event, None) == function


def answering(name: str) -> Handler:
    return lambda _event, _context: name
