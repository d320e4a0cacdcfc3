"""Answers kept in memory, so that nothing is asked twice in a short time."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from shared.client.answers import Answer
from shared.domain.indicator import Indicator


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
        self._max_entries = max_entries
        self._known_s = known_s
        self._unknown_s = unknown_s
        self._clock = clock
        self._entries: OrderedDict[Indicator, tuple[float, Answer]] = OrderedDict()
        self._lock = Lock()

    def get(self, indicator: Indicator) -> Answer | None:
        """The answer that is kept, None if there is none or its time is over."""
        with self._lock:
            ends, answer = self._entries.get(indicator, (0.0, None))
            if answer is None:
                return None
            if ends <= self._clock():
                del self._entries[indicator]
                return None
            self._entries.move_to_end(indicator)
            return answer

    def put(self, answer: Answer) -> None:
        """Keep an answer, if it is complete."""
        if not answer.complete:
            return
        ends = self._clock() + (self._known_s if answer.known else self._unknown_s)
        with self._lock:
            self._entries[answer.indicator] = ends, answer
            self._entries.move_to_end(answer.indicator)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
