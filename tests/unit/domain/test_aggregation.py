"""One verdict from many findings: cases by hand, and the laws behind them."""

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.publish.verdict_rule import (
    Evidence,
    EvidenceSource,
    decide,
    overrule,
    report_verdict,
)
from shared.domain.verdict import Verdict

BENIGN, NO_THREAT, SUSPICIOUS, LIKELY, MALICIOUS = Verdict
IOC, INPUT, EXTRACTED, EARLIER, OSINT, REPUTATION, RULE = EvidenceSource
OWN = {IOC, INPUT, EXTRACTED}
OTHERS = {OSINT, REPUTATION}


def finding(
    source: EvidenceSource, verdict: Verdict, seen_at: int = 0, detail: str = ""
) -> Evidence:
    return Evidence(seen_at, verdict, source, detail)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([], None),
        # The worst verdict of the report.
        ([(IOC, NO_THREAT)], NO_THREAT),
        ([(IOC, NO_THREAT), (EXTRACTED, LIKELY)], LIKELY),
        ([(IOC, MALICIOUS), (INPUT, SUSPICIOUS)], MALICIOUS),
        ([(IOC, BENIGN), (INPUT, SUSPICIOUS)], SUSPICIOUS),
        # It decides alone.
        ([(IOC, NO_THREAT), (EARLIER, MALICIOUS, 9), (OSINT, MALICIOUS)], NO_THREAT),
        ([(IOC, BENIGN), (REPUTATION, MALICIOUS)], BENIGN),
        ([(EXTRACTED, MALICIOUS), (REPUTATION, BENIGN)], MALICIOUS),
        # Then earlier reports: the newest of them, of two at once the worse.
        ([(EARLIER, MALICIOUS, 1), (EARLIER, NO_THREAT, 2)], NO_THREAT),
        ([(EARLIER, NO_THREAT, 1), (EARLIER, MALICIOUS, 2)], MALICIOUS),
        ([(EARLIER, SUSPICIOUS, 2), (EARLIER, LIKELY, 2)], LIKELY),
        ([(EARLIER, BENIGN, 1), (OSINT, MALICIOUS), (REPUTATION, MALICIOUS)], BENIGN),
        ([(EARLIER, SUSPICIOUS, 1), (REPUTATION, BENIGN)], SUSPICIOUS),
        # Then others: the worst, unless weak evidence meets trust.
        ([(OSINT, NO_THREAT), (REPUTATION, SUSPICIOUS)], SUSPICIOUS),
        ([(OSINT, SUSPICIOUS), (REPUTATION, BENIGN)], BENIGN),
        ([(OSINT, BENIGN), (REPUTATION, NO_THREAT)], BENIGN),
        ([(OSINT, LIKELY), (REPUTATION, BENIGN)], LIKELY),
        ([(OSINT, MALICIOUS), (OSINT, BENIGN), (REPUTATION, SUSPICIOUS)], MALICIOUS),
    ],
)
def test_the_verdict(
    findings: list[tuple[EvidenceSource, Verdict] | tuple[EvidenceSource, Verdict, int]],
    verdict: Verdict | None,
) -> None:
    assert decide(finding(*one) for one in findings).verdict is verdict


def test_the_findings_behind_a_verdict_are_told_from_the_others() -> None:
    worst = finding(IOC, LIKELY)
    same = finding(EXTRACTED, LIKELY)
    less = finding(INPUT, SUSPICIOUS)
    external = finding(OSINT, LIKELY, detail="a list")
    decision = decide([less, external, same, worst])
    assert set(decision.deciding) == {worst, same}
    assert set(decision.others) == {less, external}


def test_of_earlier_reports_the_newest_alone_decides() -> None:
    newest = finding(EARLIER, SUSPICIOUS, 2, "b")
    older = finding(EARLIER, SUSPICIOUS, 1, "a")
    decision = decide([older, newest])
    assert (decision.deciding, decision.others) == ([newest], [older])


def test_a_rule_overrules_a_bad_verdict_and_the_evidence_stays() -> None:
    bad = decide([finding(IOC, MALICIOUS), finding(OSINT, SUSPICIOUS)])
    overruled = overrule(bad, "a rule")
    assert overruled.verdict is BENIGN
    assert overruled.deciding == [finding(RULE, BENIGN, detail="a rule")]
    assert overruled.others == [*bad.deciding, *bad.others]
    assert overrule(bad, "") == bad
    mild = decide([finding(IOC, NO_THREAT)])
    assert overrule(mild, "a rule") == mild
    assert overrule(decide([]), "a rule") == decide([])


@pytest.mark.parametrize("source", EvidenceSource)
def test_only_what_the_report_says_is_handed_on_to_later_ones(source: EvidenceSource) -> None:
    said = [finding(source, MALICIOUS), finding(source, NO_THREAT)]
    assert report_verdict(said) is (MALICIOUS if source in OWN else None)


def test_many_findings_are_weighed_in_no_time() -> None:
    """In the square of their number this would take minutes."""
    findings = [finding(OSINT, MALICIOUS, detail=str(n)) for n in range(100_000)]
    decision = decide(findings)
    assert (len(decision.deciding), decision.others) == (len(findings), [])


FINDINGS = st.lists(
    st.builds(
        Evidence,
        st.integers(0, 3),
        st.sampled_from(Verdict),
        # A rule is applied after the evidence is weighed.
        st.sampled_from([one for one in EvidenceSource if one is not RULE]),
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=8,
)


@given(FINDINGS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(findings: list[Evidence], random: Random) -> None:
    again = [*findings, *(random.choices(findings, k=3) if findings else [])]
    random.shuffle(again)
    assert decide(again) == decide(findings)


@given(FINDINGS, FINDINGS)
def test_a_farther_kind_never_changes_what_a_nearer_one_decides(
    nearer: list[Evidence], farther: list[Evidence]
) -> None:
    ranks = [OWN, {EARLIER}, OTHERS]
    for at, rank in enumerate(ranks):
        decisive = [one for one in nearer if one.source in rank]
        beyond = [one for one in farther if one.source in set().union(*ranks[at + 1 :])]
        if decisive:
            assert decide(decisive + beyond).verdict is decide(decisive).verdict


@given(FINDINGS)
def test_without_findings_and_only_then_there_is_no_verdict(findings: list[Evidence]) -> None:
    assert (decide(findings).verdict is None) == (not findings)


@given(FINDINGS)
def test_every_finding_is_told_once_and_each_that_decides_says_the_verdict(
    findings: list[Evidence],
) -> None:
    decision = decide(findings)
    told = [*decision.deciding, *decision.others]
    assert sorted(told) == sorted(set(findings))
    assert {one.verdict for one in decision.deciding} <= {decision.verdict}
    assert bool(decision.deciding) == bool(findings)


@pytest.mark.parametrize(
    ("weak", "trusted"), list(itertools.product(sorted(OTHERS), sorted(OTHERS)))
)
def test_trust_beats_weak_evidence_of_others_and_not_strong(
    weak: EvidenceSource, trusted: EvidenceSource
) -> None:
    trust = finding(trusted, BENIGN, detail="an allowlist")
    for verdict in Verdict:
        found = decide([finding(weak, verdict, detail="a list"), trust]).verdict
        assert found is (verdict if verdict >= LIKELY else BENIGN)
