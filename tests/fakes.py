"""Stand-ins for what is outside: a feed, a pool without threads, a store that fails."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from shared.domain.errors import FeedError
from shared.feed.fetch import Fetched

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


class HookedClient:
    """A DynamoDB client that tells of its calls.

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

        def call(**arguments: Any) -> Any:
            self._before(name)
            answer = member(**arguments)
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
