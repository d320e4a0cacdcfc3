"""Answers in the shape of the sandbox's own reputation API. Pure.

The optional fields `mdcloud` and `fuzzyhash` are absent, because this service does not query those
sources. Verdicts and hashes are lower case, as in the sandbox's own reports: its clients compare
strings. The v4 API has both in upper case.
"""

from collections.abc import Sequence
from typing import Any

from shared.domain.harmless import EffectiveVerdict, effective_sighting, effective_verdict
from shared.domain.indicator import IndicatorType, Query, echo
from shared.domain.moment import format_millis
from shared.domain.provider import ProviderVerdict
from shared.domain.reputation import Reputation
from shared.domain.verdict import UNKNOWN, Verdict

Body = dict[str, Any]


def reputation_report(
    question: Query, reputation: Reputation | None, others: Sequence[ProviderVerdict] = ()
) -> Body:
    """The answer about one indicator, known or not.

    Args:
        question: the query of the client.
        reputation: reputation from the sandbox's reports, None if unknown.
        others: verdicts of the other providers.
    """
    kind = question.indicator.type
    shown = question.shown.lower() if kind is IndicatorType.SHA256 else question.shown
    effective = effective_verdict(question.indicator, reputation, others)
    return {
        **_unknown_row(kind, shown),
        "overall_verdict": _lower_case(effective.verdict if effective else None),
        **_overruling(effective),
        "filescan_reports": [_report(reputation, effective)] if reputation else [],
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


def _overruling(effective: EffectiveVerdict | None) -> Body:
    if effective is None or effective.overruled_verdict is None:
        return {}
    return {
        "overruled_by": effective.overruled_by,
        "overruled_verdict": _lower_case(effective.overruled_verdict),
    }


def _report(reputation: Reputation, overall: EffectiveVerdict | None) -> Body:
    latest = reputation.summary.shown
    rule = overall.overruled_by if overall else ""
    effective = effective_sighting(reputation.indicator, latest, rule)
    return {
        # The verdict of the indicator, not of the report: clients read it as the former.
        "verdict": _lower_case(effective.verdict),
        **_overruling(effective),
        "report_id": latest.report_id,
        "report_date": format_millis(latest.seen_at),
        "flow_id": latest.flow_id,
    }


def _lower_case(verdict: Verdict | None) -> str:
    return (UNKNOWN if verdict is None else verdict.name).lower()
