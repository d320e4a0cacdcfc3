"""The contents of a feed entry, and when a report counts as changed."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from functions.publish.history import History, PastVerdict
from functions.publish.intake import MAX_EVIDENCE, content_digest, feed_item
from functions.publish.scan import ScanReport
from functions.publish.verdict_rule import Decision, decide
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.file_facts import FileFacts
from shared.domain.indicator import IndicatorType, parse
from shared.domain.verdict import Verdict
from shared.formats.feed.report import read_report
from tests.ingestion import NOW
from tests.scans import osint, read_one, scan_ioc

EVIL = parse(IndicatorType.DOMAIN, "evil.example")
DAY = 86_400_000


def item(
    report: ScanReport,
    *more: Evidence,
    earlier: Sequence[PastVerdict] = (),
    history: History | None = None,
) -> dict[str, Any]:
    decisions = {one: decide([*seen.evidence, *more], earlier) for one, seen in report.iocs.items()}
    known = history or History(1, report.seen_at, report.seen_at)
    made = feed_item(report, decisions, dict.fromkeys(report.iocs, known))
    copied: dict[str, Any] = json.loads(json.dumps(made))
    return copied


def test_an_entry_tells_verdict_totals_and_evidence() -> None:
    report = read_one(
        {"domain": [scan_ioc("Evil.Example", tags=["c2"])]},
        results=[osint("DOMAIN", "evil.example", "SUSPICIOUS")],
    )
    history = History(3, report.seen_at - DAY, report.seen_at + DAY)
    earlier = PastVerdict(report.seen_at - DAY, Verdict.MALICIOUS, "flow-0", "r1")
    told = item(report, earlier=[earlier], history=history)
    assert {name: told[name] for name in ("flow_id", "date", "verdict", "tags")} == {
        "flow_id": "66b3763be7dbbbdfcd0a6a96",
        "date": "2025-06-03T08:00:00.000Z",
        "verdict": "MALICIOUS",
        "tags": ["peexe"],
    }
    assert told["iocs"]["domain"] == [
        {
            "data": "evil.example",
            "verdict": "MALICIOUS",
            "origins": [{"type": "VBA_EMULATION", "identifier": "a" * 64}],
            "tags": ["c2"],
            "first_seen": "2025-06-02T08:00:00.000Z",
            "last_seen": "2025-06-04T08:00:00.000Z",
            "scan_count": 3,
            "evidence": [
                {
                    "source": "earlier_report",
                    "verdict": "MALICIOUS",
                    "flow_id": "flow-0",
                    "decides": True,
                },
                {"source": "osint", "verdict": "SUSPICIOUS", "name": "LISTS"},
            ],
        }
    ]


def test_an_ioc_of_which_nothing_is_known_is_published_as_unknown_and_not_ingested() -> None:
    told = item(read_one({"domain": [scan_ioc("evil.example")]}))
    [ioc] = told["iocs"]["domain"]
    assert (ioc["verdict"], ioc["evidence"]) == ("UNKNOWN", [])
    ingested = read_report(told, NOW)
    assert (ingested.without_verdict, ingested.rejected) == (1, [])
    assert EVIL not in {one.indicator for one in ingested.sightings}


def test_ingestion_reads_in_an_entry_what_was_decided() -> None:
    report = read_one({"domain": [scan_ioc("evil.example", "SUSPICIOUS")]})
    ingested = read_report(item(report), NOW)
    assert ingested.rejected == []
    assert {one.indicator: one.summary.latest.verdict for one in ingested.sightings} == {
        one: decide(seen.evidence).verdict for one, seen in report.iocs.items()
    }


def test_the_evidence_is_bounded_and_what_decides_comes_first() -> None:
    report = read_one({"domain": [scan_ioc("evil.example")]})
    many = [Evidence(EvidenceSource.OSINT, Verdict.NO_THREAT, f"list {n}") for n in range(100)]
    told = item(report, *many, Evidence(EvidenceSource.OSINT, Verdict.MALICIOUS, "one"))
    [ioc] = told["iocs"]["domain"]
    assert len(ioc["evidence"]) == MAX_EVIDENCE
    assert [one["name"] for one in ioc["evidence"] if one.get("decides")] == ["one"]
    assert ioc["evidence"][0]["decides"]


def test_a_report_without_verdict_is_unknown() -> None:
    assert item(read_one({}, finalVerdict=None))["verdict"] == "UNKNOWN"


def digest(report: ScanReport) -> bytes:
    return content_digest(report, asked=True)


def test_the_same_report_has_the_same_digest_in_whatever_order_it_comes() -> None:
    a, b = scan_ioc("a.example", "MALICIOUS", tags=["x", "y"]), scan_ioc("b.example")
    same = {"domain": [b, scan_ioc("A.example.", "malicious", tags=["y", "x"])]}
    assert digest(read_one({"domain": [a, b]})) == digest(read_one(same))


CHANGES: list[Callable[[ScanReport], ScanReport]] = [
    lambda one: dataclasses.replace(one, seen_at=one.seen_at + 1),
    lambda one: dataclasses.replace(one, verdict="BENIGN"),
    lambda one: dataclasses.replace(one, tags=frozenset({"other"})),
    lambda one: dataclasses.replace(one, file=FileFacts()),
    lambda one: dataclasses.replace(one, iocs={}),
    lambda _: read_one({"domain": [scan_ioc("evil.example", "SUSPICIOUS")]}),
    lambda _: read_one({"domain": [scan_ioc("evil.example", "MALICIOUS", tags=["c2"])]}),
    lambda _: read_one({"domain": [scan_ioc("evil.example", "MALICIOUS", origins=[])]}),
    lambda _: read_one({"domain": [scan_ioc("other.example", "MALICIOUS")]}),
    lambda _: read_one(None, results=[osint("DOMAIN", "evil.example", "BENIGN")]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_published_changes_the_digest(
    change: Callable[[ScanReport], ScanReport],
) -> None:
    assert digest(change(read_one())) != digest(read_one())


def test_a_report_that_went_out_without_the_word_of_others_has_a_digest_of_its_own() -> None:
    report = read_one()
    assert content_digest(report, asked=False) != content_digest(report, asked=True)


def test_what_is_not_published_does_not_change_the_digest() -> None:
    known, other = read_one(), read_one()
    other.rejected.append("domain: no domain")
    other.passed_over += 1
    assert digest(known) == digest(other)


def test_a_decision_without_verdict_has_a_name() -> None:
    report = read_one({"domain": [scan_ioc("evil.example")]})
    none = Decision(None, [])
    told = feed_item(
        report, dict.fromkeys(report.iocs, none), dict.fromkeys(report.iocs, History())
    )
    assert {ioc["verdict"] for iocs in told["iocs"].values() for ioc in iocs} == {"UNKNOWN"}
