"""Answers in the shape of the sandbox's own reputation API. Pure.

`mdcloud` sums up the providers other than the sandbox. The optional field `fuzzyhash` is absent,
because this service has no such source. Verdicts and hashes are lower case, as in the sandbox's own
reports: its clients compare strings. The v4 API has both in upper case.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.domain.harmless import (
    EffectiveVerdict,
    Ruling,
    apply_rule,
    effective_sighting,
    effective_verdict,
    is_bad,
    overruling_rule,
)
from shared.domain.indicator import Indicator, IndicatorType, Query, echo
from shared.domain.moment import format_millis
from shared.domain.provider import ProviderVerdict
from shared.domain.reputation import Reputation, ScanVerdict
from shared.domain.verdict import UNKNOWN, Verdict

Body = dict[str, Any]

MAX_REPORTS = 100


def reputation_report(
    question: Query,
    reputation: Reputation | None,
    others: Sequence[ProviderVerdict] = (),
    seen: Iterable[ScanVerdict] = (),
) -> Body:
    """The answer about one indicator, known or not.

    Args:
        question: the query of the client.
        reputation: reputation from the sandbox's reports, None if unknown.
        others: verdicts of the other providers.
        seen: sightings besides the latest and the worst one.
    """
    kind = question.indicator.type
    shown = question.shown.lower() if kind is IndicatorType.SHA256 else question.shown
    effective = effective_verdict(question.indicator, reputation, others)
    rule = overruling_rule(question.indicator, reputation, others)
    return {
        **_unknown_row(kind, shown),
        "overall_verdict": _lower_case(effective.verdict if effective else None),
        **overruling_fields(effective),
        **_other_providers(kind, others, rule),
        "filescan_reports": _reports(reputation, seen, rule) if reputation else [],
    }


def invalid_row(kind: IndicatorType, text: str, error: Body) -> Body:
    """The row of a bulk answer for an invalid item: that of an unknown one, with an error.

    Args:
        error: the error body of a single look-up; the row gets its `error`.
    """
    return {**_unknown_row(kind, echo(text)), "error": error["error"]}


def _unknown_row(kind: IndicatorType, shown: str) -> Body:
    if kind is IndicatorType.SHA256:
        name = {"sha256": shown}
    else:
        name = {"ioc_type": kind.value, "ioc_value": shown}
    return {**name, "overall_verdict": _lower_case(None), "filescan_reports": []}


def overruling_fields(effective: EffectiveVerdict | None) -> Body:
    """What overrules a verdict, and the verdict that it overrules; empty for nothing."""
    if effective is None or effective.overruled_verdict is None:
        return {}
    return {
        "overruled_by": effective.overruled_by,
        "overruled_verdict": _lower_case(effective.overruled_verdict),
    }


def _other_providers(
    kind: IndicatorType, others: Sequence[ProviderVerdict], rule: Ruling | None
) -> Body:
    """The field `mdcloud`, absent if no provider other than the sandbox has a verdict."""
    stated = [
        (one, one.verdict) for one in others if one.verdict is not None and one.override is None
    ]
    if not stated:
        return {}
    detected = sum(is_bad(apply_rule(verdict, rule).shown_as) for _, verdict in stated)
    answered = max(one.listing.answered or one.provider.updated for one, _ in stated)
    scan_time = format_millis(answered)
    if kind is IndicatorType.SHA256:
        counts = {"total_av_engines": len(stated), "detected_av_engines": detected}
        return {"mdcloud": {"detected": detected, **counts, "scan_time": scan_time}}
    return {"mdcloud": {"detected": detected, "scan_time": scan_time}}


def _reports(
    reputation: Reputation, seen: Iterable[ScanVerdict], rule: Ruling | None
) -> list[Body]:
    """One row per report: first the one that the verdict is of, then the newest first."""
    shown, worst = reputation.summary.shown, reputation.summary.worst
    reports: dict[tuple[str, str], ScanVerdict] = {}
    for one in (shown, worst, *seen):
        reports.setdefault((one.flow_id, one.report_id), one)
    first, *rest = [*reports.values()][:MAX_REPORTS]
    ordered = [first, *sorted(rest, reverse=True)]
    return [_report(reputation.indicator, one, rule) for one in ordered]


def _report(indicator: Indicator, scan: ScanVerdict, rule: Ruling | None) -> Body:
    effective = effective_sighting(indicator, scan, rule)
    return {
        # The verdict of the indicator, not of the report: clients read it as the former.
        "verdict": _lower_case(effective.verdict),
        **overruling_fields(effective),
        "report_id": scan.report_id,
        "report_date": format_millis(scan.seen_at),
        "flow_id": scan.flow_id,
    }


def _lower_case(verdict: Verdict | None) -> str:
    return (UNKNOWN if verdict is None else verdict.name).lower()
