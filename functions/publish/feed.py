"""Pages of the published feed, as JSON and as Atom (RFC 4287, with the paging of RFC 5005).

A cursor names a page: a direction and the number of the entry where the page begins. Numbers have
no gaps and never change, so a cursor stays valid while the feed grows.
"""

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from functions.publish.layout import ATOM, add, add_details
from functions.publish.store.feed_log import FeedEntry, FeedInfo, FeedLog
from shared.domain.errors import ReputationError
from shared.domain.moment import format_millis
from shared.formats.feed.json_page import NEWEST_FIRST

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
# A page is an answer of a function, which is limited to 6 MB.
MAX_PAGE_BYTES = 3_000_000
# In XML the same reports are larger. An answer of this size is sent in base64 at the most.
MAX_ATOM_BYTES = 4_400_000
_ENTRIES_PER_READ = 25
# A page ends after so many reads, even if it found only entries that were replaced.
_MAX_READS = 40

_NAMESPACE = uuid.UUID("6f0f4f0e-5d3e-5f0b-9a0e-2b6c2c1f7a51")
_TITLE = "IOC reputation: scan reports"


class InvalidCursor(ReputationError):
    """A cursor, an order or a limit is not valid for this feed."""


class Order(StrEnum):
    """Direction in which a page is read."""

    NEWEST_FIRST = NEWEST_FIRST
    OLDEST_FIRST = "oldest_first"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Position where a page begins.

    Attributes:
        number: newest first, the page holds entries with lower numbers; oldest first, with higher
            ones. None is the end of the feed, where a reader of the newest entries begins.
        limit: the most reports on a page.
    """

    order: Order = Order.NEWEST_FIRST
    number: int | None = None
    limit: int = DEFAULT_LIMIT

    @classmethod
    def parse(cls, cursor: str, order: str, limit: str) -> Self:
        """Read the parameters of a request; "" for one that is missing.

        Raises:
            InvalidCursor: a parameter is not valid.
        """
        if order not in {"", *Order} or not _CURSOR.fullmatch(cursor):
            raise InvalidCursor("the cursor or the order is not valid")
        if not _LIMIT.fullmatch(limit) or not 0 < int(limit or DEFAULT_LIMIT) <= MAX_LIMIT:
            raise InvalidCursor(f"the limit is not a number from 1 to {MAX_LIMIT}")
        direction = Order(order or Order.NEWEST_FIRST)
        number = 0 if direction is Order.OLDEST_FIRST else None
        if cursor:
            direction, number = _DIRECTIONS[cursor[0]], int(cursor[1:])
        return cls(direction, number, int(limit or DEFAULT_LIMIT))

    def query(self) -> str:
        """The query string of this page."""
        letter = "a" if self.order is Order.OLDEST_FIRST else "b"
        parameters = {"cursor": f"{letter}{self.number}"}
        if self.limit != DEFAULT_LIMIT:
            parameters["limit"] = str(self.limit)
        return "?" + urlencode(parameters)


_DIRECTIONS = {"a": Order.OLDEST_FIRST, "b": Order.NEWEST_FIRST}
# Each has one spelling only: int() also accepts signs, underscores and other digits.
_CURSOR = re.compile("([ab][0-9]{1,18})?")
_LIMIT = re.compile("([0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """One page of the feed.

    Attributes:
        entries: in the order of the page.
        next: cursor of the following page, None at the end.
        newer: cursor of what is published after the newest entry of this page.
        updated: when the feed last changed, milliseconds since the epoch.
    """

    order: Order
    entries: Sequence[FeedEntry]
    next: Cursor | None
    newer: Cursor
    updated: int


def read_page(log: FeedLog, info: FeedInfo, cursor: Cursor) -> PublishedPage:
    """Read a page of the feed, in its state at the time `info` was read.

    Raises:
        InvalidCursor: it points beyond the end of the feed, so it belongs to another feed.
        StoreError: the store failed.
    """
    numbers = _numbers(info, cursor)
    entries: list[FeedEntry] = []
    size = taken = 0
    full = False
    for _ in range(_MAX_READS):
        if full or taken == len(numbers) or len(entries) == cursor.limit:
            break
        chunk = numbers[taken : taken + min(_ENTRIES_PER_READ, cursor.limit - len(entries))]
        found = {entry.number: entry for entry in log.entries(chunk)}
        for number in chunk:
            entry = found.get(number)
            if entry is not None:
                size += len(entry.body)
                full = bool(entries) and size > MAX_PAGE_BYTES
                if full:
                    break
                entries.append(entry)
            taken += 1
    following = Cursor(cursor.order, numbers[taken - 1], cursor.limit) if numbers[taken:] else None
    newest = max(numbers[:taken], default=cursor.number or 0)
    newer = Cursor(Order.OLDEST_FIRST, newest, cursor.limit)
    return PublishedPage(cursor.order, entries, following, newer, info.updated)


def _numbers(info: FeedInfo, cursor: Cursor) -> range:
    """The numbers of the entries from the beginning of a page to the end of the feed."""
    # Oldest first, a cursor after the last entry would skip the next one that is published.
    last = info.tail if cursor.order is Order.OLDEST_FIRST else info.tail + 1
    if (cursor.number or 0) > last:
        raise InvalidCursor("the cursor points beyond the end of the feed")
    if cursor.order is Order.OLDEST_FIRST:
        return range((cursor.number or 0) + 1, info.tail + 1)
    start = info.tail + 1 if cursor.number is None else cursor.number
    return range(start - 1, 0, -1)


def as_json(page: PublishedPage) -> str:
    """Write a page as JSON; docs/published-feed.md describes the form."""
    items = ",".join(entry.body.decode() for entry in page.entries)
    facts = {
        "count": len(page.entries),
        "order": page.order,
        "next": page.next.query() if page.next else None,
        "newer": page.newer.query(),
    }
    return f'{{"items":[{items}],{json.dumps(facts)[1:]}'


def as_atom(page: PublishedPage, *, report_link: str) -> str:
    """Write a page as Atom, each report in the vendor's layout.

    If it is larger than `MAX_ATOM_BYTES`, it ends earlier, and the next page has the rest. A report
    whose layout alone is larger is written as JSON.

    Args:
        report_link: address of a report for people, with `{flow_id}` and `{report_id}` in it; ""
            for no link.
    """
    while True:
        text = _atom(page, report_link)
        size, count = len(text.encode()), len(page.entries)
        if size <= MAX_ATOM_BYTES or count < 2:
            return text
        page = _beginning(page, max(1, count * MAX_ATOM_BYTES // size - 1))


def _beginning(page: PublishedPage, count: int) -> PublishedPage:
    """The first reports of a page, as a page of its own."""
    last = page.entries[count - 1].number
    following = Cursor(page.order, last, page.newer.limit)
    newer = following if page.order is Order.OLDEST_FIRST else page.newer
    return replace(page, entries=page.entries[:count], next=following, newer=newer)


def _atom(page: PublishedPage, report_link: str) -> str:
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed")
    add(feed, "id", f"urn:uuid:{_NAMESPACE}")
    add(feed, "title", _TITLE)
    add(feed, "updated", format_millis(page.updated))
    add(add(feed, "author"), "name", "IOC reputation")
    if page.next:
        add(feed, "link", rel="next", href=page.next.query())
    # Readers of Atom expect newer entries at "previous", whatever the order of the page.
    add(feed, "link", rel="previous", href=page.newer.query())
    for entry in page.entries:
        _add_entry(feed, entry.body.decode(), report_link)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(feed, "unicode")


def _add_entry(feed: ElementTree.Element, body: str, report_link: str) -> None:
    item = json.loads(body)
    flow_id, report_id = item["flow_id"], item["report_id"]
    name = item["file"].get("name") or flow_id
    entry = add(feed, "entry")
    add(entry, "id", f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{flow_id}/{report_id}')}")
    add(entry, "title", f"{item['verdict']}: {name}")
    add(entry, "updated", item["date"])
    for term in [item["verdict"], *item["tags"]]:
        add(entry, "category", term=term)
    if report_link:
        href = report_link.format(
            flow_id=quote(flow_id, safe=""), report_id=quote(report_id, safe="")
        )
        add(entry, "link", rel="alternate", type="text/html", href=href)
    content = add(entry, "content", type="application/xml")
    add_details(content, item)
    if len(ElementTree.tostring(content)) > MAX_ATOM_BYTES:
        # No page could hold it.
        entry.remove(content)
        add(entry, "content", body, type="application/json")
