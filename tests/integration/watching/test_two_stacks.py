"""Two stacks in one account: the one with a healthy feed silences no alarm of the other one."""

from collections.abc import Iterator

import pytest

from local.feed import sample_feed
from tests.cloudwatch import ALARM, OK, CloudWatch, alarms_of, watched
from tests.conftest import Store, new_store
from tests.feed_server import PATH, FeedServer, page
from tests.integration.watching.conftest import Functions

HEALTHY, BROKEN = "ioc-reputation-dev", "ioc-reputation-prod"
HOUR_S, QUARTER_S = 3600, 900
NOW_S = 100 * HOUR_S


@pytest.fixture
def feeds() -> Iterator[dict[str, str]]:
    """The feed of each stack; one of them refuses every request."""
    with sample_feed() as feed, FeedServer() as refusing:
        refusing.answer(PATH, page(b"", status="403 Forbidden"))
        yield {HEALTHY: feed, BROKEN: refusing.url}


@pytest.fixture
def account(
    engine_store: Store,
    fresh_handlers: None,
    feeds: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> CloudWatch:
    """What an account counts while both stacks run every quarter of an hour, for two hours."""
    metrics = CloudWatch()
    for stack, store in ((HEALTHY, engine_store), (BROKEN, new_store())):
        for name, value in {**store.env(), "FEED_URL": feeds[stack]}.items():
            monkeypatch.setenv(name, value)
        functions = Functions(monkeypatch, capsys, stack)
        for ago_s in range(2 * HOUR_S - QUARTER_S, -1, -QUARTER_S):
            functions.tick("ingest")
            for record in functions.records():
                metrics.put_record(record, NOW_S - ago_s)
    return metrics


def test_each_stack_sees_its_own_feed(account: CloudWatch) -> None:
    states = {
        (stack, alarm): account.state(alarms_of(stack)[alarm], NOW_S)
        for stack in (HEALTHY, BROKEN)
        for alarm in ("FeedStaleAlarm", "FeedFailingAlarm")
    }
    assert states == {
        (HEALTHY, "FeedStaleAlarm"): OK,
        (HEALTHY, "FeedFailingAlarm"): OK,
        (BROKEN, "FeedStaleAlarm"): ALARM,
        (BROKEN, "FeedFailingAlarm"): ALARM,
    }
    # They share no metric.
    assert {name.namespace for name in account.series} == {HEALTHY, BROKEN}


def test_every_metric_of_an_alarm_is_of_its_own_stack() -> None:
    """By its namespace, by the name of the API, or by a reference to a resource of the stack."""
    for alarm in alarms_of(HEALTHY).values():
        for metric in watched(alarm):
            values = {value for _, value in metric.dimensions}
            resources = {value for value in values if value.startswith('{"')}
            assert HEALTHY in {metric.namespace, *values} or resources, metric
