"""Answers in the shape of the reputation API of the sandbox itself. Pure.

Its optional parts are left out: `mdcloud` and `fuzzyhash` tell of sources that this service does
not ask. Verdicts are lower case here, and so are hashes: the sandbox's own reports spell them so,
and its clients compare texts. The v4 API has both in upper case.
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
        reputation: what the sandbox's reports say, None for nothing.
        others: what other providers say.
    """
    kind = question.indicator.type
    value = question.shown.lower() if kind is IndicatorType.SHA256 else question.shown
    return _row(kind, value, reputation, others)


def invalid_row(kind: IndicatorType, text: str, error: Body) -> Body:
    """The row of a bulk answer for what is no indicator of this type: an unknown one's, with why.

    Args:
        error: the body that a single look-up would have had; the row has its `error`.
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
    said = [one.summary.latest.verdict for one in known]
    said += [voice.verdict for voice in others if voice.verdict is not None]
    return {
        **name,
        "overall_verdict": _spelled(overall_verdict(said)),
        "filescan_reports": [_report(one) for one in known],
    }


def _report(reputation: Reputation) -> Body:
    latest = reputation.summary.latest
    return {
        # Of the indicator in the report, not of the report: clients take it for the former.
        "verdict": _spelled(latest.verdict),
        "report_id": latest.report_id,
        "report_date": format_millis(latest.seen_at),
        "flow_id": latest.flow_id,
    }


def _spelled(verdict: Verdict | None) -> str:
    return (UNKNOWN if verdict is None else verdict.name).lower()
