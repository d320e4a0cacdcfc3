"""Answers in the shape of the MetaDefender Cloud v4 API. Pure.

Every key of the vendor's published examples stands here with its exact name and type, and beside
them what real clients read by name or validate; docs/contract.md lists which client wants what.
Times are texts and never null, numbers are numbers, lists are lists: the official SDK is strict.
"""

from dataclasses import dataclass
from typing import Any

from shared.domain.indicator import Indicator, IndicatorType, echo
from shared.domain.moment import format_millis
from shared.domain.reputation import Reputation
from shared.domain.verdict import Verdict

PROVIDER = "MetaDefender Sandbox"

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
    Verdict.BENIGN: _Meaning(0, 0, "trustworthy"),
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
_NOT_LISTED = 5
_LISTED = 1
_UNKNOWN_IN_BULK = 5


def hash_report(reputation: Reputation) -> Body:
    """The answer to a look-up of a known hash; an unknown one has an error, no answer."""
    indicator, evidence = reputation.indicator, reputation.evidence
    winner = evidence.winner
    scan_result = _MEANINGS[winner.verdict].scan_result
    detected = int(scan_result != 0)
    last_seen = format_millis(evidence.last_seen)
    return {
        "scan_result_history_length": reputation.scan_count,
        "file_id": winner.flow_id,
        "data_id": winner.flow_id,
        "share_file": 1,
        "rest_version": "4",
        "additional_info": [],
        "votes": {"up": 0, "down": 0},
        "file_info": _file_info(indicator, format_millis(evidence.first_seen)),
        "scan_results": {
            "scan_details": {
                PROVIDER: {
                    "scan_result_i": scan_result,
                    **_sighting(reputation),
                    "def_time": last_seen,
                    "threat_found": winner.verdict.name if detected else "",
                    "scan_time": 0,
                }
            },
            "scan_all_result_i": scan_result,
            "scan_all_result_a": _SCAN_RESULTS[scan_result],
            "start_time": last_seen,
            "total_time": 0,
            "progress_percentage": 100,
            "total_detected_avs": detected,
            "total_avs": 1,
        },
        "process_info": {
            "result": "Blocked" if detected else "Allowed",
            "blocked_reason": _SCAN_RESULTS[scan_result] if detected else "",
            "progress_percentage": 100,
        },
        "last_sandbox_id": [
            {"sandbox_id": winner.flow_id, "system": "filescanio", "date": last_seen}
        ],
    }


def scan_history(reputation: Reputation) -> Body:
    """The history of a known hash: its latest scan is the one that is kept."""
    report = hash_report(reputation)
    results = report["scan_results"]
    return {
        **{name: report["file_info"][name] for name in ("md5", "sha1", "sha256")},
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
    winner = reputation.evidence.winner
    report = hash_report(reputation)
    return {
        **{name: report["file_info"][name] for name in ("md5", "sha1", "sha256")},
        "data_id": winner.flow_id,
        "sandbox_id": winner.flow_id,
        "flow_id": winner.flow_id,
        "private_processing": 0,
        "final_verdict": {
            "verdict": winner.verdict.name,
            "threatLevel": _THREAT_LEVELS[winner.verdict],
            "confidence": 1,
        },
    }


def bulk_hash_row(text: str, reputation: Reputation | None, *, with_details: bool) -> Body:
    """One row of a bulk answer for hashes.

    Args:
        text: what was asked, valid or not.
        reputation: what is known of it, None for nothing.
        with_details: whether the row tells the engines' results.
    """
    if reputation is None:
        # The vendor answers a null data_id; its own SDK refuses that, and a missing object too.
        return {
            "data_id": "",
            "scan_result_i": _UNKNOWN_IN_BULK,
            "hash": echo(text).upper(),
            "total_detected_avs": -1,
            "scan_details": {},
        }
    report = hash_report(reputation)
    results = report["scan_results"]
    return {
        "data_id": report["data_id"],
        "scan_result_i": results["scan_all_result_i"],
        "hash": reputation.indicator.value,
        "total_detected_avs": results["total_detected_avs"],
        "scan_details": results["scan_details"] if with_details else {},
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
    indicator: Indicator, shown: str, reputation: Reputation | None, now: int
) -> Body:
    """The answer to a look-up of an IP, domain or URL, known or not.

    Args:
        indicator: what was asked for.
        shown: how the answer spells it.
        reputation: what is known of it, None for nothing.
        now: time of the look-up, milliseconds since the epoch.
    """
    source = _source(reputation, format_millis(now))
    body: Body = {
        "success": True,
        "address": shown,
        "lookup_results": {
            "start_time": format_millis(now),
            "detected_by": int(source["status"] == _LISTED),
            "sources": [source],
        },
    }
    if indicator.type is IndicatorType.IP:
        body["geo_info"] = _no_geo_info()
    return body


def _sighting(reputation: Reputation) -> Body:
    """The part that answers of every type share."""
    evidence = reputation.evidence
    return {
        "verdict": evidence.winner.verdict.name,
        "parent_verdict": evidence.winner.parent_verdict,
        "origin": evidence.winner.origin,
        "flow_id": evidence.winner.flow_id,
        "first_seen": format_millis(evidence.first_seen),
        "last_seen": format_millis(evidence.last_seen),
        "scan_count": reputation.scan_count,
        "tags": sorted(evidence.tags),
    }


def _source(reputation: Reputation | None, now: str) -> Body:
    if reputation is None:
        return {
            "provider": PROVIDER,
            "assessment": "",
            "detect_time": "",
            "update_time": now,
            "status": _NOT_LISTED,
        }
    meaning = _MEANINGS[reputation.evidence.winner.verdict]
    return {
        "provider": PROVIDER,
        "assessment": meaning.assessment,
        **_sighting(reputation),
        "detect_time": format_millis(reputation.evidence.last_seen),
        "update_time": now,
        "status": meaning.status,
    }


def _file_info(indicator: Indicator, first_seen: str) -> Body:
    digests = dict.fromkeys(("md5", "sha1", "sha256"), "")
    digests[indicator.type.value] = indicator.value
    return {
        **digests,
        "display_name": indicator.value,
        "file_size": 0,
        "file_type_category": "",
        "file_type_description": "",
        "file_type_extension": "",
        "upload_timestamp": first_seen,
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
