"""Counts of look-ups: written at once, then once a minute or when a record is full."""

import json
from typing import Any

import pytest

from functions.lookup.metrics import MAX_VALUES, WRITTEN_EVERY_S, LookupMetrics, embedded
from functions.lookup.service import LookupResult
from shared.domain.indicator import Indicator, IndicatorType, parse
from tests.builders import DOMAIN, reputation

IP = parse(IndicatorType.IP, "192.0.2.1")


class Watch:
    """Metrics with a clock that a test moves, and the records that they write."""

    def __init__(self, output: pytest.CaptureFixture[str]) -> None:
        self.now = 0.0
        self.tally = LookupMetrics(lambda: self.now)
        self._output = output

    def answer(self, status: int = 200, took_ms: float = 1.0) -> list[dict[str, Any]]:
        """Return the records of one request."""
        self.tally.answered(status, took_ms)
        return [json.loads(line) for line in self._output.readouterr().out.splitlines()]

    def look_up(self, *indicators: Indicator) -> None:
        """Domains are known, others are not."""
        known = {DOMAIN: reputation()}
        self.tally.looked_up([LookupResult(one, known.get(one), ()) for one in indicators])


@pytest.fixture
def watch(capsys: pytest.CaptureFixture[str]) -> Watch:
    return Watch(capsys)


def metrics(record: dict[str, Any]) -> set[str]:
    [directive] = record["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service"]]
    return {one["Name"] for one in directive["Metrics"]}


def test_a_record_is_the_one_that_powertools_makes() -> None:
    from aws_lambda_powertools import Metrics

    values = {"lookup_ms": ("Milliseconds", [1.5, 2.0]), "lookup_quota_refused": ("Count", [3.0])}
    fields = {"answers": {200: 2}}
    theirs: Any = Metrics().serialize_metric_set(
        {name: {"Unit": unit, "Value": numbers} for name, (unit, numbers) in values.items()},
        metadata=fields,
    )
    ours = embedded(values, fields)
    for record in (theirs, ours):
        assert record["_aws"].pop("Timestamp") > 1_700_000_000_000
    assert ours == theirs


def test_the_first_request_is_told_at_once_with_the_cold_start(watch: Watch) -> None:
    watch.look_up(DOMAIN)
    [record] = watch.answer(200, 12.34)
    assert metrics(record) == {"lookup_ms", "lookup_cold_starts"}
    assert (record["lookup_ms"], record["lookup_cold_starts"]) == ([12.3], [1.0])
    assert record["look_ups"] == {"domain": {"known": 1}}
    assert record["answers"] == {"200": 1}


def test_the_rest_is_told_once_a_minute(watch: Watch) -> None:
    watch.answer()
    watch.now = WRITTEN_EVERY_S - 1
    watch.look_up(DOMAIN, IP)
    assert watch.answer(200, 2) == []
    watch.look_up(IP)
    assert watch.answer(404, 3) == []
    watch.now = WRITTEN_EVERY_S
    [record] = watch.answer(429, 4)
    assert metrics(record) == {"lookup_ms", "lookup_quota_refused"}
    assert record["lookup_ms"] == [2.0, 3.0, 4.0]
    assert record["lookup_quota_refused"] == [1.0]
    assert record["look_ups"] == {"domain": {"known": 1}, "ip": {"unknown": 2}}
    assert record["answers"] == {"200": 1, "404": 1, "429": 1}


def test_nothing_is_told_twice(watch: Watch) -> None:
    watch.look_up(DOMAIN)
    watch.answer(429)
    watch.now = 2 * WRITTEN_EVERY_S
    [record] = watch.answer(200, 5)
    assert metrics(record) == {"lookup_ms"}
    assert (record["lookup_ms"], record["look_ups"]) == ([5.0], {})
    assert record["answers"] == {"200": 1}


def test_a_record_that_is_full_is_told_before_the_minute_is_over(watch: Watch) -> None:
    watch.answer()
    told = [record for number in range(3 * MAX_VALUES) for record in watch.answer(200, number)]
    assert [len(record["lookup_ms"]) for record in told] == [MAX_VALUES] * 3
    assert [value for record in told for value in record["lookup_ms"]] == list(
        map(float, range(3 * MAX_VALUES))
    )
    assert [record["answers"] for record in told] == [{"200": MAX_VALUES}] * 3


def test_a_record_holds_no_more_than_the_format_allows(watch: Watch) -> None:
    assert MAX_VALUES <= 100
    watch.answer()
    for _ in range(MAX_VALUES - 1):
        watch.look_up(*[DOMAIN, IP] * 500)
        watch.answer(200, 29_999.9)
    [record] = watch.answer(200, 29_999.9)
    assert record["look_ups"]["ip"] == {"unknown": 500 * (MAX_VALUES - 1)}
    assert len(json.dumps(record)) < 2048
