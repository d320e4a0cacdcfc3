"""The template with its options on and off: every pair of values of any two parameters once.

A mistake that hangs on an option, such as a circular dependency of the canary, is in the expanded
template of a stack with that option and in no other.
"""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.template import load_template
from shared.domain.provider import SUMMARY_PROVIDERS
from tests.infrastructure.concrete import parameters_in, refused, values_of
from tests.infrastructure.conftest import expansions
from tests.infrastructure.pairs import Values, covering_rows, pairs_of, pairs_wanted
from tests.infrastructure.support import ROOT, Template
from tests.infrastructure.test_template import as_list, of_type

ACCOUNT = "arn:aws:{}:us-east-1:123456789012:{}"
# A second value of each parameter that may be anything.
EXAMPLES = {
    "AlarmTopicArn": ACCOUNT.format("sns", "alarms"),
    "CacheTtl": "300",
    "CertificateArn": ACCOUNT.format("acm", "certificate/11111111-2222"),
    "DomainName": "reputation.example.com",
    "ExportSchedule": "rate(6 hours)",
    "FeedApiKeyParameter": "/ioc-reputation/feed-api-key",
    "FeedCaParameter": "/ioc-reputation/feed-ca",
    "FeedUrl": "https://sandbox.example.com/feed/reports",
    "GeoIpLayerVersion": "99999",
    "HalfLifeDomain": "9999",
    "HalfLifeHash": "9999",
    "HalfLifeIp": "9999",
    "HalfLifeUrl": "9999",
    "HostedZoneId": "Z0123456789ABC",
    "IngestReservedConcurrency": "1",
    "LookupMaxAge": "86400",
    "LookupMemorySize": "10240",
    "LookupReservedConcurrency": "20",
    "PollSchedule": "rate(1 hour)",
    "ProviderKeysPath": "/" + "k" * 28,
    "Providers": "p" * 200,
    "ReputationApiKeyParameter": "/ioc-reputation/reputation-api-key",
    "ReputationUrl": "https://api.metadefender.com/v4",
    "RequestsPerSecond": "1",
    "RetentionDays": "365",
    "SandboxApiKeyParameter": "/ioc-reputation/sandbox-api-key",
    "SandboxUrl": "https://" + "s" * 120,
    "Schedule": "cron(0/15 * * * ? *)",
    "TableKeyArn": ACCOUNT.format("kms", "key/11111111-2222"),
    "VpcSecurityGroupIds": "sg-0123456789abcdef0",
    "VpcSubnetIds": "subnet-0123456789abcdef0,subnet-1123456789abcdef0",
    "WebhookSigningKeyParameter": "/ioc-reputation/webhook",
    "WebhookUrl": "https://webhook.example.com/hook",
}
# Of a longer list, the first and the last do.
MOST_VALUES = 4
# CloudFormation's, for a template in a bucket.
MAX_TEMPLATE_BYTES = 1_000_000
MAX_RESOURCES, MAX_PARAMETERS, MAX_OUTPUTS = 500, 200, 200
MAX_VALUE_BYTES = 4096
# IAM's, for the inline policies of a role together, without white space; Lambda's for variables.
MAX_ROLE_CHARACTERS = 10_240
MAX_VARIABLE_BYTES = 4096
LONGEST_NAME = "x" * 255  # of a table, a bucket or a bus

TEMPLATE = load_template()


@dataclass(frozen=True)
class Expansion:
    """What SAM makes of the template for a stack with these parameters."""

    parameters: Values
    template: Template
    findings: list[list[str]]


def test_a_summary_has_a_name_that_publishing_knows() -> None:
    allowed = TEMPLATE["Parameters"]["SummaryProvider"]["AllowedValues"]
    assert set(allowed) == {"", *SUMMARY_PROVIDERS}


def options() -> dict[str, list[str]]:
    """The values of each parameter that are tried."""
    found = {}
    for name, parameter in TEMPLATE["Parameters"].items():
        allowed = [str(one) for one in parameter.get("AllowedValues", ())]
        if len(allowed) > MOST_VALUES:
            allowed = [allowed[0], allowed[-1]]
        found[name] = allowed or [str(parameter["Default"]), EXAMPLES[name]]
    return found


@cache
def allowed_by_rules() -> list[Values]:
    """The values, together, that the rules of the template take, of the parameters in them."""
    tried = options()
    ruled = sorted(parameters_in(TEMPLATE["Rules"]))
    rows = (
        dict(zip(ruled, row, strict=True))
        for row in itertools.product(*(tried[name] for name in ruled))
    )
    return [row for row in rows if not refused(TEMPLATE, row)]


def is_allowed(values: Values) -> bool:
    """Whether a stack may have these values of some of the parameters."""
    return any(
        all(row[name] == value for name, value in values.items() if name in row)
        for row in allowed_by_rules()
    )


@pytest.fixture(scope="module")
def rows() -> list[Values]:
    """Stacks that have every pair of values, without those that a rule of the template refuses."""
    return covering_rows(options(), is_allowed)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Jobs for templates with one mistake each, by the mistake."""
    folder = tmp_path_factory.mktemp("planted")
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    canary = {"Rollout": "Canary10Percent5Minutes"}
    mistakes = {
        # The alarm needs the API, the API the alias, the alias its group, and the group the alarm.
        "the old canary": (canary, _alarm_by_id(text)),
        "the old canary, switched off": ({}, _alarm_by_id(text)),
        "a second stage": ({}, _without(text, "      OpenApiVersion: .*\n")),
        "no throttle": ({}, _without(text, "      MethodSettings:\n(?:        .*\n)+")),
        "no new deployment": ({}, _without(text, "      AlwaysDeploy: true\n")),
        "no new deployment, publishing": (
            {"PublishFeed": "true"},
            _without(text, "      AlwaysDeploy: true\n"),
        ),
    }
    jobs = {}
    for number, (mistake, (parameters, changed)) in enumerate(mistakes.items()):
        path = folder / f"{number}.yaml"
        path.write_text(changed, encoding="utf-8")
        lint = mistake.startswith("the old canary")
        jobs[mistake] = {"template": str(path), "parameters": parameters, "lint": lint}
    return jobs


def _alarm_by_id(text: str) -> str:
    """The template with the alarm of the canary on the API itself, not on its name."""
    start = text.index("  ApiFaultAlarm:\n")
    name = "{Name: ApiName, Value: !Ref AWS::StackName}"
    at = text.index(name, start)
    return text[:at] + "{Name: ApiId, Value: !Ref Api}" + text[at + len(name) :]


def _without(text: str, pattern: str) -> str:
    changed, found = re.subn(pattern, "", text)
    assert found == 1, pattern
    return changed


@pytest.fixture(scope="module")
def done(
    sam_tools: Path,
    rows: list[Values],
    planted: dict[str, dict[str, Any]],
    pytestconfig: pytest.Config,
) -> list[Expansion]:
    """All of it expanded: first the rows, then the planted mistakes."""
    stacks = [{"template": "template.yaml", "parameters": row, "lint": True} for row in rows]
    # Two deployments are a second apart at least.
    jobs: list[dict[str, Any]] = [
        {**job, "second": number} for number, job in enumerate([*stacks, *planted.values()])
    ]
    found = [
        Expansion(job["parameters"], one["template"], one["findings"])
        for job, one in zip(jobs, expansions(sam_tools, jobs), strict=True)
    ]
    # Shown in every run.
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        pytestconfig.get_terminal_writer().line(
            f"\n{len(rows)} stacks expanded, with every pair of values of {len(options())} options"
        )
    return found


@pytest.fixture(scope="module")
def stacks(done: list[Expansion], rows: list[Values]) -> list[Expansion]:
    return done[: len(rows)]


@pytest.fixture(scope="module")
def mistaken(
    done: list[Expansion], rows: list[Values], planted: dict[str, object]
) -> dict[str, Expansion]:
    return dict(zip(planted, done[len(rows) :], strict=True))


def test_every_parameter_is_tried_with_more_than_one_value() -> None:
    parameters = TEMPLATE["Parameters"]
    free = {name for name, one in parameters.items() if "AllowedValues" not in one}
    assert EXAMPLES.keys() == free
    for name, value in EXAMPLES.items():
        pattern = parameters[name].get("AllowedPattern")
        assert pattern is None or re.search(pattern, value), name
        assert len(value) <= int(parameters[name].get("MaxLength", MAX_VALUE_BYTES)), name
    assert all(len(set(values)) > 1 for values in options().values())


def test_every_pair_of_values_occurs_but_those_that_a_rule_refuses(rows: list[Values]) -> None:
    wanted = pairs_wanted(options(), is_allowed)
    assert set().union(*map(pairs_of, rows)) == wanted
    assert all(row.keys() == options().keys() for row in rows)
    # As few as a covering array has, and not one for each pair.
    assert len(rows) < 30 < len(wanted) / 30


def test_no_stack_has_an_error(stacks: list[Expansion]) -> None:
    for stack in stacks:
        assert stack.findings == [], stack.parameters


def test_the_old_canary_is_found_where_it_is_switched_on(mistaken: dict[str, Expansion]) -> None:
    rules = {rule for rule, _ in mistaken["the old canary"].findings}
    assert rules == {"E3004"}, "the circular dependency"
    # Without the option the same template is in order: that is why all options are tried.
    assert mistaken["the old canary, switched off"].findings == []


def unthrottled(template: Template) -> Iterator[str]:
    """The stages that take more requests than a parameter allows."""
    for name, stage in of_type(template, "AWS::ApiGateway::Stage").items():
        rate = {"Ref": "RequestsPerSecond"}
        everything = {"ResourcePath": "/*", "HttpMethod": "*"}
        limits = {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": rate}
        if {**everything, **limits} not in stage.get("MethodSettings", ()):
            yield name
    for name, deployment in of_type(template, "AWS::ApiGateway::Deployment").items():
        if "StageName" in deployment:
            yield f"{name}: {deployment['StageName']}"


def test_every_stack_has_one_stage_and_it_is_throttled(
    stacks: list[Expansion], mistaken: dict[str, Expansion]
) -> None:
    for stack in stacks:
        assert len(of_type(stack.template, "AWS::ApiGateway::Stage")) == 1
        assert list(unthrottled(stack.template)) == []
    assert list(unthrottled(mistaken["no throttle"].template)) == ["ApiliveStage"]
    [second] = unthrottled(mistaken["a second stage"].template)
    assert second.endswith(": Stage")


def deployment(template: Template) -> str:
    """The logical id of the one deployment; another id is another deployment."""
    (name,) = of_type(template, "AWS::ApiGateway::Deployment")
    return name


def test_another_option_is_another_deployment_of_the_routes(
    stacks: list[Expansion], mistaken: dict[str, Expansion]
) -> None:
    assert len({deployment(stack.template) for stack in stacks}) == len(stacks)
    without = mistaken["no new deployment"], mistaken["no new deployment, publishing"]
    assert len({deployment(stack.template) for stack in without}) == 1
    for stack in stacks:
        paths = of_type(stack.template, "AWS::ApiGateway::RestApi")["Api"]["Body"]["paths"]
        assert ("/api/reports" in paths) == (stack.parameters["PublishFeed"] == "true")


def test_every_stack_is_within_the_limits(stacks: list[Expansion]) -> None:
    assert (ROOT / "template.yaml").stat().st_size < MAX_TEMPLATE_BYTES / 2
    for stack in stacks:
        template = stack.template
        assert len(json.dumps(template)) < MAX_TEMPLATE_BYTES / 2
        assert len(template["Resources"]) < MAX_RESOURCES / 2
        assert len(template["Parameters"]) < MAX_PARAMETERS / 2
        assert len(template["Outputs"]) < MAX_OUTPUTS / 2
        values = values_of(template, stack.parameters)
        assert max(len(value) for value in values.values()) <= MAX_VALUE_BYTES
        for name, function in of_type(template, "AWS::Lambda::Function").items():
            known = [
                str(values.get(one["Ref"], LONGEST_NAME) if isinstance(one, dict) else one)
                for one in function["Environment"]["Variables"].values()
            ]
            names = "".join(function["Environment"]["Variables"])
            assert len(names + "".join(known)) < MAX_VARIABLE_BYTES, name


def test_roles_of_every_stack_are_small_and_name_what_they_reach(stacks: list[Expansion]) -> None:
    for stack in stacks:
        for name, role in of_type(stack.template, "AWS::IAM::Role").items():
            if name == "CodeDeployServiceRole":  # SAM's own
                continue
            assert "ManagedPolicyArns" not in role, name
            policies = role["Policies"]
            assert len({one["PolicyName"] for one in policies}) == len(policies), name
            text = "".join(json.dumps(one["PolicyDocument"]) for one in policies)
            assert len("".join(text.split())) < MAX_ROLE_CHARACTERS / 2, name
            for policy in policies:
                for statement in policy["PolicyDocument"]["Statement"]:
                    assert statement["Effect"] == "Allow"
                    # EC2 takes nothing else for a network interface.
                    everything = "*" in as_list(statement["Resource"])
                    assert everything == (statement.get("Sid") == "CreateNetworkInterfaces"), name
                    assert not any("*" in one for one in as_list(statement["Action"])), name
