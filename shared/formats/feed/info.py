"""What a feed says of itself: `<feed>/info` tells how many reports it holds."""

import json
from urllib.parse import urlsplit

from shared.domain.errors import FeedError


def info_url(feed_url: str) -> str:
    """Address of the information about a feed."""
    parts = urlsplit(feed_url)
    return parts._replace(path=parts.path.rstrip("/") + "/info", query="", fragment="").geturl()


def read_count(body: bytes) -> int:
    """The number of reports that the feed holds.

    Raises:
        FeedError: the body does not tell.
    """
    try:
        count = json.loads(body)["count"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FeedError("the feed does not tell its length") from None
    if type(count) is not int or count < 0:
        raise FeedError("the feed does not tell its length")
    return count
