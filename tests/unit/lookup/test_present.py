"""Bodies: what each verdict becomes."""

import pytest

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.verdict import Verdict
from shared.metadefender.present import PROVIDER, address_report, hash_report
from tests.builders import DOMAIN, reputation
from tests.ingestion import NOW

SHA256 = Indicator(IndicatorType.SHA256, "A" * 64)


@pytest.mark.parametrize(
    ("verdict", "result", "text", "detected", "status", "assessment", "detected_by"),
    [
        (Verdict.MALICIOUS, 1, "Infected", 1, 1, "high risk", 1),
        (Verdict.LIKELY_MALICIOUS, 1, "Infected", 1, 1, "high risk", 1),
        (Verdict.SUSPICIOUS, 2, "Suspicious", 1, 1, "suspicious", 1),
        (Verdict.NO_THREAT, 0, "No Threat Detected", 0, 5, "", 0),
        (Verdict.BENIGN, 0, "No Threat Detected", 0, 0, "trustworthy", 0),
    ],
)
def test_every_verdict_has_its_answer(
    verdict: Verdict,
    result: int,
    text: str,
    detected: int,
    status: int,
    assessment: str,
    detected_by: int,
) -> None:
    body = hash_report(reputation(SHA256, verdict=verdict))
    scan = body["scan_results"]
    engine = scan["scan_details"][PROVIDER]
    assert (scan["scan_all_result_i"], scan["scan_all_result_a"]) == (result, text)
    assert (scan["total_detected_avs"], scan["total_avs"]) == (detected, 1)
    assert (engine["scan_result_i"], engine["verdict"]) == (result, verdict.name)
    assert bool(engine["threat_found"]) == bool(detected)
    address = address_report(DOMAIN, "evil.example", reputation(verdict=verdict), NOW)
    [source] = address["lookup_results"]["sources"]
    assert (source["status"], source["assessment"]) == (status, assessment)
    assert address["lookup_results"]["detected_by"] == detected_by


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_file_info_names_the_hash_that_was_asked_and_leaves_the_others_empty(kind: str) -> None:
    info = hash_report(reputation(Indicator(IndicatorType(kind), "AB")))["file_info"]
    assert {name: info[name] for name in ("md5", "sha1", "sha256")} == {
        "md5": "",
        "sha1": "",
        "sha256": "",
    } | {kind: "AB"}


def test_only_an_ip_has_geo_info_and_it_has_every_key() -> None:
    ip = Indicator(IndicatorType.IP, "192.0.2.1")
    geo = address_report(ip, ip.value, None, NOW)["geo_info"]
    assert geo["country"]["name"] == ""
    assert geo["city"]["name"] == ""
    assert (geo["location"]["latitude"], geo["subdivisions"]) == (0.0, [])
    assert "geo_info" not in address_report(DOMAIN, "evil.example", None, NOW)


def test_times_and_count() -> None:
    known = reputation(
        seen_at=1_748_764_800_123, first_seen=1_700_000_000_000, counted=3, claimed_count=9
    )
    [source] = address_report(DOMAIN, "evil.example", known, NOW)["lookup_results"]["sources"]
    assert source["first_seen"] == "2023-11-14T22:13:20.000Z"
    assert source["last_seen"] == source["detect_time"] == "2025-06-01T08:00:00.123Z"
    assert source["update_time"] == "2026-01-05T10:00:00.000Z"
    assert source["scan_count"] == 9
