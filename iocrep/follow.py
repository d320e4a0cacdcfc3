"""Follows a feed: each report once, in the order in which they are published."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from iocrep.errors import CannotGoOn
from shared.domain.errors import FeedError
from shared.formats.feed.page import FeedPage, ReportLink
from shared.formats.feed.reader import read_page
from shared.http.fetch import FeedClient, Fetched, next_url

# How many reports are remembered of a feed that has no place to go on from.
MAX_SEEN = 10_000
# How far back one look goes in such a feed, and how far ahead in another.
MAX_PAGES = 100


@dataclass(slots=True)
class Place:
    """Where a feed was left.

    Attributes:
        feed: its address.
        newer: where to ask for what is newer, "" if the feed does not say.
        etag: of the page that was asked last, "" for none.
        seen: names of the newest reports, the oldest first, of a feed that has no `newer`.
    """

    feed: str
    newer: str = ""
    etag: str = ""
    seen: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, feed: str) -> Self:
        """The place that a file has; the beginning if it is not there.

        Raises:
            CannotGoOn: it is no such file, or one of another feed.
        """
        try:
            place = cls(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return cls(feed)
        except (OSError, ValueError, TypeError):
            raise CannotGoOn(f"{path} cannot be read. Remove it to begin anew.") from None
        if place.feed != feed:
            raise CannotGoOn(f"{path} is of another feed: {place.feed}.")
        return place

    def write(self, path: Path) -> None:
        """Keep it, in one step."""
        new = path.with_name(path.name + ".new")
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(path)


Found = Any | ReportLink


class Follower:
    """Looks into a feed again and again.

    Args:
        remaining: seconds that are left for the look of the moment.
    """

    def __init__(self, place: Place, api_key: str, remaining: Callable[[], float]) -> None:
        self.place = place
        self._client = FeedClient(place.feed, api_key, remaining, allow_private=True)

    def look(self) -> Iterator[Found]:
        """What is new, the newest last: raw reports, and links to reports.

        The place moves as the reports are taken.

        Raises:
            FeedError: the feed could not be had or read; what was taken before is right.
        """
        if self.place.newer:
            yield from self._onwards()
        else:
            yield from self._backwards()

    def _onwards(self) -> Iterator[Found]:
        for _ in range(MAX_PAGES):
            # The ETag is the feed's: unchanged is what has nothing behind this place.
            fetched = self._client.get(self.place.newer, self.place.etag)
            if fetched.unchanged:
                return
            page = read_page(fetched.body)
            yield from page.reports
            yield from page.links
            if page.newer is None:
                raise FeedError("the feed does not say any more where its newer reports are")
            self.place.newer = next_url(fetched, page.newer)
            self.place.etag = "" if page.next else fetched.etag
            if not page.next:
                return

    def _backwards(self) -> Iterator[Found]:
        known = set(self.place.seen)
        first: tuple[Fetched, FeedPage] | None = None
        new: dict[str, Found] = {}
        url = self.place.feed
        for _ in range(MAX_PAGES):
            fetched = self._client.get(url, "" if first else self.place.etag)
            if fetched.unchanged:
                return
            page = read_page(fetched.body)
            first = first or (fetched, page)
            named = {_name(one): one for one in (*page.reports, *page.links)}
            new |= {name: one for name, one in named.items() if name not in known | new.keys()}
            # Of a feed that is seen for the first time the newest page is enough.
            if not known or known & named.keys() or not page.next:
                break
            url = next_url(fetched, page.next)
        for name, one in reversed(new.items()):
            yield one
            self.place.seen.append(name)
        assert first is not None  # noqa: S101  # there is at least one page
        fetched, page = first
        self.place.seen = self.place.seen[-MAX_SEEN:]
        self.place.etag = fetched.etag
        if page.newer is not None:
            self.place.newer, self.place.seen = next_url(fetched, page.newer), []


def _name(found: Found) -> str:
    if isinstance(found, ReportLink):
        return found.url
    if isinstance(found, dict):
        return f"{found.get('flow_id')}/{found.get('report_id', '')}"
    return json.dumps(found)
