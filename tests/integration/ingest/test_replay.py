"""Replaying what was rejected: counts are those of a feed that had been right at once."""

import itertools
import json
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any

import pytest

from functions.ingest.feed_reader import KNOWN_STREAK, LONG_FEED_PAGES
from functions.ingest.replay import BATCH_ENTRIES, Replay, Replayed
from functions.ingest.store.quarantine import QuarantineEntries, QuarantineEntry
from functions.ingest.store.unresolved import MAX_WAITING, UnresolvedReports, Waiting
from shared.domain.indicator import IndicatorType, parse
from shared.domain.moment import LATEST_AHEAD, format_millis
from shared.formats.feed.scan_report import report_url
from shared.store.iocs import IocTable
from tests.builders import linking_page, raw_ioc, raw_report, scan_report
from tests.conftest import Store
from tests.fakes import FEED_URL, FakeFeed, InlineExecutor, Killed, dies, failing_client, json_feed
from tests.ingestion import NOW, ingest, model, stored

DOMAIN = parse(IndicatorType.DOMAIN, "evil.example")
NEXT_DAY = NOW + LATEST_AHEAD


def entries(store: Store) -> list[QuarantineEntry]:
    return sorted(
        QuarantineEntries(store.client, store.state_table).find(), key=lambda entry: entry.key
    )


def replayer(
    store: Store, *, client: Any = None, pool: Executor | None = None, now: int = NOW
) -> Replay:
    client = client or store.client
    table = IocTable(client, store.table)
    return Replay(client, store.state_table, table, pool or InlineExecutor(), now)


def replay(
    store: Store,
    chosen: Iterable[QuarantineEntry] | None = None,
    *,
    client: Any = None,
    now: int = NOW,
) -> list[Replayed]:
    chosen = entries(store) if chosen is None else chosen
    return list(replayer(store, client=client, now=now).execute(chosen))


def edit(store: Store, change: Callable[[str], str]) -> None:
    """Put right what is in quarantine, as a rule that is new would."""
    for entry in entries(store):
        store.client.update_item(
            TableName=store.state_table,
            Key={"pk": {"S": entry.key}},
            UpdateExpression="SET #record = :record",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues={":record": {"S": change(entry.record)}},
        )


def known_now(record: str) -> str:
    """The verdict EVIL has become known, as MALICIOUS."""
    return record.replace('"EVIL"', '"MALICIOUS"')


def evil(flow_id: str, **fields: Any) -> dict[str, Any]:
    """A report with IOCs of an unknown verdict and good ones."""
    iocs = {
        "domain": [raw_ioc(verdict="EVIL", tags=["c2"]), raw_ioc("beside.example")],
        "ip": [raw_ioc("192.0.2.1", "EVIL", origins=[{"type": "VBA"}])],
    }
    return raw_report(flow_id, verdict="EVIL", tags=["packed"], iocs=iocs, **fields)


def corrected(report: dict[str, Any]) -> dict[str, Any]:
    fixed: dict[str, Any] = json.loads(known_now(json.dumps(report)))
    return fixed


def everything(store: Store) -> list[Any]:
    return [store.items(), store.items(store.state_table)]


def test_a_verdict_that_became_known(any_store: Store) -> None:
    reports = [evil(f"flow-{n}", date=f"2025-06-{n + 1:02}") for n in range(5)]
    ingest(any_store, json_feed(reports))
    assert DOMAIN not in stored(any_store)
    assert len(entries(any_store)) == 10
    edit(any_store, known_now)
    results = replay(any_store)
    assert all(result.accepted and result.iocs == 1 and not result.refused for result in results)
    assert entries(any_store) == []
    fixed = model(map(corrected, reports))
    found = stored(any_store)
    assert found[DOMAIN] == fixed[DOMAIN]
    assert found[DOMAIN].counted == 5
    address = parse(IndicatorType.IP, "192.0.2.1")
    assert found[address] == fixed[address]
    # The other IOCs were stored with the verdict of the report as read then.
    assert found.keys() == fixed.keys()
    assert {one.counted for one in found.values()} == {5}


def test_replaying_twice_changes_nothing(any_store: Store) -> None:
    ingest(any_store, json_feed([evil("flow-1"), evil("flow-2")]))
    edit(any_store, known_now)
    chosen = entries(any_store)
    replay(any_store, chosen)
    before = any_store.items()
    assert all(result.accepted for result in replay(any_store, chosen))
    assert any_store.items() == before


def test_what_the_feed_has_delivered_meanwhile_counts_once(any_store: Store) -> None:
    reports = [evil("flow-1"), evil("flow-2", date="2025-06-02")]
    ingest(any_store, json_feed(reports))
    edit(any_store, known_now)
    fixed = list(map(corrected, reports))
    ingest(any_store, json_feed(fixed))
    before = any_store.items()
    replay(any_store)
    assert any_store.items() == before
    assert stored(any_store) == model([*reports, *fixed])


def test_what_the_feed_delivers_afterwards_counts_once(any_store: Store) -> None:
    reports = [evil("flow-1"), evil("flow-2", date="2025-06-02")]
    ingest(any_store, json_feed(reports))
    edit(any_store, known_now)
    replay(any_store)
    fixed = list(map(corrected, reports))
    ingest(any_store, json_feed(fixed))
    assert stored(any_store) == model([*reports, *fixed])


def test_a_date_too_far_ahead_until_it_is_not(any_store: Store) -> None:
    ahead = raw_report("flow-2", date=format_millis(NOW + LATEST_AHEAD + 1))
    reports = [raw_report("flow-1"), ahead]
    ingest(any_store, json_feed(reports))
    [refused] = replay(any_store)
    assert (refused.accepted, refused.refused) == (False, ["date is more than a day ahead"])
    assert len(entries(any_store)) == 1
    [accepted] = replay(any_store, now=NEXT_DAY)
    assert (accepted.accepted, accepted.iocs) == (True, 1)
    assert entries(any_store) == []
    assert stored(any_store) == model(reports, now=NEXT_DAY)
    # The feed knows the very same content now.
    summary = ingest(any_store, json_feed(reports), now=NEXT_DAY)
    assert (summary.known, summary.quarantined) == (2, 0)
    assert stored(any_store)[DOMAIN].counted == 2


def test_of_a_report_that_is_valid_now_its_bad_iocs_get_entries_of_their_own(
    moto_store: Store,
) -> None:
    report = evil("flow-1", date=format_millis(NEXT_DAY))
    report["iocs"]["domain"].append("not an object")
    ingest(moto_store, json_feed([report]), now=NOW - 1)
    [result] = replay(moto_store, now=NEXT_DAY)
    assert (result.accepted, result.iocs) == (True, 1)
    assert sorted(result.refused) == [
        "IOC is not an object",
        "verdict is not a known one",
        "verdict is not a known one",
    ]
    assert stored(moto_store) == model([report], now=NEXT_DAY)
    left = entries(moto_store)
    assert sorted(entry.reason for entry in left) == sorted(result.refused)
    assert {entry.feed_url for entry in left} == {result.entry.feed_url}


@pytest.mark.parametrize(
    "raw",
    [
        None,
        5,
        "x\ud800",
        [raw_report()],
        raw_report("a\ud800"),
        raw_report("flow-1", iocs={"domain": [raw_ioc("\ud800.example")]}),
        raw_report("flow-1", iocs={"domain": 5}),
    ],
)
def test_what_is_still_bad_stays_as_it_is(moto_store: Store, raw: object) -> None:
    ingest(moto_store, json_feed([raw]))
    before = entries(moto_store)
    [result] = replay(moto_store)
    assert (result.accepted, result.refused) == (False, [before[0].reason])
    assert entries(moto_store) == before
    assert moto_store.items() == []


def test_lone_surrogates_in_soft_fields_cost_those_only(any_store: Store) -> None:
    report = raw_report(
        "flow-1",
        date=format_millis(NEXT_DAY),
        tags=["\ud800", "packed"],
        verdict="\udfff",
        iocs={"domain": [raw_ioc(origins=[{"type": "\ud800"}], tags=["\udc00", "c2"])]},
    )
    ingest(any_store, json_feed([report]), now=NOW - 1)
    [result] = replay(any_store, now=NEXT_DAY)
    assert result.accepted
    assert stored(any_store) == model([report], now=NEXT_DAY)
    assert stored(any_store)[DOMAIN].summary.tags == {"packed", "c2"}


def test_what_was_cut_is_refused(moto_store: Store) -> None:
    ingest(moto_store, json_feed([raw_report(date="no", x="x" * 100_000)]))
    [result] = replay(moto_store)
    assert (result.accepted, result.refused) == (
        False,
        ["the record was too large to be stored whole"],
    )
    assert len(entries(moto_store)) == 1


@pytest.mark.parametrize("verdict", ["UNKNOWN", ""])
def test_an_ioc_that_turns_out_to_have_no_verdict_is_done_with(
    moto_store: Store, verdict: str
) -> None:
    ingest(moto_store, json_feed([raw_report(iocs={"domain": [raw_ioc(verdict="EVIL")]})]))
    edit(moto_store, lambda record: record.replace('"EVIL"', f'"{verdict}"'))
    [result] = replay(moto_store)
    assert (result.accepted, result.iocs) == (True, 0)
    assert entries(moto_store) == []
    assert moto_store.items() == []


def test_a_preview_writes_nothing(any_store: Store) -> None:
    ingest(any_store, json_feed([evil("flow-1"), raw_report(date="no")]))
    edit(any_store, known_now)
    before = everything(any_store)
    results = list(replayer(any_store).preview(entries(any_store)))
    assert sorted(result.accepted for result in results) == [False, True, True]
    assert everything(any_store) == before


def test_more_entries_of_one_report_than_one_batch_takes(any_store: Store) -> None:
    many = BATCH_ENTRIES + 30
    iocs = {"domain": [raw_ioc(f"{n}.example", "EVIL") for n in range(many)]}
    ingest(any_store, json_feed([raw_report("flow-1", iocs=iocs)]))
    edit(any_store, known_now)
    assert len(replay(any_store)) == many
    assert {one.counted for one in stored(any_store).values()} == {1}
    assert len(stored(any_store)) == many


def test_a_replay_that_is_killed_at_any_call_is_finished_by_the_next(moto_store: Store) -> None:
    reports = [evil("flow-1"), evil("flow-2", date="2025-06-02")]
    for number in range(1, 60):
        for after in (False, True):
            moto_store.empty()
            ingest(moto_store, json_feed(reports))
            edit(moto_store, known_now)
            client = failing_client(moto_store.client, fail_at=number, after=after)
            chosen = entries(moto_store)
            died = dies(replay, moto_store, chosen, client=client)
            replay(moto_store)
            found = stored(moto_store)
            assert {one.counted for one in found.values()} == {2}
            assert found[DOMAIN] == model(map(corrected, reports))[DOMAIN]
            assert entries(moto_store) == []
            if not died:
                return
    pytest.fail("a replay of four entries takes fewer calls")


class TestReportsThatWereGivenUp:
    WEEK = 7 * 86_400_000

    def give_up(self, store: Store) -> FakeFeed:
        """A feed whose only report, b2, was never to be had, and no longer is on it."""
        feed = FakeFeed({FEED_URL: linking_page("b2")})
        ingest(store, feed, has_key=True)
        feed.pages[FEED_URL] = linking_page()
        assert ingest(store, feed, has_key=True, now=NOW + self.WEEK).quarantined == 1
        assert waiting(store) == set()
        return feed

    def test_they_wait_again_and_the_next_run_fetches_them(self, any_store: Store) -> None:
        feed = self.give_up(any_store)
        later = NOW + 2 * self.WEEK
        [preview] = replayer(any_store, now=later).preview(entries(any_store))
        assert waiting(any_store) == set()
        [result] = replay(any_store, now=later)
        assert result == preview
        assert (result.accepted, result.waits, result.iocs, result.refused) == (True, True, 0, [])
        assert entries(any_store) == []
        assert waiting(any_store) == {Waiting("b2", later)}
        # Again it may take a week until it can be had.
        summary = ingest(any_store, feed, has_key=True, now=later + self.WEEK - 1)
        assert (summary.unresolved, summary.quarantined) == (1, 0)
        feed.pages[report_url(FEED_URL, "b2")] = scan_report("b2")
        assert ingest(any_store, feed, has_key=True, now=later + self.WEEK).iocs_new == 1
        assert {one.value for one in stored(any_store)} == {"b2.example"}
        assert waiting(any_store) == set()

    def test_what_the_feed_has_delivered_meanwhile_counts_once(self, moto_store: Store) -> None:
        feed = self.give_up(moto_store)
        report = raw_report("b2", iocs={"domain": [raw_ioc("b2.example")]})
        ingest(moto_store, json_feed([report]))
        replay(moto_store)
        feed.pages[report_url(FEED_URL, "b2")] = scan_report("b2")
        ingest(moto_store, feed, has_key=True)
        assert [one.counted for one in stored(moto_store).values()] == [1]

    def test_without_room_they_stay(self, moto_store: Store) -> None:
        self.give_up(moto_store)
        reports = UnresolvedReports(moto_store.client, moto_store.state_table, FEED_URL)
        reports.add(Waiting(f"flow-{n}", NOW) for n in range(MAX_WAITING))
        [result] = replay(moto_store)
        assert (result.accepted, result.refused) == (
            False,
            ["too many reports wait to be fetched already"],
        )
        assert len(entries(moto_store)) == 1
        assert len(reports.read()) == MAX_WAITING

    def test_killed_at_any_call_nothing_gets_lost(self, moto_store: Store) -> None:
        for number in range(1, 20):
            for after in (False, True):
                moto_store.empty()
                self.give_up(moto_store)
                client = failing_client(moto_store.client, fail_at=number, after=after)
                chosen = entries(moto_store)
                died = dies(replay, moto_store, chosen, client=client)
                assert {one.flow_id for one in waiting(moto_store)} | {
                    entry.flow_id for entry in entries(moto_store)
                } == {"b2"}
                replay(moto_store)
                assert waiting(moto_store) == {Waiting("b2", NOW)}
                assert entries(moto_store) == []
                if not died:
                    return
        pytest.fail("a replay of one entry takes fewer calls")


def waiting(store: Store) -> frozenset[Waiting]:
    return UnresolvedReports(store.client, store.state_table, FEED_URL).read()


def test_replayed_reports_hide_nothing_below_them(moto_store: Store) -> None:
    """Known reports end the reading of a long feed: their neighbours must be seen first."""
    old = [
        raw_report(f"old-{n}", date=format_millis(NOW - (n + 1) * 60_000))
        for n in range(LONG_FEED_PAGES + 20)
    ]
    ingest(moto_store, json_feed(old, page_size=1))
    ahead = [
        raw_report(
            f"new-{n}", date=format_millis(NEXT_DAY - n), iocs={"ip": [raw_ioc("192.0.2.1")]}
        )
        for n in range(100)
    ]
    unseen = raw_report("unseen", date=format_millis(NOW), iocs={"ip": [raw_ioc("192.0.2.2")]})
    top = json_feed([*ahead, unseen, *old], page_size=1)
    calls = itertools.count()

    def reading_left() -> float:
        if next(calls) == 90:
            raise Killed
        return 100.0

    with pytest.raises(Killed):
        ingest(moto_store, top, now=NOW - 1000, reading_left=reading_left)
    assert len(replay(moto_store, now=NEXT_DAY)) > KNOWN_STREAK
    ingest(moto_store, top, now=NOW)
    assert parse(IndicatorType.IP, "192.0.2.2") in stored(moto_store)
