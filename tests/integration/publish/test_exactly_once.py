"""Published once, whatever happens: kills at every call, writers side by side, a reader between."""

import hashlib
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.publish.feed import Cursor, Order
from functions.publish.history import History
from functions.publish.intake import Status
from functions.publish.scan import ScanReport
from functions.publish.store.feed_log import EntryTooLarge, FeedInfo
from functions.publish.store.transactions import TimeUsedUp
from shared.domain.errors import StoreError
from tests.conftest import Store
from tests.fakes import HookedClient, Killed, dies, failing_client
from tests.publishing import (
    feed,
    histories_of,
    history,
    holders,
    log_of,
    names,
    pages,
    publish,
    publisher,
    scan_of,
    scans,
    table,
)

# What publishing one report calls at most; the test proves that it ends before.
MANY_CALLS = 60
# 10,000 by hand; fewer by default, to be quick.
FOLLOWED = int(os.environ.get("FOLLOWED_REPORTS", "1000"))
WRITERS = 8


def timeout() -> Exception:
    return ReadTimeoutError(endpoint_url="http://store.example")


SHARED = [f"{n}.shared.example" for n in range(4)]
BEFORE = [
    scan_of("other", [*SHARED, "own.example"]),
    scan_of("flow", [*SHARED, "gone.example"]),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [Killed, timeout])
@pytest.mark.parametrize(
    "report",
    [
        scan_of("new", [*SHARED, "new.example"]),
        scan_of("flow", [*SHARED, "new.example"], day=4),
        scan_of("flow", ["gone.example", "new.example"], report_id="r2"),
    ],
    ids=["new", "replaced", "another of the scan"],
)
def test_a_report_whose_publishing_dies_at_any_call_is_sent_again(
    moto_store: Store, error: Any, after: bool, report: ScanReport
) -> None:
    publish(moto_store, *BEFORE)
    begin = moto_store.items(moto_store.report_table)
    publish(moto_store, report)
    expected, expected_feed = table(moto_store), feed(moto_store)
    for call in range(1, MANY_CALLS):
        _reset(moto_store, begin)
        failing = failing_client(moto_store.client, fail_at=call, after=after, error=error())
        died = False
        try:
            publish(moto_store, report, client=failing)
        except (Killed, StoreError):
            died = True
        publish(moto_store, report)
        assert table(moto_store) == expected, f"died at call {call}"
        assert feed(moto_store) == expected_feed
        if not died:
            break
    assert not died
    assert call > 6


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_report_that_takes_several_transactions_dies_between_them(
    engine_store: Store, after: bool
) -> None:
    report = scan_of("flow", [f"{n}.example" for n in range(60)])
    expected = holders([report])
    for call in range(1, MANY_CALLS):
        _reset(engine_store, [])
        failing = failing_client(engine_store.client, fail_at=call, after=after)
        died = dies(publish, engine_store, report, client=failing)
        publish(engine_store, report)
        assert scans(engine_store, expected) == expected, f"died at call {call}"
        assert names(feed(engine_store)) == ["flow/r1"]
        if not died:
            break
    assert not died
    assert call > 8


@pytest.mark.parametrize("first", [False, True], ids=["revised", "first"])
def test_content_that_never_came_to_be_published_counts_nowhere(
    moto_store: Store, first: bool
) -> None:
    publish(moto_store, *BEFORE[: 1 if first else 2])
    begin = moto_store.items(moto_store.report_table)
    broken = scan_of("flow", [*SHARED, "second.example"], day=4)
    final = scan_of("flow", [*SHARED, "third.example"], day=5)
    for call in range(1, MANY_CALLS):
        _reset(moto_store, begin)
        failing = failing_client(moto_store.client, fail_at=call, after=True)
        died = dies(publish, moto_store, broken, client=failing)
        publish(moto_store, final)
        counted = scans(moto_store, ["second.example", "third.example", "gone.example"])
        assert {name for name, count in counted.items() if count} == {"third.example"}, call
        assert counted["third.example"] == 1
        if not died:
            break
    assert not died


def _reset(store: Store, items: list[dict[str, Any]]) -> None:
    store.empty(store.report_table)
    for item in items:
        store.client.put_item(TableName=store.report_table, Item=item)


def test_a_write_that_took_effect_and_failed_all_the_same_is_not_repeated(
    any_store: Store,
) -> None:
    """As when the answer is lost and the client tries again: the condition fails then."""

    def lose(operation: str) -> None:
        if operation == "transact_write_items":
            raise any_store.client.exceptions.TransactionCanceledException(
                {"Error": {"Code": "TransactionCanceledException", "Message": ""}}, operation
            )

    lossy: Any = HookedClient(any_store.client, after=lose)
    [published] = publish(any_store, BEFORE[0], client=lossy)
    assert published.status is Status.PUBLISHED
    assert scans(any_store, SHARED) == dict.fromkeys(SHARED, 1)
    assert log_of(any_store).info().tail == log_of(any_store).info().count == 1


def test_a_report_that_is_posted_twice_is_published_once(any_store: Store) -> None:
    report = scan_of("flow", ["evil.example"])
    first, second = publish(any_store, report, report)
    assert (first.status, second.status) == (Status.PUBLISHED, Status.UNCHANGED)
    assert history(any_store, "evil.example").scans == 1
    assert names(feed(any_store)) == ["flow/r1"]


def test_a_report_with_new_content_takes_the_place_of_the_old_one(any_store: Store) -> None:
    old = scan_of("flow", ["kept.example", "gone.example"])
    new = scan_of("flow", {"kept.example": "SUSPICIOUS", "new.example": None}, day=4)
    publish(any_store, scan_of("other", ["gone.example"]), old)
    [replaced] = publish(any_store, new)
    assert (replaced.status, replaced.verdicts) == (
        Status.REPLACED,
        {"SUSPICIOUS": 1, "UNKNOWN": 1},
    )
    every = ["kept.example", "gone.example", "new.example"]
    assert scans(any_store, every) == {"kept.example": 1, "gone.example": 1, "new.example": 1}
    assert names(feed(any_store)) == ["other/r1", "flow/r1"]
    assert [ioc["data"] for ioc in feed(any_store)[1]["iocs"]["domain"]] == [
        "kept.example",
        "new.example",
    ]
    info = log_of(any_store).info()
    size = sum(len(json.dumps(item, separators=(",", ":"))) for item in feed(any_store))
    assert (info.tail, info.count, info.size) == (3, 2, size)


def test_the_newest_word_of_an_earlier_report_speaks_for_an_ioc_without_one(
    any_store: Store,
) -> None:
    silent = scan_of("third", {"evil.example": None}, day=9)
    publish(
        any_store,
        scan_of("first", {"evil.example": "MALICIOUS"}, day=5),
        scan_of("second", {"evil.example": "SUSPICIOUS"}, day=4),
        silent,
    )
    [ioc] = feed(any_store)[-1]["iocs"]["domain"]
    assert (ioc["verdict"], ioc["scan_count"]) == ("MALICIOUS", 3)
    assert [one["flow_id"] for one in ioc["evidence"]] == ["first", "second"]
    # An earlier report has it and this one does not, so later ones do not get it again.
    assert [said.flow_id for said in history(any_store, "evil.example").recent] == [
        "first",
        "second",
    ]


def test_a_scan_is_no_evidence_for_itself(any_store: Store) -> None:
    publish(any_store, scan_of("flow", {"evil.example": "MALICIOUS"}))
    publish(any_store, scan_of("flow", {"evil.example": None}, report_id="r2"))
    [ioc] = feed(any_store)[-1]["iocs"]["domain"]
    assert (ioc["verdict"], ioc["scan_count"]) == ("UNKNOWN", 1)


def test_a_report_that_went_out_without_the_word_of_others_is_published_again_with_it(
    any_store: Store,
) -> None:
    report = scan_of("flow", {"evil.example": None})
    first, second = publish(any_store, report, report, ask=lambda _: None)
    assert (first.status, first.asked) == (Status.PUBLISHED, False)
    assert (second.status, second.asked) == (Status.UNCHANGED, False)
    third, fourth = publish(any_store, report, report)
    assert (third.status, third.asked, fourth.status) == (
        Status.REPLACED,
        True,
        Status.UNCHANGED,
    )
    assert history(any_store, "evil.example").scans == 1


def test_a_report_that_does_not_fit_counts_nowhere(engine_store: Store) -> None:
    # Names that no compression makes much shorter.
    many = [
        ".".join(hashlib.sha256(f"{n}.{m}".encode()).hexdigest()[:60] for m in range(4))
        for n in range(4000)
    ]
    with pytest.raises(EntryTooLarge):
        publish(engine_store, scan_of("large", many))
    assert engine_store.items(engine_store.report_table) == []


def test_a_report_that_needs_more_time_than_a_request_is_published_by_repetitions(
    engine_store: Store,
) -> None:
    report = scan_of("flow", [f"{n}.example" for n in range(200)])
    tries = 0
    for _ in range(10):
        tries += 1
        # Time for two transactions of 49 IOCs each.
        times = iter([1.0, 1.0, 1.0])
        try:
            publisher(engine_store).publish(report, left=lambda: next(times, 0.0))  # noqa: B023
            break
        except TimeUsedUp:
            assert names(feed(engine_store)) == []
    assert tries == 3
    assert names(feed(engine_store)) == ["flow/r1"]
    assert scans(engine_store, holders([report])) == holders([report])


@pytest.mark.parametrize("same_scan", [False, True], ids=["16 scans", "16 reports of 4 scans"])
def test_sixteen_clients_at_once_publish_reports_of_one_file(
    engine_store: Store, same_scan: bool
) -> None:
    shared = [f"{n}.example" for n in range(20)]
    reports = [
        scan_of(
            f"flow-{n % 4 if same_scan else n}", [*shared, f"own-{n}.example"], report_id=f"r{n}"
        )
        for n in range(16)
    ]
    barrier = threading.Barrier(len(reports))

    def post(report: ScanReport) -> None:
        barrier.wait()
        publish(engine_store, report)

    with ThreadPoolExecutor(len(reports)) as clients:
        list(clients.map(post, reports))
    expected = holders(reports)
    assert scans(engine_store, expected) == expected
    assert sorted(names(feed(engine_store))) == sorted(
        f"{one.flow_id}/{one.report_id}" for one in reports
    )
    assert [entry.number for page in _pages(engine_store) for entry in page.entries] == list(
        range(1, len(reports) + 1)
    )
    info = log_of(engine_store).info()
    assert (info.tail, info.count) == (16, 16)


def _pages(store: Store) -> Any:
    return pages(log_of(store), Cursor(Order.OLDEST_FIRST, 0))


def test_sixteen_clients_at_once_publish_the_very_same_report(engine_store: Store) -> None:
    report = scan_of("flow", [f"{n}.example" for n in range(20)])
    barrier = threading.Barrier(16)

    def post(_: int) -> Status:
        barrier.wait()
        return publish(engine_store, report)[0].status

    with ThreadPoolExecutor(16) as clients:
        list(clients.map(post, range(16)))
    assert scans(engine_store, holders([report])) == holders([report])
    assert names(feed(engine_store)) == ["flow/r1"]
    info = log_of(engine_store).info()
    assert (info.tail, info.count) == (1, 1)


def test_a_consumer_that_follows_the_feed_misses_nothing_and_reads_nothing_twice(
    engine_store: Store,
) -> None:
    reports = [
        scan_of(f"flow-{n}", [f"{n % 50}.shared.example", f"{n}.example"]) for n in range(FOLLOWED)
    ]
    written = threading.Event()
    log = log_of(engine_store)
    read: list[int] = []
    found: list[dict[str, Any]] = []

    def follow() -> None:
        cursor = Cursor(Order.OLDEST_FIRST, 0)
        while True:
            last = written.is_set()
            for page in pages(log, cursor):
                read.extend(entry.number for entry in page.entries)
                found.extend(json.loads(entry.body) for entry in page.entries)
                cursor = page.newer
            if last:
                return

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        consumer = pool.submit(follow)
        made = publisher(engine_store)
        for done in [pool.submit(made.publish, report) for report in reports]:
            done.result()
        written.set()
        consumer.result()
    assert read == list(range(1, FOLLOWED + 1))
    assert sorted(names(found)) == sorted(f"{one.flow_id}/{one.report_id}" for one in reports)
    expected = holders(reports)
    assert scans(engine_store, expected) == expected


def test_a_writer_that_freezes_before_its_entry_never_appears_below_what_was_read(
    engine_store: Store,
) -> None:
    frozen, go_on = threading.Event(), threading.Event()

    def freeze(operation: str) -> None:
        # Of all its calls the last one: it has read where the feed ends.
        if operation == "transact_write_items" and published.is_set():
            frozen.set()
            assert go_on.wait(30)

    def read_end(operation: str) -> None:
        if operation == "transact_write_items":
            published.set()

    published = threading.Event()
    sleepy: Any = HookedClient(engine_store.client, before=freeze, after=read_end)
    log = log_of(engine_store)
    publish(engine_store, scan_of("first", ["a.example"]))
    with ThreadPoolExecutor(1) as writers:
        late = writers.submit(publish, engine_store, scan_of("late", ["b.example"]), client=sleepy)
        assert frozen.wait(30)
        publish(engine_store, scan_of("second", ["c.example"]))
        *_, page = pages(log, Cursor(Order.OLDEST_FIRST, 0))
        assert page.newer.number == log.info().tail == 2
        go_on.set()
        late.result()
    [after] = pages(log, page.newer)
    assert [(entry.number, json.loads(entry.body)["flow_id"]) for entry in after.entries] == [
        (3, "late")
    ]


def test_pages_with_the_newest_first_stay_what_they_are_while_others_publish(
    engine_store: Store,
) -> None:
    for n in range(9):
        publish(engine_store, scan_of(f"flow-{n}", []))
    log = log_of(engine_store)
    read: list[str] = []
    for number, page in enumerate(pages(log, Cursor(limit=3))):
        read += [json.loads(entry.body)["flow_id"] for entry in page.entries]
        publish(engine_store, scan_of(f"later-{number}", []))
    assert read == [f"flow-{n}" for n in range(8, -1, -1)]


def test_a_feed_without_reports_has_no_length(any_store: Store) -> None:
    assert (log_of(any_store).info(), feed(any_store)) == (FeedInfo(), [])
    assert histories_of(any_store).read([]) == {}
    assert history(any_store, "evil.example") == History()
