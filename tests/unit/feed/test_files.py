"""Files in a report: one sighting under each digest, and nothing from one file to another."""

import hashlib
from typing import Any

import pytest

from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.reputation import SightingSummary
from shared.domain.sighting_details import Origin
from shared.domain.verdict import Verdict
from shared.formats.feed.report import read_report
from tests.builders import raw_ioc, raw_report
from tests.ingestion import NOW

MD5, SHA1, SHA256 = "a" * 32, "b" * 40, "c" * 64
FILE = {"name": "invoice.docm", "type": "docx", "size": 7, "md5": MD5, "sha256": SHA256}


def read(iocs: Any, **fields: Any) -> dict[str, SightingSummary]:
    """The sightings of a report, joined by value in lower case."""
    found: dict[str, SightingSummary] = {}
    for one in read_report(raw_report(iocs=iocs, **fields), NOW).sightings:
        value = one.indicator.value.lower()
        found[value] = found[value].join(one.summary) if value in found else one.summary
    return found


def sibling_values(summary: SightingSummary) -> set[str]:
    return {one.value.lower() for one in summary.siblings}


def test_a_digest_without_an_entry_of_its_own_gets_the_sighting() -> None:
    found = read({"sha256": [raw_ioc(SHA256, file=FILE)]})
    assert found.keys() == {MD5, SHA256}
    assert found[MD5].latest == found[SHA256].latest
    assert found[MD5].latest.sha256 == SHA256.upper()
    assert (sibling_values(found[MD5]), sibling_values(found[SHA256])) == ({SHA256}, {MD5})
    details = found[MD5].latest.read_details()
    assert (details.file_name, details.file_type, details.file_size) == ("invoice.docm", "docx", 7)


def test_the_worst_verdict_and_all_origins_and_evidence_are_united() -> None:
    mild = raw_ioc(
        MD5,
        "NO_THREAT",
        origins=[{"type": "INPUT_FILE"}],
        tags=["a"],
        evidence=[{"source": "report", "verdict": "NO_THREAT"}],
    )
    bad = raw_ioc(
        SHA256,
        file=FILE,
        origins=[{"type": "EXTRACTED_FILE", "identifier": SHA1}],
        tags=["b"],
        malware_family="emotet",
        evidence=[{"source": "file", "verdict": "MALICIOUS", "decides": True}],
    )
    found = read({"md5": [mild], "sha256": [bad]})
    assert found[MD5].latest == found[SHA256].latest
    scan = found[MD5].latest
    assert (scan.verdict, scan.origin) == (Verdict.MALICIOUS, "EXTRACTED_FILE")
    details = scan.read_details()
    assert details.origins == (Origin("EXTRACTED_FILE", SHA1), Origin("INPUT_FILE"))
    assert [one.source for one in details.evidence] == ["file", "report"]
    assert details.evidence[0] == Evidence(EvidenceSource.FILE, Verdict.MALICIOUS, decides=True)
    assert details.malware_family == "emotet"
    assert found[MD5].tags == found[SHA256].tags == {"a", "b"}


def test_an_entry_without_a_verdict_has_that_of_its_file() -> None:
    report = read_report(
        raw_report(iocs={"md5": [{"data": MD5}], "sha256": [raw_ioc(SHA256, file=FILE)]}), NOW
    )
    assert {one.indicator.type.value for one in report.sightings} == {"md5", "sha256"}
    assert report.without_verdict == 0


def test_the_digests_of_the_scanned_file_are_those_of_the_report() -> None:
    found = read(
        {"sha256": [raw_ioc(SHA256)]}, file={"name": "x.exe", "sha1": SHA1, "sha256": SHA256}
    )
    assert found.keys() == {SHA1, SHA256}
    assert found[SHA1].latest.read_details().file_name == "x.exe"
    assert read({"sha256": [raw_ioc(SHA256)]}, md5=MD5, sha256=SHA256).keys() == {MD5, SHA256}


def test_a_file_without_a_verdict_is_not_stored() -> None:
    report = read_report(raw_report(file=FILE, iocs={"md5": [{"data": MD5}]}), NOW)
    assert (report.sightings, report.without_verdict) == ([], 1)


def test_two_files_with_one_md5_pass_nothing_to_each_other() -> None:
    other = "d" * 64
    found = read(
        {
            "sha256": [
                raw_ioc(SHA256, "BENIGN", file={"md5": MD5, "sha256": SHA256}),
                raw_ioc(other, "MALICIOUS", file={"md5": MD5, "sha256": other}),
            ],
            "md5": [raw_ioc(MD5, "MALICIOUS")],
        }
    )
    assert found[SHA256].latest.verdict is Verdict.BENIGN
    assert found[other].latest.verdict is Verdict.MALICIOUS
    assert found[MD5].shown.verdict is Verdict.MALICIOUS
    assert sibling_values(found[MD5]) == {SHA256, other}
    assert sibling_values(found[SHA256]) == {MD5}


def test_an_entry_of_a_shared_digest_is_about_the_file_that_it_names() -> None:
    other = "d" * 64
    found = read(
        {
            "sha256": [raw_ioc(other, "BENIGN", file={"md5": MD5, "sha256": other})],
            "md5": [raw_ioc(MD5, "SUSPICIOUS", file={"md5": MD5, "sha256": SHA256})],
            "sha1": [raw_ioc(SHA1, "MALICIOUS", file={"sha1": SHA1, "sha256": SHA256})],
        }
    )
    assert found[SHA256].latest.verdict is Verdict.MALICIOUS
    assert found[other].latest.verdict is Verdict.BENIGN
    alone = read(
        {
            "md5": [
                raw_ioc(MD5, "MALICIOUS", file={"md5": MD5, "sha256": SHA256}),
                raw_ioc(MD5, "BENIGN", file={"md5": MD5, "sha256": other}),
            ]
        }
    )
    assert alone[SHA256].latest.verdict is Verdict.MALICIOUS
    assert alone[other].latest.verdict is Verdict.BENIGN
    assert alone[MD5].shown.verdict is Verdict.MALICIOUS


def test_digests_that_contradict_the_value_are_ignored() -> None:
    found = read({"md5": [raw_ioc(MD5, file={"md5": "e" * 32, "sha256": SHA256})]})
    assert found.keys() == {MD5}


@pytest.mark.parametrize("file", [None, [], "invoice.docm", {"md5": 7, "name": ["x"]}])
def test_a_bad_file_costs_only_itself(file: object) -> None:
    assert read({"sha256": [raw_ioc(SHA256, file=file)]}).keys() == {SHA256}


URL = "https://github.com/"
DIGEST = hashlib.sha256(URL.encode()).hexdigest()


def test_a_scan_of_a_url_judges_the_url_and_its_digest_is_of_no_file() -> None:
    found = read(
        {"sha256": [raw_ioc(DIGEST, "SUSPICIOUS"), raw_ioc(SHA256)]},
        file={"name": URL, "sha256": DIGEST},
    )
    assert found.keys() == {URL, SHA256}
    assert found[URL].latest.verdict is Verdict.SUSPICIOUS
    assert found[URL].latest.origin == "INPUT_FILE"


def test_a_scanned_url_without_an_entry_has_the_verdict_of_the_report() -> None:
    found = read({}, file={"name": URL, "sha256": DIGEST})
    assert found[URL].latest.verdict is Verdict.MALICIOUS
    assert read({}, verdict="UNKNOWN", file={"name": URL, "sha256": DIGEST}) == {}
    own = read({"url": [raw_ioc(URL, "BENIGN")]}, file={"name": URL, "sha256": DIGEST})
    assert own[URL].latest.verdict is Verdict.BENIGN


def test_a_file_named_like_a_url_condemns_nothing() -> None:
    assert read({}, file={"name": "http://google.com/", "sha256": SHA256}) == {}


def test_the_report_gives_its_verdict_only_if_no_entry_has_one() -> None:
    def verdicts(*entries: Any) -> dict[Indicator, Verdict]:
        raw = raw_report(iocs={"md5": [entries[0]], "sha256": [entries[1]]})
        report = read_report(raw, NOW, inherit_verdict=True)
        return {one.indicator: one.summary.latest.verdict for one in report.sightings}

    mild = raw_ioc(SHA256, "NO_THREAT", file=FILE)
    assert set(verdicts({"data": MD5}, mild).values()) == {Verdict.NO_THREAT}
    silent = {"data": SHA256, "file": FILE}
    assert set(verdicts({"data": MD5}, silent).values()) == {Verdict.MALICIOUS}
    assert IndicatorType.MD5 in {one.type for one in verdicts({"data": MD5}, silent)}
