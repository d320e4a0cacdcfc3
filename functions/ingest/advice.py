"""Advice for operators when the configured address does not return a feed."""

from urllib.parse import urlsplit

from shared.domain.errors import FeedError
from shared.http.fetch import FeedRefused

# Both are addresses of the sandbox's feed: for browsers, and for clients with a key.
_WEB, _API = "/feed/reports", "/api/feed/reports"
_BEGINNING_BYTES = 1024


def with_advice(error: FeedError, body: bytes, feed_url: str, *, has_key: bool) -> FeedError:
    """Add advice to the error of a page if it is a web page or the feed refused the key.

    Args:
        body: the page, empty if there was none.
        feed_url: the configured address of the feed.
        has_key: whether a key was sent.
    """
    reason = str(error)
    if not isinstance(error, FeedRefused):
        if not _is_web_page(body):
            return error
        reason = "the address answers with a web page, not with a feed"
    tries = ["another key" if has_key else "a key (FeedApiKeyParameter, locally FEED_API_KEY)"]
    if other := _other_address(feed_url):
        tries.append(f"the address {other} (FeedUrl, locally FEED_URL)")
    return FeedError(f"{reason}: try {' or '.join(tries)}")


def _is_web_page(body: bytes) -> bool:
    beginning = body[:_BEGINNING_BYTES].lower()
    return b"<html" in beginning or b"<!doctype html" in beginning


def _other_address(feed_url: str) -> str:
    """Return the other possible address of the feed, "" if unknown.

    It omits the parts of the configured address that may be secret: user, query, other paths.
    """
    parts = urlsplit(feed_url)
    path = parts.path.rstrip("/")
    here, other = (_API, _WEB) if path.endswith(_API) else (_WEB, _API)
    if not path.endswith(here):
        return ""
    if path != here:
        return f"that ends with {other}"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{other}"
