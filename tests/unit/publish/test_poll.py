"""Polling a sandbox: what is new is published, what fails costs itself."""

import json
from typing import Any

import pytest

from functions.publish.intake import Published, Status
from functions.publish.poll import MAX_PAGES, PAGE_SIZE, Poller, search_url
from functions.publish.scan import ScanReport
from functions.publish.store.feed_log import EntryTooLarge
from shared.domain.errors import FeedError, StoreError
from shared.domain.links import report_link
from shared.formats.feed.scan_report import scan_url
from shared.http.fetch import OutOfTime
from tests.fakes import FakeFeed
from tests.ingestion import NOW
from tests.scans import body_of, raw_scan, raw_scan_report

SANDBOX = "https://sandbox.example"


class FakePublisher:
    """Remembers what it published.

    Attributes:
        published: flow_id and report_id of each report, in order.
        errors: what publishing a report raises, by flow_id.
    """

    def __init__(self) -> None:
        self.published: list[tuple[str, str]] = []
        self.errors: dict[str, Exception] = {}
        self.publish_private = False

    def find(self, flow_id: str, report_id: str) -> object | None:
        return "something" if (flow_id, report_id) in self.published else None

    def publish(self, report: ScanReport, left: object = None) -> Published:
        if error := self.errors.get(report.flow_id):
            raise error
        if report.private:
            return Published(report.flow_id, report.report_id, Status.PRIVATE)
        name = (report.flow_id, report.report_id)
        known = name in self.published
        self.published.append(name)
        status = Status.UNCHANGED if known else Status.PUBLISHED
        return Published(report.flow_id, report.report_id, status)


class Sandbox:
    """A sandbox with these scans, the newest first, and its poller."""

    def __init__(self, *scans: dict[str, Any]) -> None:
        listed = [
            {"id": report_id, "scan_init": {"id": scan["flowId"]}, "verdict": "malicious"}
            for scan in scans
            for report_id in scan["reports"]
        ]
        self.feed = FakeFeed({scan_url(SANDBOX, scan["flowId"]): body_of(scan) for scan in scans})
        self.show(listed)
        self.publisher = FakePublisher()
        self.left_s = 10_000.0

    def show(self, items: list[Any]) -> None:
        pages = [items[at : at + PAGE_SIZE] for at in range(0, len(items) + 1, PAGE_SIZE)]
        for number, page in enumerate(pages, 1):
            self.feed.pages[search_url(SANDBOX, number)] = body_of({"items": page})

    def poll(self) -> dict[str, Any]:
        publisher: Any = self.publisher

        def remaining() -> float:
            """A second less for each report that is published."""
            return self.left_s - len(self.publisher.published)

        poller = Poller(SANDBOX, self.feed, publisher, publisher, lambda: NOW, remaining)
        return poller.poll().as_dict()

    @property
    def flows(self) -> list[str]:
        return [flow_id for flow_id, _ in self.publisher.published]


def scan(flow_id: str, *reports: object) -> dict[str, Any]:
    return raw_scan(*(reports or [raw_scan_report()]), flow_id=flow_id)


def summary(**fields: Any) -> dict[str, Any]:
    nothing = {"complete": True, "stopped": "", "listed": 0, "known": 0, "published": 0}
    return {**nothing, "unfinished": 0, "private": 0, "failed": 0, **fields}


def test_what_is_new_is_published_and_what_is_known_is_not_asked_for() -> None:
    sandbox = Sandbox(scan("b"), scan("a"))
    assert sandbox.poll() == summary(listed=2, published=2)
    assert sandbox.flows == ["b", "a"]
    sandbox.feed.asked.clear()
    assert sandbox.poll() == summary(listed=2, known=2)
    assert sandbox.feed.asked == [search_url(SANDBOX, 1)]


def test_a_scan_with_two_reports_is_asked_for_once() -> None:
    sandbox = Sandbox(scan("a", raw_scan_report(), raw_scan_report()))
    assert sandbox.poll() == summary(listed=2, published=2)
    assert len(sandbox.feed.asked) == 2


def test_an_empty_sandbox() -> None:
    assert Sandbox().poll() == summary()


def test_the_list_is_read_to_its_end_and_no_further_than_the_sandbox_lists() -> None:
    scans = [scan(f"flow-{n}") for n in range(2 * PAGE_SIZE + 1)]
    sandbox = Sandbox(*scans)
    assert sandbox.poll()["published"] == len(scans)
    sandbox.show([{"id": "r", "scan_init": {"id": "flow-0"}}] * (PAGE_SIZE * (MAX_PAGES + 2)))
    sandbox.feed.asked.clear()
    assert sandbox.poll()["complete"]
    lists = [url for url in sandbox.feed.asked if "search" in url]
    assert len(lists) == MAX_PAGES


@pytest.mark.parametrize(
    "answer",
    [
        FeedError("the feed answered with status 404"),
        b"",
        b"<html>",
        b'{"reports": {}}',
        body_of(raw_scan(raw_scan_report(), flow_id="another")),
        body_of(raw_scan(raw_scan_report(created_date="never"), flow_id="bad")),
    ],
)
def test_a_scan_that_fails_costs_itself(answer: Any) -> None:
    sandbox = Sandbox(scan("c"), scan("bad"), scan("a"))
    sandbox.feed.pages[scan_url(SANDBOX, "bad")] = answer
    assert sandbox.poll() == summary(complete=False, listed=3, published=2, failed=1)
    assert sandbox.flows == ["c", "a"]
    sandbox.feed.pages[scan_url(SANDBOX, "bad")] = body_of(scan("bad"))
    assert sandbox.poll() == summary(listed=3, known=2, published=1)


def test_a_private_scan_is_counted_and_is_no_failure() -> None:
    sandbox = Sandbox(scan("b", raw_scan_report(private=True)), scan("a"))
    assert sandbox.poll() == summary(listed=2, published=1, private=1)
    assert sandbox.flows == ["a"]


@pytest.mark.parametrize("allowed", [False, True])
def test_a_report_that_the_list_marks_as_private_is_counted_and_not_fetched(
    *, allowed: bool
) -> None:
    listed = scan("a")
    [report_id] = listed["reports"]
    sandbox = Sandbox(listed)
    sandbox.show([{"id": report_id, "scan_init": {"id": "a"}, "file": {"private": True}}])
    sandbox.publisher.publish_private = allowed
    assert sandbox.poll() == summary(listed=1, published=int(allowed), private=int(not allowed))
    assert (scan_url(SANDBOX, "a") in sandbox.feed.asked) is allowed


def test_a_scan_that_is_under_way_is_no_failure_and_comes_later() -> None:
    sandbox = Sandbox(scan("late"), scan("a"))
    under_way = body_of(raw_scan(raw_scan_report(), flow_id="late", allFinished=False))
    sandbox.feed.pages[scan_url(SANDBOX, "late")] = under_way
    assert sandbox.poll() == summary(listed=2, published=1, unfinished=1)
    sandbox.feed.pages[scan_url(SANDBOX, "late")] = body_of(scan("late"))
    assert sandbox.poll() == summary(listed=2, known=1, published=1)


def test_a_report_that_is_bad_costs_itself_and_not_the_others_of_its_scan() -> None:
    sandbox = Sandbox(scan("a", raw_scan_report(created_date="never"), raw_scan_report()))
    assert sandbox.poll() == summary(complete=False, listed=2, published=1, failed=1)


def test_a_report_that_does_not_fit_costs_itself() -> None:
    sandbox = Sandbox(scan("large"), scan("a"))
    sandbox.publisher.errors["large"] = EntryTooLarge("too large")
    assert sandbox.poll() == summary(complete=False, listed=2, published=1, failed=1)


def test_when_time_is_up_the_rest_waits_for_the_next_time() -> None:
    sandbox = Sandbox(scan("c"), scan("b"), scan("a"))
    sandbox.feed.pages[scan_url(SANDBOX, "b")] = OutOfTime("no time left")
    told = sandbox.poll()
    assert (told["complete"], told["published"], told["failed"]) == (False, 1, 0)
    assert told["stopped"]
    assert scan_url(SANDBOX, "a") not in sandbox.feed.asked


def test_a_scan_of_hundreds_of_reports_is_published_as_far_as_there_is_time() -> None:
    sandbox = Sandbox(scan("many", *[raw_scan_report() for _ in range(279)]))
    sandbox.left_s = 100
    told = sandbox.poll()
    assert (told["complete"], told["published"], told["failed"]) == (False, 100, 0)
    assert told["stopped"] == "the time for publishing is used up"
    sandbox.left_s = 10_000
    assert sandbox.poll()["complete"]
    assert len(set(sandbox.publisher.published)) == 279


def test_a_store_that_fails_ends_the_poll() -> None:
    sandbox = Sandbox(scan("b"), scan("a"))
    sandbox.publisher.errors["b"] = StoreError("the store refused")
    told = sandbox.poll()
    assert (told["complete"], told["stopped"], told["published"]) == (
        False,
        "the store refused",
        0,
    )


@pytest.mark.parametrize(
    "answer",
    [FeedError("no answer"), b"", b"\xff", b"[]", b"{}", b'{"items": {}}', b"[" * 100_000],
)
def test_a_list_that_is_none_ends_the_poll(answer: Any) -> None:
    sandbox = Sandbox(scan("a"))
    sandbox.feed.pages[search_url(SANDBOX, 1)] = answer
    told = sandbox.poll()
    assert (told["complete"], told["published"], bool(told["stopped"])) == (False, 0, True)


def test_what_in_the_list_is_no_report_is_passed_over() -> None:
    sandbox = Sandbox(scan("a"))
    known = json.loads(sandbox.feed.pages[search_url(SANDBOX, 1)])["items"]  # type: ignore[arg-type]
    junk: list[Any] = [None, 5, [], {}, {"id": "r"}, {"id": 5, "scan_init": {"id": "a"}}]
    junk += [{"id": "r", "scan_init": "a"}, {"id": "r", "scan_init": {"id": "a\nb"}}]
    sandbox.show(junk + known)
    assert sandbox.poll() == summary(listed=1, published=1)


@pytest.mark.parametrize(
    ("sandbox", "base"),
    [
        ("https://sandbox.example/api?x#y", "https://sandbox.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://a.example{flow_id}", "https://a.example%7Bflow_id%7D"),
    ],
)
def test_where_a_person_finds_a_report(sandbox: str, base: str) -> None:
    link = report_link(sandbox).format(flow_id="f", report_id="r")
    assert link == f"{base}/uploads/f/reports/r/overview"


def test_without_a_sandbox_there_is_no_link() -> None:
    assert report_link("") == ""
