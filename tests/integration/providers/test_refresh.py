"""Lists of providers: what is on them is listed, what left them is not, whatever breaks."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from functions.providers.snapshots import Snapshots
from shared.domain.errors import FeedError, StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import Network
from shared.domain.provider import Listing, ListingStatus, Subject
from shared.domain.reputation import Reputation
from shared.formats.lists.errors import ListError
from shared.store.iocs import IocTable
from shared.store.providers import ProviderStates
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.fakes import HookedClient, dies, failing_client, json_feed
from tests.ingestion import ingest, model, stored
from tests.providers import NOW, dated, domain, listed, listings, refresh

# What a refresh of the lists below calls at most; the test proves that it ends before.
MANY_CALLS = 100


def test_what_is_on_the_list_is_listed_and_what_left_it_is_not(any_store: Store) -> None:
    first = refresh(any_store, listed(range(10)))
    assert (first.complete, first.entries, first.changes) == (True, 10, 10)
    assert listings(any_store) == dated(listed(range(10)))
    second = refresh(any_store, listed(range(2, 12)), now=NOW + 5)
    assert (second.complete, second.entries, second.changes) == (True, 10, 4)
    expected = dated(listed(range(2, 10))) | dated(listed([10, 11]), NOW + 5)
    assert listings(any_store) == expected


def test_the_same_list_again_writes_no_item(any_store: Store) -> None:
    refresh(any_store, listed(range(10)))
    before = any_store.items()
    again = refresh(any_store, listed(range(10)), now=NOW + 5)
    assert (again.complete, again.changes) == (True, 0)
    assert any_store.items() == before
    [state] = ProviderStates(any_store.client, any_store.state_table).read()
    assert (state.provider.updated, state.entries, state.error) == (NOW + 5, 10, "")


def test_other_words_about_an_entry_are_written_and_its_date_stays(any_store: Store) -> None:
    refresh(any_store, listed(range(3)))
    refresh(any_store, listed(range(2)) | listed([2], "botnet"), now=NOW + 5)
    assert listings(any_store) == dated(listed(range(2)) | listed([2], "botnet"))


@pytest.mark.parametrize("error", [FeedError("broke off"), ListError("HTML")])
def test_a_download_that_fails_changes_nothing(any_store: Store, error: Exception) -> None:
    refresh(any_store, listed(range(10)))
    before = any_store.items()
    with pytest.raises(type(error)):
        refresh(any_store, error, now=NOW + 5)
    assert any_store.items() == before
    [state] = ProviderStates(any_store.client, any_store.state_table).read()
    assert state.provider.updated == NOW
    assert refresh(any_store, listed(range(11)), now=NOW + 9).complete


def test_an_empty_list_lists_nothing(any_store: Store) -> None:
    refresh(any_store, listed(range(3)))
    assert refresh(any_store, {}, now=NOW + 5).complete
    assert listings(any_store) == {}
    assert refresh(any_store, {}, now=NOW + 9).changes == 0


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_refresh_that_dies_at_any_call_is_finished_by_the_next_ones(
    moto_store: Store, after: bool
) -> None:
    old = listed(range(6))
    meant = listed(range(3, 9), "botnet")
    newest = listed([*range(5), 20])
    for call in range(1, MANY_CALLS):
        moto_store.empty()
        refresh(moto_store, old)
        failing = failing_client(moto_store.client, fail_at=call, after=after)
        died = dies(refresh, moto_store, meant, client=failing, owner="killed", now=NOW + 5)
        # No other run may change the list until its owner has certainly ended.
        later = NOW + 120_000
        refresh(moto_store, newest, owner="next", now=later)
        assert refresh(moto_store, newest, owner="third", now=later + 1).complete
        found = listings(moto_store)
        assert found.keys() == dated(newest).keys(), f"died at call {call}"
        assert {one.assessment for one in found.values()} == {"malware"}
        if not died:
            break
    assert not died
    assert call > 10


def test_a_refresh_that_runs_out_of_time_goes_on_where_it_was(any_store: Store) -> None:
    left = iter([False, False, True])
    entries = listed(range(2_500))
    first = refresh(any_store, entries, out_of_time=lambda: next(left))
    assert (first.complete, first.changes) == (False, 2_000)
    # The newest list is another one by now: what is kept comes first.
    second = refresh(any_store, FeedError("not even asked"), now=NOW + 5)
    assert (second.complete, second.changes) == (True, 500)
    assert listings(any_store) == dated(entries)


def test_two_refreshes_of_one_provider_do_not_work_at_once(any_store: Store) -> None:
    mine = Snapshots(any_store.client, any_store.state_table, "list-a", "me")
    assert mine.claim(NOW, NOW + 1000)
    assert refresh(any_store, listed(range(3)), owner="other").busy
    assert refresh(any_store, listed(range(3)), owner="other", now=NOW + 1001).complete


def test_an_owner_who_wakes_up_late_cannot_say_what_is_current(any_store: Store) -> None:
    late = Snapshots(any_store.client, any_store.state_table, "list-a", "late")
    state = late.claim(NOW, NOW + 1000)
    assert state is not None
    state = late.begin(state, listed(range(3)))
    assert refresh(any_store, listed(range(5)), owner="other", now=NOW + 2000).complete
    with pytest.raises(StoreError, match="another refresh"):
        late.finish(state)


def test_writes_follow_the_changes_and_not_the_length_of_the_list(any_store: Store) -> None:
    calls: Counter[str] = Counter()
    client = HookedClient(any_store.client, before=lambda name: calls.update([name]))
    refresh(any_store, listed(range(2_000)))
    done = refresh(any_store, listed(range(10, 2_010)), client=client, now=NOW + 5)
    assert done.changes == 20
    assert calls["update_item"] < 20 + 10
    assert calls.total() < 40


def test_networks_are_listed_and_found_by_the_addresses_in_them(any_store: Store) -> None:
    network = Network("192.0.2.0/24")
    refresh(any_store, {network: Listing(ListingStatus.LISTED, "malware"), **listed([1])})
    states = ProviderStates(any_store.client, any_store.state_table)
    [state] = states.read()
    assert states.read_networks(state) == [network]
    address = Indicator(IndicatorType.IP, "192.0.2.77")
    known = IocTable(any_store.client, any_store.table).find(address, [network])
    assert known.covering == {"list-a": network}
    refresh(any_store, listed([1]), now=NOW + 5)
    [state] = states.read()
    assert states.read_networks(state) == []


def test_the_state_shows_whether_names_stand_for_those_below_them(any_store: Store) -> None:
    states = ProviderStates(any_store.client, any_store.state_table)
    exact = Listing(ListingStatus.TRUSTED)
    both: dict[Subject, Listing] = {domain(1): exact, domain(2): replace(exact, below=True)}
    refresh(any_store, both)
    assert listings(any_store) == dated(both)
    assert [state.below for state in states.read()] == [True]
    # The stored list has it, too: nothing changes.
    assert refresh(any_store, both, now=NOW + 5).changes == 0
    del both[domain(2)]
    refresh(any_store, both, now=NOW + 6)
    assert [state.below for state in states.read()] == [False]


def test_no_part_is_lost_when_providers_and_the_sandbox_write_at_once(engine_store: Store) -> None:
    chance = random.Random(7)  # noqa: S311
    names = [f"list-{number}" for number in range(5)]
    lists = {name: listed(chance.sample(range(60), 40), name) for name in names}
    feed = [
        raw_report(f"f{number}", iocs={"domain": [raw_ioc(f"n{n}.example") for n in range(60)]})
        for number in range(8)
    ]
    with ThreadPoolExecutor(8) as pool, ThreadPoolExecutor(7) as side:
        runs = [
            side.submit(refresh, engine_store, lists[name], name=name, owner=name, pool=pool)
            for name in names
        ]
        ingests = [side.submit(ingest, engine_store, json_feed(feed), pool=pool) for _ in range(2)]
        assert all(run.result().complete for run in runs)
        assert all(run.result().complete for run in ingests)
    for name in names:
        assert listings(engine_store, name) == dated(lists[name])
    assert stored(engine_store) == model(feed)
    known = IocTable(engine_store.client, engine_store.table).find(domain(0))
    assert isinstance(known.reputation, Reputation)
    assert len(ProviderStates(engine_store.client, engine_store.state_table).read()) == len(names)
