"""Adds to the answer about an IP, domain or URL what lists and reports hold around it."""

from collections.abc import Iterable
from typing import Any

from functions.lookup.service import LookupResult
from functions.lookup.v4_bodies import SUSPICIOUS, address_report
from shared.domain.score import Scorer

Body = dict[str, Any]

HEADER = "x-match"
PARENTS = "parents"
_LISTED = 1
_NOT_LISTED = 5


def add_matches(body: Body, around: Iterable[LookupResult], scorer: Scorer) -> Body:
    """Return the answer with a row of its own for each bad verdict around the indicator.

    `matched` names the indicator of such a row. It counts in `detected_by` if its verdict is
    LIKELY_MALICIOUS or worse. The other rows stay as they are.

    Args:
        body: the answer to a look-up.
        around: the indicators around it, the nearest first.
        scorer: of the time of the look-up.
    """
    rows = [row for near in around for row in _bad_rows(near, scorer)]
    results = body["lookup_results"]
    detected = results["detected_by"] + sum(row["status"] == _LISTED for row in rows)
    return body | {
        "lookup_results": {
            **results,
            "detected_by": detected,
            "sources": [*results["sources"], *rows],
        }
    }


def _bad_rows(near: LookupResult, scorer: Scorer) -> list[Body]:
    matched = near.indicator.value
    report = address_report(near.indicator, matched, near.reputation, scorer, near.others)
    return [
        # Clients read status and assessment, so weak evidence about another value has neither.
        row
        | ({"status": _NOT_LISTED, "assessment": ""} if row["assessment"] == SUSPICIOUS else {})
        | {"matched": matched}
        for row in report["lookup_results"]["sources"]
        if row["status"] == _LISTED
    ]
