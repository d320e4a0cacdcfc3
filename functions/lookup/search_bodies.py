"""Bodies of the searches, which the v4 API of the vendor does not have. Pure."""

from collections.abc import Iterable
from typing import Any

from shared.domain.extract import Extraction, Found
from shared.domain.indicator import Indicator, echo
from shared.domain.moment import format_millis
from shared.domain.reputation import ScanVerdict
from shared.domain.verdict import UNKNOWN, Verdict

Body = dict[str, Any]


def found_row(found: Found, indicator: Indicator, verdict: Verdict | None, report: Body) -> Body:
    """A row of the answer to a search in a text.

    Args:
        indicator: what was looked up for it; of a URL without a scheme the worse of both.
        verdict: of all providers together, None where none says anything.
        report: the row that a bulk look-up has for it.
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


def sightings_answer(indicator: Indicator, sightings: Iterable[ScanVerdict], cursor: str) -> Body:
    """The answer about who saw an indicator when."""
    return {
        "type": indicator.type.value,
        "value": indicator.value,
        "data": [_sighting(one) for one in sightings],
        "next_cursor": cursor or None,
    }


def seen_answer(seen: Iterable[tuple[Indicator, ScanVerdict]], cursor: str) -> Body:
    """The answer to a search for what was seen."""
    return {
        "data": [
            {"type": one.type.value, "value": one.value, **_sighting(latest)}
            for one, latest in seen
        ],
        "next_cursor": cursor or None,
    }


def _sighting(latest: ScanVerdict) -> Body:
    return {
        "verdict": latest.verdict.name,
        "parent_verdict": latest.parent_verdict,
        "origin": latest.origin,
        "flow_id": latest.flow_id,
        "report_id": latest.report_id,
        "seen_at": format_millis(latest.seen_at),
    }
