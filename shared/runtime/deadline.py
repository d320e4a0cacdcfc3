"""How much time is left."""

import math
import time
from collections.abc import Callable


class Deadline:
    """Counts down the seconds for a piece of work.

    Args:
        seconds: how long the work may take from now on.
        clock: seconds, monotonic.
        within: the seconds that are left for the larger work.
    """

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        within: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._within = within
        self.start()

    def start(self) -> None:
        """Begin anew."""
        self._ends = self._clock() + self._seconds

    def left(self) -> float:
        """Seconds that are left, 0 or less if none are."""
        return min(self._within(), self._ends - self._clock())
