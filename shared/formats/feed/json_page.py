"""Pages of report summaries in JSON: an object with `items`, `count`, `next` and `order`."""

from shared.domain.errors import FeedError
from shared.formats import strict_json
from shared.formats.feed.page import FeedPage
from shared.formats.strict_json import JsonLimits

# A real page of 32 MB has about 500,000 objects and lists. As many as its bytes allow would fill
# the function's memory before the first is read.
LIMITS = JsonLimits(size=32 * 1024 * 1024, containers=800_000, parts=3_000_000)

# Value of `order` in feeds that list reports in the order of publishing, as our own does.
NEWEST_FIRST = "newest_first"


def matches(body: bytes) -> bool:
    """Whether the page is a JSON object."""
    return body.lstrip(b" \t\r\n").startswith(b"{")


def read(body: bytes) -> FeedPage:
    """Read a page.

    Raises:
        FeedError: the page is not UTF-8 or not valid JSON (RFC 8259, so without NaN), exceeds
            `LIMITS`, or lacks a list `items`.
    """
    page = strict_json.parse(body, "the page", LIMITS)
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
