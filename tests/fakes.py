"""Fakes of the outside: a feed, a pool without threads, a store that fails."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from botocore.exceptions import ReadTimeoutError

from shared.domain.errors import FeedError
from shared.http.fetch import Fetched

FEED_URL = "http://feed.example/feed/reports"


class FakeFeed:
    """A feed in memory.

    Attributes:
        pages: body by address, or the error that it fails with.
        asked: the addresses in the order in which they were asked for.
    """

    def __init__(self, pages: Mapping[str, bytes | FeedError]) -> None:
        self.pages = dict(pages)
        self.asked: list[str] = []

    def get(self, url: str) -> Fetched:
        self.asked.append(url)
        page = self.pages.get(url, FeedError("the feed answered with status 404"))
        if isinstance(page, FeedError):
            raise page
        return Fetched(url, page)


def json_page(reports: Sequence[object], following: str | None = None) -> bytes:
    """A page of reports."""
    return json.dumps({"items": reports, "count": len(reports), "next": following}).encode()


def json_feed(reports: Sequence[object], page_size: int = 100) -> FakeFeed:
    """A feed of reports, paged by number, in the order given."""
    parts = [reports[at : at + page_size] for at in range(0, len(reports), page_size)] or [[]]
    pages: dict[str, bytes | FeedError] = {}
    for number, part in enumerate(parts, 1):
        following = f"?page={number + 1}" if number < len(parts) else None
        pages[page_url(number)] = json_page(part, following)
    return FakeFeed(pages)


def page_url(number: int) -> str:
    """Address of a page of `json_feed`."""
    return FEED_URL if number == 1 else f"{FEED_URL}?page={number}"


class InlineExecutor(Executor):
    """Runs at once, in the thread of the caller: moto loses updates under threads."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


def dies(run: Callable[..., object], /, *args: Any, **kwargs: Any) -> bool:
    """Whether a call is killed before its end."""
    try:
        run(*args, **kwargs)
    except Killed:
        return True
    return False


class HookedClient:
    """A DynamoDB client that records its calls.

    Args:
        before: called with the operation before each call; it may raise or wait.
        after: the same, when the call has taken effect and before its answer arrives.
    """

    def __init__(
        self,
        client: Any,
        *,
        before: Callable[[str], None] = lambda _: None,
        after: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._before = before
        self._after = after

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if name == "exceptions":
            return member

        def call(*names: Any, **arguments: Any) -> Any:
            self._before(name)
            answer = member(*names, **arguments)
            self._after(name)
            return answer

        return call


def failing_client(
    client: Any, *, fail_at: int, after: bool, error: BaseException | None = None
) -> HookedClient:
    """A client whose call number `fail_at` fails, before or after it took effect."""
    calls = itertools.count(1)

    def hook(_: str) -> None:
        if next(calls) == fail_at:
            raise error or Killed

    return HookedClient(client, after=hook) if after else HookedClient(client, before=hook)


class Halving:
    """A client that processes half of each batch, `times` times.

    Args:
        least: how many keys or items of a batch it processes at least.
    """

    def __init__(self, client: Any, times: int, least: int = 0) -> None:
        self._client = client
        self._times = times
        self._least = least

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803
        [(table, wanted)] = RequestItems.items()
        keys = wanted["Keys"]
        done, left = self._split(keys)
        answer: dict[str, Any] = {"Responses": {}, "UnprocessedKeys": {}}
        if done:
            answer |= self._client.batch_get_item(RequestItems={table: wanted | {"Keys": done}})
        return answer | ({"UnprocessedKeys": {table: wanted | {"Keys": left}}} if left else {})

    def batch_write_item(self, RequestItems: Any) -> Any:  # noqa: N803
        [(table, requests)] = RequestItems.items()
        done, left = self._split(requests)
        if done:
            self._client.batch_write_item(RequestItems={table: done})
        return {"UnprocessedItems": {table: left} if left else {}}

    def _split(self, parts: list[Any]) -> tuple[list[Any], list[Any]]:
        if not self._times:
            return parts, []
        self._times -= 1
        half = max(self._least, len(parts) // 2)
        return parts[:half], parts[half:]


class LateWrites:
    """A client of which one write is lost on its way and arrives long after.

    Args:
        hold: which of the writes, from 1.
        repeated: whether the caller's library has sent it again, and that one arrived in time.

    Attributes:
        held: the operation that is held back, "" for none yet.
    """

    _WRITES = frozenset({"put_item", "update_item", "batch_write_item"})

    def __init__(self, client: Any, hold: int, *, repeated: bool) -> None:
        self._client = client
        self._hold = hold
        self._repeated = repeated
        self._writes = 0
        self._arguments: dict[str, Any] = {}
        self.held = ""

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if name not in self._WRITES:
            return member

        def call(**arguments: Any) -> Any:
            self._writes += 1
            if self._writes == self._hold:
                self.held, self._arguments = name, arguments
                if not self._repeated:
                    raise ReadTimeoutError(endpoint_url="http://store.example")
            return member(**arguments)

        return call

    def arrive(self) -> None:
        """Apply the write now; the store's answer is discarded."""
        getattr(self._client, self.held)(**self._arguments)


class StaleReads:
    """A client whose eventually consistent reads answer from a moment that lies back."""

    def __init__(self, client: Any, *tables: str) -> None:
        self._client = client
        self._tables = tables
        self._then: dict[str, dict[str, Any]] = {table: {} for table in tables}
        self.stale = 0

    def remember(self) -> None:
        """From now on answer with the present state of the tables."""
        for table in self._tables:
            items = self._client.scan(TableName=table, ConsistentRead=True)["Items"]
            self._then[table] = {item["pk"]["S"]: item for item in items}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_item(self, **arguments: Any) -> Any:
        if arguments.get("ConsistentRead"):
            return self._client.get_item(**arguments)
        item = self._then[arguments["TableName"]].get(arguments["Key"]["pk"]["S"])
        self.stale += 1
        return {"Item": item} if item else {}

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803
        [(table, wanted)] = RequestItems.items()
        if wanted.get("ConsistentRead"):
            return self._client.batch_get_item(RequestItems=RequestItems)
        keys = [key["pk"]["S"] for key in wanted["Keys"]]
        then = self._then[table]
        self.stale += 1
        return {"Responses": {table: [then[key] for key in keys if key in then]}}
