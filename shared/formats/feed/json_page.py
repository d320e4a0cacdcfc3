"""Pages of report summaries in JSON: an object with `items`, `count`, `next` and `order`."""

from shared.domain.errors import FeedError
from shared.formats import strict_json
from shared.formats.feed.page import FeedPage

# Limit for objects and lists. A real page of 32 MB has about 500,000; ten million empty ones would
# fill the function's memory before the first is read.
MAX_CONTAINERS = 1_500_000

# Value of `order` in feeds that list reports in the order of publishing, as our own does.
NEWEST_FIRST = "newest_first"


def matches(body: bytes) -> bool:
    """Whether the page is a JSON object."""
    return body.lstrip(b" \t\r\n").startswith(b"{")


def read(body: bytes) -> FeedPage:
    """Read a page.

    Raises:
        FeedError: the page is not UTF-8 or not valid JSON (RFC 8259, so without NaN), is nested
            too deep, has more than `MAX_CONTAINERS` objects and lists, or lacks a list `items`.
    """
    if body.count(b"{") + body.count(b"[") > MAX_CONTAINERS:
        raise FeedError("the page has too many objects")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise FeedError("the page is not UTF-8") from None
    page = strict_json.parse(text, "the page")
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        raise FeedError("the page has no list of items")
    following = page.get("next")
    if following is not None and not isinstance(following, str):
        raise FeedError("the page's next is not a text")
    newer = page.get("newer")
    return FeedPage(
        reports=page["items"],
        next=following or None,
        newest_first=page.get("order") == NEWEST_FIRST,
        newer=newer if isinstance(newer, str) and newer else None,
    )
