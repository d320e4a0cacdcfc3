"""Scan reports: both vintages, what a broken part costs, and where they are asked for."""

import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import FeedError
from shared.domain.moment import format_millis
from shared.domain.verdict import Verdict
from shared.formats.feed.report import is_flow_id, read_report
from shared.formats.feed.scan_report import read_scan_report, report_url
from tests.ingestion import NOW

SHA256 = "a" * 64
FLOW_ID = "66b3763be7dbbbdfcd0a6a96"


def tag(name: object) -> Any:
    return {
        "source": "MEDIA_TYPE",
        "sourceIdentifier": SHA256,
        "isRootTag": True,
        "tag": {"name": name, "synonyms": [], "descriptions": [], "verdict": {}},
    }


def ioc(data: str, **fields: Any) -> Any:
    origins = [{"type": "VBA_EMULATION", "identifier": SHA256}, {"type": "INPUT_FILE"}]
    return {"data": data, "origins": origins, "isInteresting": False, **fields}


def report(**fields: Any) -> dict[str, Any]:
    return {
        "finalVerdict": {"verdict": "LIKELY_MALICIOUS", "threatLevel": 0.75, "confidence": 1},
        "allTags": [tag("peexe"), tag("packed"), tag("peexe")],
        "overallState": "success_partial",
        "iocs": {
            "domain": [ioc("Evil.Example", verdict="MALICIOUS")],
            "email": [ioc("someone@evil.example", verdict="MALICIOUS")],
        },
        "file": {"name": "a.exe", "hash": SHA256, "type": "pe"},
        "created_date": "08/07/2024, 13:27:26",
        **fields,
    }


def scan(*reports: object, **fields: Any) -> bytes:
    named = {f"report-{number}": one for number, one in enumerate(reports, 1)}
    return json.dumps({"flowId": FLOW_ID, "allFinished": True, "reports": named, **fields}).encode()


def test_a_report_gets_the_shape_of_a_feed_page() -> None:
    assert read_scan_report(scan(report())) == [
        {
            "flow_id": FLOW_ID,
            "report_id": "report-1",
            "date": "08/07/2024, 13:27:26",
            "verdict": "LIKELY_MALICIOUS",
            "threatLevel": 0.75,
            "tags": ["peexe", "packed"],
            "file": {"name": "a.exe", "type": "pe", "sha256": SHA256},
            "iocs": report()["iocs"],
        }
    ]


def test_the_feed_reader_takes_it_from_there() -> None:
    [raw] = read_scan_report(scan(report()))
    read = read_report(raw, NOW)
    assert read.rejected == []
    assert (read.flow_id, format_millis(read.seen_at)) == (FLOW_ID, "2024-08-07T13:27:26.000Z")
    [sighting] = read.sightings
    latest = sighting.summary.latest
    assert sighting.indicator.value == "evil.example"
    assert sighting.summary.tags == {"peexe", "packed"}
    assert (latest.verdict, latest.parent_verdict) == (Verdict.MALICIOUS, "LIKELY_MALICIOUS")
    assert latest.origin == "VBA_EMULATION"
    assert read.passed_over == 1


def test_the_older_vintage_has_no_verdicts_of_iocs() -> None:
    older = report(
        finalVerdict={"verdict": "INFORMATIONAL", "threatLevel": 0.1, "confidence": 1},
        iocs={"domain": [ioc("evil.example"), ioc("other.example")]},
    )
    [raw] = read_scan_report(scan(older))
    read = read_report(raw, NOW)
    assert (read.flow_id, read.rejected, read.sightings) == (FLOW_ID, [], [])
    assert read.without_verdict == 2


def test_the_filtered_answer_may_leave_things_out() -> None:
    [raw] = read_scan_report(scan({"created_date": "06/01/2023, 19:56:09"}))
    read = read_report(raw, NOW)
    assert (read.flow_id, read.rejected, read.sightings) == (FLOW_ID, [], [])


def test_a_report_without_a_date_has_that_of_the_scan() -> None:
    body = scan(report(created_date=None), scanStartedDate="08/07/2024, 13:00:00")
    [raw] = read_scan_report(body)
    assert raw["date"] == "08/07/2024, 13:00:00"


def test_a_scan_may_have_several_reports_or_none() -> None:
    raws = read_scan_report(scan(report(), report(finalVerdict={"verdict": "BENIGN"})))
    assert [(raw["report_id"], raw["verdict"]) for raw in raws] == [
        ("report-1", "LIKELY_MALICIOUS"),
        ("report-2", "BENIGN"),
    ]
    assert read_scan_report(scan()) == []


@pytest.mark.parametrize("broken", [None, "x", [], 7, {}, {"created_date": "02/30/2025, 08:00:00"}])
def test_a_broken_report_costs_itself(broken: object) -> None:
    first, second = (read_report(raw, NOW) for raw in read_scan_report(scan(broken, report())))
    assert (first.flow_id, len(first.rejected)) == ("", 1)
    assert (second.flow_id, second.rejected) == (FLOW_ID, [])


@pytest.mark.parametrize(
    "fields",
    [
        {"finalVerdict": None},
        {"finalVerdict": "MALICIOUS"},
        {"finalVerdict": {"verdict": 5}},
        {"allTags": None},
        {"allTags": {"tag": "x"}},
        {"allTags": ["x", None, {"tag": "x"}, {"tag": {"name": 5}}, {"name": "x"}]},
        {"file": None},
        {"file": {"name": 5, "hash": ["x"], "type": None}},
    ],
)
def test_a_broken_soft_part_costs_that_part(fields: dict[str, Any]) -> None:
    [raw] = read_scan_report(scan(report(**fields)))
    read = read_report(raw, NOW)
    assert read.rejected == []
    assert len(read.sightings) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"reports": []}',
        b'{"detail": "Not authenticated"}',
        b'{"reports": {"r": {"score": NaN}}}',
        b'{"reports": {"r": {"score": ' + b"9" * 6000 + b"}}}",
        b'{"reports": ' + b'{"r":' * 200_000,
        b"\xef\xbb\xbf" + scan(report()),
        scan(report()).decode().encode("utf-16"),
        b'{"reports": {"\xff": {}}}',
        scan(report())[:-1],
        b"<html></html>",
    ],
)
def test_what_is_no_scan_report_is_refused(body: bytes) -> None:
    with pytest.raises(FeedError, match=r"^the scan report ") as refused:
        read_scan_report(body)
    assert len(str(refused.value)) < 200


def test_a_scan_that_has_not_ended_is_refused() -> None:
    with pytest.raises(FeedError, match="has not ended"):
        read_scan_report(scan(report(), allFinished=False))


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
        lambda inner: st.one_of(
            st.lists(inner),
            st.dictionaries(
                st.sampled_from(["reports", "r", "allTags", "tag", "name", "file", "iocs"]), inner
            ),
        ),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    for body in (json.dumps(value).encode(), scan(value)):
        try:
            raws = read_scan_report(body)
        except FeedError:
            continue
        for raw in raws:
            read_report(raw, NOW)


@pytest.mark.parametrize(
    "feed_url",
    [
        "https://sandbox.example:8443/api/feed/reports?page=2#top",
        "https://sandbox.example:8443/feed/reports",
        "https://sandbox.example:8443",
    ],
)
def test_reports_are_asked_for_on_the_origin_of_the_feed(feed_url: str) -> None:
    assert report_url(feed_url, FLOW_ID) == (
        f"https://sandbox.example:8443/api/scan/{FLOW_ID}/report"
        "?filter=general&filter=finalVerdict&filter=allTags&filter=iocs"
    )


@given(st.text(max_size=20).filter(lambda text: is_flow_id(text) and text not in {".", ".."}))
def test_a_flow_id_stays_one_step_of_the_path(flow_id: str) -> None:
    url = report_url("https://sandbox.example/feed", flow_id)
    sent = requests.Request("GET", url).prepare().url or ""
    parts = urlsplit(sent)
    assert (parts.scheme, parts.netloc) == ("https", "sandbox.example")
    _, api, scan_, step, end = parts.path.split("/")
    assert (api, scan_, end) == ("api", "scan", "report")
    assert unquote(step) == flow_id
    assert parts.query.count("filter=") == 4


@pytest.mark.parametrize("flow_id", [".", ".."])
def test_a_flow_id_that_is_a_step_of_a_path_has_no_address(flow_id: str) -> None:
    with pytest.raises(FeedError):
        report_url("https://sandbox.example/feed", flow_id)
