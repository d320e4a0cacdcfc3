"""In-memory cache of answers, which saves repeated requests."""

import time
from collections.abc import Callable

from shared.client.answers import Answer
from shared.domain.indicator import Indicator
from shared.runtime.ttl_cache import TtlCache


class AnswerCache:
    """Least-recently-used cache for answers of one API. Safe for threads.

    It stores complete answers only: if a provider failed, the next look-up may find more.

    Args:
        max_entries: maximum number of answers.
        known_s: seconds to cache an answer about a known indicator.
        unknown_s: seconds to cache an answer about an unknown one; shorter, because it may become
            known.
        clock: returns seconds that never go back.
    """

    def __init__(
        self,
        *,
        max_entries: int = 10_000,
        known_s: float = 3600.0,
        unknown_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known_s = known_s
        self._unknown_s = unknown_s
        self._clock = clock
        self._answers = TtlCache[Indicator, Answer](max_entries, clock)

    def get(self, indicator: Indicator) -> Answer | None:
        """Return the cached answer, None if there is none or it has expired."""
        return self._answers.get(indicator)

    def put(self, answer: Answer) -> None:
        """Cache an answer if it is complete."""
        if answer.complete:
            ends = self._clock() + (self._known_s if answer.known else self._unknown_s)
            self._answers.put(answer.indicator, answer, ends)
