"""Fetching feed pages from a stranger: one origin, and caps on bytes, time and requests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

from shared.domain.errors import FeedError

MAX_PAGE_BYTES = 32 * 1024 * 1024
MAX_REDIRECTS = 5
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 20.0
_CHUNK_BYTES = 64 * 1024
_RETRIED = frozenset({429, 500, 502, 503, 504})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class OutOfTime(FeedError):
    """The run's time was used up before the page was here."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as it came.

    Attributes:
        url: its address after redirects; what is relative on the page is relative to it.
        body: decompressed, at most `MAX_PAGE_BYTES`.
    """

    url: str
    body: bytes


class FeedClient:
    """Fetches the pages of one feed.

    Args:
        feed_url: the configured address; no other scheme, host or port is ever contacted.
        api_key: sent as `X-Api-Key`, "" for none.
        remaining: seconds that are left for fetching.
    """

    def __init__(self, feed_url: str, api_key: str, remaining: Callable[[], float]) -> None:
        self._remaining = remaining
        self._session = requests.Session()
        # No proxy, credentials or certificates from the environment: the feed is a stranger.
        self._session.trust_env = False
        self._session.max_redirects = MAX_REDIRECTS
        self._session.headers["Accept"] = "application/json, application/atom+xml;q=0.9"
        if api_key:
            self._session.headers["X-Api-Key"] = api_key
        retries = _BoundedRetry(
            total=4,
            status_forcelist=_RETRIED,
            allowed_methods={"GET"},
            backoff_factor=0.5,
            backoff_max=10,
            raise_on_status=False,
            remaining=remaining,
        )
        self._session.adapters.clear()
        for scheme in _DEFAULT_PORTS:
            adapter = _OneOriginAdapter(_origin(urlsplit(feed_url)), max_retries=retries)
            self._session.mount(f"{scheme}://", adapter)

    def get(self, url: str) -> Fetched:
        """Fetch one page.

        Raises:
            OutOfTime: `remaining` ran out.
            FeedError: the page could not be had; nothing of it is to be used.
        """
        timeout = max(self._remaining(), 0.1)
        try:
            with self._session.get(
                url,
                stream=True,
                timeout=(min(CONNECT_TIMEOUT_S, timeout), min(READ_TIMEOUT_S, timeout)),
            ) as response:
                if response.status_code != requests.codes.ok:
                    raise FeedError(f"the feed answered with status {response.status_code}")
                return Fetched(response.url, self._body(response))
        except (requests.RequestException, HTTPError, ValueError) as error:
            if self._remaining() <= 0:
                raise OutOfTime("the time for fetching is used up") from error
            raise FeedError(f"the page could not be fetched: {type(error).__name__}") from error

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_PAGE_BYTES:
                raise FeedError(f"the page is larger than {MAX_PAGE_BYTES} bytes")
            if self._remaining() <= 0:
                raise OutOfTime("the time for fetching is used up")
        return bytes(body)


def next_url(fetched: Fetched, following: str) -> str:
    """The absolute address of what a page calls its next one."""
    try:
        return urljoin(fetched.url, following)
    except ValueError:
        raise FeedError("the page's next is no address") from None


_Origin = tuple[str, str, int | None]


def _origin(url: SplitResult) -> _Origin:
    return url.scheme, url.hostname or "", url.port or _DEFAULT_PORTS.get(url.scheme)


class _OneOriginAdapter(HTTPAdapter):
    """The last gate before the network: first requests, `next` and redirects all pass here."""

    def __init__(self, origin: _Origin, **options: Any) -> None:
        self._allowed = origin
        super().__init__(**options)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        # Split by the same function that requests uses to choose whom to connect to.
        if _origin(urlsplit(request.url or "")) != self._allowed:
            raise FeedError("the feed points to another scheme, host or port")
        return super().send(request, *args, **options)


class _BoundedRetry(Retry):
    """urllib3's retries, obeying a Retry-After only as far as the run's time goes."""

    def __init__(self, *args: Any, remaining: Callable[[], float], **options: Any) -> None:
        self._remaining = remaining
        super().__init__(*args, **options)

    def new(self, **options: Any) -> Self:
        return super().new(remaining=self._remaining, **options)

    def parse_retry_after(self, retry_after: str) -> float:
        try:
            return super().parse_retry_after(retry_after)
        except (InvalidHeader, ValueError, OverflowError):
            return 0.0

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        seconds = super().get_retry_after(response)
        if seconds is not None and seconds > self._remaining():
            raise OutOfTime("the feed asks to wait longer than the run may take")
        return seconds

    def get_backoff_time(self) -> float:
        return min(super().get_backoff_time(), max(self._remaining(), 0.0))
