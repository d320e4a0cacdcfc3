"""The feeds of hashes and the search of reports, which other clients of the vendor read."""

import hashlib
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.lookup.hash_feeds import hash_feed
from functions.lookup.routes import respond
from functions.lookup.service import LookupResult, Service
from local.openapi_models import sandbox
from local.openapi_models import v4 as models
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.reputation import ScanVerdict
from shared.domain.score import Scorer
from shared.domain.sighting_details import SightingDetails
from shared.domain.verdict import Verdict
from shared.http.authentication import KeyRing
from shared.http.web import Request, Response
from shared.store.search_index import ResultPage, SeenIoc
from tests.builders import reputation
from tests.ingestion import NOW
from tests.unit.lookup.test_routes import KEY, FakeIocs, FakeKeys, quota

BAD = parse(IndicatorType.SHA256, "a" * 64)
GOOD = parse(IndicatorType.SHA256, "b" * 64)
GONE = parse(IndicatorType.SHA256, "c" * 64)
DETAILS = SightingDetails(file_name="invoice.docm", file_type="application/msword")


class Index:
    """Two pages of files, and a sighting of each indicator."""

    def recent(self, limit: int, after: str = "", **_: Any) -> ResultPage[SeenIoc]:
        seen = [BAD, GONE] if not after else [GOOD]
        rows = [SeenIoc(one, reputation(one).summary.latest) for one in seen]
        return ResultPage(rows[:limit], "" if after else "next")

    def sightings(self, indicator: Indicator, limit: int, _: str = "") -> ResultPage[ScanVerdict]:
        latest = reputation(indicator, report_id="4c1a").summary.latest
        row = latest._replace(details=DETAILS.pack(), parent_verdict="SUSPICIOUS")
        return ResultPage([row] * min(limit, 3), "")

    def of_scan(self, *_: Any) -> None:
        return None


def get(path: str, index: Any, **query: str) -> Response:
    known = {BAD: reputation(BAD), GOOD: reputation(GOOD, verdict=Verdict.NO_THREAT)}
    service = Service(
        iocs=FakeIocs(known),
        keys=KeyRing(FakeKeys(KEY), lambda: 0.0),
        quota=quota(),
        now=lambda: NOW,
        index=index,
    )
    return respond(service, Request("GET", path, urlencode(query), {"apikey": KEY}))


@pytest.mark.parametrize(
    ("feed", "query", "expected"),
    [
        ("infected", {}, [BAD.value]),
        ("clean", {}, []),
        ("infected", {"page": "2"}, []),
        ("clean", {"page": "2"}, [GOOD.value]),
        ("clean", {"page": "3"}, []),
    ],
)
def test_a_feed_has_the_files_with_its_verdicts(
    feed: str, query: dict[str, str], expected: list[str]
) -> None:
    body = get(f"/v4/feed/{feed}/latest", Index(), **query).body
    models.HashFeed.model_validate(body)
    assert [one["sha256"] for one in body["hashes"]] == expected
    assert body["length"] == len(expected)


def test_a_wrong_digest_of_a_trivial_file_is_in_no_row_of_a_bad_file() -> None:
    empty = parse(IndicatorType.MD5, hashlib.md5(b"", usedforsecurity=False).hexdigest())
    sha1 = parse(IndicatorType.SHA1, "d" * 40)
    rows = []
    for verdict in (Verdict.MALICIOUS, Verdict.NO_THREAT):
        known = reputation(BAD, verdict=verdict)
        siblings = frozenset({empty, sha1})
        known = known._replace(summary=known.summary._replace(siblings=siblings))
        rows += hash_feed([LookupResult(BAD, known, [])], Scorer(NOW))["hashes"]
    assert [(row["md5"], row["sha1"]) for row in rows] == [
        ("", sha1.value),
        (empty.value, sha1.value),
    ]


@pytest.mark.parametrize(
    "query", [{"page": "0"}, {"page": "x"}, {"date": "2025-01-01"}, {"category": "E"}]
)
def test_a_page_that_the_feed_does_not_have_is_refused(query: dict[str, str]) -> None:
    refused = get("/v4/feed/clean/latest", Index(), **query)
    assert (refused.status, refused.body["error"]["code"]) == (400, 400022)


@pytest.mark.parametrize("path", ["/v4/feed/infected/latest", "/api/reports/search"])
def test_without_an_index_they_are_not_found(path: str) -> None:
    assert get(path, None, query="evil.example").status == 404


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ({"sha256": BAD.value.lower()}, BAD.value),
        ({"domain": "Evil[.]example"}, "evil.example"),
        ({"ip": "192.0.2.1"}, "192.0.2.1"),
        ({"query": "hxxp://evil[.]example/"}, "http://evil.example/"),
        ({"query": b64encode(b"evil.example").decode()}, "evil.example"),
        ({"query": b64encode(BAD.value.encode()).decode()}, BAD.value),
    ],
)
def test_reports_are_found_by_what_they_hold(query: dict[str, str], value: str) -> None:
    body = get("/api/reports/search", Index(), **query).body
    sandbox.FoundReports.model_validate(body)
    assert body["count"] == len(body["items"]) == 3
    first = body["items"][0]
    assert (first["id"], first["verdict"], first["ioc"]["value"]) == ("4c1a", "suspicious", value)
    assert first["ioc"]["verdict"] == "malicious"


def test_what_a_report_states_about_a_harmless_value_is_overruled() -> None:
    body = get("/api/reports/search", Index(), ip="127.0.0.1").body
    sandbox.FoundReports.model_validate(body)
    rule = "special-purpose network 127.0.0.0/8"
    assert body["items"][0]["ioc"] == {
        "type": "ip",
        "value": "127.0.0.1",
        "verdict": "benign",
        "overruled_by": rule,
        "overruled_verdict": "malicious",
    }


def test_reports_come_in_pages() -> None:
    path, asked = "/api/reports/search", {"sha256": BAD.value, "page_size": "2"}
    bodies = [get(path, Index(), **asked, page=page).body for page in ("1", "2", "3")]
    assert [len(body["items"]) for body in bodies] == [2, 1, 0]
    # Clients ask on until they have as many reports.
    assert {body["count"] for body in bodies} == {3}
    [item, _] = get(path, Index(), **asked).body["items"]
    assert item["file"]["name"] == "invoice.docm"
    assert item["file"]["sha256"] == BAD.value.lower()


def test_a_free_text_without_an_indicator_finds_nothing_and_a_wrong_value_is_refused() -> None:
    assert get("/api/reports/search", Index(), query="emotet").body["items"] == []
    assert get("/api/reports/search", Index(), sha256="xyz").status == 400
    assert get("/api/reports/search", Index()).status == 422
    assert get("/api/reports/search", Index(), query="x", page_size="0").status == 400
