"""Answers in the shape of the MetaDefender Cloud v4 API. Pure.

Every key of the vendor's published examples stands here with its exact name and type, and beside
them what real clients read by name or validate; docs/contract.md lists which client wants what.
Times are texts and never null, numbers are numbers, lists are lists: the official SDK is strict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.indicator import Indicator, IndicatorType, echo
from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES
from shared.domain.moment import format_millis
from shared.domain.provider import SANDBOX_PROVIDER, ListingStatus, ProviderVerdict
from shared.domain.reputation import Reputation
from shared.domain.verdict import Verdict

_DIGESTS = tuple(kind.value for kind in INDICATOR_TYPES if kind in HASH_TYPES)
_TRUSTWORTHY = "trustworthy"
# Clients count a detection only where a threat is named.
LISTED = "listed"

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a verdict says in the terms of the API."""

    scan_result: int
    status: int
    assessment: str


_MEANINGS = {
    Verdict.MALICIOUS: _Meaning(1, 1, "high risk"),
    Verdict.LIKELY_MALICIOUS: _Meaning(1, 1, "high risk"),
    Verdict.SUSPICIOUS: _Meaning(2, 1, "suspicious"),
    Verdict.NO_THREAT: _Meaning(0, 5, ""),
    Verdict.BENIGN: _Meaning(0, 0, _TRUSTWORTHY),
}
# The sandbox's own number of a verdict, documented as stable while its names may change.
_THREAT_LEVELS = {
    Verdict.BENIGN: -1.0,
    Verdict.NO_THREAT: 0.1,
    Verdict.SUSPICIOUS: 0.5,
    Verdict.LIKELY_MALICIOUS: 0.75,
    Verdict.MALICIOUS: 1.0,
}
_SCAN_RESULTS = {0: "No Threat Detected", 1: "Infected", 2: "Suspicious"}
_DETECTED = frozenset({1, 2})
_WORST_FIRST = (1, 2, 0)
_FAILED = 3
_UNKNOWN = 5
_NOT_LISTED = 5
_LISTED = 1
_UNKNOWN_IN_BULK = 5


def hash_report(reputation: Reputation, others: Sequence[ProviderVerdict] = ()) -> Body:
    """The answer to a look-up of a hash that the sandbox knows; an unknown one has an error.

    Args:
        others: what other providers say of it; each is an engine.
    """
    summary = reputation.summary
    flow_id = summary.latest.flow_id
    last_seen = format_millis(summary.last_seen)
    report = _hash_report(reputation.indicator, _engines(reputation, others))
    report["scan_result_history_length"] = reputation.scan_count
    report["file_id"] = report["data_id"] = flow_id
    report["file_info"]["upload_timestamp"] = format_millis(summary.first_seen)
    report["scan_results"]["start_time"] = last_seen
    report["last_sandbox_id"] = [{"sandbox_id": flow_id, "system": "filescanio", "date": last_seen}]
    return report


def listed_hash_report(indicator: Indicator, others: Sequence[ProviderVerdict]) -> Body:
    """The answer to a look-up of a hash that only other providers know."""
    return _hash_report(indicator, _engines(None, others))


def _hash_report(indicator: Indicator, engines: Mapping[str, Body]) -> Body:
    scan_result, detected = _overall([one["scan_result_i"] for one in engines.values()])
    return {
        "scan_result_history_length": 0,
        # Clients take a file without an id for one that they have to send.
        "file_id": indicator.value,
        "data_id": indicator.value,
        "share_file": 1,
        "rest_version": "4",
        "additional_info": [],
        "votes": {"up": 0, "down": 0},
        "file_info": _file_info(indicator),
        "scan_results": {
            "scan_details": engines,
            "scan_all_result_i": scan_result,
            "scan_all_result_a": _SCAN_RESULTS[scan_result],
            "start_time": "",
            "total_time": 0,
            "progress_percentage": 100,
            "total_detected_avs": detected,
            "total_avs": len(engines),
        },
        "process_info": {
            "result": "Blocked" if detected else "Allowed",
            "blocked_reason": _SCAN_RESULTS[scan_result] if detected else "",
            "progress_percentage": 100,
        },
        "last_sandbox_id": [],
    }


def _engines(reputation: Reputation | None, others: Sequence[ProviderVerdict]) -> dict[str, Body]:
    """Each provider as the engine that it is to readers of hash reports."""
    engines = {SANDBOX_PROVIDER: _sandbox_engine(reputation)}
    for voice in others:
        engines[voice.provider.name] = _engine(voice)
    return engines


def _overall(results: Sequence[int]) -> tuple[int, int]:
    """The result of all engines together, the worst there is, and how many detect something."""
    worst = next((one for one in _WORST_FIRST if one in results), 0)
    return worst, sum(one in _DETECTED for one in results)


def _sandbox_result(reputation: Reputation | None) -> int:
    if reputation is None:
        return _UNKNOWN
    return _MEANINGS[reputation.summary.latest.verdict].scan_result


def _result(voice: ProviderVerdict) -> int:
    verdict = voice.verdict
    if verdict is not None:
        return _MEANINGS[verdict].scan_result
    return _FAILED if voice.listing.status is ListingStatus.FAILED else _UNKNOWN


def _sandbox_engine(reputation: Reputation | None) -> Body:
    scan_result = _sandbox_result(reputation)
    if reputation is None:
        return {"scan_result_i": scan_result, "threat_found": "", "def_time": "", "scan_time": 0}
    summary = reputation.summary
    return {
        "scan_result_i": scan_result,
        **_sighting(reputation),
        "def_time": format_millis(summary.last_seen),
        "threat_found": summary.latest.verdict.name if scan_result else "",
        "scan_time": 0,
    }


def _engine(voice: ProviderVerdict) -> Body:
    listing = voice.listing
    result = _result(voice)
    said: Body = {
        "scan_result_i": result,
        "threat_found": (listing.category or listing.assessment or LISTED)
        if result in _DETECTED
        else "",
        "def_time": _time(voice.provider.updated),
        "scan_time": 0,
    }
    return said | _which(voice)


def _time(millis: int) -> str:
    return format_millis(millis) if millis else ""


def _which(voice: ProviderVerdict) -> Body:
    """The list and the network that a provider found an indicator on, as far as there are some."""
    said = {}
    if voice.listing.source_list:
        said["list"] = voice.listing.source_list
    if voice.network:
        said["network"] = voice.network.value
    return said


def scan_history(report: Body) -> Body:
    """The history of a known hash: its latest scan is the one that is kept.

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


def sandbox_report(reputation: Reputation) -> Body:
    """What the sandbox itself says of a known hash."""
    latest = reputation.summary.latest
    info = _file_info(reputation.indicator)
    return {
        **{name: info[name] for name in _DIGESTS},
        "data_id": latest.flow_id,
        "sandbox_id": latest.flow_id,
        "flow_id": latest.flow_id,
        "private_processing": 0,
        "final_verdict": {
            "verdict": latest.verdict.name,
            "threatLevel": _THREAT_LEVELS[latest.verdict],
            "confidence": 1,
        },
    }


def unknown_hash_row(text: str) -> Body:
    """The row of a bulk answer for a hash of which nothing is known.

    Args:
        text: what was asked.
    """
    # The vendor answers a null data_id; its own SDK refuses that, and a missing object too.
    return {
        "data_id": "",
        "scan_result_i": _UNKNOWN_IN_BULK,
        "hash": echo(text).upper(),
        "total_detected_avs": -1,
        "scan_details": {},
    }


def invalid_hash_row(text: str, error: Body) -> Body:
    """The row of a bulk answer for what is no hash: that of an unknown one, with the reason.

    Args:
        error: the body that a single look-up would have had; the row holds all of it.
    """
    return {**unknown_hash_row(text), **error}


def bulk_hash_row(
    indicator: Indicator,
    reputation: Reputation | None,
    others: Sequence[ProviderVerdict] = (),
    *,
    with_details: bool,
) -> Body:
    """The row of a bulk answer for a hash that somebody knows.

    Args:
        reputation: what the sandbox knows, None for nothing.
        others: what other providers say of it.
        with_details: whether the row tells the engines' results.
    """
    # The engines of a thousand rows are not made to be left out.
    scan_result, detected = _overall([_sandbox_result(reputation), *map(_result, others)])
    return {
        "data_id": indicator.value if reputation is None else reputation.summary.latest.flow_id,
        "scan_result_i": scan_result,
        "hash": indicator.value,
        "total_detected_avs": detected,
        "scan_details": _engines(reputation, others) if with_details else {},
    }


def invalid_address_row(kind: IndicatorType, text: str, error: Body, now: int) -> Body:
    """The row of a bulk answer for what is no IP, domain or URL.

    Args:
        error: the body that a single look-up would have had; the row holds all of it.
    """
    lookup_results = {"start_time": format_millis(now), "detected_by": 0, "sources": []}
    body = {"address": echo(text), "lookup_results": lookup_results, **error}
    if kind is IndicatorType.IP:
        body["geo_info"] = _no_geo_info()
    return body


def address_report(
    indicator: Indicator,
    shown: str,
    reputation: Reputation | None,
    now: int,
    others: Sequence[ProviderVerdict] = (),
) -> Body:
    """The answer to a look-up of an IP, domain or URL, known or not.

    Args:
        indicator: what was asked for.
        shown: how the answer spells it.
        reputation: what is known of it, None for nothing.
        now: time of the look-up, milliseconds since the epoch.
        others: what other providers say of it.
    """
    sources = [_source(reputation, format_millis(now)), *map(_other_source, others)]
    body: Body = {
        "success": True,
        "address": shown,
        "lookup_results": {
            "start_time": format_millis(now),
            "detected_by": sum(source["status"] == _LISTED for source in sources),
            "sources": sources,
        },
    }
    if indicator.type is IndicatorType.IP:
        body["geo_info"] = _no_geo_info()
    return body


def _sighting(reputation: Reputation) -> Body:
    """The part that answers of every type share."""
    summary = reputation.summary
    return {
        "verdict": summary.latest.verdict.name,
        "parent_verdict": summary.latest.parent_verdict,
        "origin": summary.latest.origin,
        "flow_id": summary.latest.flow_id,
        "first_seen": format_millis(summary.first_seen),
        "last_seen": format_millis(summary.last_seen),
        "scan_count": reputation.scan_count,
        "tags": sorted(summary.tags),
    }


def _source(reputation: Reputation | None, now: str) -> Body:
    if reputation is None:
        return {
            "provider": SANDBOX_PROVIDER,
            "assessment": "",
            "detect_time": "",
            "update_time": now,
            "status": _NOT_LISTED,
        }
    meaning = _MEANINGS[reputation.summary.latest.verdict]
    return {
        "provider": SANDBOX_PROVIDER,
        "assessment": meaning.assessment,
        **_sighting(reputation),
        "detect_time": format_millis(reputation.summary.last_seen),
        "update_time": now,
        "status": meaning.status,
    }


def _other_source(voice: ProviderVerdict) -> Body:
    listing = voice.listing
    trusted = listing.status is ListingStatus.TRUSTED
    source: Body = {
        "provider": voice.provider.name,
        # Clients take any other text for a detection.
        "assessment": _TRUSTWORTHY if trusted else listing.assessment,
        "detect_time": _time(listing.detect_time),
        "update_time": _time(listing.answered or voice.provider.updated),
        "status": listing.status.value,
    }
    if listing.category:
        source["category"] = listing.category
    return source | _which(voice)


def _file_info(indicator: Indicator) -> Body:
    digests = dict.fromkeys(_DIGESTS, "")
    digests[indicator.type.value] = indicator.value
    return {
        **digests,
        "display_name": indicator.value,
        "file_size": 0,
        "file_type_category": "",
        "file_type_description": "",
        "file_type_extension": "",
        "upload_timestamp": "",
    }


def _no_geo_info() -> Body:
    """All keys, all empty: an empty object breaks the SDK, a missing city another client."""
    country = {"code": "", "name": ""}
    return {
        "continent": dict(country),
        "country": dict(country),
        "registered_country": dict(country),
        "city": {"name": ""},
        "location": {"latitude": 0.0, "longitude": 0.0},
        "subdivisions": [],
    }
