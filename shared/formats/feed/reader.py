"""Which format a page is in: its content decides, not a setting."""

import codecs
import html
import re
from typing import Protocol

from shared.domain.errors import FeedError
from shared.formats.feed import atom, json_page
from shared.formats.feed.page import FeedPage


class FeedFormat(Protocol):
    """What a format's module has."""

    def matches(self, body: bytes, /) -> bool:
        """Whether the page looks like this format."""

    def read(self, body: bytes, /) -> FeedPage:
        """Read the page; raises FeedError."""


FORMATS: tuple[FeedFormat, ...] = (json_page, atom)


def read_page(body: bytes) -> FeedPage:
    """Read a page in whichever format it comes.

    Args:
        body: the page after decompression, UTF-8, perhaps with a byte order mark.

    Raises:
        FeedError: in no known format, or not valid in its own: it is refused whole.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    for page_format in FORMATS:
        if page_format.matches(body):
            return page_format.read(body)
    raise FeedError("the page is neither JSON nor Atom")


_END_BYTES = 16 * 1024
# What each format writes before the address of the next page; bounded, so that no page takes long.
_NEXT = re.compile(
    r'"next"\s*:\s*"(?P<json>[^"\\]+)"'
    r"|<link\s[^>]{0,500}rel=[\"']next[\"'][^>]{0,500}href=[\"'](?P<after>[^\"'>]+)"
    r"|<link\s[^>]{0,500}href=[\"'](?P<before>[^\"'>]+)[\"'][^>]{0,500}rel=[\"']next[\"']"
)


def mentioned_next(body: bytes) -> str:
    """The last address that a page calls its next one, "" for none.

    For pages that are not valid: nothing else of them is used.
    """
    found = ""
    # Where every writer of feeds puts it: a search through all of a hostile page would take long.
    ends = body if len(body) <= 2 * _END_BYTES else body[:_END_BYTES] + b" " + body[-_END_BYTES:]
    for match in _NEXT.finditer(ends.decode(errors="replace")):
        found = match[match.lastgroup or 0]
    return html.unescape(found)
