"""Retries of HTTP requests that know when their time is up; for clients of feeds and of APIs."""

from collections.abc import Callable
from typing import Any, Self

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})


class BoundedRetry(Retry):
    """urllib3's retries, obeying a Retry-After only as far as the caller's time goes.

    Args:
        remaining: seconds that are left.
        too_late: the error to raise for an answer that asks to wait longer than that.
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
        """The retries after this one; they share its time."""
        return super().new(remaining=self._remaining, too_late=self._too_late, **options)

    def parse_retry_after(self, retry_after: str) -> float:
        """Seconds to wait; 0 for what cannot be read."""
        try:
            return super().parse_retry_after(retry_after)
        except (InvalidHeader, ValueError, OverflowError):
            return 0.0

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds that an answer asks to wait; raises the error of `too_late`."""
        seconds = super().get_retry_after(response)
        if seconds is not None and seconds > self._remaining():
            raise self._too_late(response)
        return seconds

    def get_backoff_time(self) -> float:
        """Seconds to wait of one's own accord, at most what is left."""
        return min(super().get_backoff_time(), max(self._remaining(), 0.0))
