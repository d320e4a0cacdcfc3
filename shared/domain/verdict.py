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


UNKNOWN: Final = "UNKNOWN"
# The fields of a record that its verdict is read from, and their order in the functions below.
FIELDS: Final = ("verdict", "threatLevel", "verdictLabel")
_WEAK = frozenset({Verdict.NO_THREAT, Verdict.SUSPICIOUS})
_CANONICAL = {
    **{verdict.name: verdict.name for verdict in Verdict},
    UNKNOWN: UNKNOWN,
    "INFORMATIONAL": Verdict.NO_THREAT.name,
    # What the sandbox shows since version 2.5.
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
    """Read the verdict of an IOC from the first of three fields that holds a known one.

    Args:
        value: the field `verdict`, a name in any case, with spaces, `-` or `_` in it.
        threat_level: the field `threatLevel`; anything but a number from -1 to 1 is ignored.
        label: the field `verdictLabel`, a name as above.

    Returns:
        The verdict; None where there is none to store: missing, empty or UNKNOWN.

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


def read_parent_verdict(value: object, threat_level: object = None, label: object = None) -> str:
    """Read the verdict of a report: its canonical name, `UNKNOWN`, or "" for anything else.

    It is a soft field: it decorates an answer and decides nothing. The arguments are those of
    `read_verdict`.
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
    """The verdict of the highest level of the sandbox that is not above `level`."""
    # NaN is in no range, so it is ignored, too.
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
