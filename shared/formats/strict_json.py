"""Bounded reader for JSON (RFC 8259) from outside.

The shape of a text is measured in linear time, on its bytes, before anything is built from it: as
Python objects, 32 MB of JSON can take more than a gigabyte. docs/adr/0022 has the figures.
"""

import json
from dataclasses import dataclass
from itertools import accumulate
from typing import NoReturn

from shared.domain.errors import FeedError

# Nested archives make a report deep; Python's own parser ends at about 1,000.
MAX_DEPTH = 500
MAX_STRING_BYTES = 4 * 1024 * 1024
# No number of a report has more; Python refuses integers of more than 4,300 digits.
MAX_NUMBER_CHARS = 100


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """Limits for a JSON text; the depth and the length of strings and numbers are the same for all.

    Attributes:
        size: bytes of the text.
        containers: objects and lists.
        parts: containers, commas and colons outside strings, a bound for all values and keys.
    """

    size: int
    containers: int
    parts: int


class TooLarge(FeedError):
    """A JSON text exceeds a limit."""


_SPLIT_BYTES = 1024 * 1024

# For one item of a list, or a short answer.
SMALL = JsonLimits(size=256 * 1024, containers=20_000, parts=100_000)


def parse(body: bytes | str, what: str, limits: JsonLimits) -> object:
    """Parse a JSON text within limits.

    Args:
        body: the text, or its bytes in UTF-8.
        what: name of the text for error messages, such as "the page".

    Raises:
        TooLarge: the text exceeds a limit; a FeedError, too.
        FeedError: the text is not UTF-8 or not valid JSON (such as one with NaN).
    """
    check(body if isinstance(body, bytes) else body.encode(errors="surrogatepass"), what, limits)
    try:
        text = body.decode() if isinstance(body, bytes) else body
        value: object = json.loads(text, parse_constant=_refuse)
    except UnicodeDecodeError:
        raise FeedError(f"{what} is not UTF-8") from None
    except ValueError as error:
        raise FeedError(f"{what} is not valid JSON: {error}") from None
    return value


def check(body: bytes, what: str, limits: JsonLimits) -> None:
    """Check the limits of a JSON text without parsing it.

    Raises:
        TooLarge: the text exceeds a limit. A text that is not valid JSON may pass: then every
            limit holds for the part before its first error.
    """
    if len(body) > limits.size:
        raise TooLarge(f"{what} is larger than {limits.size} bytes")
    # Counting characters inside strings, too, is faster and gives an upper bound.
    containers, parts = _count(body)
    if (
        containers <= min(limits.containers, MAX_DEPTH)
        and parts <= limits.parts
        and len(body) <= MAX_STRING_BYTES
        and not _has_long_number(body)
    ):
        return
    if b"\\" in body:
        # Without escaped quotes, every quote begins or ends a string.
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Every string is a value or a key, and each of those follows a container, comma or colon.
    if body.count(b'"') > 2 * (limits.parts + 1):
        raise TooLarge(f"{what} has too many values")
    outside, longest = _split(body)
    if longest > MAX_STRING_BYTES:
        raise TooLarge(f"{what} has a text longer than {MAX_STRING_BYTES} bytes")
    containers, parts = _count(outside)
    if containers > limits.containers:
        raise TooLarge(f"{what} has too many objects")
    if parts > limits.parts:
        raise TooLarge(f"{what} has too many values")
    if _depth(outside) > MAX_DEPTH:
        raise TooLarge(f"{what} is nested too deep")
    if _has_long_number(outside):
        raise TooLarge(f"{what} has a number longer than {MAX_NUMBER_CHARS} characters")


def _count(body: bytes) -> tuple[int, int]:
    """Count the containers, and the containers with commas and colons."""
    containers = body.count(b"{") + body.count(b"[")
    return containers, containers + body.count(b",") + body.count(b":")


def _split(body: bytes) -> tuple[bytes, int]:
    """Return what is outside strings, and the length of the longest string."""
    outside = bytearray()
    inside = longest = length = 0
    # In parts, because a list of all pieces takes many times the memory of the text.
    for start in range(0, len(body), _SPLIT_BYTES):
        pieces = body[start : start + _SPLIT_BYTES].split(b'"')
        outside += b"".join(pieces[inside::2])
        lengths = list(map(len, pieces[1 - inside :: 2]))
        if inside:
            lengths[0] += length
        longest = max(longest, max(lengths, default=0))
        inside = (inside + len(pieces) - 1) % 2
        length = lengths[-1] if inside else 0
    return bytes(outside), longest


_NUMBER = b"0123456789+-.eE"
_NUMBERS_AS_0 = bytes.maketrans(_NUMBER, b"0" * len(_NUMBER))
_LONG_NUMBER = b"0" * (MAX_NUMBER_CHARS + 1)


def _has_long_number(outside: bytes) -> bool:
    return _LONG_NUMBER in outside.translate(_NUMBERS_AS_0)


_STEPS = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(one for one in range(256) if one not in b"{[}]")


def _depth(outside: bytes) -> int:
    steps = memoryview(outside.translate(_STEPS, _NO_BRACKETS)).cast("b")
    return max(accumulate(steps), default=0)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
