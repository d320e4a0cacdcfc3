"""One verdict from all evidence: cases by hand, and the laws behind them."""

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.publish.history import PastVerdict
from functions.publish.verdict_rule import decide, overrule, report_verdict
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.verdict import Verdict

BENIGN, NO_THREAT, SUSPICIOUS, LIKELY, MALICIOUS = Verdict
REPORT, FILE = EvidenceSource.REPORT, EvidenceSource.FILE
YARA, SIGNAL = EvidenceSource.YARA, EvidenceSource.SIGNAL
EARLIER = EvidenceSource.EARLIER_REPORT
OSINT, REPUTATION = EvidenceSource.OSINT, EvidenceSource.REPUTATION
OWN = {REPORT, FILE, YARA, SIGNAL}
EXTERNAL = {OSINT, REPUTATION}


def past(verdict: Verdict, seen_at: int = 1, flow_id: str = "flow") -> PastVerdict:
    return PastVerdict(seen_at, verdict, flow_id, "r1")


Case = tuple[EvidenceSource, Verdict]


@pytest.mark.parametrize(
    ("stated", "earlier", "verdict"),
    [
        ([], [], None),
        # The worst verdict of the report.
        ([(REPORT, NO_THREAT)], [], NO_THREAT),
        ([(REPORT, NO_THREAT), (FILE, LIKELY)], [], LIKELY),
        ([(REPORT, BENIGN), (FILE, SUSPICIOUS)], [], SUSPICIOUS),
        # Rules and signals count where the report states nothing.
        ([(REPORT, NO_THREAT), (YARA, MALICIOUS), (SIGNAL, SUSPICIOUS)], [], NO_THREAT),
        ([(FILE, NO_THREAT), (YARA, MALICIOUS)], [], MALICIOUS),
        ([(YARA, LIKELY), (SIGNAL, SUSPICIOUS)], [], LIKELY),
        # The report decides alone.
        ([(REPORT, NO_THREAT), (OSINT, MALICIOUS)], [past(MALICIOUS)], NO_THREAT),
        ([(REPORT, BENIGN), (REPUTATION, MALICIOUS)], [], BENIGN),
        ([(FILE, MALICIOUS), (REPUTATION, BENIGN)], [], MALICIOUS),
        ([(SIGNAL, SUSPICIOUS)], [past(MALICIOUS)], SUSPICIOUS),
        # Then earlier reports: the newest of them, of two at once the worse.
        ([], [past(MALICIOUS, 1), past(NO_THREAT, 2)], NO_THREAT),
        ([], [past(NO_THREAT, 1), past(MALICIOUS, 2)], MALICIOUS),
        ([], [past(SUSPICIOUS, 2), past(LIKELY, 2)], LIKELY),
        ([(OSINT, MALICIOUS), (REPUTATION, MALICIOUS)], [past(BENIGN)], BENIGN),
        ([(REPUTATION, BENIGN)], [past(SUSPICIOUS)], SUSPICIOUS),
        # Then external evidence: the worst, unless weak evidence meets trust.
        ([(OSINT, NO_THREAT), (REPUTATION, SUSPICIOUS)], [], SUSPICIOUS),
        ([(OSINT, SUSPICIOUS), (REPUTATION, BENIGN)], [], BENIGN),
        ([(OSINT, BENIGN), (REPUTATION, NO_THREAT)], [], BENIGN),
        ([(OSINT, LIKELY), (REPUTATION, BENIGN)], [], LIKELY),
        ([(OSINT, MALICIOUS), (OSINT, BENIGN), (REPUTATION, SUSPICIOUS)], [], MALICIOUS),
    ],
)
def test_the_verdict(
    stated: list[Case], earlier: list[PastVerdict], verdict: Verdict | None
) -> None:
    assert decide([Evidence(*one) for one in stated], earlier).verdict is verdict


def test_evidence_that_decides_is_marked_and_comes_first() -> None:
    worst, same = Evidence(REPORT, LIKELY), Evidence(FILE, LIKELY)
    rule, less = Evidence(YARA, LIKELY, "a rule"), Evidence(REPORT, SUSPICIOUS)
    external = Evidence(OSINT, LIKELY, "a list")
    decision = decide([less, external, rule, same, worst])
    assert {one._replace(decides=False) for one in decision.evidence if one.decides} == {
        worst,
        same,
        rule,
    }
    assert [one.decides for one in decision.evidence] == [True, True, True, False, False]


def test_only_the_newest_earlier_report_decides() -> None:
    newest, older = past(SUSPICIOUS, 2, "b"), past(SUSPICIOUS, 1, "a")
    decision = decide([], [older, newest])
    assert [(one.flow_id, one.decides) for one in decision.evidence] == [("b", True), ("a", False)]


def test_a_rule_overrules_a_bad_verdict_and_the_evidence_stays() -> None:
    bad = decide([Evidence(REPORT, MALICIOUS), Evidence(OSINT, SUSPICIOUS)])
    overruled = overrule(bad, "a rule")
    assert overruled.verdict is BENIGN
    first, *rest = overruled.evidence
    assert first == Evidence(EvidenceSource.RULE, BENIGN, "a rule", decides=True)
    assert rest == [one._replace(decides=False) for one in bad.evidence]
    assert overrule(bad, "") == bad
    mild = decide([Evidence(REPORT, NO_THREAT)])
    assert overrule(mild, "a rule") == mild
    assert overrule(decide([]), "a rule") == decide([])


@pytest.mark.parametrize("source", EvidenceSource)
def test_only_evidence_of_the_report_itself_is_handed_on(source: EvidenceSource) -> None:
    stated = [Evidence(source, MALICIOUS), Evidence(source, NO_THREAT)]
    assert report_verdict(stated) is (MALICIOUS if source in OWN else None)


def test_decides_quickly_on_much_evidence() -> None:
    """In the square of their number this would take minutes."""
    evidence = [Evidence(OSINT, MALICIOUS, str(n)) for n in range(20_000)]
    assert all(one.decides for one in decide(evidence).evidence)


EVIDENCE = st.lists(
    st.builds(
        Evidence,
        st.sampled_from(sorted(OWN | EXTERNAL)),
        st.sampled_from(Verdict),
        st.sampled_from(["", "a", "b"]),
        decides=st.booleans(),
        echo=st.booleans(),
    ),
    max_size=8,
)
PAST = st.lists(st.builds(past, st.sampled_from(Verdict), st.integers(0, 3)), max_size=4)


@given(EVIDENCE, PAST, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(
    evidence: list[Evidence], earlier: list[PastVerdict], random: Random
) -> None:
    again = [*evidence, *(random.choices(evidence, k=3) if evidence else [])]
    random.shuffle(again)
    assert decide(again, earlier[::-1]) == decide(evidence, earlier)


@given(EVIDENCE, EVIDENCE, PAST)
def test_a_lower_rank_never_changes_what_a_higher_one_decides(
    higher: list[Evidence], lower: list[Evidence], earlier: list[PastVerdict]
) -> None:
    external = [one for one in lower if one.source in EXTERNAL]
    own = [one for one in higher if one.source in OWN]
    if any(not one.echo for one in own):
        assert decide([*own, *external], earlier).verdict is decide(own).verdict
    if earlier:
        assert decide(external, earlier).verdict is decide([], earlier).verdict


@given(EVIDENCE, PAST)
def test_an_echo_changes_no_verdict_and_stays_visible(
    evidence: list[Evidence], earlier: list[PastVerdict]
) -> None:
    heard = [one for one in evidence if not one.echo]
    decision = decide(evidence, earlier)
    assert decision.verdict is decide(heard, earlier).verdict
    assert report_verdict(evidence) is report_verdict(heard)
    echoes = {one._replace(decides=False) for one in evidence if one.echo}
    assert {one for one in decision.evidence if one.echo} == echoes


@given(EVIDENCE, PAST)
def test_every_piece_of_evidence_is_shown_once_and_the_verdict_rests_on_some(
    evidence: list[Evidence], earlier: list[PastVerdict]
) -> None:
    decision = decide(evidence, earlier)
    shown = [one._replace(decides=False) for one in decision.evidence]
    assert len(shown) == len(set(shown))
    assert {one for one in shown if one.source is not EARLIER} == {
        one._replace(decides=False) for one in evidence
    }
    heard = bool(earlier) or any(not one.echo for one in evidence)
    assert (decision.verdict is not None) == heard
    deciding = [one for one in decision.evidence if one.decides]
    assert {one.verdict for one in deciding} == ({decision.verdict} if heard else set())


@pytest.mark.parametrize(
    ("weak", "trusted"), list(itertools.product(sorted(EXTERNAL), sorted(EXTERNAL)))
)
def test_trust_beats_weak_external_evidence_and_not_strong(
    weak: EvidenceSource, trusted: EvidenceSource
) -> None:
    trust = Evidence(trusted, BENIGN, "an allowlist")
    for verdict in Verdict:
        found = decide([Evidence(weak, verdict, "a list"), trust]).verdict
        assert found is (verdict if verdict >= LIKELY else BENIGN)
