"""Decides the verdict of one IOC from all its evidence. Pure; docs/verdicts.md explains the rule.

There are three ranks of evidence, the highest first. The highest rank with evidence decides alone:

1. the report itself: the worst verdict;
2. earlier reports, from their own evidence: the newest verdict;
3. external evidence, from OSINT providers and reputation services, by
   `shared.domain.verdict.overall_verdict`: trust beats weak evidence, else the worst counts.

Without evidence the verdict is None.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.harmless import is_bad
from shared.domain.verdict import Verdict, overall_verdict


class EvidenceSource(StrEnum):
    """Kind of source of a piece of evidence."""

    IOC = "ioc"
    INPUT_FILE = "input_file"
    EXTRACTED_FILE = "extracted_file"
    EARLIER_REPORT = "earlier_report"
    OSINT = "osint"
    REPUTATION = "reputation"
    RULE = "rule"


_REPORT_SOURCES = frozenset(
    {EvidenceSource.IOC, EvidenceSource.INPUT_FILE, EvidenceSource.EXTRACTED_FILE}
)
_EXTERNAL_SOURCES = frozenset({EvidenceSource.OSINT, EvidenceSource.REPUTATION})


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """One statement about an IOC that a verdict can rest on.

    Attributes:
        seen_at: date, milliseconds since the epoch; 0 for external evidence.
        detail: name of the provider, or flow_id of the earlier report; "" for the report itself.
    """

    seen_at: int
    verdict: Verdict
    source: EvidenceSource
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict of an IOC and its evidence.

    Attributes:
        verdict: None without evidence.
        deciding: the evidence that led to the verdict.
        others: the other evidence.
    """

    verdict: Verdict | None
    deciding: Sequence[Evidence]
    others: Sequence[Evidence]


def decide(evidence: Iterable[Evidence]) -> Decision:
    """Apply the rule above; order and repetition of the evidence have no effect.

    Example:
        >>> external = Evidence(0, Verdict.SUSPICIOUS, EvidenceSource.OSINT, "a list")
        >>> trusted = Evidence(0, Verdict.BENIGN, EvidenceSource.REPUTATION, "an allowlist")
        >>> decide([external, trusted]).verdict.name
        'BENIGN'
    """
    known = sorted(set(evidence), reverse=True)
    highest = _highest_rank(known)
    verdict = _verdict(highest)
    deciding = [one for one in highest if one.verdict is verdict]
    decided = frozenset(deciding)
    return Decision(verdict, deciding, [one for one in known if one not in decided])


def overrule(decision: Decision, rule: str) -> Decision:
    """Replace a bad verdict by BENIGN if a rule for harmless values holds; the evidence stays.

    Args:
        rule: from `shared.domain.harmless`; "" for none.
    """
    if not (rule and is_bad(decision.verdict)):
        return decision
    overruling = Evidence(0, Verdict.BENIGN, EvidenceSource.RULE, rule)
    return Decision(Verdict.BENIGN, [overruling], [*decision.deciding, *decision.others])


def report_verdict(evidence: Iterable[Evidence]) -> Verdict | None:
    """The verdict of a report from its own evidence; later reports may use it as evidence.

    External evidence is excluded: returning as an earlier report, it would confirm itself.
    """
    return _worst([one for one in evidence if one.source in _REPORT_SOURCES])


def _verdict(highest: Collection[Evidence]) -> Verdict | None:
    if all(one.source in _EXTERNAL_SOURCES for one in highest):
        return overall_verdict(one.verdict for one in highest)
    return _worst(highest)


def _highest_rank(known: Collection[Evidence]) -> list[Evidence]:
    """The evidence of the highest rank; of earlier reports only the newest."""
    if own := [one for one in known if one.source in _REPORT_SOURCES]:
        return own
    if earlier := [one for one in known if one.source is EvidenceSource.EARLIER_REPORT]:
        return [max(earlier)]
    return [one for one in known if one.source in _EXTERNAL_SOURCES]


def _worst(evidence: Collection[Evidence]) -> Verdict | None:
    return max((one.verdict for one in evidence), default=None)
