"""The score of an indicator by type, verdict, age and evidence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.indicator_types import IndicatorType
from shared.domain.score import DEFAULT_HALF_LIVES, LEAST_VALID, Score, score, step_of
from shared.domain.verdict import Verdict

SEEN = 1_767_607_200_000
DAY = 86_400_000
YEAR = 365
AGES = (0, 30, 60, 90, YEAR)
# By type and verdict, the score at each of the ages in days, and the days of validity.
TABLE = {
    (IndicatorType.IP, Verdict.MALICIOUS): ((90, 45, 22, 11, 0), 65),
    (IndicatorType.IP, Verdict.LIKELY_MALICIOUS): ((75, 37, 18, 9, 0), 57),
    (IndicatorType.IP, Verdict.SUSPICIOUS): ((50, 25, 12, 6, 0), 39),
    (IndicatorType.URL, Verdict.MALICIOUS): ((90, 63, 45, 31, 1), 130),
    (IndicatorType.URL, Verdict.LIKELY_MALICIOUS): ((75, 53, 37, 26, 1), 114),
    (IndicatorType.URL, Verdict.SUSPICIOUS): ((50, 35, 25, 17, 0), 79),
    (IndicatorType.DOMAIN, Verdict.MALICIOUS): ((90, 71, 56, 45, 5), 195),
    (IndicatorType.DOMAIN, Verdict.LIKELY_MALICIOUS): ((75, 59, 47, 37, 4), 171),
    (IndicatorType.DOMAIN, Verdict.SUSPICIOUS): ((50, 39, 31, 25, 3), 118),
    (IndicatorType.SHA256, Verdict.MALICIOUS): ((90,) * 5, None),
    (IndicatorType.SHA256, Verdict.LIKELY_MALICIOUS): ((75,) * 5, None),
    (IndicatorType.SHA256, Verdict.SUSPICIOUS): ((50,) * 5, None),
}
DIGESTS = [kind for kind in IndicatorType if kind.info.hash_digits]
AGEING = sorted(set(IndicatorType) - set(DIGESTS))
BAD = [verdict for verdict in Verdict if verdict >= Verdict.SUSPICIOUS]


@pytest.mark.parametrize(("kind", "verdict"), TABLE)
def test_a_score_falls_with_age_by_type_and_verdict(kind: IndicatorType, verdict: Verdict) -> None:
    points, days = TABLE[kind, verdict]
    found = [score(kind, verdict, SEEN, SEEN + age * DAY) for age in AGES]
    assert tuple(one.score for one in found) == points
    until = {one.valid_until for one in found}
    assert {None if one is None else (one - SEEN) // DAY for one in until} == {days}


@pytest.mark.parametrize("kind", IndicatorType)
@pytest.mark.parametrize("verdict", [Verdict.NO_THREAT, Verdict.BENIGN])
def test_what_is_not_bad_scores_nothing(kind: IndicatorType, verdict: Verdict) -> None:
    assert score(kind, verdict, SEEN, SEEN) == Score(0, None)


@pytest.mark.parametrize("kind", DIGESTS)
def test_a_digest_does_not_age(kind: IndicatorType) -> None:
    assert score(kind, Verdict.MALICIOUS, 0, SEEN) == Score(90, None)


@given(
    st.sampled_from(AGEING),
    st.sampled_from(BAD),
    st.lists(
        st.builds(Evidence, st.sampled_from(EvidenceSource), st.sampled_from(Verdict)), max_size=4
    ),
    st.integers(0, 2**42),
    st.integers(-(10**12), 10**12),
    st.floats(0.01, 10_000),
)
def test_an_indicator_is_valid_until_its_score_is_below_the_least(
    kind: IndicatorType,
    verdict: Verdict,
    evidence: list[Evidence],
    seen: int,
    age: int,
    half_life: float,
) -> None:
    def at(moment: int) -> Score:
        return score(kind, verdict, seen, moment, evidence=evidence, half_lives={kind: half_life})

    found = at(seen + age)
    assert 0 <= found.score <= 100
    assert found.score >= at(seen + age + DAY).score
    until = found.valid_until
    if until is None:
        assert found.score == 100
        return
    assert at(until).score >= LEAST_VALID > at(until + 2).score
    assert (found.score >= LEAST_VALID) == (seen + age <= until) or abs(seen + age - until) < 2


def test_a_date_ahead_of_the_clock_counts_as_now() -> None:
    assert score(IndicatorType.IP, Verdict.MALICIOUS, SEEN + DAY, SEEN).score == 90


def evidence_of(
    *sources: EvidenceSource, verdict: Verdict = Verdict.MALICIOUS, echo: bool = False
) -> list[Evidence]:
    return [Evidence(one, verdict, echo=echo) for one in sources]


FILE, YARA, SIGNAL = EvidenceSource.FILE, EvidenceSource.YARA, EvidenceSource.SIGNAL


@pytest.mark.parametrize(
    ("verdict", "evidence", "points"),
    [
        (Verdict.MALICIOUS, evidence_of(YARA), 95),
        (Verdict.MALICIOUS, evidence_of(YARA, YARA), 95),
        (Verdict.MALICIOUS, evidence_of(YARA, SIGNAL), 99),
        (Verdict.MALICIOUS, evidence_of(YARA, SIGNAL, FILE), 99),
        (Verdict.LIKELY_MALICIOUS, evidence_of(YARA, SIGNAL), 85),
        (Verdict.SUSPICIOUS, evidence_of(FILE), 55),
        # None of these has analysed the file.
        (Verdict.MALICIOUS, evidence_of(EvidenceSource.OSINT, EvidenceSource.EARLIER_REPORT), 90),
        (Verdict.MALICIOUS, evidence_of(YARA, echo=True), 90),
        (Verdict.MALICIOUS, evidence_of(YARA, verdict=Verdict.SUSPICIOUS), 90),
        (Verdict.BENIGN, evidence_of(FILE, YARA), 0),
    ],
)
def test_evidence_raises_a_score(verdict: Verdict, evidence: list[Evidence], points: int) -> None:
    assert score(IndicatorType.IP, verdict, SEEN, SEEN, evidence=evidence).score == points


def test_the_verdict_of_an_analyst_does_not_age() -> None:
    evidence = evidence_of(EvidenceSource.ANALYST)
    found = score(IndicatorType.IP, Verdict.MALICIOUS, 0, SEEN, evidence=evidence)
    assert found == Score(100, None)


STEPS_AT = {0: 0, 24: 0, 25: 25, 49: 25, 50: 50, 74: 50, 75: 75, 100: 75}


@pytest.mark.parametrize(("points", "step"), STEPS_AT.items())
def test_a_step_is_reached_and_not_passed(points: int, step: int) -> None:
    assert step_of(points) == step


def test_every_type_that_ages_has_a_half_life() -> None:
    assert set(DEFAULT_HALF_LIVES) == set(AGEING)
