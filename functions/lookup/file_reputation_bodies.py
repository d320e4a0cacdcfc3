"""Answers in the shape of the vendor's v5 API for the reputation of files. Pure.

The vendor derives `reputation` from `confidence_level`: 0 is benign, below 50 suspicious, 50 and
more malicious. This service has verdicts, so each verdict has a fixed level in its range.
"""

from typing import Any

from functions.lookup.service import LookupResult
from functions.lookup.v4_bodies import single_digests
from shared.domain.indicator import echo
from shared.domain.verdict import Verdict

Body = dict[str, Any]

_DIGESTS = ("md5", "sha1", "sha256")
_UNKNOWN = "unknown"
_REPUTATIONS = {
    Verdict.BENIGN: ("benign", 0),
    Verdict.NO_THREAT: ("benign", 0),
    Verdict.SUSPICIOUS: ("suspicious", 25),
    Verdict.LIKELY_MALICIOUS: ("malicious", 75),
    Verdict.MALICIOUS: ("malicious", 100),
}


def file_reputation(found: LookupResult, *, extended: bool) -> Body:
    """The answer about one hash, known or not.

    Args:
        extended: whether the answer has the confidence level; an unknown hash has none.

    Returns:
        All digests of the file that are known, whichever of them was looked up.
    """
    digests = dict.fromkeys(_DIGESTS, "") | single_digests(found.indicator, found.reputation)
    if found.verdict is None:
        return {**digests, "reputation": _UNKNOWN}
    reputation, confidence = _REPUTATIONS[found.verdict]
    level = {"confidence_level": confidence} if extended else {}
    return {**digests, "reputation": reputation, **level}


def invalid_hash_row(text: str, error: Body) -> Body:
    """The row of a bulk answer for an item that is not a hash.

    Args:
        text: the item as the client wrote it.
        error: the error body of a single look-up; the row gets its `error`.
    """
    return {"hash": echo(text), "reputation": _UNKNOWN, "error": error["error"]}
