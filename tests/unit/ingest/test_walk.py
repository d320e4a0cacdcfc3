"""Which page is next, on page addresses alone."""

import pytest

from functions.ingest.feed_reader import (
    KNOWN_STREAK,
    LONG_FEED_PAGES,
    MAX_SKIPPED,
    FeedReader,
    FeedState,
    ReadReport,
)
from shared.domain.errors import FeedError

TOP = "http://feed.example/feed"
LONG = FeedState(pages=LONG_FEED_PAGES + 1, swept_at=1)


def known(*dates: int) -> list[ReadReport]:
    return [ReadReport(known=True, date=date) for date in dates]


def new(*dates: int) -> list[ReadReport]:
    return [ReadReport(known=False, date=date) for date in dates]


def page(number: int) -> str:
    return f"{TOP}?page={number}"


def test_a_short_feed_is_walked_to_its_end_however_much_is_known() -> None:
    walk = FeedReader(TOP, FeedState(), now=1)
    walk.advance(known(*range(200, 0, -1)), page(2), 200)
    assert walk.url == page(2)
    walk.advance([], "", 0)
    assert (walk.url, walk.whole) == ("", True)


def test_a_long_feed_is_left_after_a_streak_of_known_reports() -> None:
    walk = FeedReader(TOP, LONG, now=2)
    walk.advance(new(1000) + known(*range(900, 900 - KNOWN_STREAK + 1, -1)), page(2), 64)
    assert walk.url == page(2)
    walk.advance(known(1), page(3), 1)
    assert (walk.url, walk.whole) == ("", False)


@pytest.mark.parametrize(
    "dates",
    [range(100), [5] * 100, [*range(50, 100), *range(50)]],
    ids=["rising", "equal", "mixed"],
)
def test_only_a_feed_that_lists_the_newest_first_is_left_early(dates: range) -> None:
    walk = FeedReader(TOP, LONG, now=2)
    walk.advance(known(*dates), page(2), 100)
    assert walk.url == page(2)


def test_a_feed_that_says_that_it_lists_the_newest_first_is_left_early_whatever_the_dates() -> None:
    walk = FeedReader(TOP, LONG, now=2)
    walk.advance(known(*range(100)), page(2), 100, newest_first=True)
    assert (walk.url, walk.whole) == ("", False)


def test_a_feed_that_says_it_of_one_page_only_is_read_on() -> None:
    walk = FeedReader(TOP, LONG, now=2)
    walk.advance(new(1), page(2), 1, newest_first=False)
    walk.advance(known(*range(100)), page(3), 100, newest_first=True)
    assert walk.url == page(3)


def test_while_a_run_may_have_left_a_hole_nothing_is_left_out() -> None:
    state = FeedState(open_runs=frozenset({3}), pages=LONG.pages, swept_at=1)
    walk = FeedReader(TOP, state, now=2)
    walk.advance(known(*range(100, 0, -1)), page(2), 100)
    assert walk.url == page(2)


def test_a_backlog_is_gone_on_with_after_what_is_new_on_top() -> None:
    state = FeedState(open_runs=frozenset({3}), backlog=page(40), passed=390)
    walk = FeedReader(TOP, state, now=2)
    walk.advance(new(100) + known(99), page(2), 2)
    assert walk.url == page(2)
    walk.advance(known(98, 97), page(3), 2)
    assert (walk.url, walk.jumped, walk.passed) == (page(40), True, 390)
    walk.advance(known(5, 4), page(41), 10)
    assert (walk.url, walk.passed) == (page(41), 400)
    walk.advance(new(3), "", 1)
    assert (walk.url, walk.whole) == ("", True)


def test_a_page_that_was_seen_already_ends_the_walk() -> None:
    walk = FeedReader(TOP, FeedState(), now=1)
    walk.advance(new(1), page(2), 1)
    with pytest.raises(FeedError, match="loop"):
        walk.advance(new(2), TOP, 1)


@pytest.mark.parametrize(
    ("before", "broken", "behind"),
    [
        (TOP, f"{TOP}?page=2", f"{TOP}?page=3"),
        (f"{TOP}?page=7&size=5", f"{TOP}?page=8&size=5", f"{TOP}?page=9&size=5"),
        (f"{TOP}?offset=100", f"{TOP}?offset=150", f"{TOP}?offset=200"),
        (TOP, f"{TOP}?cursor=20", ""),
        (f"{TOP}?cursor=a", f"{TOP}?cursor=b", ""),
        (f"{TOP}?a=1&b=1", f"{TOP}?a=2&b=2", ""),
        (f"{TOP}?page=2", "http://feed.example/other?page=3", ""),
    ],
)
def test_behind_a_broken_page_the_way_is_counted_on(before: str, broken: str, behind: str) -> None:
    walk = FeedReader(before, FeedState(), now=1)
    walk.advance(new(1), broken, 1)
    assert walk.skip("") is bool(behind)
    assert walk.url == (behind or broken)


def test_what_a_broken_page_says_itself_goes_first() -> None:
    walk = FeedReader(TOP, FeedState(), now=1)
    assert walk.skip(f"{TOP}?cursor=b")
    walk.advance(new(1), "", 1)
    assert not walk.whole


def test_a_feed_that_is_down_is_given_up() -> None:
    walk = FeedReader(TOP, FeedState(), now=1)
    walk.advance(new(1), page(2), 1)
    skipped = 0
    while walk.skip(page(skipped + 3)):
        skipped += 1
    assert skipped == MAX_SKIPPED
    assert not FeedReader(TOP, FeedState(), now=1).skip("")


def test_the_tail_of_a_long_feed_with_the_oldest_first() -> None:
    walk = FeedReader(TOP, LONG, now=2)
    for number in range(LONG_FEED_PAGES):
        walk.advance(new(number * 10, number * 10 + 1), page(number + 2), 2)
    assert walk.tail() == ""
    walk.advance(new(1000, 1001), "", 2)
    assert walk.tail() == page(LONG_FEED_PAGES + 2 - KNOWN_STREAK // 2)
