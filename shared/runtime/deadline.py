"""The remaining time of a piece of work."""

import math
import time
from collections.abc import Callable


class Deadline:
    """Counts down the seconds for a piece of work.

    Args:
        seconds: time limit of the work, from now on.
        clock: returns monotonic seconds.
        within: returns the seconds left for the work that this is a part of.
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
        """Start again with the full time."""
        self._ends = self._clock() + self._seconds

    def left(self) -> float:
        """Return the seconds left; 0 or less if the time is over."""
        return min(self._within(), self._ends - self._clock())
