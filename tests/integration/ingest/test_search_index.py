"""The search index is exact: a kill at every call, writers side by side, histories at random."""

import contextlib
import random
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.ingest.replay import Replay
from functions.ingest.store.quarantine import QuarantineEntries
from shared.domain.indicator import Indicator
from shared.domain.reputation import ScanVerdict, SightingSummary
from shared.formats.feed.report import read_report
from shared.store.iocs import IocTable
from shared.store.items import read_summary
from shared.store.keys import sightings_key
from shared.store.search_index import SearchIndex
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store, new_store
from tests.fakes import Halving, InlineExecutor, Killed, failing_client, json_feed
from tests.ingestion import NOW, ingest, model, stored
from tests.integration.ingest.test_exactly_once import (
    MANY_CALLS,
    RAW,
    many_reports,
    reports,
    timeout,
)


def index_of(store: Store, client: Any = None, **settings: Any) -> SearchIndex:
    return SearchIndex(client or store.client, store.search_table, **settings)


def empty(store: Store) -> None:
    store.empty(store.table, store.state_table, store.search_table)


def seen(raws: Iterable[object]) -> dict[Indicator, set[ScanVerdict]]:
    """Who saw what when, by the reports themselves."""
    found: defaultdict[Indicator, set[ScanVerdict]] = defaultdict(set)
    for raw in raws:
        for sighting in read_report(raw, NOW).sightings:
            latest = sighting.summary.latest
            # A date ahead of the clock counts as the clock of the run that read it first.
            found[sighting.indicator].add(latest._replace(seen_at=min(latest.seen_at, NOW)))
    return found


def assert_exact(store: Store, raws: Iterable[object]) -> None:
    """Each sighting is there once, and found by indicator, by scan and among the recent ones."""
    expected = seen(raws)
    index = index_of(store)
    for indicator, winners in expected.items():
        rows = index.sightings(indicator, 1000).rows
        assert sorted(rows) == sorted(winners), indicator
        assert [row.seen_at for row in rows] == sorted((w.seen_at for w in winners), reverse=True)
    by_scan: defaultdict[str, set[Indicator]] = defaultdict(set)
    for indicator, winners in expected.items():
        for latest in winners:
            by_scan[latest.flow_id].add(indicator)
    for flow_id, indicators in by_scan.items():
        page = index.of_scan(flow_id, 1000)
        assert page
        assert {row.indicator for row in page.rows} == indicators
    newest = {(row.indicator, row.latest.seen_at) for row in index.recent(1000).rows}
    assert newest == {(one, max(w.seen_at for w in some)) for one, some in expected.items()}
    assert whole_in_index(store, expected) == whole(raws)


def whole(raws: Iterable[object]) -> dict[Indicator, set[SightingSummary]]:
    """Everything that the reports state of each IOC, one summary for each sighting."""
    found: defaultdict[Indicator, set[SightingSummary]] = defaultdict(set)
    for raw in raws:
        report = read_report(raw, NOW)
        for sighting in report.dated(min(report.seen_at, NOW)).sightings:
            found[sighting.indicator].add(sighting.summary)
    return found


def whole_in_index(
    store: Store, indicators: Iterable[Indicator]
) -> dict[Indicator, set[SightingSummary]]:
    by_key = {sightings_key(one): one for one in indicators}
    found: defaultdict[Indicator, set[SightingSummary]] = defaultdict(set)
    for row in store.items(store.search_table):
        if "verdict" in row:
            indicator = by_key[row["pk"]["S"]]
            summary = read_summary(indicator, row)
            assert summary not in found[indicator], "a sighting has two rows"
            found[indicator].add(summary)
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [Killed, timeout])
def test_a_run_that_dies_at_any_call_leaves_an_index_that_the_next_one_completes(
    moto_store: Store, error: Any, after: bool
) -> None:
    reference = new_store()
    assert ingest(reference, json_feed(reports(), page_size=2), indexed=True).complete
    expected = reference.items(reference.search_table)
    assert_exact(reference, reports())
    for call in range(1, MANY_CALLS):
        empty(moto_store)
        failing = failing_client(moto_store.client, fail_at=call, after=after, error=error())
        feed = json_feed(reports(), page_size=2)
        try:
            died = not ingest(moto_store, feed, client=failing, indexed=True).complete
        except Killed:
            died = True
        # What is in it already is right.
        assert all(item in expected for item in moto_store.items(moto_store.search_table))
        assert ingest(moto_store, json_feed(reports(), page_size=2), indexed=True).complete
        assert moto_store.items(moto_store.search_table) == expected, f"died at call {call}"
        assert stored(moto_store) == model(reports())
        if not died:
            break
    assert not died
    assert call > 17


def test_batches_that_are_processed_in_part_are_finished(moto_store: Store) -> None:
    many = many_reports()[:60]
    halving = Halving(moto_store.client, times=6, least=1)
    assert ingest(moto_store, json_feed(many), client=halving, indexed=True).complete
    assert_exact(moto_store, many)


def test_four_runs_at_once_enter_each_sighting_once(engine_store: Store) -> None:
    many = many_reports()[:400]
    with ThreadPoolExecutor(4) as runs, ThreadPoolExecutor(16) as pool:
        started = [
            runs.submit(
                ingest,
                engine_store,
                json_feed(random.Random(seed).sample(many, len(many)), page_size=50),  # noqa: S311
                pool=pool,
                indexed=True,
            )
            for seed in range(4)
        ]
        assert all(run.result().complete for run in started)
    assert_exact(engine_store, many)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_history_of_pages_and_kills_ends_as_the_reports_say(
    engine_store: Store, data: st.DataObject
) -> None:
    empty(engine_store)
    delivered: list[dict[str, Any]] = []
    for _ in range(data.draw(st.integers(1, 3), "runs")):
        page = data.draw(st.lists(RAW, max_size=5), "page")
        delivered += page
        kill = data.draw(st.integers(0, 40), "killed at call")
        after = data.draw(st.booleans(), "after its effect")
        failing = failing_client(engine_store.client, fail_at=kill, after=after)
        with contextlib.suppress(Killed):
            ingest(engine_store, json_feed(page, page_size=2), client=failing, indexed=True)
    assert ingest(engine_store, json_feed(delivered, page_size=3), indexed=True).complete
    assert_exact(engine_store, delivered)
    assert stored(engine_store) == model(delivered)


def test_an_index_that_is_switched_on_later_is_filled_by_reading_again(moto_store: Store) -> None:
    assert ingest(moto_store, json_feed(reports())).complete
    assert moto_store.items(moto_store.search_table) == []
    before = stored(moto_store)
    assert ingest(moto_store, json_feed(reports()), indexed=True).complete
    assert moto_store.items(moto_store.search_table) == []
    assert ingest(moto_store, json_feed(reports()), indexed=True, again_since=0).complete
    assert_exact(moto_store, reports())
    assert stored(moto_store) == before


def test_what_is_replayed_from_quarantine_is_entered(moto_store: Store) -> None:
    # A date of today's rules that was a bad one then.
    bad = raw_report("late", date="2026-01-09T00:00:00Z")
    ingest(moto_store, json_feed([bad]), indexed=True)
    replay = Replay(
        moto_store.client,
        moto_store.state_table,
        IocTable(moto_store.client, moto_store.table),
        InlineExecutor(),
        now=NOW + 10 * 86_400_000,
        index=index_of(moto_store),
    )
    entries = list(QuarantineEntries(moto_store.client, moto_store.state_table).find())
    assert [one.accepted for one in replay.execute(entries)] == [True]
    page = index_of(moto_store).of_scan("late", 10)
    assert page
    assert [row.indicator.value for row in page.rows] == ["evil.example"]


def test_a_report_without_iocs_leaves_nothing(moto_store: Store) -> None:
    assert ingest(moto_store, json_feed([raw_report("a", iocs={})]), indexed=True).complete
    assert moto_store.items(moto_store.search_table) == []


def test_without_an_index_no_call_goes_to_its_table(moto_store: Store) -> None:
    assert ingest(moto_store, json_feed([raw_report(iocs={"ip": [raw_ioc("192.0.2.1")]})])).complete
    assert moto_store.items(moto_store.search_table) == []
