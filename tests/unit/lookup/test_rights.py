"""Which right each route needs, and what a key without it is answered."""

import re

import pytest

from functions.lookup.routes import ROUTES, respond
from functions.publish.routes import ROUTES as PUBLISH_ROUTES
from local.openapi import document
from shared.http.web import Request, Response
from shared.store.api_keys import ALL_RIGHTS, Right
from tests.unit.lookup.test_routes import KEY, FakeKeys, service

# Every key may ask about itself and the state of the service.
ANY_KEY = {
    "/v4/apikey",
    "/v4/apikey/limits",
    "/v4/apikey/limits/status",
    "/v4/apikey/{key}",
    "/api/users/me",
    "/v4/status/providers",
    "/v4/status/feed",
}
# What reads everything.
EXPORT = {
    "/v4/iocs/recent",
    "/v4/iocs/changes",
    "/v4/filter/download",
    "/v4/exports",
    "/v4/exports/{file}",
}
NEEDED = {route.template: route.right for route in (*ROUTES, *PUBLISH_ROUTES) if not route.open}


def ask(method: str, path: str, rights: frozenset[Right]) -> Response:
    keys = FakeKeys(KEY)
    keys.rights = rights
    return respond(service(keys), Request(method, path, "", {"apikey": KEY}))


def test_routes_by_the_right_that_they_need() -> None:
    assert {path for path, right in NEEDED.items() if right is None} == ANY_KEY
    whole = {
        path for path in NEEDED if path.startswith(("/feed/", "/api/feed/", "/v4/feed/", "/taxii2"))
    }
    assert len(whole) == 16
    assert {path for path, right in NEEDED.items() if right is Right.EXPORT} == EXPORT | whole
    assert [path for path, right in NEEDED.items() if right is Right.PUBLISH] == ["/api/reports"]
    assert "/v4/hash/{hash}" in {path for path, right in NEEDED.items() if right is Right.LOOKUP}


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        (method, re.sub("{.*?}", "x", route.template), route.right)
        for route in ROUTES
        for method in route.methods
        if route.right and not route.open
    ],
)
def test_a_key_without_the_right_is_refused(method: str, path: str, right: Right) -> None:
    body = ask(method, path, ALL_RIGHTS - {right})
    assert body.status == 403
    message = f"The API key lacks the right: {right}"
    if path.startswith("/taxii2"):
        assert (body.body["error_code"], body.body["title"]) == ("403003", message)
    elif path.startswith("/api/"):
        assert body.body == {"detail": message}
    else:
        assert body.body["error"] == {"code": 403003, "messages": [message]}
    assert ask(method, path, frozenset({right})).status != 403


@pytest.mark.parametrize("path", ["/v4/apikey", "/v4/status/providers"])
def test_every_key_may_ask_about_itself(path: str) -> None:
    assert ask("GET", path, frozenset()).status == 200


def test_a_refused_request_is_not_counted() -> None:
    keys = FakeKeys(KEY)
    keys.rights = frozenset({Right.EXPORT})
    asked = service(keys)
    for path in ("/v4/ip/192.0.2.1", "/v4/hash/x"):
        assert respond(asked, Request("GET", path, "", {"apikey": KEY})).status == 403
    used = respond(asked, Request("GET", "/v4/apikey/limits", "", {"apikey": KEY}))
    assert used.body["reputation_api"] == 0


def test_the_document_names_the_right() -> None:
    paths = document()["paths"]
    recent = paths["/v4/iocs/recent"]["get"]
    assert "Needs the right `export`." in recent["description"]
    assert recent["responses"]["403"] == {"$ref": "#/components/responses/Forbidden"}
    assert "403" not in paths["/v4/apikey"]["get"]["responses"]
