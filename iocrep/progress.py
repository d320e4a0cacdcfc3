"""Shows on standard error how much of a list is done."""

import sys
import time
from datetime import timedelta
from typing import Self

_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """A line that is shown while requests run, and is gone before anything else is written.

    Use it as a context around the requests. It is shown on terminals only.

    Args:
        total: bytes of the list, None if that is unknown.
        quiet: whether to show nothing.
    """

    def __init__(self, total: int | None, *, quiet: bool) -> None:
        self._total = total
        self._shown = not quiet and sys.stderr.isatty()
        self._bytes = self._skipped = self._lines = 0
        self._started = time.monotonic()

    def skip(self, size: int) -> None:
        """Count bytes that an earlier run has done."""
        self._bytes += size
        self._skipped += size

    def advance(self, lines: int, size: int) -> None:
        """Count lines and their bytes as done."""
        self._lines += lines
        self._bytes += size

    def __enter__(self) -> Self:
        self._write(self._text())
        return self

    def __exit__(self, *_: object) -> None:
        self._write(_CLEAR_LINE)

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(text)
            sys.stderr.flush()

    def _text(self) -> str:
        if not self._total:
            return f"looking up, {self._lines:,} lines done"
        text = f"looking up, {min(self._bytes / self._total, 1):.0%} done"
        if done := self._bytes - self._skipped:
            seconds = (time.monotonic() - self._started) * (self._total - self._bytes) / done
            text += f", {timedelta(seconds=max(round(seconds), 0))} left"
        return text
