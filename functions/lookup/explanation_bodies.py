"""The answer that explains a verdict, and the explanation in sentences. Pure.

The page, `iocrep why` and integrations read this one answer. docs/verdicts.md has the rules behind
the sentences.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from functions.lookup.service import LookupResult
from functions.lookup.v4_bodies import address_report, hash_report, listed_hash_report, score_fields
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.harmless import (
    EffectiveVerdict,
    always_harmless,
    effective_verdict,
    evidence_after,
    overruling_rule,
)
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.indicator_types import HASH_TYPES
from shared.domain.moment import format_millis
from shared.domain.network import Network
from shared.domain.override import Override
from shared.domain.provider import ListingStatus, ProviderVerdict
from shared.domain.reputation import OF_REPORT, Reputation, ScanVerdict
from shared.domain.score import Scorer
from shared.domain.sighting_details import Origin
from shared.domain.verdict import UNKNOWN

Body = dict[str, Any]


def explanation(
    found: LookupResult, around: Sequence[LookupResult], scorer: Scorer, *, with_senders: bool
) -> Body:
    """The answer to GET /v4/ioc/{type}/{value}.

    Args:
        around: the known indicators around it, the nearest first.
        scorer: of the time of the look-up.
        with_senders: whether evidence names the keys with which reports were sent.
    """
    effective = _effective(found)
    body: Body = {
        "type": found.indicator.type.value,
        "value": found.indicator.value,
        **_verdict(effective),
        "why": [*_sentences(found, around, effective, with_senders=with_senders)],
        "providers": [_provider(one) for one in found.others if one.override is None],
        "around": [_around(one) for one in around],
        "report": _report(found, scorer),
    }
    if override := found.override:
        body["override"] = _override(override, with_senders=with_senders)
    if found.reputation is not None and effective is not None:
        summary = found.reputation.summary
        score = scorer.score(
            found.indicator.type,
            effective.verdict,
            summary.last_seen,
            evidence_after(
                overruling_rule(found.indicator, found.reputation, found.others),
                summary.shown.read_details().evidence,
            ),
        )
        body |= {
            **score_fields(score),
            "scan_count": found.reputation.scan_count,
            "first_seen": format_millis(summary.first_seen),
            "last_seen": format_millis(summary.last_seen),
            "tags": sorted(summary.tags),
            "latest": _scan(summary.latest, with_senders=with_senders),
            "worst": _scan(summary.worst, with_senders=with_senders),
            "siblings": [_named(one) for one in sorted(summary.siblings)],
        }
    return body


def _effective(found: LookupResult) -> EffectiveVerdict | None:
    return effective_verdict(found.indicator, found.reputation, found.others)


def _verdict(effective: EffectiveVerdict | None) -> Body:
    if effective is None:
        return {"verdict": UNKNOWN}
    if effective.overruled_verdict is None:
        return {"verdict": effective.verdict.name}
    return {
        "verdict": effective.verdict.name,
        "overruled_by": effective.overruled_by,
        "overruled_verdict": effective.overruled_verdict.name,
    }


def _override(override: Override, *, with_senders: bool) -> Body:
    body: Body = {
        "verdict": override.verdict.name,
        "reason": override.reason,
        "set_at": format_millis(override.set_at),
        "on": override.on,
    }
    if override.expires:
        body["expires"] = format_millis(override.expires)
    if with_senders:
        body["by"] = override.by
    return body


def _named(indicator: Indicator) -> Body:
    return {"type": indicator.type.value, "value": indicator.value}


def _around(one: LookupResult) -> Body:
    return {**_named(one.indicator), **_verdict(_effective(one))}


def _report(found: LookupResult, scorer: Scorer) -> Body:
    """The answer to a plain look-up; {} for a hash that only its surroundings explain."""
    if found.indicator.type not in HASH_TYPES:
        shown = found.indicator.value
        return address_report(found.indicator, shown, found.reputation, scorer, found.others)
    if found.reputation is not None:
        return hash_report(found.reputation, scorer, found.others)
    return listed_hash_report(found.indicator, found.others)


def _scan(scan: ScanVerdict, *, with_senders: bool) -> Body:
    details = scan.read_details()
    file = {"name": details.file_name, "type": details.file_type, "size": details.file_size}
    threat = {
        "threat_name": details.threat_name,
        "malware_family": details.malware_family,
        "malware_type": details.malware_type,
    }
    body = {
        "verdict": scan.verdict.name,
        "parent_verdict": scan.parent_verdict,
        "seen_at": format_millis(scan.seen_at),
        "flow_id": scan.flow_id,
        "report_id": scan.report_id,
        "origins": [*map(_origin, details.origins)],
        "evidence": evidence_rows(scan, with_senders=with_senders),
        "file": {name: value for name, value in file.items() if value},
        **{name: value for name, value in threat.items() if value},
    }
    if with_senders and details.sender:
        body["sender"] = details.sender
    return body


def evidence_rows(scan: ScanVerdict, *, with_senders: bool) -> list[Body]:
    """The evidence for the verdict of a sighting, as answers show it.

    Args:
        with_senders: whether it names the keys with which reports were sent.
    """
    return [
        dict((one if with_senders else one._replace(sender="")).to_object())
        for one in scan.read_evidence()
    ]


def _origin(origin: Origin) -> Body:
    return {name: text for name, text in origin._asdict().items() if text}


def _provider(one: ProviderVerdict) -> Body:
    listing = one.listing
    body: Body = {
        "provider": one.provider.name,
        "status": _STATUSES[listing.status],
        "verdict": UNKNOWN if one.verdict is None else one.verdict.name,
    }
    texts = {
        "assessment": listing.assessment,
        "category": listing.category,
        "list": listing.source_list,
        "listed_since": format_millis(listing.detect_time) if listing.detect_time else "",
    }
    body |= {name: text for name, text in texts.items() if text}
    if one.covering is not None:
        body["by"] = one.covering.value
    return body


_STATUSES = {
    ListingStatus.TRUSTED: "trusted",
    ListingStatus.LISTED: "listed",
    ListingStatus.FAILED: "failed",
    ListingStatus.NOT_LISTED: "not listed",
}


# The explanation in sentences.


def _sentences(
    found: LookupResult,
    around: Iterable[LookupResult],
    effective: EffectiveVerdict | None,
    *,
    with_senders: bool,
) -> Iterator[str]:
    value = found.indicator.value
    if effective is None:
        yield f"Nothing is known of {value} itself."
    elif effective.overruled_verdict is None:
        yield f"{value} is {effective.verdict.name}."
    else:
        yield (
            f"{value} is {effective.verdict.name}: “{effective.overruled_by}” overrules the "
            f"verdict {effective.overruled_verdict.name}."
        )
    if rule := always_harmless(found.indicator):
        yield f"It is harmless by the rule “{rule}”, whatever reports and lists state."
    if found.reputation is not None:
        summary = found.reputation.summary
        yield _scans(found.reputation)
        yield from _of_scan("latest", summary.latest, with_senders=with_senders)
        if summary.worst != summary.latest:
            yield from _of_scan("worst", summary.worst, with_senders=with_senders)
        if summary.shown != summary.latest:
            yield "Several files have this digest: its verdict is the one of the worst scan."
    for one in found.others:
        yield from _of_provider(one, with_senders=with_senders)
    if found.reputation is not None and found.reputation.summary.siblings:
        names = ", ".join(f"{one.type} {one.value}" for one in sorted(summary.siblings))
        files = sum(one.type is IndicatorType.SHA256 for one in summary.siblings)
        of = "these files" if files > 1 else "the same file"
        yield f"Other digests of {of}: {names}."
    for near in around:
        verdict = _verdict(_effective(near))["verdict"]
        yield f"Around it, {near.indicator.type} {near.indicator.value} is {verdict}."


def _of_scan(which: str, scan: ScanVerdict, *, with_senders: bool) -> Iterator[str]:
    details = scan.read_details()
    report = f"; the report as a whole is {scan.parent_verdict}" if scan.parent_verdict else ""
    sender = f" Key “{details.sender}” sent the report." if with_senders and details.sender else ""
    yield (
        f"In the {which} scan, {scan.flow_id} on {_day(scan.seen_at)}, its verdict is "
        f"{scan.verdict.name}{report}.{sender}"
    )
    names = {"file": details.file_name, "threat": details.threat_name}
    if named := [f"the {what} “{name}”" for what, name in names.items() if name]:
        yield f"The report names {', and '.join(named)}."
    if scan.source == OF_REPORT:
        yield "It inherits the verdict of its report; this decided."
    for one in details.evidence:
        yield f"{_statement(one)}{_effect(one)}"


def _statement(one: Evidence) -> str:
    name, verdict = f"“{one.name}”" if one.name else "a source without a name", one.verdict.name
    match one.source:
        case EvidenceSource.FILE:
            return f"The analysis of the file found {verdict}"
        case EvidenceSource.YARA:
            return f"YARA rule {name} found {verdict}"
        case EvidenceSource.SIGNAL:
            return f"Signals of the group {name} found {verdict}"
        case EvidenceSource.OSINT:
            return f"Provider {name} answered the sandbox {verdict}"
        case EvidenceSource.REPUTATION:
            return f"Provider {name} answered this service {verdict}"
        case EvidenceSource.EARLIER_REPORT:
            return f"The earlier scan {one.flow_id} found {verdict}"
        case EvidenceSource.REPORT:
            return f"The report states {verdict} for it"
        case EvidenceSource.ANALYST:
            return f"An analyst decided {verdict}"
        case EvidenceSource.RULE:
            return f"The rule {name} gives {verdict}"


def _effect(one: Evidence) -> str:
    if one.echo:
        return "; this repeats an answer of this service, so it does not count."
    return "; this decided." if one.decides else "."


def _of_provider(one: ProviderVerdict, *, with_senders: bool) -> Iterator[str]:
    if one.override is not None:
        yield _of_analyst(one.override, with_senders=with_senders)
        return
    listing, name = one.listing, one.provider.name
    through = ""
    if one.covering is not None:
        kind = "network" if isinstance(one.covering, Network) else "domain"
        through = f", through the {kind} {one.covering.value}"
    if listing.status is ListingStatus.TRUSTED:
        yield f"{name} trusts it{through}."
    elif listing.status is ListingStatus.LISTED:
        meaning = f" as {listing.assessment}" if listing.assessment else ""
        since = f" since {_day(listing.detect_time)}" if listing.detect_time else ""
        yield f"{name} lists it{meaning}{since}{through}."
    elif listing.status is ListingStatus.FAILED:
        yield f"{name} did not answer."


def _of_analyst(override: Override, *, with_senders: bool) -> str:
    key = f" with key “{override.by}”" if with_senders else ""
    end = f" until {_day(override.expires)}" if override.expires else ""
    day = _day(override.set_at)
    return f"An analyst set {override.verdict.name} on {day}{key}{end}: {override.reason}"


def _scans(reputation: Reputation) -> str:
    first, last = _day(reputation.summary.first_seen), _day(reputation.summary.last_seen)
    if reputation.scan_count == 1:
        return f"1 scan contained it, on {last}."
    return (
        f"{reputation.scan_count} scans contained it, the first on {first}, the latest on {last}."
    )


def _day(millis: int) -> str:
    return format_millis(millis)[:10]
