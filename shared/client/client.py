"""Client of MetaDefender Cloud v4 APIs: this service's own, or the vendor's."""

import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, cast
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.utils import select_proxy
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
    RequestRefused,
    Unanswered,
    UnexpectedAnswer,
)
from shared.domain.errors import FeedError, FilterNotValid
from shared.domain.indicator import HASH_TYPES, Indicator
from shared.domain.links import is_web_address
from shared.domain.verdict import Verdict
from shared.formats import strict_json
from shared.http.egress import check_proxy, pool_manager
from shared.http.failure import cause_of
from shared.http.retry import RETRIED_STATUSES, BoundedRetry
from shared.http.tls import tls_context
from shared.runtime.deadline import Deadline

if TYPE_CHECKING:
    # Not imported at run time: it needs the library of the format, which most users do not need.
    from shared.client.local_filter import LocalFilter

MAX_BODY_BYTES = 8 * 1024 * 1024
# Total size of the values in one request; this service accepts a body of 4 MB.
MAX_CHUNK_BYTES = 1024 * 1024
# API Gateway accepts a URL of 10,240 characters.
MAX_URL_CHARS = 8000
# Some gateways decode a path, cut it at a decoded `?`, and merge slashes.
_AMBIGUOUS_IN_PATH = re.compile(r"[?%\\]|[^:]//|://.*//")
_READ_BYTES = 64 * 1024
_SECONDS = re.compile("[0-9]{1,9}")
_FIELDS: Final = {"hash": "hash", "ip": "address", "domain": "fqdn", "url": "url"}
_HASH_NOT_FOUND = 404003
_IOC_NOT_FOUND = 404001
# Answers to a change that state why it was not made.
_NOT_DONE = frozenset({400, 403, 404, 409})
_NOT_ACCEPTED = frozenset({400064, *range(400180, 400186)})


class ReputationClient:
    """Client of one API. Safe for threads; close it, or use it in a `with`.

    It stores no cookies, reads no proxy or password from the environment and follows no redirect,
    so only the API, and a proxy for plain http, get the key.

    Args:
        base_url: address above `/hash`, such as `https://host/v4`, or `https://host/stage/v4` for
            an API with a stage; slashes at its end are ignored, and an address without a path
            gets `/v4`.
        api_key: sent in the header `apikey`.
        cache: cache of answers, for this client only; None for no cache.
        remaining: returns the seconds that the caller has left; called repeatedly.
        deadline_s: seconds that a call may take, including all its requests and retries.
        connect_timeout_s, read_timeout_s: seconds to wait for a connection, and for each piece of
            an answer.
        max_retries: retries of one request, after lost connections and the statuses 429 and 5xx.
        backoff_s: seconds before the second retry; each further one waits twice as long.
        max_hashes: maximum number of hashes in one request.
        max_addresses: maximum number of IPs, domains or URLs in one request; the vendor accepts 50.
        clock: returns seconds that never go back.
        transport: sends the requests; the default one retries as described above.
        local_filter: Bloom filter of stored IOCs; a miss is answered as unknown without a request.
        allow_private: whether the API may have an address that is not on the internet. If not,
            each connection is judged when it connects.
        private_ca: certificates (PEM) of a CA to trust besides the public ones, "" for none.
        proxies: HTTP proxies by scheme, in the form of requests; None to connect directly. They
            need `allow_private`, because a proxy connects to addresses that are not judged.

    Raises:
        ValueError: an argument is not valid; the message repeats neither addresses nor the key.
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
        allow_private: bool = True,
        private_ca: str = "",
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        self._base = _base(base_url)
        self._proxies = dict(proxies or {})
        check_proxy(select_proxy(self._base, self._proxies) or "", allow_private=allow_private)
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
        self._transport = transport or _Adapter(
            allow_private=allow_private,
            private_ca=private_ca,
            max_retries=_Retry(
                total=max_retries,
                other=0,  # an untrusted certificate stays untrusted
                status_forcelist=RETRIED_STATUSES,
                allowed_methods=None,  # all: a repeated request changes nothing more
                backoff_factor=backoff_s,
                backoff_max=10,
                raise_on_status=False,
                remaining=self._deadline.left,
                too_late=lambda response: _refusal(_Reply.of(response, b"")),
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def look_up(self, indicator: Indicator) -> Answer:
        """Look up one indicator.

        Raises:
            ReputationApiError: the look-up failed.
        """
        path = f"{indicator.type.info.route}/{quote(indicator.value, safe='')}"
        too_long = len(self._base) + 1 + len(path) > MAX_URL_CHARS
        if too_long or _AMBIGUOUS_IN_PATH.search(indicator.value):
            return self.look_up_many([indicator])[indicator]
        self._start()
        return self._cached(indicator) or _answers(self._get(indicator, path))[indicator]

    def look_up_many(self, indicators: Iterable[Indicator]) -> dict[Indicator, Answer]:
        """Look up many indicators, each once, in as few requests as possible.

        With a cache, answers that arrived before an error are not requested again.

        Raises:
            Unanswered: some have no answer; the error holds the answers about the others.
            ReputationApiError: a request failed.
        """
        self._start()
        total = wire.Reply()
        waiting: dict[str, list[Indicator]] = {}
        for indicator in dict.fromkeys(indicators):
            if cached := self._cached(indicator):
                total.answers[indicator] = cached
            else:
                waiting.setdefault(indicator.type.info.route, []).append(indicator)
        for family, ones in waiting.items():
            for chunk in _chunks(ones, self._sizes[family]):
                outcome = self._post(family, chunk)
                self._store(outcome)
                total.answers.update(outcome.answers)
                total.failed.update(outcome.failed)
        return _answers(total)

    def read(self, path: str) -> Any:
        """Read the JSON that the API answers at another path, such as `status/providers`.

        Raises:
            ReputationApiError: the request failed.
        """
        self._deadline.start()
        return _json(self._body_of(path))

    def pages(self, path: str, **query: str) -> Iterator[list[dict[str, Any]]]:
        """Read a list that the API answers in pages, such as `iocs/recent`.

        Args:
            query: parameters of the list, such as `limit`, the number of rows of a page.

        Yields:
            The rows of each page, as JSON.

        Raises:
            RequestRefused: the API does not have the list, or does not accept a parameter.
            ReputationApiError: a request failed.
        """
        cursor = ""
        while True:
            self._deadline.start()
            reply = self._send("GET", f"{path}?{urlencode({**query, 'cursor': cursor})}")
            page = _json(_accepted(_done(reply)))
            try:
                yield [dict(row) for row in page["data"]]
                cursor = page["next_cursor"]
            except (TypeError, KeyError, ValueError):
                raise UnexpectedAnswer("the answer is not a page of a list") from None
            if not cursor:
                return

    def exports(self) -> list[wire.ExportedFile]:
        """List the files that the API exports; docs/exports.md.

        Raises:
            RequestRefused: the API exports nothing.
            ReputationApiError: the request failed.
        """
        self._deadline.start()
        return wire.read_exports(_accepted(_done(self._send("GET", "exports"))))

    def export(self, name: str) -> bytes:
        """Download an exported file, and check its SHA-256.

        Args:
            name: as in the list, such as `blocklist/domain-malicious.txt`.

        Raises:
            RequestRefused: the API exports no such file.
            ReputationApiError: a request failed, or the file is not the one in the list.
        """
        for _ in range(2):
            listed = next((one for one in self.exports() if one.name == name), None)
            if listed is None:
                raise RequestRefused(f"The API exports no file {name}")
            url = f"{self._base}/exports/{quote(name)}"
            headers = {**self._headers, "Accept": "*/*"}
            reply = _done(self._fetch("GET", url, headers, max(listed.size, MAX_BODY_BYTES)))
            body = reply.body
            if reply.status == 302:
                body = self._linked(reply.body, listed.size)
            else:
                _accepted(reply)
            # Another export may have been published between the requests.
            if hashlib.sha256(body).hexdigest() == listed.sha256:
                return body
        raise UnexpectedAnswer("the file does not have the SHA-256 of the list")

    def explain(self, indicator: Indicator) -> Any:
        """Read everything that this service knows of an indicator, as JSON; docs/contract.md.

        Returns:
            None if nothing is known of it and of what is around it.

        Raises:
            ReputationApiError: the request failed, or the API has no explanations.
        """
        self._deadline.start()
        reply = self._send("GET", _path_of(indicator))
        if reply.status == 404 and wire.read_error_code(reply.body) == _IOC_NOT_FOUND:
            return None
        return _json(_accepted(reply))

    def set_verdict(
        self, indicator: Indicator, verdict: Verdict, reason: str, expires: str = ""
    ) -> Any:
        """Set the verdict of an indicator as its analyst; docs/overrides.md.

        Args:
            reason: in the analyst's words.
            expires: moment at which the verdict ends, in ISO 8601; "" for no end.

        Returns:
            What the API stored, as JSON.

        Raises:
            RequestRefused: the API does not accept it, or the key has no right to set verdicts.
            ReputationApiError: the request failed.
        """
        body = {"verdict": verdict.name, "reason": reason}
        return self._annotate(
            "PUT", indicator, "verdict", body | ({"expires": expires} if expires else {})
        )

    def unset_verdict(self, indicator: Indicator) -> Any:
        """Take back the verdict that was set for an indicator; returns and raises as above.

        Raises:
            RequestRefused: as above, or no verdict was set.
        """
        return self._annotate("DELETE", indicator, "verdict")

    def report_false_positive(self, indicator: Indicator, reason: str) -> Any:
        """Report that an indicator is wrongly called bad, for an analyst to decide.

        Returns:
            What the API stored, as JSON.

        Raises:
            RequestRefused: the API does not accept it.
            ReputationApiError: the request failed.
        """
        return self._annotate("POST", indicator, "false-positive", {"reason": reason})

    def refresh_filter(self) -> bool:
        """Download the filter of the API if it has changed.

        Look-ups do so themselves when a refresh is due; if it fails, they continue without it.

        Returns:
            Whether there was a new filter.

        Raises:
            ReputationApiError: the API has no filter, or the download failed; the previous filter
                is used until it is too old.
            OSError: the file cannot be written.
        """
        if self._filter is None:
            return False
        self._deadline.start()
        for _ in range(2):
            offered = wire.read_filter_offer(self._body_of("filter"))
            if offered.sha256 == self._filter.sha256:
                return False
            body = self._linked(self._body_of("filter/download", status=302), offered.size)
            # Another filter may have been published between the two requests.
            if hashlib.sha256(body).hexdigest() == offered.sha256:
                try:
                    self._filter.replace(body)
                except FilterNotValid as error:
                    raise UnexpectedAnswer(str(error)) from error
                return True
        raise UnexpectedAnswer("the filter does not have the offered SHA-256")

    def _linked(self, body: bytes, size: int) -> bytes:
        """Download the file that a redirect links to; b"" if the link does not work.

        Args:
            size: the most bytes of the file.
        """
        link = wire.read_link(body)
        if urlsplit(link).scheme != urlsplit(self._base).scheme:
            raise UnexpectedAnswer("the file is offered over another scheme than the API")
        # The file is on another host, which must not get the key.
        headers = {"Accept-Encoding": "identity", "User-Agent": self._headers["User-Agent"]}
        reply = self._fetch("GET", link, headers, size)
        return reply.body if reply.status == 200 else b""

    def _start(self) -> None:
        """Begin a look-up: refresh the filter if due, then start the deadline."""
        if self._filter is not None and self._filter.due():
            with suppress(ReputationApiError, OSError):
                self.refresh_filter()
        self._deadline.start()

    def _body_of(self, path: str, *, status: int = 200) -> bytes:
        return _accepted(self._send("GET", path), status)

    def _cached(self, indicator: Indicator) -> Answer | None:
        cached = None if self._cache is None else self._cache.get(indicator)
        if cached is None and self._filter is not None and self._filter.never_seen(indicator):
            return wire.unknown(indicator)
        return cached

    def _store(self, outcome: wire.Reply) -> None:
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
        self._store(outcome)
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

    def _annotate(
        self, method: str, indicator: Indicator, what: str, body: Mapping[str, str] | None = None
    ) -> Any:
        self._deadline.start()
        path = f"{_path_of(indicator)}/{what}"
        if body is None:
            reply = self._send(method, path)
        else:
            headers = {"Content-Type": "application/json"}
            reply = self._send(method, path, json.dumps(body).encode(), headers)
        if reply.status in _NOT_DONE and (text := wire.read_error_text(reply.body)):
            raise RequestRefused(text)
        return _json(_accepted(reply))

    def _send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> "_Reply":
        """Send one request to the API."""
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
        """Send one request, with retries."""
        self._deadline.seconds(math.inf)
        try:
            # Without a session: a session reads the environment, and reads the whole body of a
            # redirect even when redirects are off.
            request = requests.Request(method, url, dict(headers), data=body).prepare()
            sent = self._transport.send(
                request, stream=True, timeout=cast("Any", self._timeout), proxies=self._proxies
            )
            with closing(sent) as response:
                return _Reply.of(response.raw, self._body(response.raw, most_bytes))
        except (requests.RequestException, HTTPError) as error:
            if self._deadline.left() <= 0:
                raise DeadlinePassed(_OUT_OF_TIME) from error
            raise ApiUnavailable(cause_of(error, url)) from error

    def _body(self, response: BaseHTTPResponse, most_bytes: int) -> bytes:
        body = bytearray()
        # read1 returns as soon as there is data, so the deadline is checked in time.
        while chunk := response.read1(_READ_BYTES, decode_content=True):
            body += chunk
            if len(body) > most_bytes:
                raise UnexpectedAnswer(f"the answer is larger than {most_bytes} bytes")
            self._deadline.seconds(math.inf)
        return bytes(body)


class _Adapter(HTTPAdapter):
    """Transport of requests over connections that are judged when they connect."""

    def __init__(self, *, allow_private: bool, private_ca: str, **options: Any) -> None:
        self._allow_private = allow_private
        self._private_ca = private_ca
        super().__init__(**options)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **_: Any
    ) -> None:
        """Replace the pools of requests; its constructor calls this."""
        self.poolmanager = pool_manager(
            allow_private=self._allow_private,
            private_ca=self._private_ca,
            num_pools=connections,
            maxsize=maxsize,
            block=block,
        )

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Give connections through a proxy the same trust as others."""
        return super().proxy_manager_for(
            proxy, ssl_context=tls_context(self._private_ca), **options
        )


def _path_of(indicator: Indicator) -> str:
    return f"ioc/{indicator.type.info.route}/{quote(indicator.value, safe='')}"


def _answers(outcome: wire.Reply) -> dict[Indicator, Answer]:
    if outcome.failed:
        raise Unanswered(outcome.failed, outcome.answers)
    return outcome.answers


def _json(body: bytes) -> Any:
    try:
        return strict_json.parse(body, "the answer", wire.LIMITS)
    except FeedError as error:
        raise UnexpectedAnswer(str(error)) from None


class _Reply(NamedTuple):
    """An HTTP answer with its decompressed body."""

    status: int
    body: bytes
    retry_after: str

    @classmethod
    def of(cls, response: BaseHTTPResponse, body: bytes) -> Self:
        return cls(response.status, body, response.headers.get("Retry-After", ""))


_OUT_OF_TIME = "the deadline of the call has passed"


class _Deadline(threading.local, Deadline):
    """The deadline of the current call of each thread."""

    def seconds(self, most: float) -> float:
        """Return the seconds to wait, at most `most`.

        Raises:
            DeadlinePassed: the deadline has passed.
        """
        left = self.left()
        if left <= 0:
            raise DeadlinePassed(_OUT_OF_TIME)
        return min(most, left)


class _Timeout(Timeout):
    """Timeouts that end with the deadline at the latest; urllib3 clones them for each attempt."""

    def __init__(self, connect_s: float, read_s: float, seconds: Callable[[float], float]) -> None:
        super().__init__(connect=connect_s, read=read_s)
        self._most = connect_s, read_s
        self._seconds = seconds

    def clone(self) -> Timeout:
        connect_s, read_s = map(self._seconds, self._most)
        return Timeout(connect=connect_s, read=read_s)


class _Retry(BoundedRetry):
    """Closes an answer before its retry without reading its body, which urllib3 would read."""

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


def _done(reply: _Reply) -> _Reply:
    """Raise the API's own message if it does not have what was requested."""
    if reply.status in {400, 404} and (text := wire.read_error_text(reply.body)):
        raise RequestRefused(text)
    return reply


def _accepted(reply: _Reply, status: int = 200) -> bytes:
    if reply.status != status:
        raise _refusal(reply)
    return reply.body


def _refusal(reply: _Reply) -> ReputationApiError:
    status, body, retry_after = reply
    code = wire.read_error_code(body)
    message = f"the API answered with status {status}" + (f" and code {code}" if code else "")
    if status == 404:
        message += "; a base address with a path must end with /v4"
    if status in {401, 403}:
        return KeyRefused(message)
    if status == 407:
        return ApiUnavailable("the proxy needs a user name and a password that it accepts")
    if status == 429:
        return LimitReached(message, int(retry_after) if _SECONDS.fullmatch(retry_after) else None)
    if status == 408 or status >= 500:
        return ApiUnavailable(message)
    return UnexpectedAnswer(message)


def _base(url: str) -> str:
    if not is_web_address(url) or (parts := urlsplit(url)).query or parts.fragment:
        raise ValueError("the base address is not a plain http or https address")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v4'}"


def _usable_key(key: str) -> str:
    if not (key.isascii() and key.isprintable() and key.strip() == key != ""):
        raise ValueError("the API key cannot be sent in a header")
    return key
