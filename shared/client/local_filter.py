"""Local copy of an API's Bloom filter; it answers "never seen" without a request."""

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from shared.domain.errors import FilterNotValid, FilterOfAnotherVersion
from shared.domain.indicator import Indicator
from shared.formats.bloom_filter import Filter, read_file

# Maximum difference between the clocks of two machines.
_SKEW_S = 300


class LocalFilter:
    """A filter file that answers look-ups until it is too old. Safe for threads.

    The filter lacks indicators that the API stored after it was built; for up to `max_age_s` they
    are answered as never seen. Therefore the client uses a filter only if it is given one.

    Args:
        path: of the file. An existing one is used, and replaced by newer ones. A file of another
            version is ignored.
        max_age_s: maximum age of the filter; an older one is not used.
        refresh_s: seconds between two requests for a newer filter, successful or not.
        clock: returns seconds since the epoch.

    Raises:
        FilterNotValid: the existing file is not a filter.
        OSError: the existing file cannot be read.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_age_s: float = 2 * 86_400,
        refresh_s: float = 3600,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._max_age_s = max_age_s
        self._refresh_s = refresh_s
        self._clock = clock
        self._lock = Lock()
        self._asked_at = 0.0
        self._filter: Filter | None = None
        if path.exists():
            with suppress(FilterOfAnotherVersion):
                self._filter = read_file(path.read_bytes())

    @property
    def sha256(self) -> str:
        """SHA-256 of the file in use, "" if there is none."""
        return self._filter.sha256 if self._filter else ""

    def never_seen(self, indicator: Indicator) -> bool:
        """Whether the API had not stored the indicator, so that no request is needed."""
        known = self._filter
        return known is not None and self._young(known) and not known.holds(indicator)

    def due(self) -> bool:
        """Whether to request a newer filter now; True for one caller per `refresh_s`."""
        with self._lock:
            now = self._clock()
            if 0 <= now - self._asked_at < self._refresh_s:
                return False
            self._asked_at = now
            return True

    def replace(self, content: bytes) -> None:
        """Write a newer filter to the file and use it from now on.

        Raises:
            FilterNotValid: the content is not a filter, or is older than the one in use.
            OSError: the file cannot be written.
        """
        newer = read_file(content)
        with self._lock:
            if self._filter and newer.facts.built < self._filter.facts.built:
                raise FilterNotValid("the filter is older than the one in use")
            # Replacing the file is atomic: readers find the old or the new one, whole.
            handle, part = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(part).replace(self._path)
            except OSError:
                Path(part).unlink(missing_ok=True)
                raise
            self._filter = newer

    def _young(self, known: Filter) -> bool:
        age = self._clock() - known.facts.built / 1000
        return -_SKEW_S <= age <= self._max_age_s
