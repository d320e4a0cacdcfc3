"""Every alarm goes on, and off again, by the metric that the functions or AWS really write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import cost
from functions.lookup.metrics import MAX_VALUES
from local.buckets import make_bucket
from shared.domain.errors import StoreError
from shared.formats.feed.scan_report import report_url
from shared.store.api_keys import ApiKeys
from tests.builders import linking_page, raw_ioc, raw_report, scan_report
from tests.cloudwatch import ALARM, OK, CloudWatch, Name, alarms_of, metrics_in, watched
from tests.conftest import Store
from tests.fakes import json_page
from tests.feed_server import PATH, FeedServer, page
from tests.integration.watching.conftest import (
    FEED_KEY,
    OURS,
    PUBLISHED,
    STACK,
    Functions,
    look_up,
)

ALARMS = alarms_of(STACK)
REFUSED = page(b"", status="403 Forbidden")
HOUR_S = 3600
NOW_S = 100.0 * HOUR_S
Run = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def feed(outside: FeedServer) -> FeedServer:
    """One page, and a sandbox without reports."""
    outside.answer(PATH, page(json_page([raw_report()])))
    outside.answer("/api/reports/search?page=1&page_size=20", page(b'{"items": []}'))
    return outside


def state(name: str, told: dict[float, list[dict[str, Any]]]) -> str:
    """The state of an alarm after these records, by how long ago they were written."""
    metrics = CloudWatch()
    for ago_s, records in told.items():
        for record in records:
            metrics.put_record(record, NOW_S - ago_s)
    return metrics.state(ALARMS[name], NOW_S)


@pytest.fixture
def ingest(functions: Functions, feed: FeedServer) -> Run:
    def run() -> list[dict[str, Any]]:
        functions.tick("ingest")
        return functions.records()

    return run


def test_the_feed_is_stale_without_a_complete_run(ingest: Run, feed: FeedServer) -> None:
    good = ingest()
    feed.answer(PATH, REFUSED)
    bad = ingest()
    assert state("FeedStaleAlarm", {5000: bad, 1000: bad}) == ALARM
    assert state("FeedStaleAlarm", {}) == ALARM
    assert state("FeedStaleAlarm", {5000: good, 1000: bad}) == OK
    assert state("FeedStaleAlarm", {5000: bad, 1000: good}) == OK


def test_the_feed_fails_when_it_did_four_times(ingest: Run, feed: FeedServer) -> None:
    good = ingest()
    feed.answer(PATH, REFUSED)
    bad = [ingest() for _ in range(4)]
    assert [state("FeedFailingAlarm", {100: one}) for one in bad] == [OK, OK, OK, ALARM]
    feed.answer(PATH, page(json_page([raw_report()])))
    assert state("FeedFailingAlarm", {100: ingest()}) == OK
    assert state("FeedFailingAlarm", {100: good}) == OK


def test_quarantine_grows(ingest: Run, feed: FeedServer) -> None:
    assert state("QuarantineGrowingAlarm", {100: ingest()}) == OK

    def broken(count: int) -> list[dict[str, Any]]:
        iocs = {"domain": [raw_ioc(f"no domain {n}") for n in range(count)]}
        feed.answer(PATH, page(json_page([raw_report(f"flow-{count}", iocs=iocs)])))
        return ingest()

    few, many = broken(40), broken(60)
    assert state("QuarantineGrowingAlarm", {100: few}) == OK
    assert state("QuarantineGrowingAlarm", {3000: few, 100: many}) == ALARM
    assert state("QuarantineGrowingAlarm", {3700: few, 100: many}) == OK


def test_verdicts_are_missing_for_a_day(ingest: Run, feed: FeedServer) -> None:
    def run(flow_id: str, verdict: str | None) -> list[dict[str, Any]]:
        report = raw_report(flow_id, iocs={"domain": [raw_ioc(verdict=verdict)]})
        feed.answer(PATH, page(json_page([report])))
        return ingest()

    left_out, again = run("silent-1", None), run("silent-1", None)
    stored = run("loud", "MALICIOUS")
    left_out_later = run("silent-2", "")
    feed.answer(PATH, page(json_page([raw_report("clean", iocs={})])))
    quiet = ingest()
    name = "VerdictsMissingAlarm"
    assert state(name, {20 * HOUR_S: left_out, 100: again}) == ALARM
    assert state(name, {20 * HOUR_S: left_out, 100: left_out_later}) == ALARM
    assert state(name, {20 * HOUR_S: stored, 100: left_out}) == OK
    assert state(name, {25 * HOUR_S: stored, 100: left_out}) == ALARM
    assert state(name, {25 * HOUR_S: left_out, 100: quiet}) == OK
    assert state(name, {}) == OK


def test_a_feed_that_nothing_understands_fails(ingest: Run, feed: FeedServer) -> None:
    unknown = [{"id": "a", "analysis": {"indicators": ["evil.example"]}}]
    feed.answer(PATH, page(json_page(unknown)))
    runs = [ingest() for _ in range(4)]
    assert [state("FeedFailingAlarm", {100: one}) for one in runs] == [OK, OK, OK, ALARM]
    assert state("FeedStaleAlarm", {5000: runs[0], 1000: runs[1]}) == ALARM
    feed.answer(PATH, page(json_page([raw_report("clean", iocs={})])))
    quiet = [ingest() for _ in range(2)]
    assert state("FeedFailingAlarm", {100: quiet[0]}) == OK
    assert state("FeedStaleAlarm", {5000: quiet[0], 1000: quiet[1]}) == OK


@pytest.mark.parametrize("key", [FEED_KEY, ""])
def test_a_link_stays_unresolved(
    ingest: Run, feed: FeedServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("FEED_API_KEY", key)
    feed.answer(PATH, page(linking_page("gone")))
    runs = [ingest() for _ in range(4)]
    name = "LinksUnresolvedAlarm"
    assert [state(name, {100: one}) for one in runs] == [OK, OK, OK, ALARM]
    assert state(name, {3700: runs[3]}) == OK
    monkeypatch.setenv("FEED_API_KEY", FEED_KEY)
    target = report_url(feed.url, "gone").partition(str(feed.port))[2]
    feed.answer(target, page(scan_report("gone")))
    assert state(name, {3700: runs[3], 100: ingest()}) == OK


def test_polls_fail(functions: Functions, feed: FeedServer) -> None:
    functions.tick("publish")
    good = functions.records()
    feed.answer("/api/reports/search?page=1&page_size=20", REFUSED)
    functions.tick("publish")
    bad = functions.records()
    assert state("PollFailingAlarm", {300: bad, 600: bad}) == ALARM
    assert state("PollFailingAlarm", {300: bad, 600: good}) == OK
    assert state("PollFailingAlarm", {}) == OK


def test_lists_are_stale(functions: Functions, feed: FeedServer) -> None:
    functions.tick("providers")
    good = functions.records()
    assert state("ProvidersStaleAlarm", {300: good}) == OK
    assert state("ProvidersStaleAlarm", {}) == OK


def test_a_list_that_never_came_is_stale(functions: Functions, feed: FeedServer) -> None:
    feed.answer("/list", page(b"<html>"))
    functions.tick("providers")
    first = functions.records()
    functions.tick("providers")
    bad = functions.records()
    assert state("ProvidersStaleAlarm", {300: bad, 900: bad}) == ALARM
    assert state("ProvidersStaleAlarm", {300: bad, 900: first}) == OK


@pytest.mark.parametrize(
    ("function", "name"), [("export", "ExportsStaleAlarm"), ("filter", "FilterStaleAlarm")]
)
def test_what_a_job_publishes_is_stale_when_it_was_not_made(
    functions: Functions, feed: FeedServer, function: str, name: str
) -> None:
    with pytest.raises(StoreError):
        functions.tick(function)
    bad = functions.records()
    make_bucket(f"{function}-bucket")
    functions.tick(function)
    good = functions.records()
    assert state(name, {1000: bad}) == ALARM
    assert state(name, {}) == ALARM
    assert state(name, {30 * HOUR_S: good, 1000: bad}) == OK


def of_aws(name: str) -> list[Name]:
    """The metrics of an alarm, all of them AWS's own and looked at by the right dimension."""
    found = watched(ALARMS[name])
    for one in found:
        [(dimension, _)] = one.dimensions
        assert one.metric in PUBLISHED[one.namespace, dimension]
    return found


def told_by_aws(name: str, *values: dict[str, float]) -> str:
    """The state after values of the metrics, by name, in periods of the alarm, the newest last."""
    metrics = CloudWatch()
    period = 300 if name in {"SlowAnswersAlarm", "LookupUrlSlowAlarm"} else 900
    for number, told in enumerate(reversed(values)):
        for one in of_aws(name):
            if one.metric in told:
                metrics.put(one, [told[one.metric]], NOW_S - number * period)
    return metrics.state(ALARMS[name], NOW_S)


@pytest.mark.parametrize(
    "name", ["IngestDeadLetterAlarm", "ChangesDeadLetterAlarm", "WebhookDeadLetterAlarm"]
)
def test_dead_letters(name: str) -> None:
    metric = "ApproximateNumberOfMessagesVisible"
    assert told_by_aws(name, {metric: 1}) == ALARM
    assert told_by_aws(name, {metric: 0}) == OK
    assert told_by_aws(name, {}) == OK


def test_changes_are_late() -> None:
    quarter = 15 * 60 * 1000.0
    assert told_by_aws("ChangesLateAlarm", {"IteratorAge": quarter}) == ALARM
    assert told_by_aws("ChangesLateAlarm", {"IteratorAge": quarter - 1}) == OK
    assert told_by_aws("ChangesLateAlarm", {}) == OK


@pytest.mark.parametrize(
    ("name", "metric"),
    [("FunctionErrorsAlarm", "Errors"), ("FunctionThrottlesAlarm", "Throttles")],
)
def test_functions(name: str, metric: str) -> None:
    # Each of the functions reports it.
    assert told_by_aws(name, {metric: 1}) == ALARM
    assert told_by_aws(name, {metric: 0}) == OK
    assert told_by_aws(name, {}) == OK
    functions = {value for one in of_aws(name) for _, value in one.dimensions}
    assert any("LookupFunction" in one for one in functions)


def test_one_error_of_one_function_is_not_two() -> None:
    metrics = CloudWatch()
    [first, *_] = of_aws("FunctionErrorsAlarm")
    metrics.put(first, [1], NOW_S)
    assert metrics.state(ALARMS["FunctionErrorsAlarm"], NOW_S) == OK
    metrics.put(first, [1], NOW_S - 60)
    assert metrics.state(ALARMS["FunctionErrorsAlarm"], NOW_S) == ALARM


@pytest.mark.parametrize("metric", ["ReadThrottleEvents", "WriteThrottleEvents"])
def test_tables_throttle_for_half_an_hour(metric: str) -> None:
    assert told_by_aws("TableThrottlesAlarm", {metric: 9}, {metric: 9}) == ALARM
    assert told_by_aws("TableThrottlesAlarm", {metric: 900}, {metric: 0}) == OK
    assert told_by_aws("TableThrottlesAlarm", {metric: 900}) == OK
    assert told_by_aws("TableThrottlesAlarm", {metric: 0}, {metric: 0}) == OK
    tables = {value for one in of_aws("TableThrottlesAlarm") for _, value in one.dimensions}
    assert tables == {'{"Ref": "IocTable"}', '{"Ref": "StateTable"}'}


@pytest.mark.parametrize(
    ("errors", "requests", "expected"),
    [(5, 100, ALARM), (5, 5, ALARM), (4, 4, OK), (5, 101, OK), (0, 1000, OK)],
)
def test_server_errors_are_a_rate_with_a_floor(errors: int, requests: int, expected: str) -> None:
    told: dict[str, float] = {"5XXError": errors, "Count": requests}
    assert told_by_aws("ServerErrorsAlarm", told) == expected
    told = {"Url5xxCount": errors, "UrlRequestCount": requests}
    assert told_by_aws("LookupUrlErrorsAlarm", told) == expected


@pytest.mark.parametrize(
    ("name", "metric", "bad"),
    [
        ("LookupVersionAlarm", "Errors", 1),
        ("ApiFaultAlarm", "5XXError", 5),
        ("LookupUrlFaultAlarm", "Url5xxCount", 5),
    ],
)
def test_what_takes_a_rollout_back(name: str, metric: str, bad: int) -> None:
    [one] = watched(ALARMS[name])
    assert metric == one.metric
    # AWS writes a version's metrics with three dimensions, FunctionName among them.
    told = [PUBLISHED.get((one.namespace, by), set()) for by, _ in one.dimensions]
    assert metric in set().union(*told)

    def after(*values: int) -> str:
        metrics = CloudWatch()
        for number, value in enumerate(reversed(values)):
            metrics.put(one, [value], NOW_S - 60 * number)
        return metrics.state(ALARMS[name], NOW_S)

    assert after(bad, bad) == ALARM
    assert after(bad - 1, bad - 1) == OK
    assert after() == OK


def test_without_requests_there_are_no_server_errors() -> None:
    assert told_by_aws("ServerErrorsAlarm", {}) == OK
    assert told_by_aws("LookupUrlErrorsAlarm", {}) == OK


@pytest.mark.parametrize(
    ("name", "metric"),
    [("SlowAnswersAlarm", "Latency"), ("LookupUrlSlowAlarm", "UrlRequestLatency")],
)
def test_slow_answers(name: str, metric: str) -> None:
    slow, quick = {metric: 2000.0}, {metric: 1999.0}
    assert told_by_aws(name, slow, slow, slow) == ALARM
    assert told_by_aws(name, slow, quick, slow) == OK
    assert told_by_aws(name, {}) == OK


def test_every_alarm_is_tried_here_and_notifies_the_topic() -> None:
    tried = Path(__file__).read_text(encoding="utf-8")
    for name, alarm in ALARMS.items():
        assert f'"{name}"' in tried
        assert alarm["AlarmActions"] == {
            "Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]
        }


def test_metrics_of_our_own_are_few(
    functions: Functions, feed: FeedServer, engine_store: Store
) -> None:
    """Each costs 30 cents a month."""
    limited = "a-key-with-a-limit"
    ApiKeys(engine_store.client, engine_store.state_table).put(limited, "few", 0, daily_limit=1)
    for name in ("export-bucket", "filter-bucket"):
        make_bucket(name)
    for function in ("export", "filter", "ingest", "publish", "providers"):
        functions.tick(function)
    for _ in range(MAX_VALUES + 1):
        functions.ask(look_up("domain/evil.example", limited))
    told = {
        (dict(name.dimensions)["service"], name.metric)
        for record in functions.records()
        for name, _ in metrics_in(record)
    }
    # Emitted only while links stay unresolved: a metric without values costs nothing.
    assert told == OURS - {("ingest", "ingest_unresolved_long")}
    assert sum(function == "lookup" for function, _ in told) == cost.LOOKUP_METRICS
