"""Exactly once: a kill at every call, writers side by side, histories drawn at random."""

import contextlib
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.ingest.store.ledger import MAX_DATES_AHEAD, Ledger
from shared.domain.indicator import IndicatorType, parse
from shared.http.fetch import Fetched
from shared.store.keys import flow_key
from shared.store.search_index import SearchIndex
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.fakes import FakeFeed, HookedClient, Killed, dies, failing_client, json_feed
from tests.ingestion import NOW, ingest, model, stored

# What a run over FEED calls at most; the test proves that it ends before.
MANY_CALLS = 200


def reports() -> list[dict[str, Any]]:
    """A few reports that share IOCs, with a revision and a bad record among them."""
    shared = raw_ioc("shared.example")
    return [
        raw_report("a", iocs={"domain": [shared, raw_ioc("a.example")]}),
        raw_report("b", iocs={"domain": [shared], "ip": [raw_ioc("192.0.2.1", "BENIGN")]}),
        raw_report("c", date="2025-06-02T08:00:00Z", iocs={"domain": [raw_ioc("a.example")]}),
        raw_report("d", date="never"),
        raw_report("a", iocs={"domain": [shared, raw_ioc("late.example", "SUSPICIOUS")]}),
        raw_report("ahead", date=NOW / 1000 + 3600, iocs={"domain": [shared]}),
    ]


def timeout() -> Exception:
    return ReadTimeoutError(endpoint_url="http://store.example")


def refusal() -> Exception:
    return ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "PutItem")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [Killed, timeout, refusal])
def test_a_run_that_dies_at_any_call_is_repaired_by_the_next_one(
    moto_store: Store, error: Any, after: bool
) -> None:
    expected = model(reports())
    for call in range(1, MANY_CALLS):
        moto_store.empty()
        failing = failing_client(moto_store.client, fail_at=call, after=after, error=error())
        try:
            summary = ingest(moto_store, json_feed(reports(), page_size=2), client=failing)
            died = not summary.complete
        except Killed:
            died = True
        _no_more_than(stored(moto_store), expected)
        assert ingest(moto_store, json_feed(reports(), page_size=2)).complete
        assert stored(moto_store) == expected, f"died at call {call}"
        if not died:
            break
    assert not died
    assert call > 15


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_run_that_dies_at_any_request_is_repaired_by_the_next_one(
    moto_store: Store, after: bool
) -> None:
    class DyingFeed(FakeFeed):
        def get(self, url: str) -> Fetched:
            if not after and len(self.asked) == at:
                raise Killed
            fetched = super().get(url)
            if after and len(self.asked) == at + 1:
                raise Killed
            return fetched

    expected = model(reports())
    pages = json_feed(reports(), page_size=1).pages
    for at in range(len(pages)):
        moto_store.empty()
        with pytest.raises(Killed):
            ingest(moto_store, DyingFeed(pages), batch_reports=2)
        _no_more_than(stored(moto_store), expected)
        assert ingest(moto_store, FakeFeed(pages), batch_reports=2).complete
        assert stored(moto_store) == expected, f"died at request {at}"


def _no_more_than(found: Any, expected: Any) -> None:
    for indicator, reputation in found.items():
        assert reputation.counted <= expected[indicator].counted


def test_a_run_that_is_killed_again_and_again_makes_progress(moto_store: Store) -> None:
    many = [
        raw_report(f"flow-{n}", iocs={"domain": [raw_ioc(f"{n % 7}.example")]}) for n in range(40)
    ]
    kills = 0
    while True:
        failing = failing_client(moto_store.client, fail_at=12, after=True)
        try:
            ingest(moto_store, json_feed(many, page_size=10), client=failing)
            break
        except Killed:
            kills += 1
            assert kills < 100
    assert kills > 2
    assert ingest(moto_store, json_feed(many, page_size=10)).complete
    assert stored(moto_store) == model(many)


@pytest.mark.parametrize(
    ("operation", "when"),
    [("put_item", "before"), ("batch_get_item", "after"), ("update_item", "after")],
    ids=["before it writes", "after it has read", "after it has written"],
)
def test_a_frozen_run_that_wakes_up_late_counts_nothing_twice(
    engine_store: Store, operation: str, when: str
) -> None:
    """Run 1 stops on its way; runs 2 and 3 finish, and clear what was pending."""
    frozen, go_on = threading.Event(), threading.Event()

    def freeze(called: str) -> None:
        if called == operation:
            frozen.set()
            assert go_on.wait(30)

    first = reports()
    later = [*first, raw_report("e", iocs={"domain": [raw_ioc("shared.example")]})]
    hook: Any = {when: freeze}
    with ThreadPoolExecutor(1) as runs, ThreadPoolExecutor(4) as pool:
        sleeper = runs.submit(
            ingest,
            engine_store,
            json_feed(first),
            client=HookedClient(engine_store.client, **hook),
            pool=pool,
        )
        assert frozen.wait(30)
        assert ingest(engine_store, json_feed(first)).complete
        assert ingest(engine_store, json_feed(later)).complete
        assert stored(engine_store) == model(later)
        go_on.set()
        assert sleeper.result().complete
    assert stored(engine_store) == model(later)
    assert ingest(engine_store, json_feed(later), again_since=0).complete
    assert stored(engine_store) == model(later)


def many_reports() -> list[dict[str, Any]]:
    """2,000 of three IOCs each: one is everybody's, one is shared by forty, one by four."""
    return [
        raw_report(
            f"flow-{n}",
            date=1_748_764_800 + n,
            iocs={
                "domain": [raw_ioc(f"{name}.example") for name in ("all", n % 50, f"q{n % 500}")]
            },
        )
        for n in range(2000)
    ]


def test_four_runs_at_once_over_the_same_reports(engine_store: Store) -> None:
    many = many_reports()
    with ThreadPoolExecutor(4) as runs, ThreadPoolExecutor(16) as pool:
        started = [
            runs.submit(
                ingest,
                engine_store,
                json_feed(random.Random(seed).sample(many, len(many)), page_size=250),  # noqa: S311
                pool=pool,
            )
            for seed in range(4)
        ]
        assert all(run.result().complete for run in started)
    assert stored(engine_store) == model(many)
    # Another run finds all of it known.
    assert ingest(engine_store, json_feed(many, page_size=250)).known == len(many)


RAW = st.builds(
    lambda flow, minute, data, verdict, tag: raw_report(
        flow,
        date=f"2025-06-01T08:{minute:02}:00Z",
        tags=[tag],
        iocs={"domain": [raw_ioc(f"{name}.example", verdict) for name in data]},
    ),
    st.sampled_from("abcdef"),
    st.integers(0, 3),
    st.lists(st.sampled_from("xyz"), min_size=1, max_size=3),
    st.sampled_from(["MALICIOUS", "BENIGN", "UNKNOWN"]),
    st.sampled_from(["t1", "t2"]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_history_of_pages_and_kills_ends_as_the_model_says(
    engine_store: Store, data: st.DataObject
) -> None:
    engine_store.empty()
    seen: list[dict[str, Any]] = []
    for _ in range(data.draw(st.integers(1, 4), "runs")):
        page = data.draw(st.lists(RAW, max_size=6), "page")
        seen += page
        kill = data.draw(st.integers(0, 40), "killed at call")
        after = data.draw(st.booleans(), "after its effect")
        failing = failing_client(engine_store.client, fail_at=kill, after=after)
        with contextlib.suppress(Killed):
            ingest(engine_store, json_feed(page, page_size=2), client=failing)
        found = stored(engine_store)
        _no_more_than(found, model(seen))
    assert ingest(engine_store, json_feed(seen, page_size=3)).complete
    assert stored(engine_store) == model(seen)


AHEAD_H = 19
HOUR = 3_600_000


def dated_ahead() -> dict[str, Any]:
    iocs = {"domain": [raw_ioc("shared.example", last_seen=NOW / 1000 + 10 * 3600)]}
    iocs["domain"] += [raw_ioc(f"{n}.example") for n in range(3)]
    return raw_report("ahead", date=NOW / 1000 + AHEAD_H * 3600, iocs=iocs)


def all_dates(store: Store) -> set[int]:
    """Every date that the store has of IOCs, the search index included."""
    of_items = {
        date
        for one in stored(store).values()
        for date in (one.summary.latest.seen_at, one.summary.first_seen, one.summary.last_seen)
    }
    index = SearchIndex(store.client, store.search_table)
    of_index = {
        latest.seen_at for one in stored(store) for latest in index.sightings(one, 100).rows
    }
    return of_items | of_index | {row.latest.seen_at for row in index.recent(100).rows}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("hours", [0, AHEAD_H + 1], ids=["still ahead", "no longer ahead"])
def test_a_date_ahead_of_the_clock_is_the_same_everywhere_whatever_dies(
    moto_store: Store, after: bool, hours: int
) -> None:
    """Run 1 and 2 are killed at a call, run 3 comes hours later: the moment stays as it was."""
    feed = json_feed([dated_ahead()])
    clocks = [NOW, NOW + 60_000, NOW + hours * HOUR + 120_000, NOW + (hours + 1) * HOUR]
    for call in range(1, MANY_CALLS):
        moto_store.empty(moto_store.table, moto_store.state_table, moto_store.search_table)
        killed = [
            dies(
                ingest,
                moto_store,
                feed,
                client=failing_client(moto_store.client, fail_at=call, after=after),
                now=clock,
                indexed=True,
            )
            for clock in clocks[:2]
        ]
        begun = all_dates(moto_store)
        for clock in clocks[2:]:
            assert ingest(moto_store, feed, now=clock, again_since=0, indexed=True).complete
        dates = all_dates(moto_store)
        [date] = dates
        assert begun <= dates, f"killed at call {call}"
        # Never read while it was ahead, its own date is an honest one.
        own = NOW + AHEAD_H * HOUR
        assert date in ({*clocks[:2], own} if hours else clocks[:3])
        if not any(killed):
            break
    assert not any(killed)
    assert date == NOW
    honest = raw_report(
        "honest", date=(NOW + 60_000) / 1000, iocs={"domain": [raw_ioc("0.example", "BENIGN")]}
    )
    assert ingest(moto_store, json_feed([honest, dated_ahead()]), now=NOW + HOUR).complete
    found = stored(moto_store)[parse(IndicatorType.DOMAIN, "0.example")]
    assert (found.summary.latest.flow_id, found.counted) == ("honest", 2)


def test_a_revised_date_that_is_honest_is_taken_as_it_is(moto_store: Store) -> None:
    ingest(moto_store, json_feed([dated_ahead()]))
    later = NOW + 2 * HOUR
    revised = dated_ahead() | {"date": later / 1000}
    ingest(moto_store, json_feed([revised]), now=later)
    [found] = {one.summary.latest.seen_at for one in stored(moto_store).values()}
    assert found == later


def test_a_report_that_keeps_changing_its_date_ahead_is_held_back(moto_store: Store) -> None:
    for minute in range(2 * MAX_DATES_AHEAD):
        report = raw_report("ahead", date=NOW / 1000 + 3600 + minute)
        assert ingest(moto_store, json_feed([report]), now=NOW + minute * 1000).complete
    [found] = stored(moto_store).values()
    assert (found.summary.latest.seen_at, found.summary.last_seen, found.counted) == (NOW, NOW, 1)
    entry = Ledger(moto_store.client, moto_store.state_table).read(
        [flow_key("ahead")], consistent=True
    )
    assert len(entry[flow_key("ahead")].dates_ahead) == MAX_DATES_AHEAD


def test_only_reports_dated_ahead_cost_a_write_more(moto_store: Store) -> None:
    def updates(report: dict[str, Any]) -> int:
        moto_store.empty()
        called: Counter[str] = Counter()
        client = HookedClient(moto_store.client, before=lambda name: called.update([name]))
        ingest(moto_store, json_feed([report]), client=client)
        return called["update_item"]

    honest = dated_ahead() | {"date": NOW / 1000}
    assert updates(dated_ahead()) == updates(honest) + 1


def test_the_size_of_a_batch_does_not_change_the_outcome(moto_store: Store) -> None:
    feed = json_feed(reports())
    assert ingest(moto_store, feed, batch_reports=2, batch_sightings=3).complete
    assert stored(moto_store) == model(reports())
