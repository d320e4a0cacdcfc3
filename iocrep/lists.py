"""Reads lists of indicators: one a line, of any type, defanged or not. Pure."""

import codecs
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from typing import BinaryIO, Protocol, TextIO

from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import (
    HASH_TYPES,
    MAX_TEXT_CHARS,
    Indicator,
    IndicatorType,
    Query,
    parse_query,
    refang,
    unwrap,
)
from shared.domain.indicator_types import TYPE_BY_HASH_DIGITS

# A line of so many bytes has more than MAX_TEXT_CHARS characters, so it is rejected anyway.
MAX_LINE_BYTES = 4 * MAX_TEXT_CHARS + 4
# Bounds memory when most lines are not indicators; enough for four requests of each kind.
MAX_CHUNK_LINES = 4000
_DIGITS = re.compile("[0-9A-Fa-f]+")
# A scheme, or a host with a dot and more than a port after it: 12:30 is not a URL.
_LOOKS_LIKE_A_URL = re.compile(
    r"[A-Za-z][A-Za-z+-]*:/|\[[0-9A-Fa-f:.]+\]|[^/:?#]*\.[^/:?#]*(?::[0-9]*)?[/?#]"
)
_BYTE_ORDER_MARK = "\ufeff"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list.

    Attributes:
        number: counts all lines from 1.
        text: without surrounding white space; truncated if it is too long.
        query: what to look up; None if the line is skipped or not a valid indicator.
        reason: why the line is not a valid indicator; "" if it is valid or skipped.
        size: bytes of the line in the list.
    """

    number: int
    text: str
    query: Query | None
    reason: str
    size: int

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """The indicators to look up: two for a URL without a scheme, none without a query."""
        if self.query is None:
            return ()
        twin = self.query.twin
        return (self.query.indicator, twin.indicator) if twin else (self.query.indicator,)


def parse_any(text: str) -> Query:
    """Parse a text as an indicator of any type. A host may have a port, which is dropped.

    Raises:
        InvalidIndicator: the text is not an indicator; the message states why, without the text.

    Example:
        >>> parse_any("hxxp://evil[.]example").indicator.value
        'http://evil.example/'
    """
    text = unwrap(text)
    if _DIGITS.fullmatch(text) and len(text) in TYPE_BY_HASH_DIGITS:
        return parse_query(None, text)
    try:
        return parse_query(IndicatorType.IP, text)
    except InvalidIndicator:
        plain = refang(text)
    kind = IndicatorType.URL if _LOOKS_LIKE_A_URL.match(plain) else IndicatorType.DOMAIN
    try:
        if _is_network(plain):
            raise InvalidIndicator("a network; only single addresses are looked up")
        return parse_query(kind, text)
    except InvalidIndicator as error:
        raise InvalidIndicator(f"not a hash, IP address, domain or URL: {error}") from None


def _is_network(text: str) -> bool:
    # Not strict: 192.0.2.1/24 is a network, although it has host bits; 192.0.2.1/payload is a URL.
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


class AnyLines(Protocol):
    """Lines that a run can skip and go on with: those of a list, or the indicators of a text.

    Attributes:
        done: number of lines read so far.
    """

    done: int

    @property
    def digest(self) -> str:
        """SHA-256 of the lines read so far."""

    def skip(self, lines: int) -> int:
        """Skip lines that are done; returns their size. Stops early at the end."""

    def __iter__(self) -> Iterator[Line]: ...


class Lines:
    """Reads a list of any length line by line, with bounded memory.

    The list is in UTF-8, or in UTF-16 with a byte order mark.

    Attributes:
        done: number of lines read so far.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._read = partial(_read_bytes, stream)
        if _first_bytes(stream).startswith(UTF_16):
            text = io.TextIOWrapper(stream, "utf-16", errors="replace", newline="\n")
            self._read = partial(_read_utf_16, text)
        self._digest = hashlib.sha256()
        self.done = 0

    @property
    def digest(self) -> str:
        """SHA-256 of the lines read so far, independent of their line ends."""
        return self._digest.hexdigest()

    def skip(self, lines: int) -> int:
        """Skip lines that are done; returns their size in bytes. Stops early at the end."""
        size = 0
        while self.done < lines and (found := self._next()):
            size += found[1]
        return size

    def __iter__(self) -> Iterator[Line]:
        while found := self._next():
            raw, size = found
            text = raw.decode(errors="replace").removeprefix(_BYTE_ORDER_MARK).strip()
            query, reason = None, ""
            if text and not text.startswith("#"):
                try:
                    query = parse_any(text)
                except InvalidIndicator as error:
                    reason = str(error)
            yield Line(self.done, text, query, reason, size)

    def _next(self) -> tuple[bytes, int] | None:
        """The first bytes of the next line, in UTF-8, and its size in the list."""
        raw, size = self._read()
        part = raw
        if not raw:
            return None
        while part and not part.endswith(b"\n"):
            part, more = self._read()
            size += more
        self._digest.update(raw.rstrip(b"\r\n") + b"\n")
        self.done += 1
        return raw, size


def _first_bytes(stream: BinaryIO) -> bytes:
    if isinstance(stream, io.BufferedReader):
        return stream.peek(2)
    first = stream.read(2)
    stream.seek(0)
    return first


def _read_bytes(stream: BinaryIO) -> tuple[bytes, int]:
    raw = stream.readline(MAX_LINE_BYTES)
    return raw, len(raw)


def _read_utf_16(stream: TextIO) -> tuple[bytes, int]:
    text = stream.readline(MAX_LINE_BYTES)
    return text.encode(), len(text.encode("utf-16-le"))


def in_chunks(lines: Iterable[Line], most: int) -> Iterator[list[Line]]:
    """Group lines into chunks that need one request of each kind.

    A last line with two indicators can make that two requests.

    Args:
        most: the most indicators in a request.
    """
    chunk: list[Line] = []
    kinds: Counter[str] = Counter()
    for line in lines:
        chunk.append(line)
        for indicator in line.indicators:
            kinds["hash" if indicator.type in HASH_TYPES else indicator.type.value] += 1
        if len(chunk) == MAX_CHUNK_LINES or max(kinds.values(), default=0) >= most:
            yield chunk
            chunk = []
            kinds.clear()
    if chunk:
        yield chunk
