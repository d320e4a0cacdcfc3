"""As much of CloudWatch as the alarms of the template need: metrics, their statistics, alarms."""

import ast
import json
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.template import load_template

OK, ALARM, NO_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.GtE: operator.ge,
}
_STATISTICS: Mapping[str, Callable[[list[float]], float]] = {
    "Sum": math.fsum,
    "Maximum": max,
    "Minimum": min,
}
# The values of a metric, each with its time in seconds.
Series = list[tuple[float, float]]


@dataclass(frozen=True)
class Name:
    """What makes a metric one metric; all of it has to be the same."""

    namespace: str
    metric: str
    dimensions: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, metric: Mapping[str, Any]) -> "Name":
        """The metric that an alarm watches; a reference stays one."""
        dimensions = frozenset(
            (one["Name"], _text(one["Value"])) for one in metric.get("Dimensions", ())
        )
        return cls(metric["Namespace"], metric["MetricName"], dimensions)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@dataclass
class CloudWatch:
    """Return the metrics recorded so far."""

    series: dict[Name, Series] = field(default_factory=dict)

    def put(self, name: Name, values: Iterable[float], at_s: float) -> None:
        """Take values of a metric."""
        self.series.setdefault(name, []).extend((at_s, value) for value in values)

    def put_record(self, record: Mapping[str, Any], at_s: float) -> None:
        """Take a record in the embedded metric format, as if it had been written at a time."""
        for name, values in metrics_in(record):
            self.put(name, values, at_s)

    def state(self, alarm: Mapping[str, Any], now_s: float) -> str:
        """The state of an alarm that has looked on all the time.

        Args:
            alarm: its properties, of a stack that has all parts.
        """
        watched = alarm.get("EvaluationPeriods", 1)
        points = [self._point(alarm, now_s - number * _period(alarm)) for number in range(watched)]
        compare = _COMPARISONS[alarm["ComparisonOperator"]]
        missing = {"breaching": True, "notBreaching": False}.get(alarm["TreatMissingData"])
        judged = [
            missing if point is None else compare(point, alarm["Threshold"]) for point in points
        ]
        if set(judged) == {None}:
            return NO_DATA
        breaching = sum(one is True for one in judged)
        return ALARM if breaching >= alarm.get("DatapointsToAlarm", watched) else OK

    def _point(self, alarm: Mapping[str, Any], end_s: float) -> float | None:
        if "Metrics" not in alarm:
            how = alarm.get("ExtendedStatistic") or alarm["Statistic"]
            return self._statistic(Name.of(alarm), how, end_s - alarm["Period"], end_s)
        known: dict[str, float | None] = {}
        for query in queries(alarm):
            if stat := query.get("MetricStat"):
                start_s = end_s - stat["Period"]
                name = Name.of(stat["Metric"])
                known[query["Id"]] = self._statistic(name, stat["Stat"], start_s, end_s)
        [expression] = [one["Expression"] for one in queries(alarm) if "Expression" in one]
        return _evaluate(ast.parse(expression, mode="eval").body, known)

    def _statistic(self, name: Name, how: str, start_s: float, end_s: float) -> float | None:
        values = sorted(
            value for at_s, value in self.series.get(name, ()) if start_s < at_s <= end_s
        )
        if not values:
            return None
        if how.startswith("p"):
            return values[math.ceil(len(values) * float(how[1:]) / 100) - 1]
        return _STATISTICS[how](values)


def in_stack(value: Any, stack: str) -> Any:
    """A part of the template, with the name of a stack in the places that refer to it."""
    if isinstance(value, list):
        return [in_stack(one, stack) for one in value]
    if isinstance(value, str):
        return value.replace("${AWS::StackName}", stack)
    if not isinstance(value, dict):
        return value
    if value == {"Ref": "AWS::StackName"}:
        return stack
    return {key: in_stack(one, stack) for key, one in value.items()}


def alarms_of(stack: str) -> dict[str, dict[str, Any]]:
    """The properties of the template's alarms in a stack of this name, by their logical ids."""
    return {
        name: in_stack(one["Properties"], stack)
        for name, one in load_template()["Resources"].items()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }


def metrics_in(record: Mapping[str, Any]) -> Iterator[tuple[Name, list[float]]]:
    """The metrics of a record in the embedded metric format, each with its values."""
    for directive in record["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = frozenset((name, record[name]) for name in names)
            for metric in directive["Metrics"]:
                values = record[metric["Name"]]
                name = Name(directive["Namespace"], metric["Name"], dimensions)
                yield name, values if isinstance(values, list) else [values]


def queries(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The metrics and expressions of an alarm, those of optional parts among them."""
    return [one["Fn::If"][1] if "Fn::If" in one else one for one in alarm["Metrics"]]


def watched(alarm: Mapping[str, Any]) -> list[Name]:
    """The metrics that an alarm looks at."""
    if "Metrics" not in alarm:
        return [Name.of(alarm)]
    return [Name.of(one["MetricStat"]["Metric"]) for one in queries(alarm) if "MetricStat" in one]


def _period(alarm: Mapping[str, Any]) -> float:
    if "Period" in alarm:
        return float(alarm["Period"])
    [period] = {one["MetricStat"]["Period"] for one in queries(alarm) if "MetricStat" in one}
    return float(period)


def _evaluate(node: ast.expr, known: Mapping[str, float | None]) -> float | None:
    """Metric math, as far as it is used: IF, SUM(METRICS()), `*`, `/`, `>=`."""
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return known[name]
        case ast.Call(func=ast.Name(id="SUM"), args=[ast.Call(func=ast.Name(id="METRICS"))]):
            there = [value for value in known.values() if value is not None]
            return math.fsum(there) if there else None
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            holds = _evaluate(condition, known)
            return None if holds is None else _evaluate(then if holds else otherwise, known)
        case (
            ast.BinOp(left=left, op=op, right=right)
            | ast.Compare(left=left, ops=[op], comparators=[right])
        ):
            one, other = _evaluate(left, known), _evaluate(right, known)
            return None if one is None or other is None else _OPERATORS[type(op)](one, other)
    raise NotImplementedError(ast.unparse(node))
