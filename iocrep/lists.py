"""Lists of indicators as people keep them: one in a line, of any type, defanged or not. Pure."""

import codecs
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import BinaryIO

from iocrep.errors import NotSetUp
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

# So many bytes are more than MAX_TEXT_CHARS characters: what is cut off there is refused anyway.
MAX_LINE_BYTES = 4 * MAX_TEXT_CHARS + 4
# Of what is kept in memory at once: four requests of each kind, or lines that are none.
MAX_CHUNK_LINES = 4000
_DIGITS = re.compile("[0-9A-Fa-f]+")
# With a scheme, or with more than a port behind a host that has a dot: 12:30 is no URL.
_LOOKS_LIKE_A_URL = re.compile(
    r"[A-Za-z][A-Za-z+-]*:/|\[[0-9A-Fa-f:.]+\]|[^/:?#]*\.[^/:?#]*(?::[0-9]*)?[/?#]"
)
_BYTE_ORDER_MARK = "\ufeff"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list; all that a look-up needs of whatever finds indicators.

    Attributes:
        number: counted from 1, with every line.
        text: without blanks around it; an overlong one is cut.
        question: what to ask; None for a line that is to be passed over, or is no indicator.
        reason: why it is no indicator, "" for one and for a line that is to be passed over.
        size: bytes that it takes in the list.
    """

    number: int
    text: str
    question: Query | None
    reason: str
    size: int

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """What to look up: two for a URL without a scheme, none for a line that is none."""
        if self.question is None:
            return ()
        twin = self.question.twin
        return (self.question.indicator, twin.indicator) if twin else (self.question.indicator,)


def recognise(text: str) -> Query:
    """What a text asks for, of whichever type. A port alone behind a host is dropped.

    Raises:
        InvalidIndicator: it is none; the message says why, without the text.

    Example:
        >>> recognise("hxxp://evil[.]example").indicator.value
        'http://evil.example/'
    """
    text = unwrap(text)
    if _DIGITS.fullmatch(text) and len(text) in {32, 40, 64}:
        return parse_query(None, text)
    try:
        return parse_query(IndicatorType.IP, text)
    except InvalidIndicator:
        plain = refang(text)
    kind = IndicatorType.URL if _LOOKS_LIKE_A_URL.match(plain) else IndicatorType.DOMAIN
    try:
        if _is_network(plain):
            raise InvalidIndicator("a network, and only single addresses are looked up")
        return parse_query(kind, text)
    except InvalidIndicator as error:
        raise InvalidIndicator(f"no hash, IP address, domain or URL: {error}") from None


def _is_network(text: str) -> bool:
    # 192.0.2.1/24 is a network that somebody took from a host, 192.0.2.1/payload a URL.
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


class Lines:
    """Reads a list line by line, however long it and its lines are.

    Attributes:
        done: lines that were read.

    Raises:
        NotSetUp: for a list in UTF-16, as some systems save a text.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        # Before anything is begun for a list that cannot be read.
        self._first: bytes | None = stream.readline(MAX_LINE_BYTES)
        if self._first.startswith(_UTF_16):
            raise NotSetUp("the list is in UTF-16. Save it as UTF-8.")
        self._digest = hashlib.sha256()
        self.done = 0

    @property
    def digest(self) -> str:
        """Names what was read, whatever its line ends."""
        return self._digest.hexdigest()

    def skip(self, lines: int) -> int:
        """Pass over lines that are done; returns their bytes, fewer lines only at the end."""
        size = 0
        while self.done < lines and (found := self._next()):
            size += found[1]
        return size

    def __iter__(self) -> Iterator[Line]:
        while found := self._next():
            raw, size = found
            text = raw.decode(errors="replace").removeprefix(_BYTE_ORDER_MARK).strip()
            question, reason = None, ""
            if text and not text.startswith("#"):
                try:
                    question = recognise(text)
                except InvalidIndicator as error:
                    reason = str(error)
            yield Line(self.done, text, question, reason, size)

    def _next(self) -> tuple[bytes, int] | None:
        if self._first is None:
            raw = part = self._stream.readline(MAX_LINE_BYTES)
        else:
            raw = part = self._first
            self._first = None
        if not raw:
            return None
        size = len(raw)
        while part and not part.endswith(b"\n"):
            part = self._stream.readline(MAX_LINE_BYTES)
            size += len(part)
        self._digest.update(raw.rstrip(b"\r\n") + b"\n")
        self.done += 1
        return raw, size


def in_chunks(lines: Iterable[Line], most: int) -> Iterator[list[Line]]:
    """Chunks for which one request of each kind is enough; two, where the last line asks for two.

    Args:
        most: indicators in a request.
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
