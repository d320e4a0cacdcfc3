"""Reads `<feed>/info`, which holds the number of reports in the feed."""

from urllib.parse import urlsplit

from shared.domain.errors import FeedError
from shared.formats import strict_json


def info_url(feed_url: str) -> str:
    """Return the address of the information about a feed."""
    parts = urlsplit(feed_url)
    return parts._replace(path=parts.path.rstrip("/") + "/info", query="", fragment="").geturl()


def read_count(body: bytes) -> int:
    """Read the number of reports in the feed.

    Raises:
        FeedError: the body has no valid count.
    """
    info = strict_json.parse(body, "the information about the feed", strict_json.SMALL)
    count = info.get("count") if isinstance(info, dict) else None
    if type(count) is not int or count < 0:
        raise FeedError("the feed does not state its length")
    return count
