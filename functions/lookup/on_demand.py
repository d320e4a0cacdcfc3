"""Queries of on-demand providers: HTTP APIs, asked during a look-up within a strict time budget."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from shared.domain.errors import FeedError, InvalidRecord
from shared.domain.indicator import Indicator
from shared.domain.moment import read_moment
from shared.domain.provider import Listing, ListingStatus
from shared.formats import strict_json
from shared.formats.lists.declaration import PLACEHOLDER, Declaration
from shared.formats.lists.options import Api
from shared.formats.lists.read import clean_text
from shared.http.egress import pool_manager
from shared.runtime.deadline import Deadline
from shared.runtime.declared_providers import declared
from shared.runtime.observability import logger
from shared.runtime.provider_keys import KeyNotReadable, provider_key
from shared.runtime.provider_settings import ProviderSettings
from shared.runtime.ttl_cache import TtlCache

_MAX_BODY_BYTES = 256 * 1024
_READ_BYTES = 64 * 1024
_OK = 200
_ASKED_AT_ONCE = 16
_NOT_FOUND = 404
# A provider that failed is skipped for a while, so that it slows down one look-up and not all.
SKIPPED_S = 30.0

# Sends a GET request with headers and a timeout in seconds; returns status and body.
Get = Callable[[str, Mapping[str, str], float], tuple[int, bytes]]


class AskError(FeedError):
    """A provider did not answer, or its answer does not match its declaration."""


@dataclass(slots=True)
class Asker:
    """Queries the APIs of on-demand providers. Thread-safe.

    Attributes:
        declared: declarations by provider id.
        key_of: returns the API key of a provider, "" if it needs none.
        get: sends a request; raises AskError.
        pool: runs the requests.
        clock: seconds, monotonic.
    """

    declared: Mapping[str, Declaration]
    key_of: Callable[[Declaration], str]
    get: Get
    pool: Executor
    clock: Callable[[], float]
    _skipped: TtlCache[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        self._skipped = TtlCache(len(self.declared), self.clock)

    def ask(self, providers: list[str], indicator: Indicator, now: int) -> dict[str, Listing]:
        """Query several providers about an indicator at the same time.

        Args:
            providers: provider ids; ids without a declaration are ignored.
            now: milliseconds since the epoch.

        Returns:
            A listing per provider. Its status is FAILED if no answer came in time; do not store
            such a listing.
        """
        asked = {name: self.declared[name] for name in providers if name in self.declared}
        found = {name: Listing(ListingStatus.FAILED, answered=now) for name in asked}
        open_ = {name: one for name, one in asked.items() if not self._skipped.get(name)}
        waiting = {
            self.pool.submit(self._ask_one, one, indicator, now): name
            for name, one in open_.items()
        }
        budgets = [_options(one).budget_ms / 1000 for one in open_.values()]
        answered, late = wait(waiting, timeout=max(budgets, default=0.0))
        for future in answered:
            name = waiting[future]
            listing = future.result()
            if listing is None:
                self._skip(name)
            else:
                found[name] = listing
        for future in late:
            self._skip(waiting[future])
        return found

    def _ask_one(self, declaration: Declaration, indicator: Indicator, now: int) -> Listing | None:
        """Query one provider, None if it did not answer."""
        options = _options(declaration)
        url = declaration.address.replace(PLACEHOLDER, quote(indicator.value, safe=""))
        try:
            key = self.key_of(declaration)
            headers = {declaration.key_header: key} if key else {}
            status, body = self.get(url, headers, options.budget_ms / 1000)
            if status == _NOT_FOUND:
                return _not_listed(options, now)
            if status != _OK:
                raise AskError(f"status {status}")
            answer = strict_json.parse(body, "the answer", strict_json.SMALL)
            return read_answer(declaration, answer, now)
        except (FeedError, KeyNotReadable) as error:
            logger.warning(
                "provider did not answer",
                extra={"provider": declaration.id, "reason": str(error)},
            )
            return None

    def _skip(self, name: str) -> None:
        self._skipped.put(name, value=True, ends=self.clock() + SKIPPED_S)


def read_answer(declaration: Declaration, answer: object, now: int) -> Listing:
    """Read an answer into a listing, with the expressions of the declaration.

    Args:
        now: milliseconds since the epoch.

    Raises:
        AskError: an expression cannot be applied, because a value has another type.
    """
    options = _options(declaration)

    def found(expression: str | None) -> Any:
        try:
            return jmespath.search(expression, answer) if expression else None
        except (JMESPathError, TypeError, ValueError, OverflowError, RecursionError) as error:
            # Functions of JMESPath check the type of their argument, but not of all it contains.
            raise AskError(f"{expression} cannot be applied: {type(error).__name__}") from error

    if found(options.listed):
        status = ListingStatus.LISTED
    elif found(options.trusted):
        status = ListingStatus.TRUSTED
    else:
        return _not_listed(options, now)
    try:
        date = found(options.detect_time)
        detect_time = read_moment(date, now) if date else 0
    except InvalidRecord:
        detect_time = 0
    return Listing(
        status,
        assessment=clean_text(found(options.assessment)) or declaration.assessment,
        category=clean_text(found(options.category)) or declaration.category,
        detect_time=detect_time,
        answered=now,
        expires=now + options.keep * 1000,
    )


def _not_listed(options: Api, now: int) -> Listing:
    return Listing(
        ListingStatus.NOT_LISTED, answered=now, expires=now + options.keep_unknown * 1000
    )


def _options(declaration: Declaration) -> Api:
    return declaration.read_options(Api)


def over_http(*, allow_private: bool) -> Get:
    """A function that sends requests over pooled connections, without redirects and proxies.

    Args:
        allow_private: whether a provider may have an address that is not on the internet.
    """
    manager = pool_manager(allow_private=allow_private, retries=False)

    def get(url: str, headers: Mapping[str, str], timeout_s: float) -> tuple[int, bytes]:
        deadline = Deadline(timeout_s)
        body = bytearray()
        try:
            response = manager.request(
                "GET",
                url,
                headers={"Accept": "application/json", "User-Agent": "ioc-reputation", **headers},
                timeout=Timeout(total=timeout_s),
                redirect=False,
                preload_content=False,
            )
            with closing(response):
                # The timeout restarts with every byte, so a slow answer could block its thread
                # for any time, and all providers share a few threads.
                while chunk := response.read1(_READ_BYTES, decode_content=True):
                    body += chunk
                    if len(body) > _MAX_BODY_BYTES:
                        raise AskError("the answer is too large")
                    if deadline.left() < 0:
                        raise AskError("the answer took too long")
        except (HTTPError, ValueError) as error:  # ValueError: the key is not valid in a header
            raise AskError(type(error).__name__) from error
        return response.status, bytes(body)

    return get


def make_asker(settings: ProviderSettings) -> Asker:
    """Build an asker for the declared APIs.

    Raises:
        DeclarationError: a declaration is not valid.
    """
    return Asker(
        declared(settings),
        partial(provider_key, settings.key_path),
        over_http(allow_private=settings.allow_private),
        ThreadPoolExecutor(_ASKED_AT_ONCE, thread_name_prefix="ask"),
        time.monotonic,
    )
