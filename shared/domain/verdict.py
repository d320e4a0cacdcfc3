"""Verdicts of the sandbox and their order of severity."""

from collections.abc import Iterable, Mapping
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

    # As of `IndicatorType`: that of `Enum` is a function of Python.
    __hash__ = int.__hash__


UNKNOWN: Final = "UNKNOWN"
# Fields of a record that its verdict is read from, in the order of the functions' arguments.
FIELDS: Final = ("verdict", "threatLevel", "verdictLabel")
_WEAK = frozenset({Verdict.NO_THREAT, Verdict.SUSPICIOUS})
_CANONICAL = {
    **{verdict.name: verdict.name for verdict in Verdict},
    UNKNOWN: UNKNOWN,
    "INFORMATIONAL": Verdict.NO_THREAT.name,
    # Names that the sandbox shows since version 2.5.
    "TRUSTED": Verdict.BENIGN.name,
    "UNDETERMINED": UNKNOWN,
    "NO_THREAT_DETECTED": Verdict.NO_THREAT.name,
    "LOW_RISK": Verdict.SUSPICIOUS.name,
    "HIGH_RISK": Verdict.LIKELY_MALICIOUS.name,
    "CONFIRMED_THREAT": Verdict.MALICIOUS.name,
}
_SEPARATORS = str.maketrans(" -", "__")


def read_verdict(
    value: object, threat_level: object = None, label: object = None
) -> Verdict | None:
    """Read the verdict of an IOC from the first of three fields that holds a known verdict.

    Args:
        value: field `verdict`, a name in any case, with spaces, `-` or `_`.
        threat_level: field `threatLevel`; anything but a number from -1 to 1 is ignored.
        label: field `verdictLabel`, a name like `value`.

    Returns:
        The verdict; None if it is missing, empty or UNKNOWN, and so is not stored.

    Raises:
        InvalidRecord: the verdict is not a known one.
    """
    name = read_parent_verdict(value, threat_level, label)
    if name:
        return None if name == UNKNOWN else Verdict[name]
    for given in (value, label):
        if given is not None and given != "":
            raise InvalidRecord(
                "verdict is not a known one" if isinstance(given, str) else "verdict is not a text"
            )
    return None


def verdict_of(record: Mapping[str, object]) -> Verdict | None:
    """Read the verdict of an IOC or a file from the `FIELDS` of its record.

    Raises:
        InvalidRecord: the verdict is not a known one.
    """
    return read_verdict(*map(record.get, FIELDS))


def overall_verdict(verdicts: Iterable[Verdict]) -> Verdict | None:
    """Combine the verdicts of several sources into one, by the rule of docs/contract.md.

    Only a source that is trusted to clear an indicator gives BENIGN; a source that found nothing
    gives NO_THREAT. So BENIGN beats weak evidence, which is SUSPICIOUS or less; otherwise the
    most severe verdict counts. Neither order nor repetition matters.

    Returns:
        None if there are no verdicts.
    """
    distinct = frozenset(verdicts)
    worst = max(distinct, default=None)
    if Verdict.BENIGN in distinct and worst in _WEAK:
        return Verdict.BENIGN
    return worst


def read_parent_verdict(value: object, threat_level: object = None, label: object = None) -> str:
    """Read the verdict of a report; the arguments are those of `read_verdict`.

    The verdict of a report is shown in answers and never decides one, so it is never an error.

    Returns:
        Its canonical name, `UNKNOWN`, or "" for anything else.
    """
    return _name(value) or _name_of_level(threat_level) or _name(label)


def parent_verdict_of(report: Mapping[str, object]) -> str:
    """Read the verdict of a report from the `FIELDS` of its record."""
    return read_parent_verdict(*map(report.get, FIELDS))


def _name(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return _CANONICAL.get(value.upper().translate(_SEPARATORS), "")


def _name_of_level(level: object) -> str:
    """Return the verdict of the highest level of the sandbox that is at most `level`, or ""."""
    # NaN is outside every range, so it is ignored, too.
    if isinstance(level, bool) or not isinstance(level, int | float) or not -1 <= level <= 1:
        return ""
    if level < 0:
        return Verdict.BENIGN.name
    if level == 0:
        return UNKNOWN
    if level < 0.5:
        return Verdict.NO_THREAT.name
    if level < 0.75:
        return Verdict.SUSPICIOUS.name
    return Verdict.LIKELY_MALICIOUS.name if level < 1 else Verdict.MALICIOUS.name
