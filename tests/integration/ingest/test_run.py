"""Whole runs over a feed in memory, on moto."""

import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.ingest.feed_reader import LONG_FEED_PAGES, SWEEP_EVERY_MS
from shared.domain.errors import FeedError
from shared.domain.indicator import IndicatorType, parse
from shared.domain.moment import read_moment
from shared.formats.feed.scan_report import report_url
from shared.http.fetch import OutOfTime
from tests.builders import linking_page, raw_ioc, raw_report, scan_report
from tests.conftest import Store
from tests.fakes import (
    FEED_URL,
    FakeFeed,
    failing_client,
    json_feed,
    json_page,
    page_url,
)
from tests.ingestion import NOW, ingest, model, stored

DOMAIN = parse(IndicatorType.DOMAIN, "evil.example")


def dated(number: int, **fields: Any) -> dict[str, Any]:
    """Report `number` of a feed; a greater number is newer, and each has an IOC of its own."""
    iocs = {"domain": [raw_ioc("shared.example"), raw_ioc(f"{number}.example")]}
    date = f"2025-06-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00Z"
    return raw_report(f"flow-{number}", date=date, iocs=iocs, **fields)


def test_only_iocs_with_a_valid_verdict_are_stored_with_their_metadata(moto_store: Store) -> None:
    report = raw_report(
        "flow-1",
        tags=["packed"],
        iocs={
            "domain": [
                raw_ioc("Evil.Example", "malicious", origins=[{"type": "VBA_EMULATION"}]),
                raw_ioc("unknown.example", "UNKNOWN"),
                raw_ioc("none.example", None),
            ],
            "email": [raw_ioc("a@evil.example")],
        },
    )
    summary = ingest(moto_store, json_feed([report]))
    assert summary.complete
    assert (summary.iocs_new, summary.without_verdict, summary.passed_over) == (1, 2, 1)
    assert stored(moto_store) == model([report])
    latest = stored(moto_store)[DOMAIN].summary.latest
    assert (latest.flow_id, latest.origin) == ("flow-1", "VBA_EMULATION")


def test_the_same_feed_again_writes_no_ioc(moto_store: Store) -> None:
    feed = json_feed([dated(number) for number in range(30)])
    ingest(moto_store, feed)
    before = moto_store.items()
    summary = ingest(moto_store, feed)
    assert summary.complete
    assert summary.known == 30
    assert (summary.iocs_new, summary.iocs_changed, summary.iocs_unchanged) == (0, 0, 0)
    assert moto_store.items() == before


def test_a_report_that_is_revised_joins_and_never_counts_again(moto_store: Store) -> None:
    first = raw_report("flow-1", verdict="SUSPICIOUS")
    revised = raw_report("flow-1", iocs={"domain": [raw_ioc(), raw_ioc("more.example")]})
    for report in (first, revised, first):
        ingest(moto_store, json_feed([report]))
    assert stored(moto_store) == model([first, revised])
    assert stored(moto_store)[DOMAIN].scan_count == 1


def test_a_broken_record_costs_itself_and_goes_to_quarantine(moto_store: Store) -> None:
    reports = [dated(number) for number in range(100)]
    reports[50]["date"] = "2025-02-30T10:22:02.000Z"
    summary = ingest(moto_store, json_feed(reports))
    assert summary.complete
    assert summary.quarantined == 1
    assert stored(moto_store) == model(reports)
    assert stored(moto_store)[parse(IndicatorType.DOMAIN, "shared.example")].counted == 99
    kept = [
        item
        for item in moto_store.items(moto_store.state_table)
        if str(item["pk"]).startswith("{'S': 'quarantine#")
    ]
    assert len(kept) == 1
    assert "does not exist" in str(kept[0]["reason"])
    assert "2025-02-30" in str(kept[0]["record"])


ENTITIES = "".join(f"<!ENTITY a{n + 1} '&a{n};&a{n};'>" for n in range(40))
REFUSED_PAGES: dict[str, bytes | FeedError] = {
    "status": FeedError("status 503"),
    "nothing": b"",
    "HTML": b"<html>busy</html>",
    "no JSON": b"not json",
    "a list": b"[]",
    "wrong types": b'{"items": {"a": 1}}',
    "NaN": b'{"items": [{"a": NaN}]}',
    "6,000 digits": b'{"items": [' + b"9" * 6000 + b"]}",
    "deep nesting": b'{"items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "UTF-16": json_page([]).decode().encode("utf-16"),
    "broken UTF-8": b'{"items": ["\xff"]}',
    "entity bomb": f"<!DOCTYPE f [<!ENTITY a0 'ha'>{ENTITIES}]>".encode() + linking_page("&a40;"),
    "external entity": b'<!DOCTYPE f [<!ENTITY a SYSTEM "file:///etc/hosts">]>'
    + linking_page("&a;"),
}


@pytest.mark.parametrize("bad", REFUSED_PAGES.values(), ids=REFUSED_PAGES)
def test_a_page_that_is_not_valid_stops_the_run_and_hides_nothing(
    moto_store: Store, bad: bytes | FeedError
) -> None:
    reports = [dated(number) for number in range(30)]
    feed = json_feed(reports, page_size=10)
    good = feed.pages[page_url(2)]
    feed.pages[page_url(2)] = bad
    summary = ingest(moto_store, feed)
    assert not summary.complete
    assert summary.stopped
    assert stored(moto_store) == model(reports[:10] + reports[20:])
    feed.pages[page_url(2)] = good
    assert ingest(moto_store, feed).complete
    assert stored(moto_store) == model(reports)


def test_a_page_that_stays_broken_does_not_hide_what_is_behind_it(moto_store: Store) -> None:
    """Whatever the next page is called, as long as the broken one names it or it is counted."""
    reports = [dated(number) for number in range(30)]
    pages: dict[str, bytes | FeedError] = {
        FEED_URL: json_page(reports[:10], "?cursor=x7"),
        f"{FEED_URL}?cursor=x7": json_page(reports[10:20], "?cursor=k2")[:-1] + b", NaN}",
        f"{FEED_URL}?cursor=k2": json_page(reports[20:]),
    }
    for _ in range(2):
        summary = ingest(moto_store, FakeFeed(pages))
        assert not summary.complete
        assert "not valid JSON" in summary.stopped
        assert stored(moto_store) == model(reports[:10] + reports[20:])


def test_a_feed_that_is_down_is_not_asked_for_every_page(moto_store: Store) -> None:
    feed = json_feed([dated(number) for number in range(100)], page_size=1)
    down = FakeFeed({FEED_URL: feed.pages[FEED_URL]})
    summary = ingest(moto_store, down)
    assert not summary.complete
    assert summary.requests <= 5


class TestFailuresInARow:
    GOOD = json_page([dated(1)])

    def run(self, store: Store, page: bytes | FeedError, **options: Any) -> Any:
        """Whether the feed failed, and how often in a row, as a run reports it."""
        summary = ingest(store, FakeFeed({FEED_URL: page}), **options)
        return summary.feed_failed, summary.feed_failures

    @pytest.mark.parametrize(
        "bad",
        [
            FeedError("the feed answered with status 503"),
            OutOfTime("the feed asks to wait longer than the run may take"),
            b"<html>busy</html>",
            json_page([dated(1)], "?page=2"),
            json_page([dated(1)], FEED_URL),
        ],
    )
    def test_they_are_counted_until_the_feed_is_well(
        self, moto_store: Store, bad: bytes | FeedError
    ) -> None:
        told = [self.run(moto_store, page) for page in (self.GOOD, bad, bad, bad, self.GOOD)]
        assert told == [(False, 0), (True, 1), (True, 2), (True, 3), (False, 0)]
        assert self.run(moto_store, bad) == (True, 1)

    def test_time_that_runs_out_on_the_way_leaves_the_number(self, moto_store: Store) -> None:
        self.run(moto_store, b"broken")
        for _ in range(2):
            left = iter([1.0, 0.0, 0.0])
            page = json_page([dated(1)], "?page=2")
            assert self.run(moto_store, page, reading_left=lambda left=left: next(left)) == (
                False,
                1,
            )

    def test_a_store_that_fails_is_no_failure_of_the_feed(self, moto_store: Store) -> None:
        refusal = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "GetItem")
        self.run(moto_store, b"broken")
        told = [
            self.run(
                moto_store,
                self.GOOD,
                client=failing_client(moto_store.client, fail_at=call, after=False, error=refusal),
            )
            for call in (1, 2)
        ]
        assert told == [(False, None), (False, 1)]

    def test_while_nothing_fails_nothing_is_written(self, moto_store: Store) -> None:
        self.run(moto_store, self.GOOD)
        before = moto_store.items(moto_store.state_table)
        self.run(moto_store, self.GOOD)
        assert moto_store.items(moto_store.state_table) == before


def test_known_reports_are_read_again_when_asked_and_no_count_changes(moto_store: Store) -> None:
    reports = [dated(number) for number in range(20)]
    feed = json_feed(reports, page_size=5)
    ingest(moto_store, feed)
    since = read_moment(reports[15]["date"], NOW)
    for item in moto_store.items():
        if item["pk"]["S"] == "domain#17.example":
            moto_store.client.delete_item(TableName=moto_store.table, Key={"pk": item["pk"]})
    summary = ingest(moto_store, feed, again_since=since)
    assert summary.complete
    assert (summary.known, summary.iocs_changed) == (15, 0)
    assert stored(moto_store) == {
        indicator: known
        for indicator, known in model(reports).items()
        if indicator.value != "17.example"
    }


def test_the_summary_says_how_much_is_left(moto_store: Store) -> None:
    reports = newest_first(120)
    feed = json_feed(reports, page_size=4)
    feed.pages[f"{FEED_URL}/info"] = b'{"count": 120, "length": 1, "updated": 1.5}'
    lefts: list[int] = []
    for _ in range(20):
        left = iter([1.0] * 13 + [0.0] * 1000)
        summary = ingest(moto_store, feed, reading_left=lambda left=left: next(left))
        if summary.complete:
            break
        assert summary.left is not None
        lefts.append(summary.left)
    assert summary.left == 0
    assert len(lefts) >= 2
    assert lefts == sorted(lefts, reverse=True)


def test_the_lag_is_the_age_of_the_newest_report(moto_store: Store) -> None:
    summary = ingest(moto_store, json_feed([dated(0), dated(60)]))
    assert summary.lag_s == (NOW - read_moment(dated(60)["date"], NOW)) / 1000


def test_pages_that_form_a_loop_end_the_run(moto_store: Store) -> None:
    feed = FakeFeed(
        {FEED_URL: json_page([dated(1)], "?page=2"), page_url(2): json_page([dated(2)], FEED_URL)}
    )
    summary = ingest(moto_store, feed)
    assert summary.stopped == "the pages of the feed form a loop"
    assert stored(moto_store) == model([dated(1), dated(2)])


def test_an_endless_feed_ends_the_run(moto_store: Store) -> None:
    class Endless(FakeFeed):
        def get(self, url: str) -> Any:
            number = len(self.asked) + 2
            self.pages[url] = json_page([], f"?page={number}")
            return super().get(url)

    summary = ingest(moto_store, Endless({}))
    assert summary.requests == 400
    assert not summary.complete


def test_an_empty_page_is_not_the_end(moto_store: Store) -> None:
    feed = FakeFeed({FEED_URL: json_page([], "?page=2"), page_url(2): json_page([dated(1)])})
    assert ingest(moto_store, feed).complete
    assert stored(moto_store) == model([dated(1)])


def test_a_feed_that_forgets_makes_nothing_forgotten(moto_store: Store) -> None:
    ingest(moto_store, json_feed([dated(1), dated(2)]))
    ingest(moto_store, json_feed([]))
    ingest(moto_store, json_feed([dated(0)]))
    assert stored(moto_store) == model([dated(0), dated(1), dated(2)])


PAGES = LONG_FEED_PAGES + 10


def newest_first(count: int) -> list[dict[str, Any]]:
    return [dated(number) for number in reversed(range(count))]


def test_a_long_feed_is_left_where_it_is_known(moto_store: Store) -> None:
    ingest(moto_store, json_feed(newest_first(PAGES * 4), page_size=4))
    feed = json_feed(newest_first(PAGES * 4 + 5), page_size=4)
    summary = ingest(moto_store, feed)
    assert summary.complete
    assert summary.iocs_new == 5
    assert summary.pages == 18  # 5 new reports and a streak of 64 known ones, 4 a page


def test_a_report_that_appears_late_in_a_long_feed_is_found(moto_store: Store) -> None:
    reports = newest_first(PAGES * 4)
    late = reports.pop(60)
    ingest(moto_store, json_feed(reports, page_size=4))
    reports.insert(60, late)
    ingest(moto_store, json_feed(reports, page_size=4))
    assert stored(moto_store) == model(reports)


def test_a_hole_that_a_stopped_run_left_in_a_long_feed_is_filled(moto_store: Store) -> None:
    reports = newest_first(PAGES * 4)
    ingest(moto_store, json_feed(reports[20:], page_size=4))
    feed = json_feed(reports, page_size=4)
    good = feed.pages[page_url(3)]
    feed.pages[page_url(3)] = b"broken"
    assert not ingest(moto_store, feed).complete
    feed.pages[page_url(3)] = good
    assert ingest(moto_store, feed).complete
    assert stored(moto_store) == model(reports)


def test_a_long_feed_is_read_whole_once_a_day(moto_store: Store) -> None:
    reports = newest_first(PAGES * 2)
    hidden = reports.pop(-1)
    ingest(moto_store, json_feed(reports, page_size=2))
    reports.append(hidden)
    feed = json_feed(reports, page_size=2)
    ingest(moto_store, feed, now=NOW + SWEEP_EVERY_MS - 1)
    assert stored(moto_store) != model(reports)
    ingest(moto_store, feed, now=NOW + SWEEP_EVERY_MS)
    assert stored(moto_store) == model(reports)


def test_a_long_feed_with_the_oldest_first_goes_on_at_its_end(moto_store: Store) -> None:
    reports = [dated(number) for number in range(PAGES * 2)]
    ingest(moto_store, json_feed(reports, page_size=2))
    late = dated(PAGES * 2 + 7)
    more = [*reports[:-30], late, *reports[-30:], dated(PAGES * 2 + 8)]
    feed = json_feed(more, page_size=2)
    summary = ingest(moto_store, feed)
    assert summary.complete
    assert summary.iocs_new == 2
    assert summary.pages < 40
    assert stored(moto_store) == model(more)


@pytest.mark.parametrize("order", ["newest first", "oldest first", "shuffled"])
def test_a_run_that_cannot_finish_goes_on_in_the_next_one(moto_store: Store, order: str) -> None:
    reports = newest_first(120)
    if order == "oldest first":
        reports.reverse()
    if order == "shuffled":
        random.Random(4).shuffle(reports)  # noqa: S311
    feed = json_feed(reports, page_size=4)
    runs = 0
    while True:
        runs += 1
        left = iter([1.0] * 7 + [0.0] * 1000)
        summary = ingest(moto_store, feed, reading_left=lambda left=left: next(left))
        if summary.complete:
            break
        assert runs < 12
        assert summary.stopped == "the time for reading is used up"
    assert runs > 3
    assert stored(moto_store) == model(reports)


def test_a_run_that_runs_out_of_time_while_writing_goes_on_in_the_next_one(
    moto_store: Store,
) -> None:
    reports = newest_first(60)
    feed = json_feed(reports, page_size=10)
    for _ in range(20):
        left = iter([1.0] * 25 + [0.0] * 1000)
        summary = ingest(moto_store, feed, writing_left=lambda left=left: next(left))
        if summary.complete:
            break
        assert summary.stopped == "the time for writing is used up"
    assert summary.complete
    assert stored(moto_store) == model(reports)


def test_reports_that_are_only_linked_to_are_fetched_and_tried_again(moto_store: Store) -> None:
    feed = FakeFeed({FEED_URL: linking_page("a1", "b2")})
    feed.pages[report_url(FEED_URL, "a1")] = scan_report("a1")
    summary = ingest(moto_store, feed, has_key=True)
    assert (summary.complete, summary.iocs_new, summary.unresolved) == (True, 1, 1)
    # By now the feed shows neither, and the other report can be had.
    feed.pages[FEED_URL] = linking_page()
    feed.pages[report_url(FEED_URL, "b2")] = scan_report("b2")
    summary = ingest(moto_store, feed, has_key=True)
    assert (summary.iocs_new, summary.unresolved) == (1, 0)
    assert {one.value for one in stored(moto_store)} == {"a1.example", "b2.example"}
    assert ingest(moto_store, feed, has_key=True).requests == 1


def test_without_a_key_links_are_counted_and_nothing_is_fetched(moto_store: Store) -> None:
    feed = FakeFeed({FEED_URL: linking_page("a1", "b2")})
    summary = ingest(moto_store, feed)
    assert (summary.unresolved, feed.asked) == (2, [FEED_URL])
