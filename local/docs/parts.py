"""The generated parts of the documents, by the names in their markers."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks import cost
from functions.lookup.v4_bodies import address_report, hash_report
from local import environment
from local.__main__ import COMMANDS
from local.docs import ROOT
from local.docs.limits import LIMITS
from local.docs.markers import Maker
from local.openapi import OPERATIONS, ROUTES, document
from local.template import load_template
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.reputation import Reputation, ScanVerdict, SightingSummary
from shared.domain.score import Scorer
from shared.domain.verdict import Verdict
from shared.formats.lists.declaration import load_catalog
from shared.http import errors
from shared.http.errors import ErrorDefinition

# Every route with a key can answer these; the text below the table explains them.
_COMMON_STATUSES = {"401", "403", "405", "429", "500", "503"}


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [_row(columns), "|---" * len(columns) + "|\n", *map(_row, rows)]
    return "".join(lines)


def _row(cells: Iterable[object]) -> str:
    return "".join(f"| {cell} " if cell != "" else "| " for cell in map(_cell, cells)) + "|\n"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


def _code(value: object) -> str:
    return f"`{value}`" if value not in ("", None) else ""


def _routes() -> str:
    paths = document()["paths"]
    rows = []
    for route in ROUTES:
        for method in route.methods:
            described = paths[route.template][method.lower()]
            rows.append(
                (
                    method,
                    _code(route.template),
                    "no" if route.open else _code(route.right) or "any",
                    OPERATIONS[method, route.template].summary,
                    ", ".join(s for s in described["responses"] if s not in _COMMON_STATUSES),
                )
            )
    return table(("Method", "Path", "Key", "Does", "Statuses"), rows)


def _answers() -> str:
    """What the rows of the sandbox show for each verdict."""
    rows = []
    for verdict in sorted(Verdict, reverse=True):
        file, name = (Indicator(IndicatorType.MD5, "0" * 32), Indicator(IndicatorType.DOMAIN, "a"))
        scan = hash_report(_known(file, verdict), Scorer(0))["scan_results"]
        found = address_report(name, "", _known(name, verdict), Scorer(0))["lookup_results"]
        source = found["sources"][0]
        cells = [scan["scan_all_result_i"], scan["scan_all_result_a"], scan["total_detected_avs"]]
        cells += [source["status"], source["assessment"], found["detected_by"]]
        rows.append((verdict.name, *cells))
    names = ("scan_result_i", "scan_all_result_a", "total_detected_avs", "status", "assessment")
    return table(("Verdict", *map(_code, names), _code("detected_by")), rows)


def _known(indicator: Indicator, verdict: Verdict) -> Reputation:
    latest = ScanVerdict(0, verdict, "flow", "", "")
    summary = SightingSummary(latest, worst=latest, first_seen=0, last_seen=0, tags=frozenset())
    return Reputation(indicator, summary, counted=1)


def _parameters() -> str:
    return table(
        ("Parameter", "Default", "Meaning"),
        (
            (_code(name), _code(one.get("Default", "")), " ".join(one["Description"].split()))
            for name, one in load_template()["Parameters"].items()
        ),
    )


def _variables() -> str:
    """The variables that the template sets, with the parameter behind each."""
    template = load_template()
    readers: dict[str, list[str]] = {}
    sources: dict[str, Any] = {}
    everywhere = template["Globals"]["Function"]["Environment"]["Variables"]
    for name, value in everywhere.items():
        readers[name], sources[name] = ["all"], value
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            for name, value in resource["Properties"]["Environment"]["Variables"].items():
                readers.setdefault(name, []).append(logical_id.removesuffix("Function").lower())
                sources[name] = value
    rows = [
        (_code(name), _source(sources[name], template), ", ".join(readers[name]))
        for name in sources
        if sources[name] != "" and not name.startswith("POWERTOOLS_")
    ]
    return table(("Variable", "Set from", "Functions"), rows)


def _source(value: Any, template: dict[str, Any]) -> str:
    """The parameter or resource that a value, or else its condition, refers to."""
    condition = value["Fn::If"][0] if isinstance(value, dict) and "Fn::If" in value else ""
    names = _references(value) or _references(template["Conditions"].get(condition))
    for name in names:
        if name in template["Parameters"]:
            return f"parameter {_code(name)}"
    return f"resource {_code(names[0])}" if names else _code(value)


def _references(value: Any) -> list[str]:
    return re.findall(r"'(?:Ref|Fn::GetAtt)': '?\[?'?(\w+)", str(value))


def _local_variables() -> str:
    return table(
        ("Variable", "Default", "Meaning"),
        (
            (_code(name), _code(environment.DEFAULTS.get(name, default)), meaning)
            for name, (default, meaning) in environment.LOCAL_VARIABLES.items()
        ),
    )


def _local_commands() -> str:
    return table(("Command", "Does"), ((_code(name), does) for name, does in COMMANDS.items()))


def _make_targets() -> str:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z-]+):.*## (.+)$", makefile, re.MULTILINE)
    return table(("Target", "Does"), ((_code(f"make {name}"), does) for name, does in found))


def _alarms() -> str:
    return table(
        ("Alarm", "It means"),
        (
            (f"[{name}](#{name.lower()})", " ".join(one["Properties"]["AlarmDescription"].split()))
            for name, one in load_template()["Resources"].items()
            if one["Type"] == "AWS::CloudWatch::Alarm"
        ),
    )


def _errors() -> str:
    known = [one for one in vars(errors).values() if isinstance(one, ErrorDefinition)]
    return table(("HTTP", "Code", "Message"), ((e.status, e.code, e.message) for e in known))


def _providers() -> str:
    return table(
        ("Id", "Name", "Types", "Format", "Every", "Licence"),
        (
            (
                _code(one.id),
                one.name,
                ", ".join(kind for kind in IndicatorType if kind in one.types),
                _code(one.format),
                one.every,
                one.licence,
            )
            for one in load_catalog().values()
        ),
    )


def _limits() -> str:
    return table(("Of", "Limit", "Value"), ((one.of, one.what, one.value) for one in LIMITS))


def _costs() -> str:
    measured = cost.read_measured(cost.MEASURED.read_text(encoding="utf-8"))
    asked = cost.lookups_by_front(measured)
    rows = {
        "A million look-ups, one at a time over the REST API": asked["one at a time, REST API"],
        "A million look-ups, one at a time over a function URL": asked[
            "one at a time, function URL"
        ],
        "A million look-ups, in bulks of 1,000": asked["in bulk of 1,000, REST API"],
        "A million new sightings": cost.sightings(measured)["new"],
        "A month without requests and reports": cost.idle_month(measured),
    }
    return table(
        ("What", "Dollars"), ((what, f"{cost.total(one):.2f}") for what, one in rows.items())
    )


PARTS: dict[str, Maker] = {
    "alarms": _alarms,
    "answers": _answers,
    "costs": _costs,
    "errors": _errors,
    "limits": _limits,
    "local-commands": _local_commands,
    "local-variables": _local_variables,
    "make-targets": _make_targets,
    "parameters": _parameters,
    "providers": _providers,
    "routes": _routes,
    "variables": _variables,
}
