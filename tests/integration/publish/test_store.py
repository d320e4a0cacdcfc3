"""The store contract of histories and feed, on every engine that it is run on."""

import os

import pytest

from functions.publish.history import History, PastVerdict, ReportMention
from functions.publish.store.feed_log import (
    MAX_ENTRY_BYTES,
    MAX_ENTRY_JSON_BYTES,
    EntryTooLarge,
    FeedInfo,
    FeedLog,
    PublishedReport,
)
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.verdict import Verdict
from tests.conftest import Store
from tests.publishing import domain, histories_of, log_of

EVIL, OTHER = domain("evil.example"), domain("other.example")
LONG = Indicator(IndicatorType.URL, "http://evil.example/" + "x" * 8000)


def seen(
    flow_id: str, seen_at: int = 5, verdict: Verdict | None = Verdict.MALICIOUS
) -> ReportMention:
    return ReportMention(flow_id, "r1", seen_at, verdict)


class TestHistories:
    def test_what_is_recorded_comes_back_whole(self, any_store: Store) -> None:
        histories = histories_of(any_store)
        assert histories.read([EVIL]) == {}
        said = {EVIL: seen("f"), OTHER: seen("f", verdict=None), LONG: seen("f")}
        changed = histories.change("f", "r1", seen=said)
        assert changed == {
            EVIL: History(1, 5, 5, (PastVerdict(5, Verdict.MALICIOUS, "f", "r1"),)),
            OTHER: History(1, 5, 5),
            LONG: History(1, 5, 5, (PastVerdict(5, Verdict.MALICIOUS, "f", "r1"),)),
        }
        assert histories.read([*said, domain("never.example")]) == changed

    def test_the_same_again_writes_nothing(self, any_store: Store) -> None:
        histories = histories_of(any_store)
        first = histories.change("f", "r1", seen={EVIL: seen("f")})
        before = any_store.items(any_store.report_table)
        assert histories.change("f", "r1", seen={EVIL: seen("f")}, gone=[OTHER]) == first
        assert any_store.items(any_store.report_table) == before

    def test_what_is_gone_is_forgotten(self, any_store: Store) -> None:
        histories = histories_of(any_store)
        for flow_id, at in (("f", 5), ("g", 7)):
            histories.change(flow_id, "r1", seen={EVIL: seen(flow_id, at)})
        assert histories.change("g", "r1", seen={OTHER: seen("g")}, gone=[EVIL]).keys() == {OTHER}
        assert histories.read([EVIL])[EVIL] == History(
            1, 5, 7, (PastVerdict(5, Verdict.MALICIOUS, "f", "r1"),)
        )

    def test_more_iocs_than_a_transaction_takes(self, any_store: Store) -> None:
        many = {domain(f"{n}.example"): seen("f") for n in range(230)}
        changed = histories_of(any_store).change("f", "r1", seen=many)
        assert changed.keys() == many.keys()
        assert histories_of(any_store).read(many) == changed

    def test_a_report_without_iocs(self, any_store: Store) -> None:
        assert histories_of(any_store).change("f", "r1", seen={}) == {}
        assert any_store.items(any_store.report_table) == []


def append(
    log: FeedLog, name: str, body: bytes = b"{}", content: bytes = b"1", now: int = 9
) -> int:
    return log.append(log.claim(name, "r1", content, []), content, body, now)


def bodies(log: FeedLog, upto: int) -> list[tuple[int, bytes]]:
    return [(entry.number, entry.body) for entry in log.entries(range(1, upto + 1))]


class TestFeedLog:
    def test_an_empty_feed(self, any_store: Store) -> None:
        log = log_of(any_store)
        assert log.info() == FeedInfo()
        assert bodies(log, 3) == []
        assert log.find("a", "r1") is None

    def test_reports_are_numbered_in_the_order_in_which_they_are_published(
        self, any_store: Store
    ) -> None:
        log = log_of(any_store)
        assert [append(log, name, name.encode()) for name in "abc"] == [1, 2, 3]
        assert bodies(log, 4) == [(1, b"a"), (2, b"b"), (3, b"c")]
        assert log.info() == FeedInfo(tail=3, count=3, size=3, updated=9)
        assert log.find("b", "r1") == PublishedReport(2, b"1")
        assert log.find("b", "r2") is None

    def test_the_same_content_again_changes_nothing(self, any_store: Store) -> None:
        log = log_of(any_store)
        assert append(log, "a") == append(log, "a", b"other", now=10) == 1
        assert log.info() == FeedInfo(tail=1, count=1, size=2, updated=9)

    def test_new_content_takes_the_place_at_the_end(self, any_store: Store) -> None:
        log = log_of(any_store)
        append(log, "a", b"old")
        append(log, "b", b"b")
        assert append(log, "a", b"newer", b"2", now=10) == 3
        assert bodies(log, 3) == [(2, b"b"), (3, b"newer")]
        assert log.info() == FeedInfo(tail=3, count=2, size=6, updated=10)
        assert log.find("a", "r1") == PublishedReport(3, b"2")

    def test_entries_come_in_the_order_in_which_they_are_asked_for(self, any_store: Store) -> None:
        log = log_of(any_store)
        for n in range(120):
            append(log, str(n), str(n).encode())
        numbers = range(120, 0, -1)
        assert [entry.number for entry in log.entries(numbers)] == list(numbers)

    @pytest.mark.parametrize("size", [MAX_ENTRY_JSON_BYTES + 1, MAX_ENTRY_BYTES * 3])
    def test_what_does_not_fit_is_refused_and_is_not_in_the_feed(
        self, moto_store: Store, size: int
    ) -> None:
        log = log_of(moto_store)
        body = bytes(size) if size > MAX_ENTRY_JSON_BYTES else os.urandom(size)
        with pytest.raises(EntryTooLarge):
            append(log, "a", body)
        assert (log.info(), log.find("a", "r1")) == (FeedInfo(), None)
