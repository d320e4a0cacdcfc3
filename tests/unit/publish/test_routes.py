"""What sending a scan is answered, once a report of it is published."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from functions.publish import routes
from functions.publish.intake import Published, Publisher, Status
from functions.publish.routes import BUDGET_S, MAX_REPORTS, Service, respond
from functions.publish.scan import ScanReport
from functions.publish.store.feed_log import EntryTooLarge
from functions.publish.store.transactions import TimeUsedUp
from local.events import MAX_RESULT_BYTES
from shared.domain.errors import StoreError
from shared.http.authentication import KeyRing
from shared.http.respond import guarded
from shared.runtime.deadline import Deadline
from shared.store.api_keys import ApiKey, Right, digest_of
from tests.ingestion import NOW
from tests.scans import body_of, raw_scan, raw_scan_report, scan_ioc

KEY = "a-key-that-publishes"


class Keys:
    def find(self, digest: str) -> ApiKey | None:
        rights = frozenset({Right.PUBLISH})
        return ApiKey(digest, "sandbox", rights=rights) if digest == digest_of(KEY) else None


@dataclass
class Log:
    """Publishes reports, each in a second; `errors` by position fail."""

    errors: dict[int, Exception] = field(default_factory=dict)
    reports: list[str] = field(default_factory=list)
    clock_s: float = 0.0

    def publish(self, report: ScanReport, _sender: str, _left: Callable[[], float]) -> Published:
        self.clock_s += 1.0
        if error := self.errors.get(len(self.reports)):
            raise error
        self.reports.append(report.report_id)
        return Published(report.flow_id, report.report_id, Status.PUBLISHED)


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    def sending(log: Log, scan: Any) -> dict[str, Any]:
        def deadline(seconds: float) -> Deadline:
            return Deadline(seconds, clock=lambda: log.clock_s)

        monkeypatch.setattr(routes, "Deadline", deadline)
        service = Service(
            keys=KeyRing(Keys(), lambda: 0.0),
            log=cast("Any", None),
            publisher=cast("Publisher", log),
            now=lambda: NOW,
            report_link="",
        )
        event = {
            "rawPath": "/api/reports",
            "requestContext": {"http": {"method": "POST"}},
            "headers": {"x-api-key": KEY, "content-type": "application/json"},
            "body": body_of(scan).decode(),
        }
        return guarded(event, lambda request: respond(service, request))

    return sending


def statuses(result: dict[str, Any]) -> list[str]:
    assert result["statusCode"] == 200, result["body"]
    return [row["status"] for row in json.loads(result["body"])["reports"]]


def test_a_report_that_was_published_is_answered_whatever_its_iocs_are(
    send: Callable[..., dict[str, Any]],
) -> None:
    bad = [scan_ioc("no domain " + '"' * 120)] * 20_000 + [{"data": "?"}] * 60_000
    log = Log()
    result = send(log, raw_scan(raw_scan_report({"domain": [scan_ioc("evil.example"), *bad]})))
    assert statuses(result) == ["published"]
    assert len(json.dumps(result, ensure_ascii=False).encode()) < MAX_RESULT_BYTES
    [row] = json.loads(result["body"])["reports"]
    assert row["rejected_count"] == len(bad)
    assert len(row["rejected"]) == 20
    assert row["rejected"][0].startswith("domain: ")
    assert row["rejected"][0].count(': no domain """"') == 1
    assert max(map(len, row["rejected"])) < 250


def test_reports_beyond_the_time_of_a_request_are_postponed(
    send: Callable[..., dict[str, Any]],
) -> None:
    log = Log()
    result = send(log, raw_scan(*[raw_scan_report() for _ in range(279)]))
    told = statuses(result)
    assert told[: len(log.reports)] == ["published"] * len(log.reports)
    assert set(told[len(log.reports) :]) == {"postponed"}
    assert len(log.reports) == BUDGET_S
    assert len(told) == 279


def test_a_report_that_fails_after_another_was_published_costs_its_row(
    send: Callable[..., dict[str, Any]],
) -> None:
    scan = raw_scan(*[raw_scan_report() for _ in range(3)])
    assert statuses(send(Log({1: StoreError("throttled")}), scan)) == [
        "published",
        "postponed",
        "postponed",
    ]
    assert statuses(send(Log({1: TimeUsedUp("too slow")}), scan)) == [
        "published",
        "postponed",
        "postponed",
    ]
    assert statuses(send(Log({1: EntryTooLarge("too large")}), scan)) == [
        "published",
        "rejected",
        "rejected",
    ]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoreError("throttled"), 503),
        (TimeUsedUp("too slow"), 503),
        (EntryTooLarge("too large"), 413),
    ],
)
def test_if_no_report_was_published_the_answer_is_an_error(
    send: Callable[..., dict[str, Any]], error: Exception, status: int
) -> None:
    log = Log({0: error})
    assert send(log, raw_scan(raw_scan_report(), raw_scan_report()))["statusCode"] == status
    assert log.reports == []


def test_a_scan_with_too_many_reports_is_refused_before_one_is_published(
    send: Callable[..., dict[str, Any]],
) -> None:
    log = Log()
    result = send(log, raw_scan(*[raw_scan_report() for _ in range(MAX_REPORTS + 1)]))
    assert result["statusCode"] == 422
    assert "more than 1000 reports" in result["body"]
    assert log.reports == []
