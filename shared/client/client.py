"""Asks any API of the shape of MetaDefender Cloud v4: this service's own, or the vendor's."""

import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, cast
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from shared.client import wire
from shared.client.answers import Answer
from shared.client.cache import AnswerCache
from shared.client.errors import (
    ApiUnavailable,
    DeadlinePassed,
    KeyRefused,
    LimitReached,
    ReputationApiError,
    Unanswered,
    UnexpectedAnswer,
)
from shared.domain.errors import FilterNotValid
from shared.domain.indicator import HASH_TYPES, Indicator
from shared.domain.links import is_web_address
from shared.http.retry import RETRIED_STATUSES, BoundedRetry
from shared.runtime.deadline import Deadline

if TYPE_CHECKING:
    # Imported by those who use one: it needs the library of the format.
    from shared.client.local_filter import LocalFilter

MAX_BODY_BYTES = 8 * 1024 * 1024
# Of the values in one request; this service takes a body of 4 MB.
MAX_CHUNK_BYTES = 1024 * 1024
# API Gateway takes a URL of 10,240 characters.
MAX_URL_CHARS = 8000
# Some gateways decode a path, cut it at a `?` that appears, and fold slashes.
_READ_IN_TWO_WAYS = re.compile(r"[?%\\]|[^:]//|://.*//")
_READ_BYTES = 64 * 1024
_SECONDS = re.compile("[0-9]{1,9}")
_FIELDS: Final = {"hash": "hash", "ip": "address", "domain": "fqdn", "url": "url"}
_HASH_NOT_FOUND = 404003
_NOT_ACCEPTED = frozenset({400064, *range(400180, 400186)})


class ReputationClient:
    """Asks one API. Safe for threads; close it, or use it in a `with`, to let go of connections.

    Keeps no cookies, takes no proxy or password from the environment and follows no redirect, so
    the key reaches nobody but the API.

    Args:
        base_url: the address that has `/hash` under it, such as `https://host/v4`, or
            `https://host/stage/v4` for an API with a stage in its path; slashes at its end do not
            matter, and an address without any path gets `/v4`.
        api_key: sent in the header `apikey`.
        cache: of answers, for this client only; None for none.
        remaining: seconds that the caller has left, asked again and again.
        deadline_s: seconds that a call may take, with all its requests and retries.
        connect_timeout_s, read_timeout_s: seconds to wait for a connection, and for each piece of
            an answer.
        max_retries: of one request, after lost connections and the statuses 429 and 5xx.
        backoff_s: seconds before the second retry; each further one waits twice as long.
        max_hashes: hashes in one request.
        max_addresses: IPs, domains or URLs in one request; the vendor takes 50.
        clock: seconds, never going back.
        transport: sends the requests, in place of one that retries as said above.
        local_filter: says of what was never seen that it was not, without asking; None for none.

    Raises:
        ValueError: `base_url` or `api_key` cannot be used; the message repeats neither.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        cache: AnswerCache | None = None,
        remaining: Callable[[], float] = lambda: math.inf,
        deadline_s: float = 30.0,
        connect_timeout_s: float = 3.0,
        read_timeout_s: float = 10.0,
        max_retries: int = 3,
        backoff_s: float = 0.5,
        max_hashes: int = 1000,
        max_addresses: int = 1000,
        clock: Callable[[], float] = time.monotonic,
        transport: BaseAdapter | None = None,
        local_filter: "LocalFilter | None" = None,
    ) -> None:
        self._base = _base(base_url)
        self._headers = {
            "apikey": _usable_key(api_key),
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "ioc-reputation",
        }
        self._cache = cache
        self._filter = local_filter
        self._deadline = _Deadline(deadline_s, clock=clock, within=remaining)
        self._timeout = _Timeout(connect_timeout_s, read_timeout_s, self._deadline.seconds)
        self._sizes = dict.fromkeys(_FIELDS, max_addresses) | {"hash": max_hashes}
        self._transport = transport or HTTPAdapter(
            max_retries=_Retry(
                total=max_retries,
                other=0,  # an untrusted certificate is no better the next time
                status_forcelist=RETRIED_STATUSES,
                allowed_methods=None,  # every one of them, because a look-up changes nothing
                backoff_factor=backoff_s,
                backoff_max=10,
                raise_on_status=False,
                remaining=self._deadline.left,
                too_late=lambda response: _refusal(_Reply.of(response, b"")),
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def look_up(self, indicator: Indicator) -> Answer:
        """Ask for one indicator.

        Raises:
            ReputationApiError: there is no answer.
        """
        path = f"{indicator.type.info.route}/{quote(indicator.value, safe='')}"
        too_long = len(self._base) + 1 + len(path) > MAX_URL_CHARS
        if too_long or _READ_IN_TWO_WAYS.search(indicator.value):
            return self.look_up_many([indicator])[indicator]
        self._start()
        kept = self._kept(indicator)
        return kept or self._settled(self._get(indicator, path))[indicator]

    def look_up_many(self, indicators: Iterable[Indicator]) -> dict[Indicator, Answer]:
        """Ask for many indicators, each once, in as few requests as there may be.

        With a cache, what was learned before an error is not asked again.

        Raises:
            Unanswered: some have no answer; it holds the answers to the others.
            ReputationApiError: a request failed.
        """
        self._start()
        total = wire.Reply()
        waiting: dict[str, list[Indicator]] = {}
        for indicator in dict.fromkeys(indicators):
            if kept := self._kept(indicator):
                total.answers[indicator] = kept
            else:
                waiting.setdefault(indicator.type.info.route, []).append(indicator)
        for family, ones in waiting.items():
            for chunk in _chunks(ones, self._sizes[family]):
                outcome = self._post(family, chunk)
                self._keep(outcome)
                total.answers.update(outcome.answers)
                total.failed.update(outcome.failed)
        return self._settled(total)

    def read(self, path: str) -> Any:
        """What the API says below another path, such as `status/providers`: any JSON.

        Raises:
            ReputationApiError: there is no answer.
        """
        self._deadline.start()
        try:
            return json.loads(self._told(path))
        except (ValueError, RecursionError):
            raise UnexpectedAnswer("the answer is not JSON") from None

    def refresh_filter(self) -> bool:
        """Bring the local filter up to date.

        Look-ups do so by themselves when it is due, and ask the API when that fails.

        Returns:
            Whether there was another filter to take.

        Raises:
            ReputationApiError: the API offers no filter, or it could not be had; the one before
                is used as long as its age allows.
            OSError: the file cannot be written.
        """
        if self._filter is None:
            return False
        self._deadline.start()
        for _ in range(2):
            offered = wire.read_filter_offer(self._told("filter"))
            if offered.sha256 == self._filter.sha256:
                return False
            link = wire.read_filter_link(self._told("filter/download", status=302))
            if urlsplit(link).scheme != urlsplit(self._base).scheme:
                raise UnexpectedAnswer("the filter is offered over another scheme than the API")
            # The file is elsewhere, so the key does not go with it.
            headers = {"Accept-Encoding": "identity", "User-Agent": self._headers["User-Agent"]}
            reply = self._fetch("GET", link, headers, offered.size)
            # Between the two another one may have been published.
            if reply.status == 200 and hashlib.sha256(reply.body).hexdigest() == offered.sha256:
                try:
                    self._filter.take(reply.body)
                except FilterNotValid as error:
                    raise UnexpectedAnswer(str(error)) from error
                return True
        raise UnexpectedAnswer("the filter is not the one that is offered")

    def _start(self) -> None:
        """A look-up begins."""
        if self._filter is not None and self._filter.due():
            with suppress(ReputationApiError, OSError):
                self.refresh_filter()
        self._deadline.start()

    def _told(self, path: str, *, status: int = 200) -> bytes:
        reply = self._send("GET", path)
        if reply.status != status:
            raise _refusal(reply)
        return reply.body

    def _kept(self, indicator: Indicator) -> Answer | None:
        kept = None if self._cache is None else self._cache.get(indicator)
        if kept is None and self._filter is not None and self._filter.never_seen(indicator):
            return wire.unknown(indicator)
        return kept

    def _keep(self, outcome: wire.Reply) -> None:
        if self._cache is not None:
            for answer in outcome.answers.values():
                self._cache.put(answer)

    def _get(self, indicator: Indicator, path: str) -> wire.Reply:
        reply = self._send("GET", path)
        status, body = reply.status, reply.body
        code = None if status == 200 else wire.read_error_code(body)
        if status == 404 and code == _HASH_NOT_FOUND and indicator.type in HASH_TYPES:
            outcome = wire.Reply({indicator: wire.unknown(indicator)})
        elif status == 400 and code in _NOT_ACCEPTED:
            outcome = wire.Reply(failed={indicator: "the API does not accept it"})
        elif status != 200:
            raise _refusal(reply)
        elif indicator.type in HASH_TYPES:
            outcome = wire.Reply({indicator: wire.read_hash(indicator, body)})
        else:
            outcome = wire.read_address(indicator, body)
        self._keep(outcome)
        return outcome

    def _post(self, family: str, chunk: Sequence[Indicator]) -> wire.Reply:
        sent = json.dumps({_FIELDS[family]: [one.value for one in chunk]}).encode()
        headers = {"Content-Type": "application/json"}
        if family == "hash":
            headers["includescandetails"] = "1"
        reply = self._send("POST", family, sent, headers)
        if reply.status != 200:
            raise _refusal(reply)
        read = wire.read_hashes if family == "hash" else wire.read_addresses
        return read(chunk, reply.body)

    def _send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> "_Reply":
        """One request to the API."""
        url = f"{self._base}/{path}"
        return self._fetch(method, url, {**self._headers, **headers}, MAX_BODY_BYTES, body)

    def _fetch(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        most_bytes: int,
        body: bytes | None = None,
    ) -> "_Reply":
        """One request, retried."""
        self._deadline.seconds(math.inf)
        try:
            # Not through a session: that looks into the environment, and reads the body of a
            # redirect whole even if told not to follow it.
            request = requests.Request(method, url, dict(headers), data=body).prepare()
            sent = self._transport.send(request, stream=True, timeout=cast("Any", self._timeout))
            with closing(sent) as response:
                return _Reply.of(response.raw, self._body(response.raw, most_bytes))
        except (requests.RequestException, HTTPError) as error:
            if self._deadline.left() <= 0:
                raise DeadlinePassed(_OUT_OF_TIME) from error
            raise ApiUnavailable(f"the API could not be asked: {type(error).__name__}") from error

    def _body(self, response: BaseHTTPResponse, most_bytes: int) -> bytes:
        body = bytearray()
        # By read1, which returns with whatever is there: so the deadline is seen in time.
        while chunk := response.read1(_READ_BYTES, decode_content=True):
            body += chunk
            if len(body) > most_bytes:
                raise UnexpectedAnswer(f"the answer is larger than {most_bytes} bytes")
            self._deadline.seconds(math.inf)
        return bytes(body)

    @staticmethod
    def _settled(outcome: wire.Reply) -> dict[Indicator, Answer]:
        if outcome.failed:
            raise Unanswered(outcome.failed, outcome.answers)
        return outcome.answers


class _Reply(NamedTuple):
    """An answer, its body without its compression."""

    status: int
    body: bytes
    retry_after: str

    @classmethod
    def of(cls, response: BaseHTTPResponse, body: bytes) -> Self:
        return cls(response.status, body, response.headers.get("Retry-After", ""))


_OUT_OF_TIME = "the time for asking is used up"


class _Deadline(threading.local, Deadline):
    """How long the call of this thread may still take."""

    def seconds(self, most: float) -> float:
        """How long to wait, at most `most`; raises DeadlinePassed."""
        left = self.left()
        if left <= 0:
            raise DeadlinePassed(_OUT_OF_TIME)
        return min(most, left)


class _Timeout(Timeout):
    """Timeouts that no attempt may stretch beyond the deadline: urllib3 takes a copy for each."""

    def __init__(self, connect_s: float, read_s: float, seconds: Callable[[float], float]) -> None:
        super().__init__(connect=connect_s, read=read_s)
        self._most = connect_s, read_s
        self._seconds = seconds

    def clone(self) -> Timeout:
        connect_s, read_s = map(self._seconds, self._most)
        return Timeout(connect=connect_s, read=read_s)


class _Retry(BoundedRetry):
    """Leaves the body of an answer that is asked for again: urllib3 would read all of it."""

    def increment(self, *args: Any, **options: Any) -> Self:
        following = super().increment(*args, **options)
        if response := options.get("response"):
            response.close()
        return following


def _chunks(indicators: Iterable[Indicator], most: int) -> Iterator[list[Indicator]]:
    chunk: list[Indicator] = []
    size = 0
    for indicator in indicators:
        length = len(indicator.value)
        if chunk and (len(chunk) >= most or size + length > MAX_CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(indicator)
        size += length
    if chunk:
        yield chunk


def _refusal(reply: _Reply) -> ReputationApiError:
    status, body, retry_after = reply
    code = wire.read_error_code(body)
    message = f"the API answered with status {status}" + (f" and code {code}" if code else "")
    if status == 404:
        message += "; a base address with a path has to end with /v4"
    if status in {401, 403}:
        return KeyRefused(message)
    if status == 429:
        return LimitReached(message, int(retry_after) if _SECONDS.fullmatch(retry_after) else None)
    if status == 408 or status >= 500:
        return ApiUnavailable(message)
    return UnexpectedAnswer(message)


def _base(url: str) -> str:
    if not is_web_address(url) or (parts := urlsplit(url)).query or parts.fragment:
        raise ValueError("the base address is no http or https address that paths can follow")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v4'}"


def _usable_key(key: str) -> str:
    if not (key.isascii() and key.isprintable() and key.strip() == key != ""):
        raise ValueError("the API key is no text that a header can hold")
    return key
