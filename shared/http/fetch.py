"""Fetches pages of an untrusted feed: from one origin, with limits on bytes, time and requests."""

import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    SSLError,
)
from urllib3.util import Retry, parse_url

from shared.domain.errors import FeedError
from shared.http.egress import AddressRefused, addresses_of, check_proxy
from shared.http.retry import RETRIED_STATUSES, BoundedRetry
from shared.http.tls import tls_context

MAX_PAGE_BYTES = 32 * 1024 * 1024
# On the wire, with headers, redirects and the bodies of failed attempts.
MAX_WIRE_BYTES = MAX_PAGE_BYTES + 1024 * 1024
MAX_URL_BYTES = 8192
MAX_REDIRECTS = 5
MAX_RETRIES = 4
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 20.0
BACKOFF_S = 0.5
_CHUNK_BYTES = 64 * 1024
_OK = 200
_NOT_MODIFIED = 304
_DEFAULT_PORTS = {"http": 80, "https": 443}
_OUT_OF_TIME = "the time for fetching is used up"
_TOO_LARGE = f"the page is larger than {MAX_PAGE_BYTES} bytes"


class OutOfTime(FeedError):
    """The time for fetching ran out before the page was complete."""


class FeedRefused(FeedError):
    """The feed refused the key (401) or the access (403)."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A fetched page.

    Attributes:
        url: its address after redirects, the base of relative links on the page.
        body: decompressed, at most `MAX_PAGE_BYTES`.
        etag: ETag of the page, "" if the feed sent none.
        unchanged: the page still has the ETag that the request named; then the body is empty.
    """

    url: str
    body: bytes
    etag: str = ""
    unchanged: bool = False


class FeedClient:
    """Fetches the pages of one feed, for one thread.

    Its session uses one pool of connections that reaches no host but the feed's. It keeps no
    cookies, ignores the settings in the environment, and leaves redirects to `get`, because
    requests would read the whole body of a redirect into memory.

    Args:
        feed_url: the configured address; no other scheme, host or port is contacted.
        api_key: sent in the header `key_header`, "" for none.
        remaining: returns the seconds left for fetching; only the DNS look-up of the host can
            take longer.
        allow_private: whether the feed may have an address that is not on the internet.
        private_ca: certificates (PEM) of a CA to trust besides the public ones, "" for none.
        accept: accepted media types.
        key_header: name of the header that holds the key.
        proxies: HTTP proxies by scheme, in the form of requests; None to connect directly. They
            need `allow_private`, because a proxy connects to addresses that are not judged.
        only_whole: whether to refuse a body of unknown length, for formats in which an incomplete
            file looks complete.
    """

    def __init__(
        self,
        feed_url: str,
        api_key: str,
        remaining: Callable[[], float],
        *,
        allow_private: bool = False,
        private_ca: str = "",
        accept: str = "application/json, application/atom+xml;q=0.9",
        key_header: str = "X-Api-Key",
        proxies: Mapping[str, str] | None = None,
        only_whole: bool = False,
    ) -> None:
        self._remaining = remaining
        self._allowance = _Allowance(remaining)
        self._only_whole = only_whole
        self._origin = _origin(urlsplit(feed_url))
        retries = BoundedRetry(
            total=MAX_RETRIES,
            other=0,  # a retry does not help against an untrusted certificate
            status_forcelist=RETRIED_STATUSES,
            allowed_methods={"GET"},
            backoff_factor=BACKOFF_S,
            backoff_max=10,
            raise_on_status=False,
            remaining=remaining,
            too_late=lambda _: OutOfTime("the feed asks to wait longer than the run may take"),
        )
        self._proxies = dict(proxies or {})
        proxy = select_proxy(feed_url, self._proxies) or ""
        pool = _pool(self._origin, self._allowance, allow_private, private_ca, proxy)
        self._session = _Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount(f"{self._origin[0]}://", _OnePoolAdapter(pool, retries))
        self._session.headers.clear()
        self._session.headers["Accept"] = accept
        self._session.headers["Accept-Encoding"] = "gzip"
        self._session.headers["User-Agent"] = "ioc-reputation"
        if api_key:
            self._session.headers[key_header] = api_key

    def get(self, url: str, etag: str = "") -> Fetched:
        """Fetch one page.

        Args:
            etag: ETag of the page when it was last fetched, "" to fetch it in any case.

        Raises:
            OutOfTime: `remaining` ran out.
            FeedRefused: the feed refused the key or the access.
            FeedError: the page could not be fetched.
        """
        self._allowance.renew()
        try:
            for _ in range(1 + MAX_REDIRECTS):
                with closing(self._send(url, etag)) as response:
                    location = response.raw.get_redirect_location()
                    if not location:
                        if self._only_whole:
                            _check_length_known(response.raw)
                        if etag and response.status_code == _NOT_MODIFIED:
                            return Fetched(url, b"", etag, unchanged=True)
                        found = response.headers.get("ETag", "")
                        return Fetched(url, _body(response.raw), found)
                url = _joined(url, location, "a redirect")
        except (requests.RequestException, HTTPError, ValueError) as error:
            if self._remaining() <= 0:
                raise OutOfTime(_OUT_OF_TIME) from error
            raise FeedError(f"the page could not be fetched: {_reason(error)}") from error
        raise FeedError(f"the feed redirects more than {MAX_REDIRECTS} times")

    def _send(self, url: str, etag: str) -> requests.Response:
        self._check_origin(url)
        return self._session.get(
            url,
            headers={"If-None-Match": etag} if etag else {},
            stream=True,
            allow_redirects=False,
            proxies=self._proxies,
            timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
        )

    def _check_origin(self, url: str) -> None:
        parts = urlsplit(url)
        # Clients disagree on the host of `http://one\@two/`.
        if _origin(parts) != self._origin or "@" in parts.netloc or "\\" in url:
            raise FeedError("the feed points to another scheme, host or port")


class _Session(requests.Session):
    """Treats no answer as a redirect: requests reads the body of one even without following it."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class _OnePoolAdapter(HTTPAdapter):
    """Sends every request to the feed's host."""

    def __init__(self, pool: HTTPConnectionPool, retries: Retry) -> None:
        self._pool = pool
        super().__init__(max_retries=retries)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool


def _reason(error: Exception) -> str:
    """The cause inside the exceptions of requests and urllib3."""
    inner = error.args[0] if isinstance(error, requests.RequestException) and error.args else error
    if isinstance(inner, MaxRetryError) and inner.reason:
        inner = inner.reason
    cause = inner.args[0] if isinstance(inner, SSLError) and inner.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        # The text is from OpenSSL and contains no input but the configured host's name.
        return f"its certificate is not trusted ({cause.verify_message})"
    return type(inner if isinstance(inner, BaseException) else error).__name__


def next_url(fetched: Fetched, following: str) -> str:
    """The absolute address of the next page.

    Args:
        following: the link as the page contains it.

    Raises:
        FeedError: the link is not a valid address.
    """
    return _joined(fetched.url, following, "the page's next")


def _joined(base: str, reference: str, what: str) -> str:
    try:
        url = urljoin(base, reference)
        size = len(url.encode())
    except ValueError:
        raise FeedError(f"{what} is not a valid address") from None
    if size > MAX_URL_BYTES:
        raise FeedError(f"{what} is longer than {MAX_URL_BYTES} bytes")
    return url


def _check_length_known(response: BaseHTTPResponse) -> None:
    """Refuse a body of unknown length, because a broken connection would look like its end."""
    chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    if not chunked and "Content-Length" not in response.headers:
        raise FeedError("the answer does not state its length")


def _body(response: BaseHTTPResponse) -> bytes:
    if response.status != _OK:
        kind = FeedRefused if response.status in {401, 403} else FeedError
        raise kind(f"the feed answered with status {response.status}")
    body = bytearray()
    # With read1: read treats a chunk size of -1 from the feed as "read everything".
    while chunk := response.read1(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > MAX_PAGE_BYTES:
            raise FeedError(_TOO_LARGE)
    return bytes(body)


_Origin = tuple[str, str, int]


def _origin(url: SplitResult) -> _Origin:
    return url.scheme, url.hostname or "", url.port or _DEFAULT_PORTS.get(url.scheme, 0)


def _pool(
    origin: _Origin, allowance: "_Allowance", allow_private: bool, private_ca: str, proxy: str
) -> HTTPConnectionPool:
    """Connections to one origin, directly or through a proxy.

    Raises:
        ValueError: the proxy is not an http or https address, or `allow_private` is off.
    """
    scheme, host, port = origin
    options: dict[str, Any] = {"allowance": allowance, "allow_private": allow_private}
    check_proxy(proxy, allow_private=allow_private)
    if proxy:
        address = proxy if "://" in proxy else f"http://{proxy}"
        options |= {"_proxy": parse_url(address), "_proxy_headers": _proxy_headers(address)}
        if scheme == "http":
            host, port = options["_proxy"].host, options["_proxy"].port or _DEFAULT_PORTS["http"]
    if scheme == "http":
        pool = HTTPConnectionPool(host, port, **options)
        pool.ConnectionCls = _Connection
        return pool
    context = tls_context(private_ca)
    context.sslsocket_class = _TLSSocket
    tls_pool = HTTPSConnectionPool(host, port, ssl_context=context, **options)
    tls_pool.ConnectionCls = _TLSConnection
    return tls_pool


def _proxy_headers(proxy: str) -> Mapping[str, str]:
    """The header with the user name and password that the address of a proxy names."""
    return cast("Mapping[str, str]", HTTPAdapter().proxy_headers(proxy))


class _Allowance:
    """Time and bytes on the wire that are left for the current page.

    Every socket checks it before it waits. The timeouts of the libraries do not suffice, because
    they restart with every byte that arrives.
    """

    def __init__(self, remaining: Callable[[], float]) -> None:
        self._remaining = remaining
        self._bytes = 0

    def renew(self) -> None:
        """Reset the bytes for the next page."""
        self._bytes = MAX_WIRE_BYTES

    def seconds(self, most: float) -> float:
        """Seconds that a socket may wait, at most `most`; raises OutOfTime."""
        left = self._remaining()
        if left <= 0:
            raise OutOfTime(_OUT_OF_TIME)
        return min(most, left)

    def count(self, received: int) -> None:
        """Count received bytes; raises FeedError if they are too many."""
        self._bytes -= received
        if self._bytes < 0:
            raise FeedError(_TOO_LARGE)


class _Socket(socket.socket):
    """A socket that neither waits nor receives beyond the allowance."""

    allowance: _Allowance

    def recv_into(self, *args: Any, **options: Any) -> int:
        self.settimeout(self.allowance.seconds(READ_TIMEOUT_S))
        received = super().recv_into(*args, **options)
        self.allowance.count(received)
        return received


class _TLSSocket(_Socket, ssl.SSLSocket):
    """The same with TLS; the timeout of the socket covers a whole handshake."""


class _Connection(HTTPConnection):
    """A connection that checks the address before it connects, and keeps to the allowance."""

    def __init__(
        self, *args: Any, allowance: _Allowance, allow_private: bool, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._allowance = allowance
        self._allow_private = allow_private

    def connect(self) -> None:
        super().connect()
        cast("_Socket", self.sock).allowance = self._allowance

    def _new_conn(self) -> socket.socket:
        try:
            found = addresses_of(self, allow_private=self._allow_private)
        except AddressRefused:
            raise FeedError("the feed's host has an address that is not on the internet") from None
        failure: OSError | None = None
        for family, kind, protocol, _, address in found:
            with ExitStack() as on_failure:
                try:
                    sock = on_failure.enter_context(_Socket(family, kind, protocol))
                    sock.allowance = self._allowance
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sock.settimeout(self._allowance.seconds(CONNECT_TIMEOUT_S))
                    sock.connect(address)
                    # Connecting took a part of the time; the rest is for the handshake.
                    sock.settimeout(self._allowance.seconds(CONNECT_TIMEOUT_S))
                except OSError as error:
                    failure = error
                else:
                    on_failure.pop_all()
                    return sock
        raise NewConnectionError(self, "no address could be connected to") from failure


class _TLSConnection(_Connection, HTTPSConnection):
    """The same with TLS."""
