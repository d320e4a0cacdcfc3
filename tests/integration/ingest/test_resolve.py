"""Reports behind links: what is fetched, what is remembered, what is given up."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from functions.ingest.batch import content_digest
from functions.ingest.resolve import FAILURES_OF_AN_OUTAGE, PATIENCE_RUNS, Resolver
from functions.ingest.store.ledger import NO_ENTRY, Ledger
from functions.ingest.store.unresolved import MAX_WAITING, UnresolvedReports, Waiting
from shared.domain.errors import FeedError
from shared.formats.feed.page import ReportLink
from shared.formats.feed.report import MAX_FLOW_ID_CHARS, RawReport, Rejected, read_report
from shared.formats.feed.scan_report import report_url
from shared.http.fetch import Fetched, OutOfTime
from shared.store.keys import flow_key
from tests.conftest import Store
from tests.fakes import FEED_URL, FakeFeed, failing_client
from tests.ingestion import NOW

DAY = int(timedelta(days=1).total_seconds() * 1000)
NO_TIME = OutOfTime("no time")


def links(*flow_ids: str) -> list[ReportLink]:
    return [ReportLink(flow_id, f"/uploads/{flow_id}") for flow_id in flow_ids]


def names(count: int, prefix: str = "flow") -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


def answer(flow_id: object, *data: str) -> bytes:
    """A scan report for each of `data`, or one."""
    reports = {
        f"report-{value}": {
            "created_date": "06/01/2025, 08:00:00",
            "finalVerdict": {"verdict": "MALICIOUS"},
            "iocs": {"domain": [{"data": value, "verdict": "MALICIOUS"}]},
        }
        for value in data or ["evil.example"]
    }
    return json.dumps({"flowId": flow_id, "allFinished": True, "reports": reports}).encode()


def sandbox(*flow_ids: str) -> FakeFeed:
    """A sandbox that has the reports of these scans."""
    return FakeFeed({report_url(FEED_URL, flow_id): answer(flow_id) for flow_id in flow_ids})


@pytest.fixture
def store(moto_store: Store) -> Store:
    return moto_store


@dataclass(frozen=True)
class Resolved:
    """What a run did about the links: the reports fetched, what is given up, what is left."""

    raws: list[RawReport]
    rejected: list[Rejected]
    unresolved: int


def resolve(
    resolver: Resolver, get: Callable[[str], Fetched], apply: Callable[[RawReport], None]
) -> Resolved:
    """Fetch, apply and settle, as a run does."""
    raws: list[RawReport] = []
    for flow_id in resolver.scans():
        try:
            found = resolver.fetch(flow_id, get)
        except OutOfTime:
            resolver.end_try(applied=False)
            break
        for raw in found:
            apply(raw)
        raws += found
        resolver.end_try(applied=True)
    rejected = resolver.give_up()
    resolver.close()
    return Resolved(raws, rejected, resolver.unresolved)


class Runs:
    """Runs over one store."""

    def __init__(self, store: Store) -> None:
        self.ledger = Ledger(store.client, store.state_table)
        self.waiting = UnresolvedReports(store.client, store.state_table, FEED_URL)
        self.slept: list[float] = []

    def resolver(
        self,
        *,
        now: int = NOW,
        has_key: bool = True,
        max_fetches: int = 100,
        waiting: UnresolvedReports | None = None,
    ) -> Resolver:
        return Resolver(
            feed_url=FEED_URL,
            ledger=self.ledger,
            store=waiting or self.waiting,
            now=now,
            has_key=has_key,
            max_fetches=max_fetches,
            sleep=self.slept.append,
        )

    def run(
        self,
        feed: FakeFeed,
        *pages: Sequence[ReportLink],
        now: int = NOW,
        has_key: bool = True,
        max_fetches: int = 100,
    ) -> Resolved:
        """A whole run: what it fetched is applied."""
        resolver = self.resolver(now=now, has_key=has_key, max_fetches=max_fetches)
        for page in pages:
            resolver.add_links(page)
        return resolve(resolver, feed.get, self.apply)

    def apply(self, raw: object) -> None:
        flow = flow_key(read_report(raw, NOW).flow_id)
        self.ledger.add(flow, content_digest(raw), frozenset(), NO_ENTRY)

    def remembered(self) -> set[str]:
        return {report.flow_id for report in self.waiting.read()}


@pytest.fixture
def runs(store: Store) -> Runs:
    return Runs(store)


def flow_ids(resolved: Resolved) -> list[str]:
    return sorted(raw["flow_id"] for raw in resolved.raws)


def asked(feed: FakeFeed, ids: Iterable[str]) -> list[str]:
    return [flow_id for flow_id in ids if report_url(FEED_URL, flow_id) in feed.asked]


def test_reports_are_fetched_once_whatever_the_links(runs: Runs) -> None:
    feed = sandbox("a", "b")
    resolved = runs.run(feed, links("a", "b", "a"), links("b"), [])
    assert flow_ids(resolved) == ["a", "b"]
    assert (resolved.rejected, resolved.unresolved) == ([], 0)
    assert len(feed.asked) == 2
    assert runs.remembered() == set()


def test_a_known_report_is_not_fetched_again(runs: Runs) -> None:
    runs.run(sandbox("a"), links("a"))
    feed = sandbox("a", "b")
    assert flow_ids(runs.run(feed, links("a", "b"))) == ["b"]
    assert asked(feed, "ab") == ["b"]


def test_every_report_of_a_scan_is_taken(runs: Runs) -> None:
    feed = FakeFeed({report_url(FEED_URL, "a"): answer("a", "x.example", "y.example")})
    assert flow_ids(runs.run(feed, links("a"))) == ["a", "a"]


def test_links_that_name_no_scan_go_to_quarantine_and_are_counted(runs: Runs) -> None:
    feed = sandbox()
    unnamed = links("", "x" * (MAX_FLOW_ID_CHARS + 1), "line\nbreak")
    known, rejected = runs.resolver().add_links(unnamed)
    assert known == 0
    assert [(one.reason, one.record) for one in rejected] == [
        ("the entry links to no scan", {"link": link.url}) for link in unnamed
    ]
    assert runs.run(feed, unnamed) == Resolved([], [], 3)
    assert feed.asked == []
    assert runs.remembered() == set()


def test_without_a_key_links_are_remembered_and_fetched_when_there_is_one(runs: Runs) -> None:
    feed = sandbox("a", "b")
    assert runs.run(feed, links("a", "b"), has_key=False) == Resolved([], [], 2)
    assert feed.asked == []
    # Nothing was tried, so nothing is given up.
    assert runs.run(feed, has_key=False, now=NOW + 8 * DAY) == Resolved([], [], 2)
    assert flow_ids(runs.run(feed, now=NOW + 8 * DAY)) == ["a", "b"]


def test_links_to_reports_that_are_known_are_counted_as_such(runs: Runs) -> None:
    runs.run(sandbox("a"), links("a"))
    assert runs.resolver().add_links(links("a", "a", "b")) == (2, [])


def test_what_fails_is_tried_again_when_its_entry_has_left_the_feed(runs: Runs) -> None:
    failed = runs.run(sandbox("b"), links("a", "b"))
    assert (flow_ids(failed), failed.rejected, failed.unresolved) == (["b"], [], 1)
    assert runs.remembered() == {"a"}
    healed = runs.run(sandbox("a"), now=NOW + DAY)
    assert (flow_ids(healed), healed.unresolved) == (["a"], 0)
    assert runs.remembered() == set()


@pytest.mark.parametrize(
    "body",
    [
        b"<html></html>",
        b'{"detail": "Not authenticated"}',
        b'{"flowId": "a", "allFinished": true, "reports": {}}',
        answer("b"),
        answer(None),
        answer("a").replace(b"true", b"false"),
    ],
)
def test_what_is_not_the_report_of_the_scan_is_a_failure(runs: Runs, body: bytes) -> None:
    resolved = runs.run(FakeFeed({report_url(FEED_URL, "a"): body}), links("a"))
    assert resolved == Resolved([], [], 1)
    assert runs.remembered() == {"a"}


def test_a_report_is_given_up_after_a_week(runs: Runs) -> None:
    runs.run(sandbox(), links("a"))
    assert runs.run(sandbox(), now=NOW + 7 * DAY - 1).rejected == []
    given_up = runs.run(sandbox(), now=NOW + 7 * DAY)
    [rejected] = given_up.rejected
    assert rejected.reason == "the report could not be fetched for 7 days"
    assert (rejected.record, rejected.flow_id) == ({"flow_id": "a"}, "a")
    assert given_up.unresolved == 0
    assert runs.remembered() == set()


def test_a_week_without_a_try_gives_nothing_up(runs: Runs) -> None:
    runs.run(sandbox(), links("a"))
    out_of_time = FakeFeed({report_url(FEED_URL, "a"): NO_TIME})
    assert runs.run(out_of_time, now=NOW + 8 * DAY) == Resolved([], [], 1)
    assert flow_ids(runs.run(sandbox("a"), now=NOW + 9 * DAY)) == ["a"]


def test_what_became_known_otherwise_is_forgotten_without_a_word(runs: Runs) -> None:
    runs.run(sandbox(), links("a"))
    runs.ledger.add(flow_key("a"), b"content", frozenset(), NO_ENTRY)
    assert runs.run(sandbox(), now=NOW + 7 * DAY) == Resolved([], [], 0)
    assert runs.remembered() == set()


def test_a_run_fetches_as_many_as_it_may_and_leaves_the_rest(runs: Runs) -> None:
    ids = names(25)
    feed = sandbox(*ids)
    counts = [
        (len(resolved.raws), resolved.unresolved)
        for resolved in (
            runs.run(feed, links(*ids), now=NOW, max_fetches=10),
            runs.run(feed, now=NOW + 1, max_fetches=10),
            runs.run(feed, now=NOW + 2, max_fetches=10),
        )
    ]
    assert counts == [(10, 15), (10, 5), (5, 0)]
    assert len(feed.asked) == 25


def test_fetches_are_paced(runs: Runs) -> None:
    runs.run(sandbox(*names(4)), links(*names(4)))
    assert runs.slept == [0.2] * 3


def test_time_that_runs_out_ends_it_and_leaves_the_rest(runs: Runs) -> None:
    ids = names(6)
    answers = iter([*map(answer, "xyz"), NO_TIME])
    seen: list[str] = []

    def fetch(url: str) -> Fetched:
        seen.append(url)
        if isinstance(body := next(answers), OutOfTime):
            raise body
        flow_id = next(one for one in ids if report_url(FEED_URL, one) == url)
        return Fetched(url, answer(flow_id))

    resolver = runs.resolver()
    resolver.add_links(links(*ids))
    resolved = resolve(resolver, fetch, runs.apply)
    assert (len(resolved.raws), resolved.unresolved, len(seen)) == (3, 3, 4)
    assert runs.remembered() == set(ids) - set(flow_ids(resolved))


def test_an_outage_costs_few_requests(runs: Runs) -> None:
    feed = sandbox()
    assert runs.run(feed, links(*names(50))).unresolved == 50
    assert len(feed.asked) == FAILURES_OF_AN_OUTAGE
    assert len(runs.remembered()) == 50


def test_what_always_fails_does_not_stand_before_the_rest(runs: Runs) -> None:
    missing, there = names(80, "missing"), names(40, "there")
    feed = sandbox(*there)
    runs.run(feed, links(*missing, *there), max_fetches=20)
    for number in range(1, 60):
        runs.run(feed, now=NOW + number, max_fetches=20)
    assert runs.remembered() == set(missing)


def test_nothing_is_forgotten_before_it_is_applied(runs: Runs) -> None:
    resolver = runs.resolver()
    resolver.add_links(links("a"))
    assert runs.remembered() == {"a"}, "a run may die while it fetches"
    [flow_id] = resolver.scans()
    assert resolver.fetch(flow_id, sandbox("a").get)
    resolver.end_try(applied=False)
    resolver.close()
    assert runs.remembered() == {"a"}
    again = runs.run(sandbox("a"))
    assert flow_ids(again) == ["a"]
    assert runs.remembered() == set()


def test_a_scan_half_applied_is_fetched_again(runs: Runs) -> None:
    feed = FakeFeed({report_url(FEED_URL, "a"): answer("a", "x.example", "y.example")})
    resolver = runs.resolver()
    resolver.add_links(links("a"))
    [flow_id] = resolver.scans()
    runs.apply(resolver.fetch(flow_id, feed.get)[0])
    assert flow_ids(runs.run(feed, links("a"))) == ["a", "a"]


class Dead(BaseException):
    """The process has ended."""


class TestAReportThatEndsTheProcess:
    def die(self, runs: Runs, *flow_ids: str, fatal: str = "fatal") -> list[str]:
        """A run that dies when it has fetched a report; returns what it applied before."""
        applied: list[str] = []

        def apply(raw: RawReport) -> None:
            if raw["flow_id"] == fatal:
                raise Dead
            runs.apply(raw)
            applied.append(raw["flow_id"])

        resolver = runs.resolver(now=NOW + len(applied))
        resolver.add_links(links(*flow_ids))
        with pytest.raises(Dead):
            resolve(resolver, sandbox(*flow_ids).get, apply)
        return applied

    def test_it_is_given_up_by_the_third_run_and_its_neighbours_are_not(self, runs: Runs) -> None:
        ids = [*names(5), "fatal"]
        first, second = self.die(runs, *ids), self.die(runs, *ids)
        assert first == second, "those before it in the order were applied, and asked for again"
        feed = sandbox(*ids)
        third = runs.run(feed, links(*ids))
        assert asked(feed, ids) == names(5)
        [rejected] = third.rejected
        assert rejected.reason == "the report was too large to be read 2 times"
        assert rejected.flow_id == "fatal"
        assert (runs.remembered(), runs.waiting.tries(), third.unresolved) == (set(), {}, 0)

    def test_its_entry_does_not_bring_it_back(self, runs: Runs) -> None:
        for _ in range(2):
            self.die(runs, "fatal")
        runs.run(sandbox("fatal"), links("fatal"))
        feed = sandbox("fatal")
        assert runs.run(feed, links("fatal")) == Resolved([], [], 0)
        assert feed.asked == []
        # Put back by a replay it has two tries more.
        runs.waiting.add([Waiting("fatal", NOW)])
        assert flow_ids(runs.run(feed)) == ["fatal"]

    def test_a_try_that_ends_is_no_fatal_one(self, runs: Runs) -> None:
        for _ in range(5):
            runs.run(sandbox(), links("a"))
        self.die(runs, "a", fatal="a")
        assert runs.waiting.tries() == {"a": 1}
        assert flow_ids(runs.run(sandbox("a"))) == ["a"]
        assert runs.waiting.tries() == {}

    def test_several_of_them_are_given_up_one_after_the_other(self, runs: Runs) -> None:
        fatal = names(3, "fatal")

        def apply(raw: RawReport) -> None:
            if raw["flow_id"] in fatal:
                raise Dead
            runs.apply(raw)

        deaths = 0
        while True:
            resolver = runs.resolver(now=NOW + deaths)
            resolver.add_links(links(*fatal, "good") if not deaths else [])
            try:
                resolved = resolve(resolver, sandbox(*fatal, "good").get, apply)
                break
            except Dead:
                deaths += 1
        assert deaths == 2 * len(fatal)
        assert sorted(one.flow_id for one in resolved.rejected) == fatal
        assert runs.remembered() == set()


class TestUnresolvedForLong:
    def left(self, runs: Runs, *flow_ids: str, has_key: bool = True) -> tuple[int, int]:
        resolver = runs.resolver(has_key=has_key)
        resolver.add_links(links(*flow_ids))
        resolve(resolver, sandbox().get, runs.apply)
        return resolver.unresolved, resolver.unresolved_long

    @pytest.mark.parametrize("has_key", [True, False])
    def test_it_is_so_from_the_fourth_run_on(self, runs: Runs, has_key: bool) -> None:
        told = [self.left(runs, "a", has_key=has_key) for _ in range(PATIENCE_RUNS + 2)]
        assert told == [(1, 0)] * PATIENCE_RUNS + [(1, 1)] * 2

    def test_each_is_counted_by_its_own_runs(self, runs: Runs) -> None:
        self.left(runs, "a")
        self.left(runs, "a", "b")
        self.left(runs, "a", "b")
        assert self.left(runs, "a", "b", "c") == (3, 1)
        # It counts when its entry has left the feed, too.
        assert self.left(runs) == (3, 2)

    def test_a_feed_without_links_has_none(self, runs: Runs) -> None:
        assert self.left(runs) == (0, 0)


def test_runs_that_overlap_lose_nothing(runs: Runs) -> None:
    first, second = runs.resolver(), runs.resolver(now=NOW + 5)
    first.add_links(links("a", "b"))
    second.add_links(links("b", "c"))
    assert flow_ids(resolve(first, sandbox("a", "b").get, runs.apply)) == ["a", "b"]
    assert flow_ids(resolve(second, sandbox().get, runs.apply)) == []
    assert runs.remembered() == {"c"}
    assert runs.run(sandbox("c")).unresolved == 0


def test_a_report_waits_since_it_was_first_named(runs: Runs) -> None:
    runs.waiting.add([Waiting("a", NOW), Waiting("a", NOW + DAY)])
    assert len(runs.run(sandbox(), now=NOW + 7 * DAY).rejected) == 1
    assert runs.remembered() == set()


class TestNoRoom:
    def test_the_oldest_stay_and_the_newest_are_counted(self, runs: Runs) -> None:
        old, new = names(MAX_WAITING - 2, "old"), names(5, "new")
        runs.run(sandbox(), links(*old))
        resolved = runs.run(sandbox(), links(*new), now=NOW + 1)
        assert resolved.unresolved == MAX_WAITING + 3
        assert resolved.rejected == []
        assert runs.remembered() == {*old, *new[:2]}

    def test_what_fails_for_a_day_makes_room(self, runs: Runs) -> None:
        old = names(MAX_WAITING, "old")
        runs.run(sandbox(), links(*old))
        patient = runs.run(sandbox(), links("new"), now=NOW + DAY - 1)
        assert patient.rejected == []
        crowded = runs.run(sandbox("new"), links("new"), now=NOW + DAY)
        assert {rejected.reason for rejected in crowded.rejected} == {
            "the report could not be fetched for a day, and too many others wait"
        }
        assert len(crowded.rejected) == FAILURES_OF_AN_OUTAGE
        assert crowded.unresolved == MAX_WAITING - FAILURES_OF_AN_OUTAGE + 1
        runs.run(sandbox("new"), links("new"), now=NOW + DAY + 1)
        assert "new" in runs.remembered()

    def test_they_are_all_resolved_in_the_end(self, runs: Runs) -> None:
        ids = names(MAX_WAITING + 150)
        feed = sandbox(*ids)
        unresolved = [
            runs.run(feed, links(*ids), now=NOW + number).unresolved for number in range(8)
        ]
        assert unresolved == [550, 450, 350, 250, 150, 50, 0, 0]
        assert len(feed.asked) == len(ids)


@pytest.mark.parametrize("after", [False, True])
def test_a_run_killed_at_any_call_is_repaired_by_the_next(store: Store, after: bool) -> None:
    fail_at = 0
    done = False
    while not done:
        fail_at += 1
        feed_url = f"{FEED_URL}/{fail_at}/{after}"
        flow = f"scan-{fail_at}-{after}"
        client = failing_client(store.client, fail_at=fail_at, after=after, error=Dead())
        feed = FakeFeed({report_url(feed_url, flow): answer(flow)})

        def run(client: object, get: Callable[[str], Fetched], url: str, flow: str) -> Resolved:
            ledger = Ledger(client, store.state_table)  # type: ignore[arg-type]
            waiting = UnresolvedReports(client, store.state_table, url)  # type: ignore[arg-type]
            resolver = Resolver(url, ledger, waiting, NOW, has_key=True, sleep=lambda _: None)
            resolver.add_links(links(flow))
            return resolve(
                resolver,
                get,
                lambda raw: ledger.add(flow_key(flow), content_digest(raw), frozenset(), NO_ENTRY),
            )

        try:
            run(client, feed.get, feed_url, flow)
            done = True
        except Dead:
            resolved = run(store.client, feed.get, feed_url, flow)
            assert (resolved.rejected, resolved.unresolved) == ([], 0)
        ledger = Ledger(store.client, store.state_table)
        assert flow_key(flow) in ledger.read([flow_key(flow)], consistent=True)
        assert UnresolvedReports(store.client, store.state_table, feed_url).read() == frozenset()
    assert fail_at > 5


def test_what_no_address_can_hold_is_given_up_like_the_rest(runs: Runs) -> None:
    feed = sandbox()
    assert runs.run(feed, links("..")).unresolved == 1
    assert len(runs.run(feed, now=NOW + 7 * DAY).rejected) == 1
    assert feed.asked == []


def test_a_report_beyond_the_limits_is_fetched_twice_and_given_up(runs: Runs) -> None:
    target = report_url(FEED_URL, "deep")
    feed = FakeFeed({target: b"[" * 1_000 + b"]" * 1_000})
    for _ in range(2):
        assert runs.run(feed, links("deep")) == Resolved([], [], 1)
    [rejected] = runs.run(feed, links("deep")).rejected
    assert rejected.reason == "the report was too large to be read 2 times"
    assert runs.run(feed, links("deep")) == Resolved([], [], 0)
    assert feed.asked == [target, target]


def test_a_failure_of_the_fetcher_is_no_failure_of_the_run(runs: Runs) -> None:
    feed = FakeFeed({report_url(FEED_URL, "a"): FeedError("refused")})
    assert runs.run(feed, links("a")) == Resolved([], [], 1)
