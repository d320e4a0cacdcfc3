"""Reads the text of a mail (RFC 5322, MIME), with its transfer encodings undone."""

import binascii
import re
from collections import Counter
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from email.policy import Policy, compat32
from functools import partial
from itertools import groupby

# Limits for a whole mail. The parser compares each line with the boundaries of all parts around
# it, calls itself for a mail inside another one, and takes a kilobyte for an empty part.
MAX_NESTED = 12
MAX_PARTS = 1_000
MAX_HEADERS = 10_000
# The parser needs time that grows with the square of a header's parameters.
MAX_CONTENT_HEADER_CHARS = 500
# Other codecs of Python need time that grows with the square of the text.
_CHARSET = re.compile(
    "(?i)(?:us-)?ascii|utf[-_]?(?:7|8|16|32)(?:[-_]?[bl]e)?|iso[-_][0-9a-z_-]+|latin[-_]?[0-9]+"
    "|(?:windows|cp|mac|koi8|euc|gb|big5|shift|hz|tis)[-_]?[0-9a-z_-]*"
)
# Encoded words (RFC 2047) with blanks only between them, which do not belong to the text.
_WORD = r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]{0,1000})\?="
_WORDS = re.compile(rf"{_WORD}(?:\s{{1,10}}{_WORD}){{0,100}}")
_EACH_WORD = re.compile(_WORD)


class _TooMuch(Exception):
    """A mail exceeds a limit."""


class _Part(Message):
    """A mail, or a part of one, that counts what the whole mail has of each kind."""

    def __init__(self, counted: Counter[str], policy: Policy = compat32) -> None:
        super().__init__(policy)
        self._counted = counted
        self._count("part", MAX_PARTS)

    def set_raw(self, name: str, value: str) -> None:
        """Store a header; the parser calls it for each."""
        self._count("header", MAX_HEADERS)
        if name.lower().startswith("content-"):
            value = value[:MAX_CONTENT_HEADER_CHARS]
            if value.lstrip().lower().startswith(("multipart/", "message/")):
                self._count("nested", MAX_NESTED)
        super().set_raw(name, value)

    def _count(self, kind: str, most: int) -> None:
        self._counted[kind] += 1
        if self._counted[kind] > most:
            raise _TooMuch


def read_mail(raw: bytes) -> str:
    """Return the headers and all text parts of a mail, also of attached mails.

    HTML stays as it is. Attachments of other types are left out. A mail with more parts, headers
    or nested mails and multiparts than allowed, or with headers that the parser fails on, is
    returned as it is written.
    """
    try:
        mail = BytesParser(partial(_Part, Counter()), policy=compat32).parsebytes(raw)
        return "\n\n".join(text for part in mail.walk() for text in _texts(part))
    # The parser's own errors on headers, such as a TypeError for `charset*; charset*0=a`.
    except (_TooMuch, TypeError, ValueError, LookupError, AttributeError):
        return raw.decode("utf-8", errors="replace")


def _texts(part: Message) -> Iterator[str]:
    # The headers about the content describe how it was written before it was decoded.
    yield "\n".join(
        f"{name}: {_WORDS.sub(_decoded_words, str(value))}"
        for name, value in part.items()
        if not name.lower().startswith("content-")
    )
    if part.get_content_maintype() == "text":
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield _decoded(payload, part.get_content_charset("utf-8"))


def _decoded_words(found: re.Match[str]) -> str:
    # Words of one charset are joined first, because writers cut characters of several bytes.
    words = _EACH_WORD.findall(found[0])
    try:
        return "".join(
            _decoded(b"".join(_bytes_of(coding, text) for _, coding, text in same), charset)
            for charset, same in groupby(words, lambda word: word[0].partition("*")[0].lower())
        )
    except ValueError:
        return found[0]


def _bytes_of(coding: str, text: str) -> bytes:
    """The bytes of an encoded word; raises ValueError if it is not base64 or not ASCII."""
    written = text.encode("ascii")
    if coding in "bB":
        return binascii.a2b_base64(written + b"==")
    return binascii.a2b_qp(written, header=True)


def _decoded(payload: bytes, charset: str) -> str:
    encoding = charset if _CHARSET.fullmatch(charset) else "utf-8"
    try:
        return payload.decode(encoding, errors="replace")
    except LookupError:
        return payload.decode("utf-8", errors="replace")
