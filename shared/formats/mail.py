"""Reads the text of a mail (RFC 5322, MIME), with its transfer encodings undone."""

import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

# The parser compares each line with the boundaries of all parts around it.
MAX_MULTIPARTS = 32
# Other codecs of Python need time that grows with the square of the text.
_CHARSET = re.compile(
    "(?i)(?:us-)?ascii|utf[-_]?(?:7|8|16|32)(?:[-_]?[bl]e)?|iso[-_][0-9a-z_-]+|latin[-_]?[0-9]+"
    "|(?:windows|cp|mac|koi8|euc|gb|big5|shift|hz|tis)[-_]?[0-9a-z_-]*"
)


def read_mail(raw: bytes) -> str:
    """Return the headers and all text parts of a mail, also of attached mails.

    HTML stays as it is. Attachments of other types are left out. A mail with more than
    `MAX_MULTIPARTS` multiparts is returned as it is written.
    """
    if raw.lower().count(b"boundary=") > MAX_MULTIPARTS:
        return raw.decode("utf-8", errors="replace")
    mail = BytesParser(policy=compat32).parsebytes(raw)
    return "\n\n".join(text for part in mail.walk() for text in _texts(part))


def _texts(part: Message) -> Iterator[str]:
    # The headers about the content describe how it was written before it was decoded.
    yield "\n".join(
        f"{name}: {_header(value)}"
        for name, value in part.items()
        if not name.lower().startswith("content-")
    )
    if part.get_content_maintype() == "text":
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield _decoded(payload, part.get_content_charset("utf-8"))


def _header(value: object) -> str:
    """Return a header with its encoded words (RFC 2047) decoded."""
    text = str(value)
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def _decoded(payload: bytes, charset: str) -> str:
    encoding = charset if _CHARSET.fullmatch(charset) else "utf-8"
    try:
        return payload.decode(encoding, errors="replace")
    except LookupError:
        return payload.decode("utf-8", errors="replace")
