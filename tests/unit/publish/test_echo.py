"""Answers of this service that come back in a report, wherever they do, decide nothing."""

import json
from typing import Any

import pytest

from functions.publish.osint import standing
from functions.publish.scan import ScanReport
from functions.publish.verdict_rule import decide
from shared.domain.evidence import EvidenceSource
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.provider import SANDBOX_PROVIDER
from shared.domain.verdict import Verdict
from tests.scans import (
    address_data,
    hash_data,
    osint,
    osint_signals,
    raw_file,
    raw_scan,
    raw_scan_report,
    read_one,
    read_raw,
    scan_ioc,
    signal_group,
    yara_match,
)

BENIGN, NO_THREAT, SUSPICIOUS, LIKELY, MALICIOUS = Verdict
FILE = parse(IndicatorType.SHA256, "a" * 64)
EVIL = parse(IndicatorType.DOMAIN, "evil.example")
HIGH = (1, "high risk")
OUR_FILE = osint("FILE_HASH_SHA256", "a" * 64, "MALICIOUS", hash_data(us=1))
OUR_NAME = osint(
    "DOMAIN", "evil.example", "MALICIOUS", address_data("evil.example", (SANDBOX_PROVIDER, *HIGH))
)


def verdict(report: ScanReport, indicator: Indicator) -> Verdict | None:
    return decide(report.iocs[indicator].evidence).verdict


def echoes(report: ScanReport, indicator: Indicator) -> set[EvidenceSource]:
    return {one.source for one in report.iocs[indicator].evidence if one.echo}


def scanned(
    *groups: Any, results: Any = (OUR_FILE,), file: Any = None, **fields: Any
) -> ScanReport:
    """A report with the final verdict MALICIOUS, of a file without a verdict of its own."""
    analysed = raw_file("a") if file is None else file
    return read_one({}, files=analysed, results=results, allSignalGroups=list(groups), **fields)


def test_a_final_verdict_of_our_answer_and_its_group_decides_nothing() -> None:
    report = scanned(osint_signals("a" * 64))
    assert verdict(report, FILE) is None
    assert echoes(report, FILE) == {
        EvidenceSource.REPORT,
        EvidenceSource.SIGNAL,
        EvidenceSource.OSINT,
    }


def test_likewise_without_groups_and_with_the_verdict_of_the_file_that_sums_them_up() -> None:
    assert verdict(scanned(), FILE) is None
    assert verdict(scanned(osint_signals("a" * 64), file=raw_file("a", "MALICIOUS")), FILE) is None


@pytest.mark.parametrize(
    ("groups", "rules", "left"),
    [
        ([signal_group("H043", "SUSPICIOUS")], [], SUSPICIOUS),
        ([signal_group("Y002", "MALICIOUS")], [], MALICIOUS),
        ([], [yara_match("a rule", "LIKELY_MALICIOUS")], LIKELY),
        ([signal_group("H043", "SUSPICIOUS")], [yara_match("a rule", "LIKELY_MALICIOUS")], LIKELY),
        # An observation does not clear a file.
        ([signal_group("H060", "INFORMATIONAL")], [], None),
    ],
)
def test_it_falls_to_the_worst_of_what_is_left(
    groups: list[Any], rules: list[Any], left: Verdict | None
) -> None:
    file = raw_file("a", yaraMatches=rules)
    assert verdict(scanned(osint_signals("a" * 64), *groups, file=file), FILE) is left


def test_a_verdict_that_another_provider_supports_holds() -> None:
    other = osint("FILE_HASH_SHA256", "a" * 64, "MALICIOUS", provider="OTHER")
    report = scanned(osint_signals("a" * 64), results=[OUR_FILE, other])
    assert verdict(report, FILE) is MALICIOUS
    shared = osint("FILE_HASH_SHA256", "a" * 64, "MALICIOUS", hash_data(us=1, other=1))
    assert verdict(scanned(osint_signals("a" * 64), results=[shared]), FILE) is LIKELY


def test_an_answer_about_a_name_does_not_condemn_the_file_that_holds_it() -> None:
    report = read_one(
        {"domain": [scan_ioc("evil.example")]},
        files=raw_file("a"),
        results=[OUR_NAME],
        allSignalGroups=[osint_signals("evil.example")],
    )
    assert (verdict(report, FILE), verdict(report, EVIL)) == (None, None)


@pytest.mark.parametrize(
    "rows",
    [
        [(SANDBOX_PROVIDER, *HIGH)],
        [(SANDBOX_PROVIDER, *HIGH), ("MetaDefender Reputation", *HIGH)],
        [("Analyst", *HIGH), (SANDBOX_PROVIDER, 5, "")],
        [(SANDBOX_PROVIDER, *HIGH), ("lists.example", 5, "")],
    ],
    ids=["the sandbox", "a row that sums up", "an override", "a provider that does not list it"],
)
def test_the_verdict_of_a_name_that_only_our_rows_support_decides_nothing(rows: Any) -> None:
    result = osint("DOMAIN", "evil.example", "MALICIOUS", address_data("evil.example", *rows))
    report = read_one({"domain": [scan_ioc("evil.example", "MALICIOUS")]}, results=[result])
    assert verdict(report, EVIL) is None
    assert echoes(report, EVIL) == {EvidenceSource.REPORT, EvidenceSource.OSINT}


def test_our_answer_is_recognised_as_text_too() -> None:
    rows = [(SANDBOX_PROVIDER, *HIGH), ("lists.example", 1, "malware")]
    for ours, left in ((rows[:1], None), (rows, LIKELY)):
        text = json.dumps(address_data("evil.example", *ours))
        result = osint("DOMAIN", "evil.example", "MALICIOUS", text)
        report = read_one({"domain": [scan_ioc("evil.example", "MALICIOUS")]}, results=[result])
        assert verdict(report, EVIL) is left
    broken = osint("DOMAIN", "evil.example", "MALICIOUS", "{no JSON")
    report = read_one({"domain": [scan_ioc("evil.example", "MALICIOUS")]}, results=[broken])
    assert verdict(report, EVIL) is MALICIOUS


def test_an_overruled_row_is_ours_and_so_is_a_benign_verdict_that_it_leads_to() -> None:
    data = address_data("evil.example", ("lists.example", 0, "trustworthy"))
    data["lookup_results"]["sources"][0]["overruled_by"] = "Top sites"
    result = osint("DOMAIN", "evil.example", "BENIGN", data)
    report = read_one({"domain": [scan_ioc("evil.example", "BENIGN")]}, results=[result])
    assert verdict(report, EVIL) is None


def test_a_name_without_an_answer_of_ours_keeps_its_verdict() -> None:
    result = osint("DOMAIN", "other.example", "MALICIOUS", provider=SANDBOX_PROVIDER)
    report = read_one({"domain": [scan_ioc("evil.example", "MALICIOUS")]}, results=[result])
    assert verdict(report, EVIL) is MALICIOUS


def test_a_clean_scan_with_groups_of_osint_origin_only_has_no_threat() -> None:
    for result in (osint("FILE_HASH_SHA256", "a" * 64, "NO_THREAT", hash_data(us=0)), OUR_FILE):
        report = read_one(
            {},
            files=raw_file("a", "NO_THREAT"),
            finalVerdict={"verdict": "NO_THREAT"},
            results=[result],
            allSignalGroups=[osint_signals("a" * 64, verdict="NO_THREAT")],
        )
        assert verdict(report, FILE) is NO_THREAT


def test_an_archive_does_not_rest_on_an_echo() -> None:
    inner = raw_scan_report(
        {},
        files=raw_file("a"),
        results=[OUR_FILE],
        allSignalGroups=[osint_signals("a" * 64)],
        taskReference={
            "additionalInfo": {
                "context": {"contextType": "PARENT_FILE", "contextIdentifier": "c" * 64}
            }
        },
    )
    archive = {"sha256": "c" * 64, "name": "x.zip", "verdict": "malicious"}
    [report] = read_raw(raw_scan(inner, sourceArchive=archive))
    assert isinstance(report, ScanReport)
    assert verdict(report, parse(IndicatorType.SHA256, "c" * 64)) is None


@pytest.mark.parametrize(
    ("stated", "echoed", "rest", "left"),
    [
        (MALICIOUS, [], [], MALICIOUS),
        (MALICIOUS, [NO_THREAT, BENIGN], [], MALICIOUS),
        (MALICIOUS, [SUSPICIOUS], [], None),
        (MALICIOUS, [MALICIOUS], [NO_THREAT, BENIGN], None),
        (MALICIOUS, [MALICIOUS], [SUSPICIOUS, LIKELY], LIKELY),
        (SUSPICIOUS, [MALICIOUS], [MALICIOUS], SUSPICIOUS),
        (BENIGN, [BENIGN], [NO_THREAT], None),
        (BENIGN, [BENIGN], [BENIGN], BENIGN),
        (BENIGN, [MALICIOUS], [], BENIGN),
        (NO_THREAT, [NO_THREAT], [], NO_THREAT),
    ],
)
def test_what_is_left_of_a_verdict(
    stated: Verdict, echoed: list[Verdict], rest: list[Verdict], left: Verdict | None
) -> None:
    assert standing(stated, echoed, rest) is left
