"""Pages of report summaries in JSON: an object with `items`, `count`, `next` and `order`."""

from shared.domain.errors import FeedError
from shared.formats import strict_json
from shared.formats.feed.page import FeedPage

# A page of 32 MB holds some 500,000 when it is real. Ten million empty ones would fill the
# function's memory before the first is looked at.
MAX_CONTAINERS = 1_500_000

# How a page says that its feed lists reports as they were published: ours does.
NEWEST_FIRST = "newest_first"


def matches(body: bytes) -> bool:
    """Whether the page is a JSON object."""
    return body.lstrip(b" \t\r\n").startswith(b"{")


def read(body: bytes) -> FeedPage:
    """Read a page.

    Raises:
        FeedError: not UTF-8, not valid JSON by RFC 8259 (NaN and the like included), nested too
            deep, of more than `MAX_CONTAINERS` objects and lists, or not of the shape above.
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
