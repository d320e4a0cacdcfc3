"""Answers of the searches, which the vendor's v4 API does not have. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from functions.lookup.explanation_bodies import evidence_rows
from functions.lookup.v4_bodies import overruling_fields
from shared.domain.extract import Extraction, Found
from shared.domain.harmless import Ruling, effective_sighting
from shared.domain.indicator import Indicator, echo
from shared.domain.moment import format_millis
from shared.domain.reputation import ScanVerdict
from shared.domain.verdict import UNKNOWN, Verdict

Body = dict[str, Any]


def found_row(found: Found, indicator: Indicator, verdict: Verdict | None, report: Body) -> Body:
    """A row of the answer to a search in a text.

    Args:
        found: the indicator in the text.
        indicator: the indicator that was looked up; for a URL without a scheme the worse of both.
        verdict: overall verdict of all providers, None if no provider has one.
        report: its row of a bulk look-up.
    """
    return {
        "type": indicator.type.value,
        "value": indicator.value,
        "text": echo(found.text),
        "offset": found.offset,
        "count": found.count,
        "verdict": UNKNOWN if verdict is None else verdict.name,
        "report": report,
    }


def search_answer(extraction: Extraction, rows: list[Body]) -> Body:
    """The answer to a search in a text."""
    return {
        "data": rows,
        "not_understood": [
            {"text": echo(one.text), "offset": one.offset, "reason": one.reason}
            for one in extraction.not_understood
        ],
        "rest": extraction.rest,
    }


def sightings_answer(
    indicator: Indicator,
    sightings: Iterable[ScanVerdict],
    cursor: str,
    rule: Ruling | None = None,
    *,
    with_senders: bool,
) -> Body:
    """The answer to a request for the sightings of an indicator.

    Args:
        rule: what overrules verdicts about it, None for nothing.
        with_senders: whether evidence names the keys with which reports were sent.
    """
    return {
        "type": indicator.type.value,
        "value": indicator.value,
        "data": [_sighting(indicator, one, rule, with_senders=with_senders) for one in sightings],
        "next_cursor": cursor or None,
    }


def seen_answer(
    seen: Iterable[tuple[Indicator, ScanVerdict]],
    cursor: str,
    rules: Mapping[Indicator, Ruling],
    *,
    with_senders: bool,
) -> Body:
    """The answer to a request for sightings of a scan or of all reports.

    Args:
        rules: what overrules verdicts, by indicator.
        with_senders: whether evidence names the keys with which reports were sent.
    """
    return {
        "data": [
            {
                "type": one.type.value,
                "value": one.value,
                **_sighting(one, latest, rules.get(one), with_senders=with_senders),
            }
            for one, latest in seen
        ],
        "next_cursor": cursor or None,
    }


def _sighting(
    indicator: Indicator, latest: ScanVerdict, rule: Ruling | None, *, with_senders: bool
) -> Body:
    effective = effective_sighting(indicator, latest, rule)
    return {
        "verdict": effective.verdict.name,
        **overruling_fields(effective),
        "parent_verdict": latest.parent_verdict,
        "origin": latest.origin,
        "origins": [one._asdict() for one in latest.read_details().origins],
        "flow_id": latest.flow_id,
        "report_id": latest.report_id,
        "seen_at": format_millis(latest.seen_at),
        "evidence": evidence_rows(latest, with_senders=with_senders),
    }
