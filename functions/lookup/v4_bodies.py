"""Answers in the shape of the MetaDefender Cloud v4 API. Pure.

Answers contain every key of the vendor's published examples with its exact name and type, and the
keys that real clients read or validate; docs/contract.md lists the clients. Times are strings and
never null, numbers are numbers, lists are lists: the official SDK is strict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from functions.lookup.file_types import file_category, file_extension
from functions.lookup.geo_info import Locate, no_geo_info, nowhere
from shared.domain.harmless import (
    EffectiveVerdict,
    Ruling,
    apply_rule,
    effective_sighting,
    effective_verdict,
    evidence_after,
    is_bad,
    overruling_rule,
)
from shared.domain.indicator import Indicator, IndicatorType, echo
from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES
from shared.domain.moment import format_millis
from shared.domain.network import Network
from shared.domain.provider import SANDBOX_PROVIDER, ListingStatus, ProviderVerdict
from shared.domain.reputation import Reputation
from shared.domain.score import Score, Scorer
from shared.domain.sighting_details import SightingDetails
from shared.domain.verdict import Verdict

_DIGESTS = tuple(kind.value for kind in INDICATOR_TYPES if kind in HASH_TYPES)
_TRUSTWORTHY = "trustworthy"
_THREAT_NAMES = ("threat_name", "malware_family", "malware_type")
SUSPICIOUS = "suspicious"
# Clients count a detection only if it names a threat.
LISTED = "listed"
# A client that reads the row of Webroot shows a detection for this category.
_SUMMARY_CATEGORY = "Malware Sites"

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Meaning:
    """The values of the API for a verdict."""

    scan_result: int
    status: int
    assessment: str


_MEANINGS = {
    Verdict.MALICIOUS: _Meaning(1, 1, "high risk"),
    Verdict.LIKELY_MALICIOUS: _Meaning(1, 1, "high risk"),
    Verdict.SUSPICIOUS: _Meaning(2, 1, SUSPICIOUS),
    Verdict.NO_THREAT: _Meaning(0, 5, ""),
    Verdict.BENIGN: _Meaning(0, 0, _TRUSTWORTHY),
}
# The sandbox's own number of a verdict, documented as stable; names may change.
_THREAT_LEVELS = {
    Verdict.BENIGN: -1.0,
    Verdict.NO_THREAT: 0.1,
    Verdict.SUSPICIOUS: 0.5,
    Verdict.LIKELY_MALICIOUS: 0.75,
    Verdict.MALICIOUS: 1.0,
}
_SCAN_RESULTS = {0: "No Threat Detected", 1: "Infected", 2: "Suspicious"}
_DETECTED = frozenset({1, 2})
_FAILED = 3
_UNKNOWN = 5
_NOT_LISTED = 5
_LISTED = 1
_UNKNOWN_IN_BULK = 5


def hash_report(
    reputation: Reputation, scorer: Scorer, others: Sequence[ProviderVerdict] = ()
) -> Body:
    """The answer to a look-up of a hash that the sandbox knows.

    Args:
        scorer: of the time of the look-up.
        others: verdicts of the other providers; each becomes an engine.
    """
    summary = reputation.summary
    flow_id = summary.shown.flow_id
    last_seen = format_millis(summary.last_seen)
    indicator = reputation.indicator
    rule = overruling_rule(indicator, reputation, others)
    engine = _sandbox_engine(reputation, rule, scorer)
    report = _hash_report(indicator, _engines(engine, others, rule))
    report["file_id"] = report["data_id"] = report["scan_results"]["data_id"] = flow_id
    details = summary.shown.read_details()
    report["file_info"] = _file_info(reputation, details)
    if report["scan_results"]["scan_details"][SANDBOX_PROVIDER]["scan_result_i"] in _DETECTED:
        report |= {name: getattr(details, name) for name in _THREAT_NAMES}
    report["scan_results"]["start_time"] = last_seen
    report["last_sandbox_id"] = [{"sandbox_id": flow_id, "system": "filescanio", "date": last_seen}]
    return report


def listed_hash_report(indicator: Indicator, others: Sequence[ProviderVerdict]) -> Body:
    """The answer to a look-up of a hash that only other providers know."""
    rule = overruling_rule(indicator, None, others)
    return _hash_report(indicator, _engines(_UNKNOWN_TO_SANDBOX, others, rule))


def _hash_report(indicator: Indicator, engines: Mapping[str, Body]) -> Body:
    opinions = [one["scan_result_i"] for one in engines.values()]
    opinions = [one for one in opinions if one in _SCAN_RESULTS]
    scan_result, detected = _overall(opinions)
    return {
        # The history contains the latest scan only.
        "scan_result_history_length": 1,
        # Clients upload a file if the answer has no id.
        "file_id": indicator.value,
        "data_id": indicator.value,
        "share_file": 1,
        # This service keeps no files.
        "stored": False,
        "rest_version": "4",
        "additional_info": [],
        "votes": {"up": 0, "down": 0},
        **dict.fromkeys(_THREAT_NAMES, ""),
        "file_info": _no_file_info(indicator),
        "scan_results": {
            "scan_details": engines,
            "data_id": indicator.value,
            "rescan_available": False,
            "in_queue": 0,
            "scan_all_result_i": scan_result,
            "scan_all_result_a": _SCAN_RESULTS[scan_result],
            "start_time": "",
            "total_time": 0,
            "progress_percentage": 100,
            "total_detected_avs": detected,
            # A provider that does not know a file has not found it clean.
            "total_avs": len(opinions),
        },
        "process_info": {
            "result": "Blocked" if detected else "Allowed",
            "blocked_reason": _SCAN_RESULTS[scan_result] if detected else "",
            "progress_percentage": 100,
        },
        "last_sandbox_id": [],
    }


def _engines(
    sandbox: Body, others: Sequence[ProviderVerdict], rule: Ruling | None
) -> dict[str, Body]:
    """The results by provider; in a hash report each provider is an engine."""
    engines = {SANDBOX_PROVIDER: sandbox}
    for one in others:
        engines[one.provider.name] = _engine(one, rule)
    return engines


def _overall(results: Sequence[int]) -> tuple[int, int]:
    """The worst result of all engines, and the number of detections."""
    detected = [one for one in results if one in _DETECTED]
    # The number for "infected" is less than that for "suspicious".
    return (min(detected), len(detected)) if detected else (0, 0)


def _sandbox_result(reputation: Reputation | None, rule: Ruling | None) -> int:
    if reputation is None:
        return _UNKNOWN
    return _scan_result(reputation.summary.shown.verdict, rule)


def _result(provider_verdict: ProviderVerdict, rule: Ruling | None) -> int:
    verdict = provider_verdict.verdict
    if verdict is not None:
        return _scan_result(verdict, rule)
    return _FAILED if provider_verdict.listing.status is ListingStatus.FAILED else _UNKNOWN


def _scan_result(verdict: Verdict, rule: Ruling | None) -> int:
    if rule is not None:
        verdict = apply_rule(verdict, rule).shown_as
    return _MEANINGS[verdict].scan_result


_UNKNOWN_TO_SANDBOX: Final = {
    "scan_result_i": _UNKNOWN,
    "threat_found": "",
    "def_time": "",
    "scan_time": 0,
}


def _sandbox_engine(reputation: Reputation, rule: Ruling | None, scorer: Scorer) -> Body:
    scan_result = _sandbox_result(reputation, rule)
    summary = reputation.summary
    details = summary.shown.read_details()
    effective = _of_sandbox(reputation, rule)
    threat = details.threat_name or details.malware_family or effective.shown_as.name
    return {
        "scan_result_i": scan_result,
        **_sighting(reputation, rule, details, scorer),
        "def_time": format_millis(summary.last_seen),
        "threat_found": threat if scan_result in _DETECTED else "",
        "scan_time": 0,
    }


def overruling_fields(effective: EffectiveVerdict | None) -> Body:
    """The fields that show what overrules a verdict; none if nothing does."""
    if effective is None or effective.overruled_verdict is None:
        return {}
    return {
        "overruled_by": effective.overruled_by,
        "overruled_verdict": effective.overruled_verdict.name,
    }


def _of_sandbox(reputation: Reputation, rule: Ruling | None) -> EffectiveVerdict:
    return effective_sighting(reputation.indicator, reputation.summary.shown, rule)


def _provider_verdict(
    provider_verdict: ProviderVerdict, rule: Ruling | None
) -> EffectiveVerdict | None:
    verdict = provider_verdict.verdict
    return None if verdict is None else apply_rule(verdict, rule)


def _engine(provider_verdict: ProviderVerdict, rule: Ruling | None) -> Body:
    listing = provider_verdict.listing
    result = _result(provider_verdict, rule)
    engine: Body = {
        "scan_result_i": result,
        "threat_found": (listing.category or listing.assessment or LISTED)
        if result in _DETECTED
        else "",
        "def_time": _time(provider_verdict.provider.updated),
        "scan_time": 0,
        **overruling_fields(_provider_verdict(provider_verdict, rule)),
    }
    return engine | _of_analyst(provider_verdict) | _list_and_network(provider_verdict)


def _of_analyst(provider_verdict: ProviderVerdict) -> Body:
    """The fields that only the row of an analyst has."""
    override = provider_verdict.override
    if override is None:
        return {}
    expires = {"expires": format_millis(override.expires)} if override.expires else {}
    return {"verdict": override.verdict.name, "reason": override.reason, **expires}


def _time(millis: int) -> str:
    return format_millis(millis) if millis else ""


def _list_and_network(provider_verdict: ProviderVerdict) -> Body:
    """The list, and the network or name that covers the indicator, each only if there is one."""
    named = {}
    if provider_verdict.listing.source_list:
        named["list"] = provider_verdict.listing.source_list
    if covering := provider_verdict.covering:
        named["network" if isinstance(covering, Network) else "listed_name"] = covering.value
    return named


def scan_history(report: Body) -> Body:
    """The scan history of a known hash, which contains its latest scan only.

    Args:
        report: the report of the hash.
    """
    results = report["scan_results"]
    return {
        **{name: report["file_info"][name] for name in _DIGESTS},
        "scan_result_history": [
            {
                "data_id": report["data_id"],
                "scan_all_result_i": results["scan_all_result_i"],
                "scan_all_result_a": results["scan_all_result_a"],
                "start_time": results["start_time"],
                "total_time": "0",
                "total_avs": results["total_avs"],
                "total_detected_avs": results["total_detected_avs"],
            }
        ],
    }


def sandbox_report(reputation: Reputation, others: Sequence[ProviderVerdict] = ()) -> Body:
    """The sandbox's own report about a known hash.

    Args:
        others: verdicts of the other providers.
    """
    latest = reputation.summary.shown
    rule = overruling_rule(reputation.indicator, reputation, others)
    effective = _of_sandbox(reputation, rule)
    info = _file_info(reputation, latest.read_details())
    return {
        **{name: info[name] for name in _DIGESTS},
        "data_id": latest.flow_id,
        "sandbox_id": latest.flow_id,
        "flow_id": latest.flow_id,
        "private_processing": 0,
        "final_verdict": {
            "verdict": effective.verdict.name,
            "threatLevel": _THREAT_LEVELS[effective.verdict],
            "confidence": 1,
            **overruling_fields(effective),
        },
    }


def unknown_hash_row(text: str) -> Body:
    """The row of a bulk answer for an unknown hash.

    Args:
        text: the hash as the client wrote it.
    """
    # The vendor's answer has a null data_id, but its own SDK rejects null and a missing field.
    return {
        "data_id": "",
        "scan_result_i": _UNKNOWN_IN_BULK,
        "hash": echo(text).upper(),
        "total_detected_avs": -1,
        "scan_details": {},
    }


def invalid_hash_row(text: str, error: Body) -> Body:
    """The row of a bulk answer for an invalid hash: that of an unknown one, with an error.

    Args:
        text: the item as the client wrote it.
        error: the error body of a single look-up; the row contains all of it.
    """
    return {**unknown_hash_row(text), **error}


def bulk_hash_row(
    indicator: Indicator,
    reputation: Reputation | None,
    scorer: Scorer,
    others: Sequence[ProviderVerdict] = (),
    *,
    with_details: bool,
) -> Body:
    """The row of a bulk answer for a hash that the sandbox or another provider knows.

    Args:
        reputation: reputation from the sandbox's reports, None if unknown.
        scorer: of the time of the look-up.
        others: verdicts of the other providers.
        with_details: whether the row contains the results of the engines.
    """
    # Without details, building the engines of 1,000 rows would be wasted time.
    rule = overruling_rule(indicator, reputation, others)
    results = [_sandbox_result(reputation, rule), *(_result(one, rule) for one in others)]
    scan_result, detected = _overall(results)
    row: Body = {
        "data_id": indicator.value if reputation is None else reputation.summary.shown.flow_id,
        "scan_result_i": scan_result,
        "hash": indicator.value,
        "total_detected_avs": detected,
        "scan_details": {},
    }
    if with_details:
        sandbox = _UNKNOWN_TO_SANDBOX
        if reputation is not None:
            sandbox = _sandbox_engine(reputation, rule, scorer)
        row["scan_details"] = _engines(sandbox, others, rule)
    if rule:
        row |= overruling_fields(effective_verdict(indicator, reputation, others))
    return row


def invalid_address_row(kind: IndicatorType, text: str, error: Body, now: int) -> Body:
    """The row of a bulk answer for an invalid IP, domain or URL.

    Args:
        text: the item as the client wrote it.
        error: the error body of a single look-up; the row contains all of it.
        now: time of the look-up, milliseconds since the epoch.
    """
    lookup_results = {"start_time": format_millis(now), "detected_by": 0, "sources": []}
    body = {"address": echo(text), "lookup_results": lookup_results, **error}
    if kind is IndicatorType.IP:
        body["geo_info"] = no_geo_info()
    return body


def address_report(
    indicator: Indicator,
    shown: str,
    reputation: Reputation | None,
    scorer: Scorer,
    others: Sequence[ProviderVerdict] = (),
    *,
    summary_provider: str = "",
    locate: Locate = nowhere,
) -> Body:
    """The answer to a look-up of an IP, domain or URL, known or not.

    Args:
        indicator: the indicator that was looked up.
        shown: its spelling in the answer.
        reputation: reputation from the sandbox's reports, None if unknown.
        scorer: of the time of the look-up.
        others: verdicts of the other providers.
        summary_provider: name of a last row that sums up the others, "" for no such row.
        locate: returns the field `geo_info` for an IP.
    """
    rule = overruling_rule(indicator, reputation, others)
    now = format_millis(scorer.now)
    sources = [_source(reputation, now, rule, scorer)]
    sources += [_other_source(one, rule) for one in others]
    if summary_provider:
        overall = effective_verdict(indicator, reputation, others)
        sources.append(_summary(summary_provider, overall, now))
    body: Body = {
        "success": True,
        "address": shown,
        "lookup_results": {
            "start_time": now,
            "detected_by": sum(source["status"] == _LISTED for source in sources),
            "sources": sources,
        },
    }
    if indicator.type is IndicatorType.IP:
        body["geo_info"] = locate(indicator)
    return body


def score_fields(score: Score) -> Body:
    """The fields of a score; `valid_until` is "" if the indicator does not age."""
    until = score.valid_until
    return {"score": score.score, "valid_until": "" if until is None else format_millis(until)}


def _sighting(
    reputation: Reputation, rule: Ruling | None, details: SightingDetails, scorer: Scorer
) -> Body:
    """The fields that the sandbox's results of every type share."""
    summary = reputation.summary
    shown, worst = summary.shown, summary.worst
    effective = _of_sandbox(reputation, rule)
    kind, last_seen = reputation.indicator.type, summary.last_seen
    evidence = evidence_after(rule, details.evidence)
    return {
        "verdict": effective.verdict.name,
        **score_fields(scorer.score(kind, effective.verdict, last_seen, evidence)),
        **overruling_fields(effective),
        "parent_verdict": shown.parent_verdict,
        "origin": shown.origin,
        "origins": [one._asdict() for one in details.origins],
        "flow_id": shown.flow_id,
        "first_seen": format_millis(summary.first_seen),
        "last_seen": format_millis(last_seen),
        "scan_count": reputation.scan_count,
        "tags": sorted(summary.tags),
        "worst_verdict": apply_rule(worst.verdict, rule).shown_as.name,
        "worst_seen": format_millis(worst.seen_at),
        "worst_flow_id": worst.flow_id,
    }


def _source(reputation: Reputation | None, now: str, rule: Ruling | None, scorer: Scorer) -> Body:
    if reputation is None:
        return {
            "provider": SANDBOX_PROVIDER,
            "assessment": "",
            "detect_time": "",
            "update_time": now,
            "status": _NOT_LISTED,
        }
    shown = reputation.summary.shown
    meaning = _MEANINGS[_of_sandbox(reputation, rule).shown_as]
    return {
        "provider": SANDBOX_PROVIDER,
        "assessment": meaning.assessment,
        **_sighting(reputation, rule, shown.read_details(), scorer),
        "detect_time": format_millis(reputation.summary.last_seen),
        "update_time": now,
        "status": meaning.status,
    }


def _other_source(provider_verdict: ProviderVerdict, rule: Ruling | None) -> Body:
    listing = provider_verdict.listing
    effective = _provider_verdict(provider_verdict, rule)
    overruling = overruling_fields(effective)
    assessment, status = listing.assessment, listing.status.value
    if effective is not None and effective.shown_as != provider_verdict.verdict:
        meaning = _MEANINGS[effective.shown_as]
        assessment, status = meaning.assessment, meaning.status
    elif listing.status is ListingStatus.TRUSTED:
        assessment = _TRUSTWORTHY
    source: Body = {
        "provider": provider_verdict.provider.name,
        # Clients read any other text as a detection.
        "assessment": assessment,
        "detect_time": _time(listing.detect_time),
        "update_time": _time(listing.answered or provider_verdict.provider.updated),
        "status": status,
        **overruling,
        **_of_analyst(provider_verdict),
    }
    # The category of an entry that is overruled would read as a detection.
    if listing.category and not overruling:
        source["category"] = listing.category
    return source | _list_and_network(provider_verdict)


def single_digests(own: Indicator, reputation: Reputation | None) -> dict[str, str]:
    """The digests of the file that the answer about a hash is about, by type.

    A type of which the sandbox knows several digests or none is absent.
    """
    if reputation is None:
        return {own.type.value: own.value}
    return _single_digests(reputation, _digests_by_type(reputation))


def _digests_by_type(reputation: Reputation) -> dict[str, list[str]]:
    digests: dict[str, list[str]] = {name: [] for name in _DIGESTS}
    for one in sorted({reputation.indicator, *reputation.summary.siblings}):
        digests.setdefault(one.type.value, []).append(one.value)
    return digests


def _single_digests(reputation: Reputation, digests: Mapping[str, Sequence[str]]) -> dict[str, str]:
    own, sha256 = reputation.indicator, IndicatorType.SHA256.value
    if len(digests[sha256]) > 1:
        # Several files share the digest: the one that the answer is about.
        return {sha256: reputation.summary.shown.sha256, own.type.value: own.value}
    return {name: some[0] for name, some in digests.items() if len(some) == 1}


def _summary(provider: str, overall: EffectiveVerdict | None, now: str) -> Body:
    """A row that states the overall verdict again, for clients that read one provider only.

    Its status is never that of a listing, so `detected_by` counts each detection once. What is not
    bad has no assessment, because such a client takes any other text for a detection.
    """
    bad = overall is not None and is_bad(overall.verdict)
    source: Body = {
        "provider": provider,
        "assessment": _MEANINGS[overall.verdict].assessment if overall and bad else "",
        "detect_time": "",
        "update_time": now,
        "status": _NOT_LISTED,
    }
    if overall and overall.verdict >= Verdict.LIKELY_MALICIOUS:
        source["category"] = _SUMMARY_CATEGORY
    return source


def _file_info(reputation: Reputation, details: SightingDetails) -> Body:
    """What the sandbox's reports state about the file; each of its digests gets the same answer."""
    own, summary = reputation.indicator, reputation.summary
    digests = _digests_by_type(reputation)
    single = _single_digests(reputation, digests)
    return {
        **{name: single.get(name, "") for name in _DIGESTS},
        "digests": digests,
        "display_name": details.file_name or single.get(IndicatorType.SHA256.value) or own.value,
        "file_size": details.file_size,
        "file_type_category": file_category(details.file_type),
        "file_type_description": details.file_type,
        "file_type_extension": file_extension(details.file_name),
        "upload_timestamp": format_millis(summary.first_seen),
    }


def _no_file_info(indicator: Indicator) -> Body:
    own = {indicator.type.value: indicator.value}
    return {
        **{name: own.get(name, "") for name in _DIGESTS},
        "digests": {name: [own[name]] if name in own else [] for name in _DIGESTS},
        "display_name": indicator.value,
        "file_size": 0,
        "file_type_category": "",
        "file_type_description": "",
        "file_type_extension": "",
        "upload_timestamp": "",
    }
