"""A filter of everything an API has stored, kept on this machine: it answers "never seen"."""

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

# Clocks of two machines differ by less, if they are set at all.
_SKEW_S = 300


class LocalFilter:
    """The filter in a file, used as long as it is young enough. Safe for threads.

    What the API came to know after the filter was built, the filter cannot know: up to `max_age_s`
    it is said to be never seen. So it is off unless one of these is given to the client.

    Args:
        path: of the file; it may be there already, and is replaced when there is a newer one. One
            of another version is as good as none.
        max_age_s: how old the filter may be; an older one answers nothing.
        refresh_s: seconds after which the API is asked for a newer one, whatever came of the last
            time.
        clock: seconds since the epoch.

    Raises:
        FilterNotValid: there is a file, and it is no filter.
        OSError: there is a file, and it cannot be read.
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
        """Of the file that is in use, "" when there is none."""
        return self._filter.sha256 if self._filter else ""

    def never_seen(self, indicator: Indicator) -> bool:
        """Whether the API need not be asked: it had nothing of the indicator."""
        known = self._filter
        return known is not None and self._young(known) and not known.holds(indicator)

    def due(self) -> bool:
        """Whether to ask for a newer one now; one caller is told so, until it is due again."""
        with self._lock:
            now = self._clock()
            if 0 <= now - self._asked_at < self._refresh_s:
                return False
            self._asked_at = now
            return True

    def take(self, content: bytes) -> None:
        """Use a newer file from now on, and keep it.

        Raises:
            FilterNotValid: it is no filter, or is older than the one in use.
            OSError: it cannot be written.
        """
        newer = read_file(content)
        with self._lock:
            if self._filter and newer.facts.built < self._filter.facts.built:
                raise FilterNotValid("the filter is older than the one in use")
            # Whoever reads the file finds the one or the other, and never half of one.
            handle, beside = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(beside).replace(self._path)
            except OSError:
                Path(beside).unlink(missing_ok=True)
                raise
            self._filter = newer

    def _young(self, known: Filter) -> bool:
        age = self._clock() - known.facts.built / 1000
        return -_SKEW_S <= age <= self._max_age_s
