"""The sandbox's own reputation API on stores in memory."""

import json
from typing import Any

import pytest

from functions.lookup.bulk import MAX_BODY_BYTES, MAX_ITEMS
from functions.lookup.routes import respond
from functions.lookup.service import Service
from shared.domain.verdict import Verdict
from shared.http.web import Request, Response
from tests.builders import reputation
from tests.unit.lookup.test_routes import (
    BARE_URL,
    DOMAIN,
    IP,
    KEY,
    SHA256,
    URL,
    FakeIocs,
    FakeKeys,
    service,
)

JSON = {"content-type": "application/json"}
TYPES = ("hash", "ip", "domain", "url")
PARAMETERS = {"hash": "sha256", "ip": "ioc_value", "domain": "ioc_value", "url": "ioc_value"}
KNOWN = {"hash": SHA256.value.lower(), "ip": IP.value, "domain": DOMAIN.value, "url": URL.value}
UNKNOWN = {
    "hash": "0" * 64,
    "ip": "192.0.2.99",
    "domain": "fine.example",
    "url": "http://fine.example/",
}
REPORT = {
    "verdict": "malicious",
    "report_id": "",
    "report_date": "2025-06-01T08:00:00.000Z",
    "flow_id": "66b3763be7dbbbdfcd0a6a96",
}


def named(kind: str, value: str) -> dict[str, str]:
    return {"sha256": value} if kind == "hash" else {"ioc_type": kind, "ioc_value": value}


def get(kind: str, query: str, *, shop: Service | None = None, **headers: str) -> Response:
    sent = headers or {"x-api-key": KEY}
    return respond(shop or service(), Request("GET", f"/api/reputation/{kind}", query, sent))


def post(kind: str, body: Any, headers: dict[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"x-api-key": KEY, **(headers or JSON)}
    return respond(service(), Request("POST", f"/api/reputation/{kind}", "", sent, raw))


def assert_refused(response: Response, status: int) -> str:
    """Assert that the answer is an error in the sandbox's shape, and return its message."""
    assert response.status == status, response.body
    assert list(response.body) == ["detail"]
    said = response.body["detail"]
    assert isinstance(said, str)
    return said


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_known_is_told_with_its_report(kind: str) -> None:
    response = get(kind, f"{PARAMETERS[kind]}={KNOWN[kind].replace('?', '%3F')}")
    assert response.status == 200
    assert response.body == {
        **named(kind, KNOWN[kind]),
        "overall_verdict": "malicious",
        "filescan_reports": [REPORT],
    }


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_not_known_is_an_answer_too(kind: str) -> None:
    response = get(kind, f"{PARAMETERS[kind]}={UNKNOWN[kind]}")
    assert response.status == 200
    assert response.body == {
        **named(kind, UNKNOWN[kind]),
        "overall_verdict": "unknown",
        "filescan_reports": [],
    }


@pytest.mark.parametrize("verdict", Verdict)
def test_verdicts_and_the_report_are_those_of_the_winner(verdict: Verdict) -> None:
    known = reputation(
        DOMAIN,
        verdict=verdict,
        parent_verdict="SUSPICIOUS",
        report_id="report-1",
        seen_at=1_748_764_800_000,
        last_seen=1_749_000_000_000,
    )
    shop = service()
    shop = Service(FakeIocs({DOMAIN: known}), shop.keys, shop.quota, shop.now)
    body = get("domain", "ioc_value=evil.example", shop=shop).body
    assert body["overall_verdict"] == verdict.name.lower()
    assert body["filescan_reports"] == [
        {**REPORT, "verdict": verdict.name.lower(), "report_id": "report-1"}
    ]


@pytest.mark.parametrize(
    ("kind", "query", "value"),
    [
        ("hash", "sha256=" + "A" * 64, "a" * 64),
        ("hash", "x=1&sha256=" + "a" * 64, "a" * 64),
        ("ip", "ioc_value=2001%3ADB8%3A0%3A0%3A0%3A0%3A0%3A7", IP.value),
        ("ip", "ioc_value=2001[:]db8::7", IP.value),
        ("domain", "ioc_value=EVIL%5B.%5DExample.", DOMAIN.value),
        ("domain", "ioc_value=first.example&ioc_value=evil.example", DOMAIN.value),
        ("url", "ioc_value=http%3A%2F%2FEVIL.example%3A80%2Fa%3Fq%3D1%23top", URL.value),
        ("url", "ioc_value=http%253A%252F%252Fevil.example%252Fa%253Fq%253D1", URL.value),
        ("url", "ioc_value=evil.example/a?q=1", URL.value),
        ("url", "ioc_value=HXXP://evil[.]example/", BARE_URL.value),
        ("url", "ioc_value=http://evil.example", "http://evil.example"),
    ],
)
def test_every_spelling_finds_the_one_item(kind: str, query: str, value: str) -> None:
    response = get(kind, query)
    assert response.status == 200
    assert response.body["filescan_reports"] == [REPORT]
    assert response.body["sha256" if kind == "hash" else "ioc_value"] == value


@pytest.mark.parametrize(
    "path", ["/api/reputation/ip/", "/api//reputation//ip", "//api/reputation/ip"]
)
def test_slashes_may_be_doubled_or_stand_at_the_end(path: str) -> None:
    request = Request("GET", path, f"ioc_value={IP.value}", {"x-api-key": KEY})
    assert respond(service(), request).status == 200


@pytest.mark.parametrize("kind", TYPES)
def test_a_bulk_request_is_answered_in_its_order_with_duplicates(kind: str) -> None:
    shouted = KNOWN[kind].upper() if kind != "url" else "hxxp://EVIL[.]example/a?q=1#top"
    response = post(kind, [UNKNOWN[kind], shouted, "no such thing", KNOWN[kind]])
    assert response.status == 200
    unknown: dict[str, Any] = {"overall_verdict": "unknown", "filescan_reports": []}
    known = {"overall_verdict": "malicious", "filescan_reports": [REPORT]}
    assert response.body == [
        named(kind, UNKNOWN[kind]) | unknown,
        named(kind, KNOWN[kind]) | known,
        named(kind, "no such thing") | unknown | {"error": response.body[2].get("error")},
        named(kind, KNOWN[kind]) | known,
    ]
    assert response.body[2]["error"]["messages"][0].startswith(
        "The hash value" if kind == "hash" else "Invalid format"
    )


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("text", ["", " ", "\ud800", "x" * 20_000, "NON SENSE", "%FF"])
def test_an_item_that_is_not_valid_costs_its_row_only(kind: str, text: str) -> None:
    response = post(kind, [text])
    assert response.status == 200
    [row] = response.body
    assert row["overall_verdict"] == "unknown"
    assert row["filescan_reports"] == []
    shown = row["sha256" if kind == "hash" else "ioc_value"]
    assert len(shown) <= 8192
    assert shown == text or text in {"\ud800", "x" * 20_000}
    json.dumps(response.body, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("hash", ""),
        ("hash", "a" * 63),
        ("hash", "a" * 32),
        ("hash", "a" * 40),
        ("ip", "evil.example"),
        ("ip", "192.0.2.1%2F24"),
        ("domain", "192.0.2.1"),
        ("domain", "evil"),
        ("domain", "%FF.example"),
        ("url", "mailto:a@evil.example"),
        ("url", "http://evil.example/%FF"),
        ("url", "http://evil.example/a+b"),
        ("url", ""),
    ],
)
def test_a_value_that_is_not_valid_is_refused(kind: str, value: str) -> None:
    assert assert_refused(get(kind, f"{PARAMETERS[kind]}={value}"), 400)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("query", ["", "x=1", "SHA256=a", "value=evil.example"])
def test_a_parameter_that_is_missing_is_refused(kind: str, query: str) -> None:
    said = assert_refused(get(kind, query), 422)
    assert said == f"The parameter is required: {PARAMETERS[kind]}"


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"{}", b'{"hash": ["x"]}', b'"x"', b"null", b"[", b"\xff\xfe", b"[" * 100_000],
)
def test_a_body_that_is_no_json_array_is_refused(kind: str, body: bytes) -> None:
    assert_refused(post(kind, body), 400)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    "items", [[], [5], ["x", None], [["x"]], [{}], [True], ["x"] * (MAX_ITEMS + 1)]
)
def test_an_array_that_breaks_a_rule_is_refused(kind: str, items: list[Any]) -> None:
    assert_refused(post(kind, items), 422)


def test_a_thousand_items_are_answered() -> None:
    assert len(post("ip", ["192.0.2.1"] * MAX_ITEMS).body) == MAX_ITEMS


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(content_type: str) -> None:
    assert_refused(post("ip", ["192.0.2.1"], {"content-type": content_type}), 415)


def test_without_a_content_type_the_body_is_taken_as_json() -> None:
    assert post("ip", ["192.0.2.1"], {"accept": "*/*"}).status == 200


def test_a_body_too_large_is_refused() -> None:
    assert_refused(post("ip", b" " * (MAX_BODY_BYTES + 1)), 413)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_another_method_is_refused_with_what_is_allowed(method: str) -> None:
    request = Request(method, "/api/reputation/ip", "", {"x-api-key": KEY})
    response = respond(service(), request)
    assert_refused(response, 405)
    assert response.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize("path", ["/api/reputation", "/api/reputation/email", "/api/nothing"])
def test_another_path_is_not_found(path: str) -> None:
    assert_refused(respond(service(), Request("GET", path, "", {"x-api-key": KEY})), 404)


@pytest.mark.parametrize("headers", [{"accept": "*/*"}, {"x-api-key": ""}, {"x-api-key": "wrong"}])
def test_nothing_is_told_without_a_key(headers: dict[str, str]) -> None:
    request = Request("GET", "/api/reputation/ip", "ioc_value=192.0.2.1", headers)
    assert_refused(respond(service(), request), 401)


@pytest.mark.parametrize(
    "headers",
    [{"apikey": KEY}, {"x-api-key": KEY}, {"apikey": "", "x-api-key": KEY}],
)
@pytest.mark.parametrize(
    ("path", "query"), [("/api/reputation/ip", "ioc_value=192.0.2.1"), ("/v4/ip/192.0.2.1", "")]
)
def test_the_key_may_stand_in_either_header_everywhere(
    path: str, query: str, headers: dict[str, str]
) -> None:
    assert respond(service(), Request("GET", path, query, headers)).status == 200


def test_look_ups_count_as_those_of_the_v4_api_do() -> None:
    keys = FakeKeys(KEY)
    keys.limit = 4
    shop = service(keys)

    def bulk(count: int) -> Response:
        body = json.dumps(["x"] * count).encode()
        return respond(shop, Request("POST", "/api/reputation/url", "", {"x-api-key": KEY}, body))

    answers = [bulk(2), bulk(3), get("ip", "ioc_value=192.0.2.1", shop=shop), bulk(1), bulk(1)]
    assert [answer.status for answer in answers] == [200, 429, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == list("22100")
    assert_refused(answers[-1], 429)
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_an_array_that_is_refused_costs_nothing() -> None:
    keys = FakeKeys(KEY)
    keys.limit = 1
    shop = service(keys)
    for body in (b"[]", b"[5]", b"{}"):
        respond(shop, Request("POST", "/api/reputation/ip", "", {"x-api-key": KEY}, body))
    assert get("ip", "ioc_value=192.0.2.1", shop=shop).status == 200
