"""Answers kept in memory, so that nothing is asked twice in a short time."""

import time
from collections.abc import Callable

from shared.client.answers import Answer
from shared.domain.indicator import Indicator
from shared.runtime.ttl_cache import TtlCache


class AnswerCache:
    """Answers of one API, safe for threads; the ones used least lately go first.

    Only complete answers are kept: where a provider failed, the next look-up may know more.

    Args:
        max_entries: how many answers are kept.
        known_s: seconds to keep an answer that knows the indicator.
        unknown_s: seconds to keep one that does not; shorter, because it is what changes.
        clock: seconds, never going back.
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
        """The stored answer, None if there is none or its time is over."""
        return self._answers.get(indicator)

    def put(self, answer: Answer) -> None:
        """Store an answer, if it is complete."""
        if answer.complete:
            ends = self._clock() + (self._known_s if answer.known else self._unknown_s)
            self._answers.put(answer.indicator, answer, ends)
