"""Random histories of a feed and of runs over it, faults included, against the join as the model.

In the middle of a fault the table may lag behind the model and never be ahead of it; after the
faults stop, at most three clean runs make it equal, field for field. Hypothesis prints what
replays a failure.
"""

import random
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from functions.ingest.store.ledger import Ledger
from shared.domain.errors import FeedError
from shared.store.keys import flow_key
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store, new_store
from tests.fakes import FakeFeed, Killed, failing_client, json_feed, page_url
from tests.ingestion import NOW, ingest, model, stored

HISTORIES = 200
CLEAN_RUNS = 3
PAGE_SIZE = 3

Report = dict[str, Any]


def throttled() -> Exception:
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "PutItem")


def timed_out() -> Exception:
    return ReadTimeoutError(endpoint_url="http://store.example")


class FailingFeed(FakeFeed):
    """A feed that ends the process at one of its requests, before or after the answer."""

    def __init__(self, feed: FakeFeed, fail_at: int) -> None:
        super().__init__(feed.pages)
        self._fail_at = fail_at

    def get(self, url: str) -> Any:
        if len(self.asked) == self._fail_at:
            raise Killed
        return super().get(url)


class Histories(RuleBasedStateMachine):
    """A feed with the newest report first, and what may happen to it and to its readers."""

    store: Store

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.store = new_store()
        self.rng = random.Random(seed)  # noqa: S311
        self.feed: list[Report] = []
        self.ever: list[Report] = []
        self.clock = 0
        self.now = NOW
        self.ahead: list[str] = []
        self.fixed: dict[str, int] = {}

    @rule(hours=st.integers(1, 23), name=st.sampled_from("xyz"), late=st.integers(0, 5))
    def publish_one_dated_ahead(self, hours: int, name: str, late: int) -> None:
        """Its verdict must not hold until the date that it claims."""
        self.ahead.append(f"ahead-{len(self.ahead)}")
        report = raw_report(
            self.ahead[-1],
            date=self.now / 1000 + hours * 3600,
            iocs={"domain": [raw_ioc(f"{name}.example"), raw_ioc("all.example")]},
        )
        self.feed.insert(min(late, len(self.feed)), report)
        self.ever.append(report)

    @rule(hours=st.integers(1, 12))
    def let_time_pass(self, hours: int) -> None:
        """Dates that were ahead come to lie behind."""
        self.now += hours * 3_600_000

    @rule(
        flow=st.integers(0, 12),
        iocs=st.lists(
            st.tuples(
                st.sampled_from(["x", "y", "z"]),
                st.sampled_from(["MALICIOUS", "BENIGN", "SUSPICIOUS", "UNKNOWN", "EVIL"]),
            ),
            max_size=4,
        ),
        late=st.integers(0, 5),
        tag=st.sampled_from(["t1", "t2", "t3"]),
        claimed=st.one_of(st.none(), st.integers(1, 9)),
    )
    def publish(
        self, flow: int, iocs: list[tuple[str, str]], late: int, tag: str, claimed: int | None
    ) -> None:
        """A report is new, or revised, and may appear below the top."""
        totals = {} if claimed is None else {"scan_count": claimed}
        entries = [raw_ioc(f"{name}.example", verdict, **totals) for name, verdict in iocs]
        self._publish(flow, entries, late, tag)

    def _publish(self, flow: int, iocs: list[Any], late: int, tag: str) -> None:
        self.clock += 1
        date = 1_748_764_800 + self.clock // 2
        report = raw_report(f"flow-{flow}", date=date, tags=[tag], iocs={"domain": iocs})
        self.feed.insert(min(late, len(self.feed)), report)
        self.ever.append(report)

    @rule()
    def publish_a_bad_one(self) -> None:
        self.feed.insert(0, raw_report("bad", date="2025-02-30T00:00:00Z"))

    @rule()
    def forget(self) -> None:
        """The feed drops or empties what everybody has read."""
        self.run_to_the_end()
        self.feed = self.feed[: self.rng.randrange(len(self.feed) + 1)]

    @rule(call=st.integers(5, 14), after=st.booleans(), kind=st.sampled_from("kkktr"))
    def run_against_a_failing_store(self, call: int, after: bool, kind: str) -> None:
        errors: dict[str, Callable[[], BaseException]] = {
            "k": Killed,
            "t": throttled,
            "r": timed_out,
        }
        # Something has to be new, or a run makes too few calls to fail at.
        for name in "xyz":
            self._publish(self.rng.randrange(13), [raw_ioc(f"{name}.example")], 0, "t1")
        client = failing_client(self.store.client, fail_at=call, after=after, error=errors[kind]())
        self._run(json_feed(self.feed, PAGE_SIZE), client=client)

    @rule(request=st.integers(0, 4))
    def run_that_dies_while_it_reads(self, request: int) -> None:
        self._run(FailingFeed(json_feed(self.feed, PAGE_SIZE), request))

    @rule(number=st.integers(1, 3), body=st.sampled_from([b"", b"<html>", b'{"items": [NaN]}']))
    def run_over_a_broken_page(self, number: int, body: bytes) -> None:
        feed = json_feed(self.feed, PAGE_SIZE)
        feed.pages[page_url(number)] = body
        self._run(feed)

    @rule()
    def run_over_pages_in_disorder(self) -> None:
        feed = json_feed(self.feed, PAGE_SIZE)
        bodies = list(feed.pages.values())
        mixed = self.rng.choices(bodies, k=len(bodies))
        self._run(FakeFeed(dict(zip(feed.pages, mixed, strict=True))))

    @rule()
    def run_over_reports_in_disorder(self) -> None:
        self._run(json_feed(self.rng.sample(self.feed, len(self.feed)), PAGE_SIZE))

    @rule(reads=st.integers(0, 4), writes=st.integers(0, 10))
    def run_out_of_time(self, reads: int, writes: int) -> None:
        reading, writing = iter([1.0] * reads), iter([1.0] * writes)
        self._run(
            json_feed(self.feed, PAGE_SIZE),
            reading_left=lambda: next(reading, 0.0),
            writing_left=lambda: next(writing, 0.0),
        )

    @rule()
    def run_over_a_feed_that_is_down(self) -> None:
        self._run(FakeFeed({page_url(1): FeedError("the feed answered with status 503")}))

    @rule()
    def run_to_the_end(self) -> None:
        for _ in range(CLEAN_RUNS):
            self.now += 1000
            summary = ingest(self.store, json_feed(self.feed, PAGE_SIZE), now=self.now)
            understood = not self.feed or any(one["flow_id"] != "bad" for one in self.feed)
            assert summary.complete == understood, summary.stopped
        assert stored(self.store) == self._model()

    def _model(self) -> Any:
        ledger = Ledger(self.store.client, self.store.state_table)
        by_key = {flow_key(flow_id): flow_id for flow_id in self.ahead}
        entries = ledger.read(by_key, consistent=True)
        fixed = {by_key[flow]: one.first_read for flow, one in entries.items() if one.first_read}
        assert fixed.items() >= self.fixed.items(), "a moment that was fixed has changed"
        assert all(NOW < moment <= self.now for moment in fixed.values())
        self.fixed = fixed
        return model(self.ever, self.now, fixed)

    def _run(self, feed: FakeFeed, **options: Any) -> None:
        self.now += 1000
        try:
            ingest(self.store, feed, now=self.now, **options)
        except Killed:
            # What a dead process had in its hands is lost; the store has the rest.
            return

    @invariant()
    def the_table_is_never_ahead_of_the_model(self) -> None:
        if not self.ever:
            return
        expected = self._model()
        for indicator, known in stored(self.store).items():
            assert known.counted <= expected[indicator].counted
            assert known.summary.latest <= expected[indicator].summary.latest
            assert known.summary.first_seen >= expected[indicator].summary.first_seen

    def teardown(self) -> None:
        if hasattr(self, "feed"):
            self.run_to_the_end()


def test_any_history_ends_as_the_model_says(engine_store: Store) -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=10,
            suppress_health_check=list(HealthCheck),
        ),
    )
