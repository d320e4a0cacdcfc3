"""Reads feed pages in any known format; the content of a page shows its format."""

import codecs
import html
import re
from typing import Protocol

from shared.domain.errors import FeedError
from shared.formats.feed import atom, json_page
from shared.formats.feed.page import FeedPage


class FeedFormat(Protocol):
    """The functions of a format's module."""

    def matches(self, body: bytes, /) -> bool:
        """Whether the page seems to be in this format."""

    def read(self, body: bytes, /) -> FeedPage:
        """Read the page; raises FeedError."""


FORMATS: tuple[FeedFormat, ...] = (json_page, atom)


def read_page(body: bytes) -> FeedPage:
    """Read a page in any known format.

    Args:
        body: the decompressed page in UTF-8, with or without a byte order mark.

    Raises:
        FeedError: the page is in no known format, or is not valid; nothing of it is used.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    for page_format in FORMATS:
        if page_format.matches(body):
            return page_format.read(body)
    raise FeedError("the page is neither JSON nor Atom")


_END_BYTES = 16 * 1024
# The address of the next page in each format. Repetitions are bounded, so that no page takes long.
_NEXT = re.compile(
    r'"next"\s*:\s*"(?P<json>[^"\\]+)"'
    r"|<link\s[^>]{0,500}rel=[\"']next[\"'][^>]{0,500}href=[\"'](?P<after>[^\"'>]+)"
    r"|<link\s[^>]{0,500}href=[\"'](?P<before>[^\"'>]+)[\"'][^>]{0,500}rel=[\"']next[\"']"
)


def mentioned_next(body: bytes) -> str:
    """Find the last address of a next page in a page that is not valid; "" if there is none."""
    found = ""
    # Feeds put it near the start or end; a search through a whole hostile page would take long.
    ends = body if len(body) <= 2 * _END_BYTES else body[:_END_BYTES] + b" " + body[-_END_BYTES:]
    for match in _NEXT.finditer(ends.decode(errors="replace")):
        found = match[match.lastgroup or 0]
    return html.unescape(found)
