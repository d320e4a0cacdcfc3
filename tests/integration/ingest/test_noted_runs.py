"""The record of a run is for people: it reports what happened, and no run depends on it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.domain.errors import FeedError
from shared.domain.moment import read_moment
from shared.formats.feed.scan_report import report_url
from shared.store.feed_runs import FeedRun, FeedRuns, host_of
from shared.store.keys import feed_runs_key
from tests.builders import linking_page, raw_ioc, raw_report, scan_report
from tests.conftest import Store
from tests.fakes import FEED_URL, FakeFeed, HookedClient, json_feed
from tests.ingestion import NOW, ingest, model, stored

DATE = "2026-01-05T09:00:00Z"
NEWEST = read_moment(DATE, NOW)
REPORT = raw_report("flow-1", date=DATE)
LATER = NOW + 900_000


def noted(store: Store) -> list[FeedRun]:
    return FeedRuns(store.client, store.state_table).read()


class Refusing:
    """A client that fails the calls for which `refused` is true."""

    def __init__(self, client: Any, refused: Callable[[str, dict[str, Any]], bool]) -> None:
        self._client = client
        self._refused = refused
        self.refusals = 0

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if name == "exceptions":
            return member

        def call(**arguments: Any) -> Any:
            if self._refused(name, arguments):
                self.refusals += 1
                raise ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, name)
            return member(**arguments)

        return call


def is_note(_: str, arguments: dict[str, Any]) -> bool:
    return arguments.get("Key") == {"pk": {"S": feed_runs_key()}}


def test_before_the_first_run_nothing_is_noted(moto_store: Store) -> None:
    assert noted(moto_store) == []


def test_a_complete_run_is_noted(moto_store: Store) -> None:
    assert ingest(moto_store, json_feed([REPORT])).complete
    whole = FeedRun("feed.example", NOW, complete=True, whole=NOW, newest=NEWEST, without_verdict=0)
    assert noted(moto_store) == [whole]


def test_a_run_without_news_is_noted_in_one_unit(moto_store: Store) -> None:
    feed = json_feed([REPORT])
    ingest(moto_store, feed)
    before = moto_store.items(moto_store.state_table)
    calls: list[str] = []
    client = HookedClient(moto_store.client, before=calls.append)
    ingest(moto_store, feed, client=client, now=LATER)
    assert [run.ended for run in noted(moto_store)] == [LATER]
    assert [one for one in calls if "get" not in one] == ["update_item"]
    after = moto_store.items(moto_store.state_table)
    assert [one for one in after if one not in before] == [
        one for one in after if one["pk"]["S"] == feed_runs_key()
    ]


def test_a_run_that_fails_keeps_what_was_known(moto_store: Store) -> None:
    ingest(moto_store, json_feed([REPORT]))
    down = FakeFeed({FEED_URL: FeedError("the feed answered with status 503")})
    for number in (1, 2):
        assert not ingest(moto_store, down, now=LATER).complete
        [run] = noted(moto_store)
        assert run == FeedRun(
            feed="feed.example",
            ended=LATER,
            complete=False,
            stopped="the feed answered with status 503",
            failures=number,
            left=None,
            whole=NOW,
            newest=NEWEST,
            without_verdict=0,
        )


def test_what_was_left_out_is_noted_until_a_run_reads_new_iocs(moto_store: Store) -> None:
    """A run that reads known reports omits nothing and reports nothing."""
    silent = raw_report(
        "silent", iocs={"domain": [raw_ioc(verdict=None), raw_ioc("b.example", "")]}
    )
    feeds = [[silent], [silent], [], [silent, raw_report("more")]]
    told = []
    for reports in feeds:
        assert ingest(moto_store, json_feed(reports)).complete
        [run] = noted(moto_store)
        told.append(run.without_verdict)
    assert told == [2, 2, 2, 0]


def test_links_that_are_unresolved_are_noted(moto_store: Store) -> None:
    feed = FakeFeed({FEED_URL: linking_page("a", "b")})
    feed.pages[report_url(FEED_URL, "a")] = scan_report("a")
    assert ingest(moto_store, feed, has_key=True).complete
    [run] = noted(moto_store)
    assert run.unresolved == 1


def test_a_run_that_the_store_failed_is_noted(moto_store: Store) -> None:
    client = Refusing(moto_store.client, lambda name, _: name == "put_item")
    summary = ingest(moto_store, json_feed([REPORT]), client=client)
    [run] = noted(moto_store)
    assert (run.complete, run.stopped, run.left) == (False, summary.stopped, None)
    assert run.stopped == "the store refused: InternalServerError"


def test_without_time_a_store_that_fails_is_not_waited_for_again(moto_store: Store) -> None:
    client = Refusing(moto_store.client, lambda name, _: name != "batch_get_item")
    for left, asked in ((60.0, 1), (61.0, 2)):
        client.refusals = 0
        ingest(moto_store, json_feed([REPORT]), client=client, writing_left=lambda left=left: left)
        assert client.refusals == asked
    assert noted(moto_store) == []


def test_a_note_that_is_lost_fails_no_run(moto_store: Store) -> None:
    client = Refusing(moto_store.client, is_note)
    lost = ingest(moto_store, json_feed([REPORT]), client=client)
    assert client.refusals == 1
    assert lost.complete
    assert noted(moto_store) == []
    assert stored(moto_store) == model([REPORT])
    again = ingest(moto_store, json_feed([REPORT]))
    assert (again.complete, again.known) == (True, 1)


@pytest.mark.parametrize("reason", ["x" * 5000, ""])
def test_feeds_have_a_note_each_and_no_secret_is_in_it(moto_store: Store, reason: str) -> None:
    runs = FeedRuns(moto_store.client, moto_store.state_table)
    ingest(moto_store, json_feed([REPORT]))
    other = FeedRun("other.example:8080", LATER, complete=False, stopped=reason, left=7)
    runs.record("https://user:word@other.example:8080/secret?token=secret", other)
    first, second = noted(moto_store)
    assert first == replace(other, stopped=reason[:300])
    assert second.feed == "feed.example"
    assert host_of("https://user:word@other.example:8080/secret?token=secret") == other.feed
    assert "secret" not in str(moto_store.items(moto_store.state_table))
