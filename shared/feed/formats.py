"""Which format a page is in: its content decides, not a setting."""

import html
import re
from typing import Protocol

from shared.domain.errors import FeedError
from shared.feed import atom, json_page
from shared.feed.page import Page


class Format(Protocol):
    """What a format's module has."""

    def matches(self, text: str, /) -> bool:
        """Whether the page looks like this format."""

    def read(self, text: str, /) -> Page:
        """Read the page; raises FeedError."""


FORMATS: tuple[Format, ...] = (json_page, atom)


def read_page(body: bytes) -> Page:
    """Read a page in whichever format it comes.

    Args:
        body: the page after decompression, UTF-8.

    Raises:
        FeedError: in no known format, or not valid in its own: it is refused whole.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise FeedError("the page is not UTF-8") from None
    for page_format in FORMATS:
        if page_format.matches(text):
            return page_format.read(text)
    raise FeedError("the page is neither JSON nor Atom")


# What each format writes before the address of the next page.
_NEXT = re.compile(
    r'"next"\s*:\s*"(?P<json>[^"\\]+)"'
    r"|<link\s[^>]*rel=[\"']next[\"'][^>]*href=[\"'](?P<after>[^\"'>]+)"
    r"|<link\s[^>]*href=[\"'](?P<before>[^\"'>]+)[\"'][^>]*rel=[\"']next[\"']"
)


def mentioned_next(body: bytes) -> str:
    """The last address that a page calls its next one, "" for none.

    For pages that are not valid: nothing else of them is used.
    """
    found = ""
    for match in _NEXT.finditer(body.decode(errors="replace")):
        found = match[match.lastgroup or 0]
    return html.unescape(found)
