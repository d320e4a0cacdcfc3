"""Answers in the shape of the sandbox's own reputation API. Pure.

The optional fields `mdcloud` and `fuzzyhash` are absent, because this service does not query those
sources. Verdicts and hashes are lower case, as in the sandbox's own reports: its clients compare
strings. The v4 API has both in upper case.
"""

from collections.abc import Sequence
from typing import Any

from shared.domain.indicator import IndicatorType, Query, echo
from shared.domain.moment import format_millis
from shared.domain.provider import ProviderVerdict
from shared.domain.reputation import Reputation
from shared.domain.verdict import UNKNOWN, Verdict, overall_verdict

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
    value = question.shown.lower() if kind is IndicatorType.SHA256 else question.shown
    return _row(kind, value, reputation, others)


def invalid_row(kind: IndicatorType, text: str, error: Body) -> Body:
    """The row of a bulk answer for an invalid item: that of an unknown one, with an error.

    Args:
        error: the error body of a single look-up; the row gets its `error`.
    """
    return {**_row(kind, echo(text), None, ()), "error": error["error"]}


def _row(
    kind: IndicatorType,
    value: str,
    reputation: Reputation | None,
    others: Sequence[ProviderVerdict],
) -> Body:
    if kind is IndicatorType.SHA256:
        name = {"sha256": value}
    else:
        name = {"ioc_type": kind.value, "ioc_value": value}
    known = [reputation] if reputation else []
    verdicts = [one.summary.latest.verdict for one in known]
    verdicts += [one.verdict for one in others if one.verdict is not None]
    return {
        **name,
        "overall_verdict": _lower_case(overall_verdict(verdicts)),
        "filescan_reports": [_report(one) for one in known],
    }


def _report(reputation: Reputation) -> Body:
    latest = reputation.summary.latest
    return {
        # The verdict of the indicator, not of the report: clients read it as the former.
        "verdict": _lower_case(latest.verdict),
        "report_id": latest.report_id,
        "report_date": format_millis(latest.seen_at),
        "flow_id": latest.flow_id,
    }


def _lower_case(verdict: Verdict | None) -> str:
    return (UNKNOWN if verdict is None else verdict.name).lower()
