"""Verdicts of the sandbox and their order of severity."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from shared.domain.errors import InvalidRecord


class Verdict(IntEnum):
    """The verdicts that are stored; a greater one is more severe.

    The numbers are written to the store: never change one.
    """

    BENIGN = 0
    NO_THREAT = 1
    SUSPICIOUS = 2
    LIKELY_MALICIOUS = 3
    MALICIOUS = 4


UNKNOWN: Final = "UNKNOWN"
_ALIASES = {"INFORMATIONAL": Verdict.NO_THREAT}
_WEAK = frozenset({Verdict.NO_THREAT, Verdict.SUSPICIOUS})
_BY_NAME = {verdict.name: verdict for verdict in Verdict} | _ALIASES


def read_verdict(value: object) -> Verdict | None:
    """Read the verdict of an IOC, in any case.

    Returns:
        The verdict; None where there is none to store: missing, empty or UNKNOWN.

    Raises:
        InvalidRecord: a verdict that nobody has heard of.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise InvalidRecord("verdict is not a text")
    name = value.upper()
    if name == UNKNOWN:
        return None
    try:
        return _BY_NAME[name]
    except KeyError:
        raise InvalidRecord("verdict is not a known one") from None


def overall_verdict(said: Iterable[Verdict]) -> Verdict | None:
    """One verdict of what sources say of an indicator: the rule of docs/contract.md.

    BENIGN is the word of a source that is trusted to clear an indicator, others that found
    nothing say NO_THREAT. So it beats weak evidence, which ends at SUSPICIOUS; otherwise the worst
    counts. Neither order nor repetition matters.

    Returns:
        None where no source says anything.
    """
    verdicts = frozenset(said)
    worst = max(verdicts, default=None)
    if Verdict.BENIGN in verdicts and worst in _WEAK:
        return Verdict.BENIGN
    return worst


def read_parent_verdict(value: object) -> str:
    """Read the verdict of a report: its canonical name, `UNKNOWN`, or "" for anything else.

    It is a soft field: it decorates an answer and decides nothing.
    """
    if not isinstance(value, str):
        return ""
    name = value.upper()
    if name == UNKNOWN:
        return UNKNOWN
    verdict = _BY_NAME.get(name)
    return "" if verdict is None else verdict.name
