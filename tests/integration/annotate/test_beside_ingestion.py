"""Overrides beside ingestion of the same file: never lost, and never on another file.

Each scenario is tried before and after every second call of a client, so that there is one try
between any two calls. `OVERRIDE_STEP=1` tries every call, and more histories.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.verdict import Verdict
from shared.store.annotations import AnnotationLog, Kind
from shared.store.iocs import IocTable
from shared.store.overrides import Decision, Overrides
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.fakes import HookedClient, dies, failing_client, json_feed
from tests.ingestion import NOW, ingest

START_S = 1_748_764_800
STEP = int(os.environ.get("OVERRIDE_STEP") or 2)
CALLS = range(1, 100, STEP)


def digest(kind: IndicatorType, letter: str, digits: int) -> Indicator:
    return Indicator(kind, letter * digits)


MD5 = digest(IndicatorType.MD5, "A", 32)
SHA1 = digest(IndicatorType.SHA1, "A", 40)
SHA256 = digest(IndicatorType.SHA256, "A", 64)
# The MD5 of another file is the same.
OTHER_SHA1 = digest(IndicatorType.SHA1, "B", 40)
OTHER_SHA256 = digest(IndicatorType.SHA256, "B", 64)
BENIGN = Decision(Verdict.BENIGN, "our own tool")


def report(flow: str, *digests: Indicator, verdict: str = "MALICIOUS") -> dict[str, Any]:
    """A report about one file with these digests."""
    file = {one.type.value: one.value.lower() for one in digests}
    iocs = {one.type.value: [raw_ioc(one.value, verdict, file=file)] for one in digests}
    return raw_report(flow, date=START_S, iocs=iocs)


FIRST = report("first", SHA256, MD5)
WITH_SHA1 = report("second", SHA256, SHA1)
OTHER_FILE = report("third", OTHER_SHA256, OTHER_SHA1, MD5)


def overrides(store: Store, client: Any = None) -> Overrides:
    chosen = client or store.client
    log = AnnotationLog(chosen, store.state_table)
    return Overrides(IocTable(chosen, store.table), log, lambda: NOW)


def overridden(store: Store) -> set[Indicator]:
    """The digests whose look-up shows the override."""
    every = [MD5, SHA1, SHA256, OTHER_SHA1, OTHER_SHA256]
    found = IocTable(store.client, store.table).find_many(every)
    return {one for one, known in found.items() if known.override}


def meanwhile(client: Any, at: int, run: Callable[[], object], *, after: bool) -> HookedClient:
    """A client that lets another process run at one of its calls."""
    calls = itertools.count(1)

    def hook(_: str) -> None:
        if next(calls) == at:
            run()

    return HookedClient(client, after=hook) if after else HookedClient(client, before=hook)


def each_call(store: Store, run: Callable[[int], bool]) -> None:
    """Repeat a scenario for every call of a client, until one has fewer calls."""
    for call in CALLS:
        store.empty(store.table, store.state_table)
        ingest(store, json_feed([FIRST]))
        if not run(call):
            return
    raise AssertionError("the calls do not end")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("on", [SHA256, SHA1])
def test_an_override_at_every_call_of_an_ingestion(
    moto_store: Store, on: Indicator, *, after: bool
) -> None:
    def run(call: int) -> bool:
        ran: list[object] = []

        def put() -> None:
            ran.append(overrides(moto_store).put(on, BENIGN, "Ann"))

        client = meanwhile(moto_store.client, call, put, after=after)
        assert ingest(moto_store, json_feed([WITH_SHA1, OTHER_FILE]), client=client).complete
        if ran:
            assert overridden(moto_store) == {SHA256, SHA1}
        return bool(ran)

    each_call(moto_store, run)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("on", [SHA256, MD5])
def test_an_ingestion_at_every_call_of_an_override(
    moto_store: Store, on: Indicator, *, after: bool
) -> None:
    def run(call: int) -> bool:
        ran: list[object] = []

        def read() -> None:
            ran.append(ingest(moto_store, json_feed([WITH_SHA1, OTHER_FILE])))

        client = meanwhile(moto_store.client, call, read, after=after)
        overrides(moto_store, client).put(on, BENIGN, "Ann")
        found = overridden(moto_store)
        if ran:
            assert on in found
            assert not {OTHER_SHA1, OTHER_SHA256} & found
            assert on is not SHA256 or found == {SHA256, SHA1}
        return bool(ran)

    each_call(moto_store, run)


@pytest.mark.parametrize("after", [False, True])
def test_an_ingestion_that_is_killed_at_every_call(moto_store: Store, *, after: bool) -> None:
    def run(call: int) -> bool:
        overrides(moto_store).put(SHA256, BENIGN, "Ann")
        feed = [WITH_SHA1, OTHER_FILE]
        failing = failing_client(moto_store.client, fail_at=call, after=after)
        died = dies(ingest, moto_store, json_feed(feed), client=failing)
        # What is in the ledger is not read again, so it has to be whole.
        assert ingest(moto_store, json_feed(feed)).complete
        assert overridden(moto_store) == {SHA256, SHA1}
        return died

    each_call(moto_store, run)


@pytest.mark.parametrize("after", [False, True])
def test_an_override_that_is_killed_at_every_call(moto_store: Store, *, after: bool) -> None:
    def run(call: int) -> bool:
        ingest(moto_store, json_feed([WITH_SHA1]))
        failing = failing_client(moto_store.client, fail_at=call, after=after)
        died = dies(overrides(moto_store, failing).put, SHA256, BENIGN, "Ann")
        found = overridden(moto_store)
        # Every change of an item is in the log.
        assert not found or AnnotationLog(moto_store.client, moto_store.state_table).page(
            Kind.OVERRIDE, 1, 1
        )
        overrides(moto_store).put(SHA256, BENIGN, "Ann")
        assert overridden(moto_store) == {SHA256, SHA1, MD5}
        return died

    each_call(moto_store, run)


@pytest.mark.parametrize("after", [False, True])
def test_taking_back_that_is_killed_at_every_call(moto_store: Store, *, after: bool) -> None:
    def run(call: int) -> bool:
        ingest(moto_store, json_feed([WITH_SHA1]))
        overrides(moto_store).put(SHA256, BENIGN, "Ann")
        failing = failing_client(moto_store.client, fail_at=call, after=after)
        died = dies(overrides(moto_store, failing).take_back, SHA256, "Ann")
        if overridden(moto_store):
            overrides(moto_store).take_back(SHA256, "Ann")
        assert overridden(moto_store) == set()
        return died

    each_call(moto_store, run)


@pytest.mark.parametrize("after", [False, True])
def test_the_end_of_an_override_at_every_call_of_an_ingestion(
    moto_store: Store, *, after: bool
) -> None:
    table = IocTable(moto_store.client, moto_store.table)

    def run(call: int) -> bool:
        overrides(moto_store).put(SHA256, BENIGN._replace(expires=NOW - 1), "Ann")
        ran: list[object] = []

        def end() -> None:
            for one, known in table.read([SHA256, MD5], consistent=True).items():
                ran.append(table.end_override(one, known))

        client = meanwhile(moto_store.client, call, end, after=after)
        assert ingest(moto_store, json_feed([WITH_SHA1, OTHER_FILE]), client=client).complete
        found = table.read([SHA256, MD5, SHA1], consistent=True)
        assert overridden(moto_store) == set()
        counted = {
            one: known.reputation.counted for one, known in found.items() if known.reputation
        }
        assert counted == {SHA256: 2, MD5: 2, SHA1: 1}
        return bool(ran)

    each_call(moto_store, run)


@pytest.mark.parametrize("after", [False, True])
def test_the_last_of_two_decisions_holds_on_every_digest(moto_store: Store, *, after: bool) -> None:
    def run(call: int) -> bool:
        ingest(moto_store, json_feed([WITH_SHA1]))
        ran: list[object] = []
        malicious = Decision(Verdict.MALICIOUS, "seen in an attack")

        def put() -> None:
            ran.append(overrides(moto_store).put(MD5, malicious, "Ben"))

        client = meanwhile(moto_store.client, call, put, after=after)
        overrides(moto_store, client).put(SHA256, BENIGN, "Ann")
        found = IocTable(moto_store.client, moto_store.table).find_many([MD5, SHA1, SHA256])
        assert len({known.override for known in found.values()}) == 1
        return bool(ran)

    each_call(moto_store, run)


def histories() -> Iterator[st.SearchStrategy[tuple[str, Any]]]:
    yield st.tuples(st.just("read"), st.sampled_from([FIRST, WITH_SHA1, OTHER_FILE]))
    yield st.tuples(st.just("put"), st.sampled_from([SHA256, OTHER_SHA256]))


@settings(max_examples=20 // STEP, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(*histories()), max_size=6), kill=st.integers(0, 30))
def test_overrides_stay_with_their_file(
    engine_store: Store, steps: list[tuple[str, Any]], kill: int
) -> None:
    engine_store.empty()
    read: list[Any] = []
    own: dict[Indicator, str] = {SHA1: SHA256.value, OTHER_SHA1: OTHER_SHA256.value}
    own |= {one: one.value for one in (SHA256, OTHER_SHA256)}
    chosen: set[str] = set()
    for step, what in steps:
        failing = failing_client(engine_store.client, fail_at=kill, after=kill % 2 == 0)
        if step == "read":
            read.append(what)
            dies(ingest, engine_store, json_feed([what]), client=failing)
        elif dies(overrides(engine_store, failing).put, what, BENIGN, "Ann"):
            overrides(engine_store).put(what, BENIGN, "Ann")
            chosen.add(what.value)
        else:
            chosen.add(what.value)
    assert ingest(engine_store, json_feed(read)).complete
    known = {one for one in own if one.type is IndicatorType.SHA256 and one.value in chosen}
    known |= {SHA1} if WITH_SHA1 in read and SHA256.value in chosen else set()
    known |= {OTHER_SHA1} if OTHER_FILE in read and OTHER_SHA256.value in chosen else set()
    assert overridden(engine_store) - {MD5} == known
    files = {SHA256.value for _ in read if FIRST in read}
    files |= {OTHER_SHA256.value for _ in read if OTHER_FILE in read}
    assert (MD5 in overridden(engine_store)) == (len(files) == 1 and files <= chosen)
