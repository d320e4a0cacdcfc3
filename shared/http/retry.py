"""Retries of HTTP requests within a time limit, for clients of feeds and APIs."""

from collections.abc import Callable
from typing import Any, Self

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})


class BoundedRetry(Retry):
    """urllib3's `Retry` with a time limit for Retry-After and backoff.

    Args:
        remaining: returns the seconds that are left.
        too_late: makes the error for an answer whose Retry-After exceeds them.
    """

    def __init__(
        self,
        *args: Any,
        remaining: Callable[[], float],
        too_late: Callable[[BaseHTTPResponse], Exception],
        **options: Any,
    ) -> None:
        self._remaining = remaining
        self._too_late = too_late
        super().__init__(*args, **options)

    def new(self, **options: Any) -> Self:
        """The retries after this one, with the same time limit."""
        return super().new(remaining=self._remaining, too_late=self._too_late, **options)

    def parse_retry_after(self, retry_after: str) -> float:
        """Seconds to wait; 0 if the value is not valid."""
        try:
            return super().parse_retry_after(retry_after)
        except (InvalidHeader, ValueError, OverflowError):
            return 0.0

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds to wait by the Retry-After of an answer; raises the error of `too_late`."""
        seconds = super().get_retry_after(response)
        if seconds is not None and seconds > self._remaining():
            raise self._too_late(response)
        return seconds

    def get_backoff_time(self) -> float:
        """Seconds of backoff, at most the time that is left."""
        return min(super().get_backoff_time(), max(self._remaining(), 0.0))
