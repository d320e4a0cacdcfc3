"""Exactly once: a kill at every call, writers side by side, histories drawn at random."""

import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.feed.fetch import Fetched
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.fakes import FakeFeed, HookedClient, Killed, failing_client, json_feed
from tests.ingestion import ingest, model, stored

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
            ingest(moto_store, DyingFeed(pages), fold_reports=2)
        _no_more_than(stored(moto_store), expected)
        assert ingest(moto_store, FakeFeed(pages), fold_reports=2).complete
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


def test_the_size_of_a_fold_does_not_change_the_outcome(moto_store: Store) -> None:
    feed = json_feed(reports())
    assert ingest(moto_store, feed, fold_reports=2, fold_sightings=3).complete
    assert stored(moto_store) == model(reports())
