"""How much a verdict still counts: a score that falls with age, and the end of validity. Pure.

docs/score.md has the formula and its reasons. Nothing is written when time passes: both follow
from what is stored, at the moment of reading.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.indicator_types import IndicatorType
from shared.domain.verdict import Verdict

# Choices for the least score of an exported indicator.
STEPS: Final = (25, 50, 75)
# The score at which an indicator is no longer valid.
LEAST_VALID: Final = 20

_DAY_MS: Final = 86_400_000
# A digest names the same file for ever, so its verdict does not age.
DEFAULT_HALF_LIVES: Final[Mapping[IndicatorType, float]] = {
    IndicatorType.DOMAIN: 90.0,
    IndicatorType.URL: 60.0,
    IndicatorType.IP: 30.0,
}
_INITIAL: Final = {
    Verdict.MALICIOUS: 90,
    Verdict.LIKELY_MALICIOUS: 75,
    Verdict.SUSPICIOUS: 50,
    Verdict.NO_THREAT: 0,
    Verdict.BENIGN: 0,
}
# Sources of these kinds have analysed the file itself.
_DIRECT: Final = frozenset({EvidenceSource.FILE, EvidenceSource.YARA, EvidenceSource.SIGNAL})
# Each kind of evidence for a verdict that is as bad adds as much, up to the limit.
_MORE_PER_KIND: Final = 5
_MOST_MORE: Final = 10
_OF_ANALYST: Final = 100


class Score(NamedTuple):
    """The score of an indicator at a moment.

    Attributes:
        score: 0 to 100; 0 for a verdict that is not bad.
        valid_until: when the score falls below `LEAST_VALID`, milliseconds since the epoch; None
            if it never does, or if the verdict is not bad.
    """

    score: int
    valid_until: int | None


def score(
    kind: IndicatorType,
    verdict: Verdict,
    last_seen: int,
    now: int,
    *,
    evidence: Iterable[Evidence] = (),
    half_lives: Mapping[IndicatorType, float] = DEFAULT_HALF_LIVES,
) -> Score:
    """Score an indicator by its verdict, the evidence for it, and the time since its last sighting.

    The score is at least `LEAST_VALID` until `valid_until`, and less after it. An analyst's verdict
    does not age.

    Args:
        verdict: the effective verdict, after everything that overrules.
        last_seen: milliseconds since the epoch; later than `now` counts as `now`.
        now: milliseconds since the epoch.
        evidence: for the verdict; echoes and milder verdicts do not count.
        half_lives: days in which a score halves, by type; a type without one does not age.

    Example:
        >>> score(IndicatorType.IP, Verdict.MALICIOUS, 0, 30 * 86_400_000)
        Score(score=45, valid_until=5624424949)
    """
    initial = initial_score(verdict, evidence)
    half_life_ms = half_lives.get(kind, 0.0) * _DAY_MS
    if initial in {0, _OF_ANALYST} or not half_life_ms:
        return Score(initial, None)
    age = max(now - last_seen, 0)
    lasts = half_life_ms * math.log2(initial / LEAST_VALID)
    points = math.floor(initial * 2 ** (-age / half_life_ms))
    return Score(points, last_seen + math.floor(lasts))


class Scorer(NamedTuple):
    """Scores indicators at one moment.

    Attributes:
        now: milliseconds since the epoch.
        half_lives: as `score` takes them.
    """

    now: int
    half_lives: Mapping[IndicatorType, float] = DEFAULT_HALF_LIVES

    def score(
        self,
        kind: IndicatorType,
        verdict: Verdict,
        last_seen: int,
        evidence: Iterable[Evidence] = (),
    ) -> Score:
        """Score an indicator; the arguments are those of `score`."""
        return score(
            kind, verdict, last_seen, self.now, evidence=evidence, half_lives=self.half_lives
        )


def initial_score(verdict: Verdict, evidence: Iterable[Evidence] = ()) -> int:
    """Return the score at the moment of the last sighting."""
    initial = _INITIAL[verdict]
    if not initial:
        return 0
    sources = {one.source for one in evidence if one.verdict >= verdict and not one.echo}
    if EvidenceSource.ANALYST in sources:
        return _OF_ANALYST
    # 100 is an analyst's.
    return min(initial + min(_MORE_PER_KIND * len(sources & _DIRECT), _MOST_MORE), _OF_ANALYST - 1)


def step_of(points: int) -> int:
    """Return the greatest of `STEPS` that a score reaches, 0 for none."""
    return max((step for step in STEPS if points >= step), default=0)
