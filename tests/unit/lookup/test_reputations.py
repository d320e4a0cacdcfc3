"""The sandbox's own reputation API on stores in memory."""

import json
from dataclasses import replace
from typing import Any

import pytest

from functions.lookup.bulk import MAX_BODY_BYTES, MAX_ITEMS
from functions.lookup.reputation_bodies import reputation_report
from functions.lookup.routes import respond
from functions.lookup.service import Service
from shared.domain.indicator import Indicator, IndicatorType, Query, parse
from shared.domain.provider import Listing, ListingStatus, Provider, ProviderVerdict
from shared.domain.reputation import Reputation, ScanVerdict, SightingSummary
from shared.domain.verdict import Verdict
from shared.http.web import Request, Response
from shared.store.search_index import ResultPage
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


# Other providers and other reports.


def others(*listings: Listing, **flags: bool) -> list[ProviderVerdict]:
    """Verdicts of providers, the data of each from one second later than that of the one before."""
    return [
        ProviderVerdict(
            Provider(f"p{at}", f"P{at}", frozenset(), updated=(at + 1) * 1000, **flags), one
        )
        for at, one in enumerate(listings)
    ]


BAD, TRUSTED = Listing(ListingStatus.LISTED, "botnet"), Listing(ListingStatus.TRUSTED)
SILENT, FAILED = Listing(ListingStatus.NOT_LISTED), Listing(ListingStatus.FAILED)


@pytest.mark.parametrize("indicator", [SHA256, IP, DOMAIN, URL])
def test_other_providers_with_a_verdict_are_summed_up(indicator: Indicator) -> None:
    stated = others(BAD, TRUSTED, SILENT, FAILED)
    body = reputation_report(Query(indicator, indicator.value), None, stated)
    engines = {"total_av_engines": 2, "detected_av_engines": 1} if indicator == SHA256 else {}
    assert body["mdcloud"] == {"detected": 1, "scan_time": "1970-01-01T00:00:02.000Z", **engines}


def test_the_time_of_an_answer_is_when_the_provider_gave_it() -> None:
    asked = others(Listing(ListingStatus.LISTED, answered=5_000, expires=9_000), BAD)
    body = reputation_report(Query(IP, IP.value), None, asked)
    assert body["mdcloud"] == {"detected": 2, "scan_time": "1970-01-01T00:00:05.000Z"}


def test_a_listing_that_is_overruled_is_not_a_detection() -> None:
    local = parse(IndicatorType.IP, "127.0.0.1")
    body = reputation_report(Query(local, local.value), None, others(BAD))
    assert body["mdcloud"]["detected"] == 0
    assert body["overall_verdict"] == "benign"


def test_providers_without_a_verdict_are_not_summed_up() -> None:
    body = reputation_report(Query(IP, IP.value), reputation(IP), others(SILENT, FAILED))
    assert "mdcloud" not in body


def scan(number: int, verdict: Verdict = Verdict.NO_THREAT) -> ScanVerdict:
    return ScanVerdict(number * 1000, verdict, f"flow-{number}", "", "", f"report-{number}")


def seen(*scans: ScanVerdict, worst: ScanVerdict) -> Reputation:
    """The reputation of a domain, of which `scans` are the newest, the latest first."""
    latest = scans[0]
    return Reputation(
        DOMAIN, SightingSummary(latest, worst, 0, latest.seen_at, frozenset()), len(scans)
    )


class FakeIndex:
    """An index that holds some sightings of every indicator, and counts how often it is asked."""

    def __init__(self, rows: list[ScanVerdict]) -> None:
        self.rows = rows
        self.asked = 0

    def sightings(self, _: Indicator, limit: int) -> ResultPage[ScanVerdict]:
        self.asked += 1
        return ResultPage(self.rows[:limit], "")


def reports_of(known: Reputation, index: FakeIndex | None) -> list[str]:
    shop: Any = service()
    shop = replace(shop, iocs=FakeIocs({DOMAIN: known}), index=index)
    body = get("domain", "ioc_value=evil.example", shop=shop).body
    return [row["report_id"] for row in body["filescan_reports"]]


def test_without_an_index_the_latest_and_the_worst_report_are_listed() -> None:
    worst = scan(2, Verdict.MALICIOUS)
    assert reports_of(seen(scan(9), scan(8), worst=worst), None) == ["report-9", "report-2"]
    assert reports_of(seen(worst, scan(1), worst=worst), None) == ["report-2"]


def test_with_an_index_every_report_is_listed_once_the_newest_first() -> None:
    worst = scan(2, Verdict.MALICIOUS)
    rows = [scan(9), scan(7), scan(7, Verdict.BENIGN), worst, scan(1)]
    index = FakeIndex(rows)
    expected = ["report-9", "report-7", "report-2", "report-1"]
    assert reports_of(seen(*rows, worst=worst), index) == expected


def test_at_most_100_reports_are_listed_the_worst_among_them() -> None:
    worst = scan(1, Verdict.MALICIOUS)
    rows = [scan(number) for number in range(300, 1, -1)]
    listed = reports_of(seen(*rows, worst=worst), FakeIndex(rows))
    assert listed == [*(f"report-{number}" for number in range(300, 201, -1)), "report-1"]


def test_an_indicator_of_one_report_costs_no_read_of_the_index() -> None:
    index = FakeIndex([scan(9)])
    assert reports_of(seen(scan(9), worst=scan(9)), index) == ["report-9"]
    assert index.asked == 0
