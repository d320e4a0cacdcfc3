"""The dashboard shows what there is: metrics, log groups, fields and alarms."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from functions.ingest.summary import Summary
from local.template import load_template
from shared.domain.indicator import IndicatorType
from tests.integration.watching.conftest import OURS, PUBLISHED, Functions, look_up

# The API has the name of its stack.
STACK = "${AWS::StackName}"
RESOURCES: dict[str, Any] = load_template()["Resources"]
# The type of a resource whose name is the value of a dimension.
NAMED = {
    "FunctionName": "AWS::Serverless::Function",
    "QueueName": "AWS::SQS::Queue",
    "TableName": "AWS::DynamoDB::Table",
}


@pytest.fixture
def widgets() -> list[dict[str, Any]]:
    text = RESOURCES["WatchDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found: list[dict[str, Any]] = json.loads(text)["widgets"]
    return found


def of_type(widgets: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one["properties"] for one in widgets if one["type"] == kind]


def rows(metrics: list[list[Any]]) -> Iterator[list[str]]:
    """The rows of a widget, with what they take from the row before written out."""
    before: list[str] = []
    for metric in metrics:
        row = [part for part in metric if isinstance(part, str)]
        if row[0] == "...":
            row = before[: len(before) - len(row) + 1] + row[1:]
        before = [before[at] if part == "." else part for at, part in enumerate(row)]
        yield before


def test_metrics_are_those_that_the_functions_or_aws_tell(widgets: list[dict[str, Any]]) -> None:
    shown = [row for one in of_type(widgets, "metric") for row in rows(one["metrics"])]
    ours = set()
    for namespace, metric, dimension, value in shown:
        if namespace == STACK:
            assert dimension == "service"
            ours.add((value, metric))
            continue
        assert metric in PUBLISHED[namespace, dimension], metric
        if dimension == "ApiName":
            assert value == STACK
            continue
        [name] = re.findall(r"^\$\{(\w+)(?:\.QueueName)?\}$", value)
        assert RESOURCES[name]["Type"] == NAMED[dimension]
    # What is paid for is shown.
    assert ours == OURS


def test_queries_read_the_fields_of_the_log(
    functions: Functions, outside: object, widgets: list[dict[str, Any]]
) -> None:
    functions.ask(look_up("domain/evil.example"))
    functions.ask(look_up("hash/" + "a" * 64))
    [first] = functions.records()
    functions.tick("ingest")
    [failed] = [one for one in functions.read() if one.get("level") == "ERROR"]
    queries = [one["query"] for one in of_type(widgets, "log")]
    text = " ".join(queries)
    counted = set(re.findall(r"look_ups\.(\w+)\.(\w+)", text))
    assert counted == {(kind, said) for kind in IndicatorType for said in ("known", "unknown")}
    assert first["look_ups"] == {"domain": {"unknown": 1}}
    assert set(re.findall(r"summary\.(\w+)", text)) <= {field.name for field in fields(Summary)}
    assert set(re.findall(r"message = '(.+?)'", text)) == {failed["message"]}
    for name in ("service", "message", "correlation_id", "summary"):
        assert name in failed
    groups = set(re.findall(r"SOURCE '\$\{(\w+)\}'", text))
    assert {RESOURCES[name]["Type"] for name in groups} == {"AWS::Logs::LogGroup"}


def test_every_alarm_that_every_stack_has_is_shown(widgets: list[dict[str, Any]]) -> None:
    [alarms] = [one["alarms"] for one in of_type(widgets, "alarm")]
    assert alarms == [
        f"${{{name}.Arn}}"
        for name, one in RESOURCES.items()
        if one["Type"] == "AWS::CloudWatch::Alarm" and "Condition" not in one
    ]


def test_nothing_is_needed_that_a_stack_may_lack(widgets: list[dict[str, Any]]) -> None:
    named = set(re.findall(r"\$\{(\w+)(?:\.\w+)?\}", json.dumps(widgets)))
    assert named
    assert not [name for name in named if "Condition" in RESOURCES.get(name, {})]


def test_widgets_do_not_overlap(widgets: list[dict[str, Any]]) -> None:
    taken = [
        (x, y)
        for one in widgets
        for x in range(one["x"], one["x"] + one["width"])
        for y in range(one["y"], one["y"] + one["height"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
