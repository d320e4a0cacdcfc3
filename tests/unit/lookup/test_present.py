"""Bodies: the form of each verdict and of each provider's row."""

import hashlib
from typing import Any

import pytest

from functions.lookup.reputation_bodies import reputation_report
from functions.lookup.v4_bodies import (
    address_report,
    bulk_hash_row,
    hash_report,
    listed_hash_report,
    sandbox_report,
    scan_history,
)
from shared.domain.indicator import Indicator, IndicatorType, Query, parse, parse_hash
from shared.domain.network import Network
from shared.domain.provider import (
    SANDBOX_PROVIDER,
    Listing,
    ListingStatus,
    Provider,
    ProviderVerdict,
)
from shared.domain.score import Scorer
from shared.domain.verdict import Verdict
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
    body = hash_report(reputation(SHA256, verdict=verdict), Scorer(NOW))
    scan = body["scan_results"]
    engine = scan["scan_details"][SANDBOX_PROVIDER]
    assert (scan["scan_all_result_i"], scan["scan_all_result_a"]) == (result, text)
    assert (scan["total_detected_avs"], scan["total_avs"]) == (detected, 1)
    assert (engine["scan_result_i"], engine["verdict"]) == (result, verdict.name)
    assert bool(engine["threat_found"]) == bool(detected)
    address = address_report(DOMAIN, "evil.example", reputation(verdict=verdict), Scorer(NOW))
    [source] = address["lookup_results"]["sources"]
    assert (source["status"], source["assessment"]) == (status, assessment)
    assert address["lookup_results"]["detected_by"] == detected_by


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_file_info_names_the_hash_that_was_asked_and_leaves_the_others_empty(kind: str) -> None:
    info = hash_report(reputation(Indicator(IndicatorType(kind), "AB")), Scorer(NOW))["file_info"]
    assert {name: info[name] for name in ("md5", "sha1", "sha256")} == {
        "md5": "",
        "sha1": "",
        "sha256": "",
    } | {kind: "AB"}


def test_only_an_ip_has_geo_info_and_it_has_every_key() -> None:
    ip = Indicator(IndicatorType.IP, "192.0.2.1")
    geo = address_report(ip, ip.value, None, Scorer(NOW))["geo_info"]
    assert geo["country"]["name"] == "Unknown"
    assert geo["city"]["name"] == ""
    assert (geo["location"]["latitude"], geo["subdivisions"]) == (0.0, [])
    assert "geo_info" not in address_report(DOMAIN, "evil.example", None, Scorer(NOW))


def test_times_and_count() -> None:
    known = reputation(
        seen_at=1_748_764_800_123, first_seen=1_700_000_000_000, counted=3, claimed_count=9
    )
    [source] = address_report(DOMAIN, "evil.example", known, Scorer(NOW))["lookup_results"][
        "sources"
    ]
    assert source["first_seen"] == "2023-11-14T22:13:20.000Z"
    assert source["last_seen"] == source["detect_time"] == "2025-06-01T08:00:00.123Z"
    assert source["update_time"] == "2026-01-05T10:00:00.000Z"
    assert source["scan_count"] == 9


def voice(
    status: ListingStatus,
    name: str = "list.example",
    network: Network | None = None,
    updated: int = NOW,
    **said: Any,
) -> ProviderVerdict:
    """Return a provider's verdict; `said` are attributes of its listing."""
    provider = Provider(name, name, frozenset({"ip"}), updated)
    return ProviderVerdict(provider, Listing(status, **said), network)


UPDATED = "2026-01-05T10:00:00.000Z"
SEEN_AT = 1_748_764_800_000
SEEN = "2025-06-01T08:00:00.000Z"


@pytest.mark.parametrize(
    ("said", "row"),
    [
        (
            voice(ListingStatus.LISTED, assessment="botnet", category="c2", detect_time=SEEN_AT),
            {"assessment": "botnet", "category": "c2", "detect_time": SEEN, "status": 1},
        ),
        (
            voice(ListingStatus.LISTED, assessment="spam", network=Network("192.0.2.0/24")),
            {"assessment": "spam", "detect_time": "", "status": 1, "network": "192.0.2.0/24"},
        ),
        # Any other text is taken for a detection.
        (
            voice(ListingStatus.TRUSTED, assessment="resolver", source_list="Resolvers"),
            {"assessment": "trustworthy", "detect_time": "", "status": 0, "list": "Resolvers"},
        ),
        (voice(ListingStatus.NOT_LISTED), {"assessment": "", "detect_time": "", "status": 5}),
        (
            voice(ListingStatus.FAILED, updated=0),
            {"assessment": "", "detect_time": "", "status": 3, "update_time": ""},
        ),
        (
            voice(ListingStatus.NOT_LISTED, updated=0, answered=SEEN_AT),
            {"assessment": "", "detect_time": "", "status": 5, "update_time": SEEN},
        ),
    ],
)
def test_every_stance_has_its_row(said: ProviderVerdict, row: dict[str, Any]) -> None:
    body = address_report(DOMAIN, "evil.example", None, Scorer(NOW), [said])["lookup_results"]
    sandbox, source = body["sources"]
    assert (sandbox["provider"], sandbox["status"]) == (SANDBOX_PROVIDER, 5)
    assert source == {"provider": "list.example", "update_time": UPDATED} | row
    assert body["detected_by"] == (row["status"] == 1)


def test_detections_of_all_sources_are_counted() -> None:
    others = [
        voice(ListingStatus.LISTED),
        voice(ListingStatus.TRUSTED),
        voice(ListingStatus.LISTED),
    ]
    body = address_report(DOMAIN, "evil.example", reputation(), Scorer(NOW), others)[
        "lookup_results"
    ]
    assert [row["status"] for row in body["sources"]] == [1, 1, 0, 1]
    assert body["detected_by"] == 3


@pytest.mark.parametrize(
    ("said", "result", "threat"),
    [
        (voice(ListingStatus.LISTED, assessment="malware", category="loader"), 1, "loader"),
        (voice(ListingStatus.LISTED, assessment="malware"), 1, "malware"),
        (voice(ListingStatus.LISTED), 1, "listed"),
        (voice(ListingStatus.LISTED, assessment="suspicious"), 2, "suspicious"),
        (voice(ListingStatus.TRUSTED, category="software"), 0, ""),
        (voice(ListingStatus.NOT_LISTED), 5, ""),
        (voice(ListingStatus.FAILED), 3, ""),
    ],
)
def test_every_stance_has_its_engine(said: ProviderVerdict, result: int, threat: str) -> None:
    scan = hash_report(reputation(SHA256, verdict=Verdict.NO_THREAT), Scorer(NOW), [said])[
        "scan_results"
    ]
    assert scan["scan_details"]["list.example"] == {
        "scan_result_i": result,
        "threat_found": threat,
        "def_time": UPDATED,
        "scan_time": 0,
    }
    detected = result in {1, 2}
    assert (scan["total_avs"], scan["total_detected_avs"]) == (1 + (result in {0, 1, 2}), detected)
    assert scan["scan_all_result_i"] == (result if detected else 0)


@pytest.mark.parametrize(
    ("verdict", "others", "worst", "detected"),
    [
        (Verdict.BENIGN, [voice(ListingStatus.LISTED)], 1, 1),
        (
            Verdict.SUSPICIOUS,
            [voice(ListingStatus.LISTED, "b"), voice(ListingStatus.TRUSTED)],
            1,
            2,
        ),
        (
            Verdict.SUSPICIOUS,
            [voice(ListingStatus.TRUSTED), voice(ListingStatus.FAILED, "b")],
            2,
            1,
        ),
        (
            Verdict.NO_THREAT,
            [voice(ListingStatus.FAILED), voice(ListingStatus.NOT_LISTED, "b")],
            0,
            0,
        ),
        (
            None,
            [
                voice(ListingStatus.LISTED, assessment="suspicious"),
                voice(ListingStatus.TRUSTED, "b"),
            ],
            2,
            1,
        ),
        (None, [voice(ListingStatus.TRUSTED), voice(ListingStatus.FAILED, "b")], 0, 0),
    ],
)
def test_all_engines_together_say_the_worst(
    verdict: Verdict | None, others: list[ProviderVerdict], worst: int, detected: int
) -> None:
    if verdict is None:
        body = listed_hash_report(SHA256, others)
    else:
        body = hash_report(reputation(SHA256, verdict=verdict), Scorer(NOW), others)
    scan = body["scan_results"]
    assert scan["scan_all_result_i"] == worst
    assert scan["total_detected_avs"] == detected
    opinions = [one["scan_result_i"] in {0, 1, 2} for one in scan["scan_details"].values()]
    assert (scan["total_avs"], len(opinions)) == (sum(opinions), 1 + len(others))
    assert (body["process_info"]["result"] == "Blocked") is bool(detected)


def test_lists_that_do_not_know_a_file_are_no_engines_that_found_it_clean() -> None:
    silent = [voice(ListingStatus.NOT_LISTED)] * 3
    knowing = [voice(ListingStatus.LISTED)]
    for others, ratio in ((silent, (1, 1)), (knowing, (2, 2))):
        scan = hash_report(reputation(SHA256), Scorer(NOW), others)["scan_results"]
        assert (scan["total_detected_avs"], scan["total_avs"]) == ratio


def test_a_hash_that_only_others_know_has_an_id_and_every_key() -> None:
    body = listed_hash_report(SHA256, [voice(ListingStatus.LISTED)])
    assert body.keys() == hash_report(reputation(SHA256), Scorer(NOW)).keys()
    assert body["data_id"] == body["file_id"] == SHA256.value
    assert body["scan_results"]["scan_details"][SANDBOX_PROVIDER] == {
        "scan_result_i": 5,
        "threat_found": "",
        "def_time": "",
        "scan_time": 0,
    }
    assert body["scan_result_history_length"] == len(scan_history(body)["scan_result_history"])
    assert body["last_sandbox_id"] == []
    row = bulk_hash_row(
        SHA256, None, Scorer(NOW), [voice(ListingStatus.LISTED)], with_details=False
    )
    assert (row["hash"], row["data_id"]) == (SHA256.value, SHA256.value)
    assert (row["scan_result_i"], row["total_detected_avs"]) == (1, 1)


LOOPBACK = Indicator(IndicatorType.IP, "127.0.0.1")
EMPTY_FILE = parse_hash(hashlib.sha256().hexdigest())
OVERRULED = {"overruled_by", "overruled_verdict"}


def bad_rows() -> list[ProviderVerdict]:
    """Two providers that list everything, one of them as suspicious, and one that fails."""
    listings = {
        "a": Listing(ListingStatus.LISTED, "botnet", "Malware Sites"),
        "b": Listing(ListingStatus.LISTED, "suspicious"),
        "c": Listing(ListingStatus.FAILED),
    }
    return [
        ProviderVerdict(Provider(name, name, frozenset(IndicatorType), 1), listing)
        for name, listing in listings.items()
    ]


def trusting_row() -> ProviderVerdict:
    provider = Provider("top", "Top sites", frozenset(IndicatorType), 1, overrules=True)
    return ProviderVerdict(provider, Listing(ListingStatus.TRUSTED))


BAD_VERDICTS = (Verdict.SUSPICIOUS, Verdict.LIKELY_MALICIOUS, Verdict.MALICIOUS)


@pytest.mark.parametrize("verdict", [None, *BAD_VERDICTS])
@pytest.mark.parametrize(
    ("indicator", "trust", "rule"),
    [
        (LOOPBACK, [], "special-purpose network 127.0.0.0/8"),
        (DOMAIN, [trusting_row()], "Top sites"),
    ],
)
def test_no_row_about_a_harmless_address_reads_as_a_detection(
    indicator: Indicator, trust: list[ProviderVerdict], rule: str, verdict: Verdict | None
) -> None:
    known = None if verdict is None else reputation(indicator, verdict=verdict)
    body = address_report(indicator, indicator.value, known, Scorer(NOW), [*bad_rows(), *trust])
    results = body["lookup_results"]
    assert results["detected_by"] == 0
    sandbox, *others = results["sources"]
    assert (sandbox.get("overruled_verdict"), others[0]["overruled_verdict"]) == (
        verdict and verdict.name,
        "LIKELY_MALICIOUS",
    )
    assert others[1]["overruled_verdict"] == "SUSPICIOUS"
    overruled = others[:2] if verdict is None else [sandbox, *others[:2]]
    for row in overruled:
        assert (row["status"], row["assessment"]) == (0, "trustworthy")
        assert row["overruled_by"] == rule
        assert row.get("verdict", "BENIGN") == "BENIGN"
        assert "category" not in row
    assert not OVERRULED & others[2].keys()


@pytest.mark.parametrize("verdict", [None, *BAD_VERDICTS])
@pytest.mark.parametrize(
    ("indicator", "trust", "rule"),
    [(EMPTY_FILE, [], "trivial file: empty"), (SHA256, [trusting_row()], "Top sites")],
)
def test_no_engine_detects_a_harmless_file(
    indicator: Indicator, trust: list[ProviderVerdict], rule: str, verdict: Verdict | None
) -> None:
    known = None if verdict is None else reputation(indicator, verdict=verdict)
    others = [*bad_rows(), *trust]
    body = (
        hash_report(known, Scorer(NOW), others) if known else listed_hash_report(indicator, others)
    )
    results = body["scan_results"]
    assert (results["scan_all_result_i"], results["total_detected_avs"]) == (0, 0)
    assert results["scan_all_result_a"] == "No Threat Detected"
    assert body["process_info"]["result"] == "Allowed"
    for name, engine in results["scan_details"].items():
        assert engine["threat_found"] == ""
        assert engine["scan_result_i"] not in {1, 2}
        is_bad = name in {"a", "b"} or (name == SANDBOX_PROVIDER and known is not None)
        assert (engine.get("overruled_by") == rule) is is_bad
    for with_details in (False, True):
        row = bulk_hash_row(indicator, known, Scorer(NOW), others, with_details=with_details)
        assert (row["scan_result_i"], row["total_detected_avs"]) == (0, 0)
        worst = max(verdict or Verdict.BENIGN, Verdict.LIKELY_MALICIOUS)
        assert (row["overruled_by"], row["overruled_verdict"]) == (rule, worst.name)
    if known:
        final = sandbox_report(known, others)["final_verdict"]
        assert (final["verdict"], final["threatLevel"]) == ("BENIGN", -1.0)
    answer = reputation_report(Query(indicator, indicator.value), known, others)
    assert (answer["overall_verdict"], answer["overruled_by"]) == ("benign", rule)
    assert {one["verdict"] for one in answer["filescan_reports"]} <= {"benign"}


def test_a_row_that_nothing_overrules_has_no_such_field() -> None:
    for one in (reputation(), reputation(LOOPBACK, verdict=Verdict.NO_THREAT)):
        body = address_report(one.indicator, "", one, Scorer(NOW))
        assert not OVERRULED & body["lookup_results"]["sources"][0].keys()
    url = parse(IndicatorType.URL, "http://127.0.0.1/a")
    body = address_report(url, url.value, reputation(url), Scorer(NOW))
    assert body["lookup_results"]["detected_by"] == 1


DAY = 86_400_000
LAST_SEEN = 1_748_764_800_000


@pytest.mark.parametrize(
    ("age", "score"),
    [(0, 90), (45 * DAY, 63), (90 * DAY, 45), (195 * DAY, 20), (196 * DAY, 19), (-DAY, 90)],
)
def test_the_score_in_an_answer_falls_with_the_time_since_the_last_sighting(
    age: int, score: int
) -> None:
    known = reputation(verdict=Verdict.MALICIOUS, seen_at=LAST_SEEN)
    body = address_report(DOMAIN, "evil.example", known, Scorer(LAST_SEEN + age))
    [source] = body["lookup_results"]["sources"]
    assert source["score"] == score
    assert source["valid_until"] == "2025-12-13T15:02:16.811Z"


def test_a_hash_is_valid_for_ever_unless_its_half_life_is_set() -> None:
    known = reputation(SHA256, verdict=Verdict.MALICIOUS, seen_at=LAST_SEEN)
    for half_lives, score, ends in (({}, 90, ""), ({IndicatorType.SHA256: 10}, 45, "2025-06-23")):
        body = hash_report(known, Scorer(LAST_SEEN + 10 * DAY, half_lives))
        engine = body["scan_results"]["scan_details"]["MetaDefender Sandbox"]
        assert engine["score"] == score
        assert engine["valid_until"][:10] == ends


def test_what_is_overruled_or_not_bad_has_no_score() -> None:
    known = reputation(verdict=Verdict.NO_THREAT, seen_at=LAST_SEEN)
    [source] = address_report(DOMAIN, "", known, Scorer(LAST_SEEN))["lookup_results"]["sources"]
    assert (source["score"], source["valid_until"]) == (0, "")
    local = Indicator(IndicatorType.IP, "127.0.0.1")
    known = reputation(local, verdict=Verdict.MALICIOUS, seen_at=LAST_SEEN)
    [source] = address_report(local, "", known, Scorer(LAST_SEEN))["lookup_results"]["sources"]
    assert (source["verdict"], source["score"], source["valid_until"]) == ("BENIGN", 0, "")


SUMMARIES = {
    None: ("", None, 0),
    Verdict.BENIGN: ("", None, 0),
    Verdict.NO_THREAT: ("", None, 0),
    Verdict.SUSPICIOUS: ("suspicious", None, 1),
    Verdict.LIKELY_MALICIOUS: ("high risk", "Malware Sites", 1),
    Verdict.MALICIOUS: ("high risk", "Malware Sites", 1),
}


@pytest.mark.parametrize(("verdict", "expected"), SUMMARIES.items())
def test_a_summary_states_the_overall_verdict_and_counts_in_nothing(
    verdict: Verdict | None, expected: tuple[str, str | None, int]
) -> None:
    known = reputation(verdict=verdict) if verdict else None
    body = address_report(DOMAIN, "evil.example", known, Scorer(NOW), summary_provider="Webroot")
    results = body["lookup_results"]
    first, summary = results["sources"]
    assert first["provider"] == SANDBOX_PROVIDER
    assert (summary["provider"], summary["status"], summary["detect_time"]) == ("Webroot", 5, "")
    assert (summary["assessment"], summary.get("category"), results["detected_by"]) == expected
    assert results["detected_by"] == sum(row["status"] == 1 for row in results["sources"])


def test_a_summary_states_the_verdict_after_overruling() -> None:
    local = parse(IndicatorType.IP, "127.0.0.1")
    body = address_report(
        local, local.value, reputation(local), Scorer(NOW), summary_provider="Webroot"
    )
    assert body["lookup_results"]["sources"][-1]["assessment"] == ""
