"""What is remembered of reports that are still to be fetched, on every engine."""

from functions.ingest.store.unresolved import MAX_WAITING, UnresolvedReports, Waiting
from tests.conftest import Store
from tests.fakes import FEED_URL

A, B = Waiting("a", 1), Waiting("b c", 2)


def reports(store: Store, feed_url: str = FEED_URL) -> UnresolvedReports:
    return UnresolvedReports(store.client, store.state_table, feed_url)


def test_what_is_added_waits_until_it_is_removed(every_store: Store) -> None:
    waiting = reports(every_store)
    assert waiting.read() == frozenset()
    waiting.add([A, B, A])
    waiting.add([A])
    assert waiting.read() == {A, B}
    waiting.remove([A])
    waiting.remove([A])
    assert waiting.read() == {B}
    waiting.remove([B])
    assert waiting.read() == frozenset()
    waiting.add([B])
    assert waiting.read() == {B}


def test_nothing_is_no_call(every_store: Store) -> None:
    waiting = reports(every_store)
    waiting.add([])
    waiting.remove([])
    assert every_store.items(every_store.state_table) == []


def test_feeds_are_apart(every_store: Store) -> None:
    reports(every_store).add([A])
    assert reports(every_store, "http://other.example/feed").read() == frozenset()


def test_who_has_read_less_takes_nothing_from_the_others(every_store: Store) -> None:
    first, second = reports(every_store), reports(every_store)
    first.add([A])
    seen = first.read()
    second.add([Waiting("a", 5), B])
    first.remove(seen)
    assert second.read() == {Waiting("a", 5), B}


def test_as_many_as_may_wait_fit_with_the_longest_names(every_store: Store) -> None:
    longest = {
        Waiting(f"{number:03d}" + "\U0001f600" * 125, 2**44) for number in range(MAX_WAITING)
    }
    waiting = reports(every_store)
    waiting.add(longest)
    assert waiting.read() == longest
    waiting.remove(longest)
    assert waiting.read() == frozenset()
