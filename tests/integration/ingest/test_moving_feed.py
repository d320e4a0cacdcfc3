"""A feed that does not keep still: what it showed once is stored and counted once."""

import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.ingest.feed_reader import LONG_FEED_PAGES, SWEEP_EVERY_MS
from shared.domain.errors import FeedError
from shared.http.fetch import Fetched
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.fakes import FEED_URL, FakeFeed, json_feed, json_page, page_url
from tests.ingestion import NOW, ingest, model, stored

CLEAN_RUNS = 3
PAGE_SIZE = 4
# Reports of a feed that is too long to be read whole each time.
LONG = (LONG_FEED_PAGES + 10) * PAGE_SIZE

Report = dict[str, Any]


def numbered(number: int, *, minute: int | None = None) -> Report:
    """A report with an IOC of its own; by default its minute is the number."""
    iocs = {"domain": [raw_ioc("shared.example"), raw_ioc(f"{number}.example")]}
    date = 1_748_764_800 + 60 * (number if minute is None else minute)
    return raw_report(f"flow-{number}", date=date, iocs=iocs)


def newest_first(count: int) -> list[Report]:
    return [numbered(number) for number in reversed(range(count))]


class LiveFeed:
    """A feed whose pages are cut from its reports when they are asked for.

    Attributes:
        ever: everything that was on a page.
    """

    def __init__(self, reports: list[Report], *, empty_behind: bool = False) -> None:
        self.reports = reports
        self.ever: list[Report] = []
        self.changes: Iterator[Callable[[], object]] = iter(())
        self._empty_behind = empty_behind

    def get(self, url: str) -> Fetched:
        if urlsplit(url).path != urlsplit(FEED_URL).path:
            raise FeedError("the feed answered with status 404")
        number = int(parse_qs(urlsplit(url).query).get("page", ["1"])[0])
        end = number * PAGE_SIZE
        part = self.reports[end - PAGE_SIZE : end]
        if not part and number > 1 and not self._empty_behind:
            raise FeedError("the feed answered with status 404")
        self.ever += part
        body = json_page(part, f"?page={number + 1}" if end < len(self.reports) else None)
        next(self.changes, lambda: None)()
        return Fetched(url, body)


def settle(store: Store, feed: LiveFeed, *, now: int = NOW) -> None:
    """Now that the feed keeps still: clean runs, of which the last one is complete."""
    runs = [ingest(store, feed, now=now) for _ in range(CLEAN_RUNS)]
    assert runs[-1].complete
    assert stored(store) == model([*feed.ever, *feed.reports])


@pytest.mark.parametrize("end", ["top", "bottom"])
@pytest.mark.parametrize("count", [30, LONG])
def test_a_feed_that_grows_while_it_is_read(moto_store: Store, end: str, count: int) -> None:
    reports = newest_first(count)
    if end == "bottom":
        reports.reverse()
    feed = LiveFeed(reports)
    new = iter(range(count, count + 200))

    def grow() -> None:
        for number in (next(new), next(new), next(new)):
            reports.insert(0 if end == "top" else len(reports), numbered(number))

    for _ in range(3):
        feed.changes = iter([grow] * 7)
        ingest(moto_store, feed)
        known = stored(moto_store)
        assert all(known[one].counted <= every.counted for one, every in model(feed.ever).items())
    settle(moto_store, feed)


@pytest.mark.parametrize("at", ["top", "middle", "bottom"])
def test_a_feed_that_shrinks_while_it_is_read(moto_store: Store, at: str) -> None:
    """Reports move up over the edge of a page, and the run that reads there misses them."""
    reports = newest_first(40)
    feed = LiveFeed(reports)
    where = {"top": 0, "middle": 8, "bottom": -1}[at]
    feed.changes = iter([lambda: reports.pop(where)] * 5)
    ingest(moto_store, feed)
    settle(moto_store, feed)


def test_what_a_long_feed_hid_by_shrinking_is_found_within_a_day(moto_store: Store) -> None:
    reports = newest_first(LONG)
    feed = LiveFeed(reports)
    feed.changes = iter([lambda: reports.pop(0)] * 5)
    ingest(moto_store, feed)
    settle(moto_store, feed, now=NOW + SWEEP_EVERY_MS)


def test_pages_and_reports_that_come_twice(moto_store: Store) -> None:
    reports = newest_first(30)
    pages = [reports[at : at + 5] * 2 for at in range(0, 30, 5)]
    shown = [part for page in pages for part in (page, page[::-1])]
    random.Random(1).shuffle(shown)  # noqa: S311
    bodies: dict[str, bytes | FeedError] = {
        page_url(number): json_page(part, f"?page={number + 1}" if number < len(shown) else None)
        for number, part in enumerate(shown, 1)
    }
    assert ingest(moto_store, FakeFeed(bodies)).complete
    assert stored(moto_store) == model(reports)
    assert ingest(moto_store, FakeFeed(bodies)).iocs_changed == 0


@pytest.mark.parametrize("count", [40, LONG])
def test_reports_of_one_moment_are_all_found(moto_store: Store, count: int) -> None:
    """Their order does not show which are new."""
    reports = [numbered(number, minute=0) for number in range(count)]
    feed = LiveFeed(reports)
    settle(moto_store, feed)
    for number, at in enumerate([0, 1, 35, count // 2, count]):
        reports.insert(at, numbered(count + number, minute=0))
    assert ingest(moto_store, feed).complete
    assert stored(moto_store) == model(reports)


@pytest.mark.parametrize("dated", ["as its neighbours", "of its own time"])
def test_late_arrivals_down_to_sixty_below_the_top(moto_store: Store, dated: str) -> None:
    reports = newest_first(LONG)
    feed = LiveFeed(reports)
    settle(moto_store, feed)
    for number, depth in enumerate([0, 1, 17, 42, 59, 60], LONG):
        # The newest report is of a later minute than everything that is known.
        minute = LONG - depth if dated == "as its neighbours" else number + LONG
        reports.insert(depth, numbered(number, minute=minute))
        assert ingest(moto_store, feed).complete
        assert stored(moto_store) == model(reports), f"{depth} below the top"


@pytest.mark.parametrize("count", [40, LONG])
@pytest.mark.parametrize("order", ["newest first", "oldest first"])
@pytest.mark.parametrize("empty_behind", [False, True], ids=["404 behind", "empty behind"])
def test_a_feed_that_starts_again_below_what_was_read(
    moto_store: Store, count: int, order: str, empty_behind: bool
) -> None:
    """It empties, goes back to its first days, and takes another course from there."""
    reports = newest_first(count)
    if order == "oldest first":
        reports.reverse()
    feed = LiveFeed(reports, empty_behind=empty_behind)
    settle(moto_store, feed)
    everything = list(reports)
    reports.clear()
    settle(moto_store, feed)
    old = [numbered(number) for number in range(PAGE_SIZE)]
    other = [numbered(number + 10_000, minute=number) for number in range(PAGE_SIZE, 7 * PAGE_SIZE)]
    again = [*old, *other]
    reports.extend(again if order == "oldest first" else again[::-1])
    settle(moto_store, feed)
    assert stored(moto_store) == model([*everything, *again])


@pytest.mark.parametrize("empty_behind", [False, True], ids=["404 behind", "empty behind"])
def test_a_long_feed_that_is_cut_short_below_its_noted_end(
    moto_store: Store, empty_behind: bool
) -> None:
    """The oldest come first, so the last run stored the cursor of a page that has gone."""
    reports = newest_first(LONG)[::-1]
    feed = LiveFeed(reports, empty_behind=empty_behind)
    settle(moto_store, feed)
    del reports[3 * PAGE_SIZE :]
    reports += [numbered(LONG + number) for number in range(3 * PAGE_SIZE)]
    settle(moto_store, feed)


def test_an_empty_page_at_the_end_of_a_long_feed_costs_no_place(moto_store: Store) -> None:
    feed = json_feed(newest_first(LONG)[::-1], PAGE_SIZE)
    last = len(feed.pages)
    feed.pages[page_url(last)] = json_page([numbered(LONG)], f"?page={last + 1}")
    feed.pages[page_url(last + 1)] = json_page([])
    pages = [ingest(moto_store, feed).pages for _ in range(3)]
    assert pages[0] == last + 1
    assert pages[1] == pages[2] < 25


def test_pages_in_any_order_of_their_reports(moto_store: Store) -> None:
    reports = newest_first(LONG)
    for seed in range(3):
        mixed = random.Random(seed).sample(reports, len(reports))  # noqa: S311
        assert ingest(moto_store, json_feed(mixed, PAGE_SIZE)).complete
    assert stored(moto_store) == model(reports)
