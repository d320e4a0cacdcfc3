"""Reads the indicators in a mail or any other text, in the form of a list."""

import hashlib
import re
from collections.abc import Iterator
from typing import BinaryIO

from iocrep.errors import UsageError, notice
from iocrep.lists import UTF_16, Line
from shared.domain.extract import extract
from shared.domain.indicator import Query
from shared.formats.mail import read_mail

MAX_TEXT_BYTES = 32_000_000
_HEADER = re.compile(rb"([!-9;-~]+):.*\r?\n(?:[ \t].*\r?\n)*")
_MAIL_HEADERS = frozenset({b"date", b"message-id", b"mime-version", b"received", b"subject", b"to"})


class TextLines:
    """The indicators in a text, each once, as lines of a list in their order.

    A line has the number of the line of the text in which its indicator comes first.

    Args:
        quiet: whether to leave out the notices of what looks like an indicator and is not one.

    Attributes:
        done: number of indicators read so far.
        total: number of indicators in the text; each line has the size 1.

    Raises:
        UsageError: the text is too long.
    """

    def __init__(self, stream: BinaryIO, *, quiet: bool) -> None:
        raw = stream.read(MAX_TEXT_BYTES + 1)
        if len(raw) > MAX_TEXT_BYTES:
            raise UsageError(f"the text is larger than {MAX_TEXT_BYTES:,} bytes. Split it.")
        text = _text_of(raw)
        extraction = extract(text)
        if not quiet:
            breaks = _Breaks(text)
            for other in extraction.not_understood:
                notice(f"line {breaks.line(other.offset)}: not looked up: {other.reason}")
        listed = {found.indicator for found in extraction.found}
        breaks = _Breaks(text)
        self._lines = []
        for found in extraction.found:
            query = Query(found.indicator, found.indicator.value)
            # A URL without a scheme is looked up with https, too, unless the text has that.
            if found.twin and found.twin not in listed:
                query = query._replace(twin=Query(found.twin, found.twin.value))
            self._lines.append(Line(breaks.line(found.offset), found.text, query, "", 1))
        self._digest = hashlib.sha256()
        self.done = 0
        self.total = len(self._lines)

    @property
    def digest(self) -> str:
        """SHA-256 of the indicators read so far."""
        return self._digest.hexdigest()

    def skip(self, lines: int) -> int:
        """Skip indicators that are done; returns their number. Stops early at the end."""
        before = self.done
        while self.done < min(lines, self.total):
            self._next()
        return self.done - before

    def __iter__(self) -> Iterator[Line]:
        while self.done < self.total:
            yield self._next()

    def _next(self) -> Line:
        line = self._lines[self.done]
        self.done += 1
        for one in line.indicators:
            self._digest.update(f"{one.type} {one.value}\n".encode(errors="replace"))
        return line


class _Breaks:
    """Counts the lines of a text up to positions that only grow."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at, self._line = 0, 1

    def line(self, offset: int) -> int:
        self._line += self._text.count("\n", self._at, offset)
        self._at = max(self._at, offset)
        return self._line


def _text_of(raw: bytes) -> str:
    if raw.startswith(UTF_16):
        raw = raw.decode("utf-16", errors="replace").encode()
    return read_mail(raw) if _is_mail(raw) else raw.decode("utf-8-sig", errors="replace")


def _is_mail(raw: bytes) -> bool:
    """Whether a text begins with the headers of a mail: From, and another that mails have."""
    names, at = set(), 0
    while header := _HEADER.match(raw, at):
        names.add(header[1].lower())
        at = header.end()
    return b"from" in names and bool(names & _MAIL_HEADERS)
