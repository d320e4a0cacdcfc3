"""Decides the verdict of one IOC from all its evidence. Pure; docs/verdicts.md explains the rule.

Evidence has ranks, the highest first. The highest rank with evidence decides alone:

1. the report itself: what it states for the IOC, and the verdict of the analysed file; the worst
   counts. Where the report states nothing for the IOC, its YARA rules and signals count as well;
2. an override by an analyst, which stands in for earlier reports;
3. earlier reports, from their own evidence: the newest verdict;
4. external evidence, from OSINT providers and reputation services, by
   `shared.domain.verdict.overall_verdict`: trust beats weak evidence, else the worst counts.

An echo, which only repeats an answer of this service, has no rank and never decides. Without other
evidence the verdict is None.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from functions.publish.history import PastVerdict
from shared.domain.evidence import (
    MAX_EVIDENCE_TEXT_BYTES,
    Evidence,
    EvidenceSource,
    deciding_first,
)
from shared.domain.file_facts import cut
from shared.domain.harmless import is_bad
from shared.domain.verdict import Verdict, overall_verdict

_REPORT_SOURCES = frozenset(
    {EvidenceSource.REPORT, EvidenceSource.FILE, EvidenceSource.YARA, EvidenceSource.SIGNAL}
)
_STATED_SOURCES = frozenset({EvidenceSource.REPORT, EvidenceSource.FILE})
_EXTERNAL_SOURCES = frozenset({EvidenceSource.OSINT, EvidenceSource.REPUTATION})


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict of an IOC and its evidence.

    Attributes:
        verdict: None without evidence.
        evidence: all of it, each piece marked with whether it decides, in the order of
            `shared.domain.evidence.deciding_first`.
    """

    verdict: Verdict | None
    evidence: Sequence[Evidence]


def decide(evidence: Iterable[Evidence], earlier: Iterable[PastVerdict] = ()) -> Decision:
    """Apply the rule above; order and repetition of the evidence have no effect.

    Args:
        evidence: from the report and from external sources.
        earlier: verdicts of other scans, from their own evidence.

    Example:
        >>> weak = Evidence(EvidenceSource.OSINT, Verdict.SUSPICIOUS, "a list")
        >>> trusted = Evidence(EvidenceSource.REPUTATION, Verdict.BENIGN, "an allowlist")
        >>> decide([weak, trusted]).verdict.name
        'BENIGN'
    """
    # Only the rule decides what decides.
    known = {one._replace(decides=False) for one in evidence}
    past = sorted(set(earlier), reverse=True)
    known |= {_of_earlier_report(one) for one in past}
    heard = [one for one in known if not one.echo]
    rank = [one for one in heard if one.source in _REPORT_SOURCES]
    verdict = report_verdict(rank)
    analysts = [one for one in heard if one.source is EvidenceSource.ANALYST]
    if not rank and analysts:
        rank, verdict = analysts, _worst(analysts)
    elif not rank and past:
        rank, verdict = [_of_earlier_report(past[0])], past[0].verdict
    elif not rank:
        rank = [one for one in heard if one.source in _EXTERNAL_SOURCES]
        verdict = overall_verdict(one.verdict for one in rank)
    deciding = {one for one in rank if one.verdict is verdict}
    return Decision(verdict, deciding_first(one._replace(decides=one in deciding) for one in known))


def overrule(decision: Decision, rule: str) -> Decision:
    """Replace a bad verdict by BENIGN if a rule for harmless values holds; the evidence stays.

    Args:
        rule: from `shared.domain.harmless`; "" for none.
    """
    if not (rule and is_bad(decision.verdict)):
        return decision
    name = cut(rule, MAX_EVIDENCE_TEXT_BYTES)
    overruling = Evidence(EvidenceSource.RULE, Verdict.BENIGN, name, decides=True)
    others = [one._replace(decides=False) for one in decision.evidence]
    return Decision(Verdict.BENIGN, deciding_first([overruling, *others]))


def report_verdict(evidence: Iterable[Evidence]) -> Verdict | None:
    """The verdict of a report from its own evidence; later reports may use it as evidence.

    External evidence and echoes are excluded: returning as an earlier report, they would confirm
    themselves.
    """
    own = [one for one in evidence if one.source in _REPORT_SOURCES and not one.echo]
    if any(one.source is EvidenceSource.REPORT for one in own):
        own = [one for one in own if one.source in _STATED_SOURCES]
    return _worst(own)


def _of_earlier_report(past: PastVerdict) -> Evidence:
    return Evidence(EvidenceSource.EARLIER_REPORT, past.verdict, flow_id=past.flow_id)


def _worst(evidence: Collection[Evidence]) -> Verdict | None:
    return max((one.verdict for one in evidence), default=None)
