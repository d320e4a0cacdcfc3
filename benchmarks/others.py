"""Measures publishing, lists of providers, and a run of ingestion without new reports."""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

import functions.ingest.app as ingest_app
from benchmarks.feeds import IOCS, report
from benchmarks.ingestion import metered, new_tables
from benchmarks.lookups import captured_output
from benchmarks.metering import Usage
from benchmarks.providers import listed, refresh
from benchmarks.wire import metered_wire
from functions.publish.external_reputation import no_external_reputation
from functions.publish.intake import Publisher
from functions.publish.scan import ScanReport, read_scan
from functions.publish.store.feed_log import FeedLog
from functions.publish.store.histories import Histories
from local.context import LocalContext
from local.events import timer_event
from local.feed import sample_feed
from local.template import load_template

NOW_MS = 1_764_547_200_000
WHEN = "11/20/2025, 08:00:00"


@dataclass(frozen=True)
class Work:
    """Usage for some work.

    Attributes:
        things: number of IOCs, entries or runs.
        usage: usage of the store.
        cpu_s: CPU seconds of this process.
    """

    things: int
    usage: Usage
    cpu_s: float


def publishing(reports: int) -> Work:
    """Publish new scan reports of ten IOCs each, as many of them shared as in the feed."""
    scans = [_scan(number, reports) for number in range(reports)]
    with metered() as meter:
        tables = new_tables()
        publisher = Publisher(
            Histories(tables.client, tables.reports),
            FeedLog(tables.client, tables.reports),
            no_external_reputation,
            lambda: NOW_MS,
        )
        started = time.process_time()
        with meter.section() as usage:
            for scan in scans:
                for one in read_scan(scan, NOW_MS):
                    assert isinstance(one, ScanReport), one
                    assert len(one.iocs) == IOCS
                    publisher.publish(one)
        return Work(reports * IOCS, usage, time.process_time() - started)


def _scan(number: int, of: int) -> bytes:
    made = report("published", number, of)
    one = {
        "finalVerdict": {"verdict": "MALICIOUS"},
        "overallState": "success",
        "iocs": made["iocs"],
        "created_date": WHEN,
    }
    reports = {made["report_id"]: one}
    return json.dumps({"flowId": made["flow_id"], "allFinished": True, "reports": reports}).encode()


def lists(entries: int) -> tuple[Work, Work]:
    """Refresh a provider with a new list, then with one in which 1% of the entries are replaced."""
    moved = entries // 100
    found = []
    with metered() as meter:
        tables = new_tables()
        os.environ["TABLE_NAME"], os.environ["STATE_TABLE_NAME"] = tables.iocs, tables.state
        for numbers in (range(entries), range(moved, entries + moved)):
            started = time.process_time()
            with meter.section() as usage:
                refresh(tables.client, listed(numbers))
            found.append(Work(entries, usage, time.process_time() - started))
    first, second = found
    return first, second


@dataclass(frozen=True)
class IdleRun:
    """A run of the timer without new reports."""

    work: Work
    log_bytes: int
    metrics: int


def idle_run() -> IdleRun:
    """Run the real handler on the sample feed; time the third run, meter the fourth."""
    tables = new_tables()
    with sample_feed() as url:
        os.environ["TABLE_NAME"], os.environ["STATE_TABLE_NAME"] = tables.iocs, tables.state
        os.environ["FEED_URL"], os.environ["FEED_API_KEY"] = url, ""
        _forget()
        for _ in range(3):
            started = time.process_time()
            with captured_output() as output:
                _run_once()
            cpu_s = time.process_time() - started
        # Its client is not boto3's, and the meter uses CPU of this process, so it runs separately.
        _forget()
        with metered_wire() as wire, wire.meter.section() as usage:
            _run_once()
        _forget()
    logged = output()
    return IdleRun(Work(1, usage, cpu_s), len(logged), _metrics_in(logged))


def _run_once() -> None:
    timer: Any = LocalContext("ingest", 300)
    summary = ingest_app.lambda_handler(timer_event("benchmark", datetime.now(UTC)), timer)
    assert summary["complete"], summary


def _forget() -> None:
    ingest_app._client.cache_clear()


def _metrics_in(logged: bytes) -> int:
    """Count the custom metrics in the log of a run; each is billed by the month."""
    records = [json.loads(line) for line in logged.splitlines() if line.startswith(b"{")]
    return sum(
        len(directive["Metrics"])
        for record in records
        if "_aws" in record
        for directive in record["_aws"]["CloudWatchMetrics"]
    )


def single_calls() -> dict[str, Usage]:
    """Measure single calls that show how the engine's rounding differs from the published one."""
    with metered() as meter:
        tables = new_tables()
        client, name = tables.client, tables.iocs
        small, large = ({"pk": {"S": key}} for key in ("small", "large"))
        item = {**large, "v": {"S": "x" * 5000}}
        condition = "attribute_not_exists(pk)"
        calls: dict[str, Callable[[], Any]] = {
            "a put of 5 KB": lambda: client.put_item(TableName=name, Item=item),
            "a strong read of 5 KB": lambda: client.get_item(
                TableName=name, Key=large, ConsistentRead=True
            ),
            "an eventual read of 5 KB": lambda: client.get_item(TableName=name, Key=large),
            "a strong read of an absent item": lambda: client.get_item(
                TableName=name, Key=small, ConsistentRead=True
            ),
            "a failed condition at 5 KB": lambda: client.put_item(
                TableName=name, Item=large, ConditionExpression=condition
            ),
            "a transaction with one small put": lambda: client.transact_write_items(
                TransactItems=[{"Put": {"TableName": name, "Item": small}}]
            ),
        }
        found = {}
        for what, call in calls.items():
            with meter.section() as usage, suppress(ClientError):
                call()
            found[what] = usage
        return found


def alarms() -> int:
    """Count the metrics in the alarms that every stack has; each is billed."""
    return sum(
        _metrics_of(resource["Properties"])
        for resource in load_template()["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Condition" not in resource
    )


def _metrics_of(alarm: dict[str, Any]) -> int:
    # Expressions are free, and not every stack has what a condition adds.
    return sum("MetricStat" in one for one in alarm["Metrics"]) if "Metrics" in alarm else 1
