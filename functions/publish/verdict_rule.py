"""The verdict of one IOC, from everything that is known of it. Pure; docs/verdicts.md tells why.

Three kinds of evidence, the nearest first; the first kind that there is decides alone:

1. what the report itself says of the IOC: the worst of it;
2. what earlier reports said of it in this way: the newest of them;
3. what others say, OSINT providers and reputation services, by the rule that
   `shared.domain.verdict.overall_verdict` has for many voices: trust beats weak evidence, else
   the worst counts.

Without any evidence there is no verdict.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.verdict import Verdict, overall_verdict


class EvidenceSource(StrEnum):
    """Where a finding comes from."""

    IOC = "ioc"
    INPUT_FILE = "input_file"
    EXTRACTED_FILE = "extracted_file"
    EARLIER_REPORT = "earlier_report"
    OSINT = "osint"
    REPUTATION = "reputation"


_OF_THE_REPORT = frozenset(
    {EvidenceSource.IOC, EvidenceSource.INPUT_FILE, EvidenceSource.EXTRACTED_FILE}
)
_OF_OTHERS = frozenset({EvidenceSource.OSINT, EvidenceSource.REPUTATION})


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """Somebody says something about an IOC.

    Attributes:
        seen_at: when, milliseconds since the epoch; 0 where it does not matter.
        verdict: what.
        source: in what capacity.
        detail: who: a provider, or the scan that was the report's; "" for the report itself.
    """

    seen_at: int
    verdict: Verdict
    source: EvidenceSource
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict of an IOC, and what led to it.

    Attributes:
        verdict: None where there is no evidence.
        deciding: the findings that say so.
        others: the findings that were outweighed.
    """

    verdict: Verdict | None
    deciding: Sequence[Evidence]
    others: Sequence[Evidence]


def decide(findings: Iterable[Evidence]) -> Decision:
    """Apply the rule above; neither order nor repetition of the findings matters.

    Example:
        >>> external = Evidence(0, Verdict.SUSPICIOUS, EvidenceSource.OSINT, "a list")
        >>> trusted = Evidence(0, Verdict.BENIGN, EvidenceSource.REPUTATION, "an allowlist")
        >>> decide([external, trusted]).verdict.name
        'BENIGN'
    """
    known = sorted(set(findings), reverse=True)
    speaking = _speaking(known)
    verdict = _verdict(speaking)
    deciding = [finding for finding in speaking if finding.verdict is verdict]
    decided = frozenset(deciding)
    return Decision(verdict, deciding, [one for one in known if one not in decided])


def of_the_report(findings: Iterable[Evidence]) -> Verdict | None:
    """What a report says of an IOC by itself: the part that later reports may refer to.

    Nothing else is handed on: external evidence that came back as an earlier report would confirm
    itself.
    """
    return _worst([one for one in findings if one.source in _OF_THE_REPORT])


def _verdict(speaking: Collection[Evidence]) -> Verdict | None:
    if all(one.source in _OF_OTHERS for one in speaking):
        return overall_verdict(one.verdict for one in speaking)
    return _worst(speaking)


def _speaking(known: Collection[Evidence]) -> list[Evidence]:
    """The findings of the nearest kind; of earlier reports the newest."""
    if own := [one for one in known if one.source in _OF_THE_REPORT]:
        return own
    if earlier := [one for one in known if one.source is EvidenceSource.EARLIER_REPORT]:
        return [max(earlier)]
    return [one for one in known if one.source in _OF_OTHERS]


def _worst(findings: Collection[Evidence]) -> Verdict | None:
    return max((one.verdict for one in findings), default=None)
