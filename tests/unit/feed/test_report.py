"""Reports: soft fields, hard fields, and what each costs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.indicator import IndicatorType
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.domain.moment import format_millis
from shared.domain.reputation import MAX_TAG_BYTES, MAX_TAGS
from shared.domain.verdict import Verdict
from shared.formats.feed.report import (
    MAX_FLOW_ID_CHARS,
    MAX_ORIGIN_BYTES,
    MAX_REPORT_ID_BYTES,
    read_report,
)
from tests.builders import raw_ioc, raw_report
from tests.ingestion import NOW

JSON: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


def only(raw: object) -> Any:
    """The one sighting of a report."""
    report = read_report(raw, NOW)
    assert report.rejected == []
    [sighting] = report.sightings
    return sighting


def test_a_sighting_has_the_metadata_of_report_and_ioc() -> None:
    ioc = raw_ioc(
        "Evil.Example",
        "likely_malicious",
        origins=[{"type": "VBA_EMULATION", "identifier": "x"}, {"type": "INPUT_FILE"}],
        tags=["of-ioc"],
    )
    sighting = only(raw_report(tags=["of-report"], iocs={"domain": [ioc]}))
    assert sighting.indicator.value == "evil.example"
    assert sighting.summary.latest.verdict is Verdict.LIKELY_MALICIOUS
    assert sighting.summary.latest.parent_verdict == "MALICIOUS"
    assert sighting.summary.latest.origin == "VBA_EMULATION"
    assert sighting.summary.tags == {"of-report", "of-ioc"}


@pytest.mark.parametrize("verdict", [None, "DREADFUL"])
def test_the_level_decides_where_the_verdict_is_missing_or_not_known(verdict: object) -> None:
    raw = raw_report(
        verdict=verdict,
        threatLevel=0.5,
        iocs={"domain": [raw_ioc(verdict=verdict, threatLevel=0.75)]},
    )
    latest = only(raw).summary.latest
    assert (latest.verdict, latest.parent_verdict) == (Verdict.LIKELY_MALICIOUS, "SUSPICIOUS")


def test_an_ioc_is_read_again_with_the_verdict_of_its_report_as_the_feed_had_it() -> None:
    fields = {"verdict": "DREADFUL", "threatLevel": 0.5, "verdictLabel": "low_risk"}
    raw = raw_report(**fields, iocs={"domain": [raw_ioc(verdict="EVIL")]})
    [rejected] = read_report(raw, NOW).rejected
    assert rejected.again is not None
    assert {name: rejected.again[name] for name in fields} == fields


@pytest.mark.parametrize("kind", INDICATOR_TYPES)
def test_every_type_is_read(kind: IndicatorType) -> None:
    data = {
        "md5": "a" * 32,
        "sha1": "a" * 40,
        "sha256": "a" * 64,
        "ip": "192.0.2.1",
        "domain": "evil.example",
        "url": "http://evil.example/",
    }[kind.value]
    assert only(raw_report(iocs={kind.value: [raw_ioc(data)]})).indicator.type is kind


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tags", None),
        ("tags", "packed"),
        ("tags", [1, None, {}, ["x"], "", "x" * (MAX_TAG_BYTES + 1), "\ud800"]),
        ("verdict", "EVIL"),
        ("verdict", 5),
        ("file", "not an object"),
        ("unheard", {"of": []}),
    ],
)
def test_a_bad_soft_field_of_a_report_costs_the_field(field: str, value: object) -> None:
    sighting = only(raw_report() | {field: value})
    assert sighting.summary.tags == frozenset()


@pytest.mark.parametrize(
    "fields",
    [
        {"origins": None},
        {"origins": []},
        {"origins": "INPUT_FILE"},
        {"origins": [5]},
        {"origins": [{"type": 5}]},
        {"origins": [{"type": "x" * (MAX_ORIGIN_BYTES + 1)}]},
        {"origins": [{"type": "\udfff"}]},
        {"origin": ["INPUT_FILE"]},
    ],
)
def test_a_bad_origin_costs_the_origin(fields: dict[str, Any]) -> None:
    sighting = only(raw_report(iocs={"domain": [raw_ioc(**fields)]}))
    assert sighting.summary.latest.origin == ""


@pytest.mark.parametrize("report_id", ["4c1a7d0e-0000-4000-8000-000000000001", "ü" * 32])
def test_a_report_id_is_opaque(report_id: str) -> None:
    assert only(raw_report(report_id=report_id)).summary.latest.report_id == report_id


@pytest.mark.parametrize("report_id", [None, 5, ["a"], "", "a\n", "\x7f", "\ud800", "ü" * 32 + "x"])
def test_a_bad_report_id_costs_itself(report_id: object) -> None:
    assert len("ü" * 32) * 2 == MAX_REPORT_ID_BYTES
    assert only(raw_report(report_id=report_id)).summary.latest.report_id == ""


def test_a_rejected_ioc_can_be_read_again_with_the_name_of_its_report() -> None:
    raw = raw_report(report_id="report-1", iocs={"domain": [raw_ioc(verdict="EVIL")]})
    [rejected] = read_report(raw, NOW).rejected
    assert rejected.again is not None
    assert rejected.again["report_id"] == "report-1"


def test_an_origin_that_nobody_has_heard_of_is_kept() -> None:
    ioc = raw_ioc(origins=[{"type": "QUANTUM_EMULATION"}])
    assert only(raw_report(iocs={"domain": [ioc]})).summary.latest.origin == "QUANTUM_EMULATION"


@pytest.mark.parametrize(
    "flow_id",
    [None, "", 5, True, ["a"], "a" * (MAX_FLOW_ID_CHARS + 1), "a\nb", "a\x00", "a\x7f", "\ud800"],
)
def test_a_bad_flow_id_costs_the_report(flow_id: object) -> None:
    report = read_report(raw_report(flow_id), NOW)
    assert report.sightings == []
    assert [rejected.reason[:7] for rejected in report.rejected] == ["flow_id"]


@pytest.mark.parametrize(
    "flow_id", ["a", "6810b62e3be9346a54346476et7t7", "a b", "ü" * MAX_FLOW_ID_CHARS]
)
def test_a_flow_id_is_opaque(flow_id: str) -> None:
    assert only(raw_report(flow_id)).flow_id == flow_id


@pytest.mark.parametrize("raw", [None, 5, "x", [], [{}]])
def test_what_is_no_object_is_no_report(raw: object) -> None:
    report = read_report(raw, NOW)
    assert [rejected.reason for rejected in report.rejected] == ["report is not an object"]


@pytest.mark.parametrize("iocs", [[], "x", 5])
def test_iocs_that_are_no_object_cost_the_report(iocs: object) -> None:
    report = read_report(raw_report(iocs=iocs), NOW)
    assert [rejected.reason for rejected in report.rejected] == ["iocs is not an object"]


@pytest.mark.parametrize(
    "entry",
    [
        5,
        None,
        "evil.example",
        raw_ioc("not a domain"),
        raw_ioc(None),
        raw_ioc(5),
        raw_ioc("\ud800.example"),
        raw_ioc(verdict="EVIL"),
        raw_ioc(verdict=5),
    ],
)
def test_a_bad_ioc_costs_itself_and_nothing_beside_it(entry: object) -> None:
    raw = raw_report(iocs={"domain": [raw_ioc("a.example"), entry, raw_ioc("b.example")]})
    report = read_report(raw, NOW)
    assert [one.indicator.value for one in report.sightings] == ["a.example", "b.example"]
    [rejected] = report.rejected
    assert rejected.reason
    assert rejected.flow_id == raw["flow_id"]
    assert isinstance(rejected.record, dict)
    assert rejected.record["ioc"] == entry


def test_a_type_that_is_no_list_costs_the_type() -> None:
    report = read_report(raw_report(iocs={"ip": "x", "domain": [raw_ioc()], "email": 5}), NOW)
    assert len(report.sightings) == 1
    assert len(report.rejected) == 1


@pytest.mark.parametrize("verdict", [None, "", "UNKNOWN", "unknown"])
def test_without_a_verdict_an_ioc_is_counted_and_not_stored(verdict: object) -> None:
    report = read_report(raw_report(iocs={"domain": [raw_ioc(verdict=verdict)]}), NOW)
    assert (report.sightings, report.rejected, report.without_verdict) == ([], [], 1)


def test_types_that_are_not_looked_up_are_passed_over() -> None:
    iocs = {"email": [raw_ioc("a@b.example")], "uuid": [{}, 5], "domain": []}
    report = read_report(raw_report(iocs=iocs), NOW)
    assert (report.sightings, report.rejected, report.passed_over) == ([], [], 3)


def test_of_many_tags_a_fixed_number_stays_whatever_their_order() -> None:
    tags = [f"tag-{n:04}" for n in range(8000)]
    one = only(raw_report(tags=tags))
    assert len(one.summary.tags) == MAX_TAGS
    assert only(raw_report(tags=tags[::-1])) == one


@pytest.mark.parametrize(
    ("fields", "first", "last", "count"),
    [
        ({"first_seen": "2025-01-01T00:00:00Z"}, "2025-01-01", "2025-06-01", 0),
        ({"last_seen": "2025-07-01T00:00:00Z"}, "2025-06-01", "2025-07-01", 0),
        ({"first_seen": "2025-07-01T00:00:00Z"}, "2025-06-01", "2025-06-01", 0),
        ({"scan_count": 9}, "2025-06-01", "2025-06-01", 9),
        ({"first_seen": "1970-01-01", "last_seen": "2099-01-01"}, "2025-06-01", "2025-06-01", 0),
        ({"first_seen": [], "last_seen": {}, "scan_count": "9"}, "2025-06-01", "2025-06-01", 0),
        ({"scan_count": True}, "2025-06-01", "2025-06-01", 0),
        ({"scan_count": -1}, "2025-06-01", "2025-06-01", 0),
        ({"scan_count": 10**30}, "2025-06-01", "2025-06-01", 0),
    ],
)
def test_totals_that_the_feed_carries_are_taken_where_they_can_be(
    fields: dict[str, Any], first: str, last: str, count: int
) -> None:
    summary = only(raw_report(date="2025-06-01", iocs={"domain": [raw_ioc(**fields)]})).summary
    assert format_millis(summary.first_seen)[:10] == first
    assert format_millis(summary.last_seen)[:10] == last
    assert summary.claimed_count == count


@given(JSON)
def test_anything_is_read_or_rejected(raw: object) -> None:
    report = read_report(raw, NOW)
    assert report.flow_id or report.rejected


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("flow_id", "date", "tags"), JSON)))
def test_any_field_may_hold_anything(fields: dict[str, Any]) -> None:
    read_report(raw_report() | fields, NOW)


@given(st.dictionaries(st.sampled_from(["url", "domain", "ip", "md5", "email"]), JSON))
def test_any_iocs_are_read_or_rejected(iocs: dict[str, Any]) -> None:
    read_report(raw_report(iocs=iocs), NOW)
