"""Follows a feed: returns each report once, in the order of publication."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from requests.utils import get_environ_proxies

from iocrep.errors import CommandError
from shared.domain.errors import FeedError
from shared.formats.feed.page import FeedPage, ReportLink
from shared.formats.feed.reader import read_page
from shared.http.fetch import FeedClient, Fetched, next_url

# Reports that are remembered for a feed without links to newer reports.
MAX_SEEN = 10_000
# Pages that one poll reads, back in such a feed and forward in others.
MAX_PAGES = 100


@dataclass(slots=True)
class FeedCursor:
    """Position in a feed from which reading continues.

    Attributes:
        feed: address of the feed.
        newer: address of the newer reports, "" if the feed does not link to them.
        etag: of the page that was read last, "" for none.
        seen: names of the newest reports, the oldest first; only for a feed without `newer`.
    """

    feed: str
    newer: str = ""
    etag: str = ""
    seen: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, feed: str) -> Self:
        """Read the cursor from a file; a new one if the file does not exist.

        Raises:
            CommandError: the file is not readable, or belongs to another feed.
        """
        try:
            cursor = cls(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return cls(feed)
        except (OSError, ValueError, TypeError):
            raise CommandError(f"{path} cannot be read. Remove it to start again.") from None
        if cursor.feed != feed:
            raise CommandError(f"{path} belongs to another feed: {cursor.feed}.")
        return cursor

    def write(self, path: Path) -> None:
        """Write the cursor to a file, which is replaced in one step."""
        new = path.with_name(path.name + ".new")
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(path)


Found = Any | ReportLink


class Follower:
    """Polls a feed for new reports.

    Args:
        cursor: where to continue; it advances with each poll.
        remaining: returns the seconds left for the current poll.

    It uses the proxy that the environment names.
    """

    def __init__(self, cursor: FeedCursor, api_key: str, remaining: Callable[[], float]) -> None:
        self.cursor = cursor
        self._client = FeedClient(
            cursor.feed,
            api_key,
            remaining,
            allow_private=True,
            proxies=get_environ_proxies(cursor.feed),
        )

    def poll(self) -> Iterator[Found]:
        """Yield what is new, the newest last: raw reports and links to reports.

        The cursor advances while the caller iterates.

        Raises:
            FeedError: the feed could not be fetched or read; what came before is complete.
        """
        if self.cursor.newer:
            yield from self._read_newer()
        else:
            yield from self._read_back()

    def _read_newer(self) -> Iterator[Found]:
        for _ in range(MAX_PAGES):
            # The ETag is that of the feed, so 304 means that nothing is newer than the cursor.
            fetched = self._client.get(self.cursor.newer, self.cursor.etag)
            if fetched.unchanged:
                return
            page = read_page(fetched.body)
            yield from page.reports
            yield from page.links
            if page.newer is None:
                raise FeedError("the feed no longer links to its newer reports")
            self.cursor.newer = next_url(fetched, page.newer)
            self.cursor.etag = "" if page.next else fetched.etag
            if not page.next:
                return

    def _read_back(self) -> Iterator[Found]:
        known = set(self.cursor.seen)
        first: tuple[Fetched, FeedPage] | None = None
        new: dict[str, Found] = {}
        url = self.cursor.feed
        for _ in range(MAX_PAGES):
            fetched = self._client.get(url, "" if first else self.cursor.etag)
            if fetched.unchanged:
                return
            page = read_page(fetched.body)
            first = first or (fetched, page)
            named = {_name(one): one for one in (*page.reports, *page.links)}
            new |= {name: one for name, one in named.items() if name not in known | new.keys()}
            # The first poll of a feed reads only the newest page.
            if not known or known & named.keys() or not page.next:
                break
            url = next_url(fetched, page.next)
        for name, one in reversed(new.items()):
            yield one
            self.cursor.seen.append(name)
        assert first is not None  # noqa: S101  # at least one page was read
        fetched, page = first
        self.cursor.seen = self.cursor.seen[-MAX_SEEN:]
        self.cursor.etag = fetched.etag
        if page.newer is not None:
            self.cursor.newer, self.cursor.seen = next_url(fetched, page.newer), []


def _name(found: Found) -> str:
    if isinstance(found, ReportLink):
        return found.url
    if isinstance(found, dict):
        return f"{found.get('flow_id')}/{found.get('report_id', '')}"
    return json.dumps(found)
