"""Two contents of one report, sent at the same moment, count as one sent after the other."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.publish.scan import ScanReport
from tests.conftest import Store
from tests.fakes import HookedClient
from tests.publishing import feed, history, holders, names, publish, scan_of, scans, table

OTHER = scan_of("other", ["shared.example"])
BEFORE = scan_of("flow", ["shared.example", "gone.example"])
FIRST = scan_of("flow", {"shared.example": "MALICIOUS", "first.example": "MALICIOUS"}, day=4)
SECOND = scan_of("flow", {"shared.example": "SUSPICIOUS", "second.example": None}, day=5)
DOMAINS = ["shared.example", "first.example", "second.example", "gone.example"]
# What publishing one report calls at most; the tests prove that it ends before.
MANY_CALLS = 40
# One of so many pairs of calls is tried; 1 for all.
PAIRS = int(os.environ.get("PAIRS_OF_CALLS", "6"))


class Paused:
    """Publishes a report in a thread of its own, and stops before one of its calls."""

    def __init__(self, store: Store, report: ScanReport, stop: int) -> None:
        self._calls, self._stop = 0, stop
        self._reached, self._go_on = threading.Event(), threading.Event()
        client: Any = HookedClient(store.client, before=self._before)
        self._pool = ThreadPoolExecutor(1)
        self._done = self._pool.submit(publish, store, report, client=client)
        self._done.add_done_callback(lambda _: self._reached.set())
        assert self._reached.wait(30)

    @property
    def stopped(self) -> bool:
        """Whether it made so many calls."""
        return self._calls >= self._stop

    def finish(self) -> None:
        self._go_on.set()
        self._done.result(30)
        self._pool.shutdown()

    def _before(self, _: str) -> None:
        self._calls += 1
        if self._calls == self._stop:
            self._reached.set()
            assert self._go_on.wait(30)


def reset(store: Store, items: list[dict[str, Any]]) -> None:
    store.empty(store.report_table)
    for item in items:
        store.client.put_item(TableName=store.report_table, Item=item)


@pytest.fixture(params=[False, True], ids=["new", "published before"])
def begin(request: pytest.FixtureRequest, moto_store: Store) -> list[dict[str, Any]]:
    """The items of a table in which the report was published before, or was not."""
    publish(moto_store, OTHER, *([BEFORE] if request.param else []))
    return moto_store.items(moto_store.report_table)


def assert_exact(store: Store, case: str) -> str:
    """Check that the store holds one content as if it had come last; returns which one."""
    assert names(feed(store)) == ["other/r1", "flow/r1"], case
    published = {ioc["data"] for ioc in feed(store)[-1]["iocs"]["domain"]}
    final = FIRST if "first.example" in published else SECOND
    counted = {name: count for name, count in scans(store, DOMAINS).items() if count}
    assert counted == holders([OTHER, final]), case
    recent = history(store, "shared.example").recent
    verdict = "MALICIOUS" if final is FIRST else "SUSPICIOUS"
    assert [one.verdict.name for one in recent if one.flow_id == "flow"] == [verdict], case
    assert not [one for one in table(store) if {"claim", "iocs"} & one.keys()], case
    return verdict


def test_one_is_published_whole_between_any_two_calls_of_the_other(
    moto_store: Store, begin: list[dict[str, Any]]
) -> None:
    for stop in range(1, MANY_CALLS):
        reset(moto_store, begin)
        first = Paused(moto_store, FIRST, stop)
        stopped = first.stopped
        publish(moto_store, SECOND)
        first.finish()
        assert_exact(moto_store, f"stopped before call {stop}")
        if not stopped:
            break
    assert not stopped
    assert stop > 6


def test_both_stop_between_any_two_calls_and_go_on_in_turn(
    moto_store: Store, begin: list[dict[str, Any]]
) -> None:
    last = set()
    for stop in range(1, MANY_CALLS):
        # Some of the pairs of calls, spread over all of them.
        for inner in range(1 + stop % PAIRS, MANY_CALLS, PAIRS):
            reset(moto_store, begin)
            first = Paused(moto_store, FIRST, stop)
            second = Paused(moto_store, SECOND, inner)
            both = first.stopped, second.stopped
            first.finish()
            second.finish()
            last.add(assert_exact(moto_store, f"stopped before calls {stop} and {inner}"))
            if not both[1]:
                break
        if not both[0]:
            break
    assert not both[0]
    assert last == {"MALICIOUS", "SUSPICIOUS"}


@pytest.mark.parametrize("clients", [2, 8])
def test_many_clients_at_once_send_different_contents(engine_store: Store, clients: int) -> None:
    reports = [
        scan_of("flow", ["shared.example", f"{n}.example"], day=n + 1) for n in range(clients)
    ]
    barrier = threading.Barrier(clients)

    def post(report: ScanReport) -> None:
        barrier.wait()
        publish(engine_store, report)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(post, reports))
    [item] = feed(engine_store)
    published = {ioc["data"] for ioc in item["iocs"]["domain"]}
    every = {one.value for report in reports for one in report.iocs}
    counted = scans(engine_store, every)
    assert {name for name, count in counted.items() if count} == published
    assert set(counted.values()) <= {0, 1}
