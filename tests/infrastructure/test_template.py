"""What the stack grants, keeps and exposes, read from the expanded template."""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from functions.ingest.summary import Summary
from tests.infrastructure.support import Template, run

FUNCTIONS = ["IngestFunction", "LookupFunction"]
TABLES = ["IocTable", "StateTable"]
QUEUE_ARN = {"Fn::GetAtt": ["IngestDeadLetterQueue", "Arn"]}
PARAMETER_ARN = (
    "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${FeedApiKeyParameter}"
)
NO_VALUE = {"Ref": "AWS::NoValue"}

# Role -> resource -> actions: this much and no more.
GRANTS = {
    "IngestFunctionRole": {
        "IocTable": {"dynamodb:BatchGetItem", "dynamodb:PutItem"},
        "StateTable": {
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
        },
        "IngestDeadLetterQueue": {"sqs:SendMessage"},
        PARAMETER_ARN: {"ssm:GetParameter"},
    },
    "IngestFunctionTimerRole": {
        "IngestFunction": {"lambda:InvokeFunction"},
        "IngestDeadLetterQueue": {"sqs:SendMessage"},
    },
    "LookupFunctionRole": {
        "IocTable": {"dynamodb:BatchGetItem", "dynamodb:GetItem"},
        "StateTable": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    },
}

COMMON_VARIABLES = {
    "TABLE_NAME",
    "STATE_TABLE_NAME",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_LOG_LEVEL",
}
VARIABLES = {
    "IngestFunction": COMMON_VARIABLES
    | {"FEED_URL", "FEED_API_KEY_PARAMETER", "FEED_ALLOW_PRIVATE", "TTL"},
    "LookupFunction": COMMON_VARIABLES,
}


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role["Policies"]:
        _, granted, _ = policy.get("Fn::If", [None, policy, None])
        yield from granted["PolicyDocument"]["Statement"]


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def target(resource: dict[str, Any]) -> str:
    """The logical id of what an ARN names, or the pattern that makes the ARN."""
    if "Fn::GetAtt" in resource:
        name, attribute = resource["Fn::GetAtt"]
        assert attribute == "Arn"
        return str(name)
    return str(resource["Fn::Sub"])


def test_template_is_valid(sam_tools: Path) -> None:
    assert "is a valid SAM Template" in run(sam_tools / "sam", "validate", "--lint")


def test_roles_grant_these_actions_and_no_more(template: Template) -> None:
    granted: dict[str, dict[str, set[str]]] = {}
    for name, role in of_type(template, "AWS::IAM::Role").items():
        grants = granted.setdefault(name, {})
        for statement in statements(role):
            assert statement["Effect"] == "Allow"
            for resource in as_list(statement["Resource"]):
                grants.setdefault(target(resource), set()).update(as_list(statement["Action"]))
    assert granted == GRANTS
    assert not of_type(template, "AWS::IAM::Policy")
    assert not of_type(template, "AWS::IAM::ManagedPolicy")


def test_roles_hold_no_managed_policy_but_the_one_to_write_logs(template: Template) -> None:
    logs = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    held = {
        name: role.get("ManagedPolicyArns", [])
        for name, role in of_type(template, "AWS::IAM::Role").items()
    }
    assert held == {
        "IngestFunctionRole": [logs],
        "LookupFunctionRole": [logs],
        "IngestFunctionTimerRole": [],
    }


def test_feed_key_is_readable_only_where_one_is_named(template: Template) -> None:
    role = template["Resources"]["IngestFunctionRole"]["Properties"]
    (conditional,) = [policy["Fn::If"] for policy in role["Policies"] if "Fn::If" in policy]
    condition, granted, otherwise = conditional
    assert condition == "HasFeedApiKey"
    assert otherwise == NO_VALUE
    assert [s["Action"] for s in granted["PolicyDocument"]["Statement"]] == ["ssm:GetParameter"]
    assert template["Conditions"]["HasFeedApiKey"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "FeedApiKeyParameter"}, ""]}]
    }


@pytest.mark.parametrize("name", TABLES)
def test_table_is_keyed_encrypted_and_hard_to_lose(template: Template, name: str) -> None:
    resource = template["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    table = resource["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "pk", "AttributeType": "S"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["IsProd", True, False]}


def test_there_are_these_tables_only(template: Template) -> None:
    assert list(of_type(template, "AWS::DynamoDB::Table")) == TABLES
    assert template["Conditions"]["IsProd"] == {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_gets_these_variables_and_no_secret(template: Template, name: str) -> None:
    properties = template["Resources"][name]["Properties"]
    variables = properties["Environment"]["Variables"]
    assert set(variables) == VARIABLES[name]
    assert variables["TABLE_NAME"] == {"Ref": "IocTable"}
    assert variables["STATE_TABLE_NAME"] == {"Ref": "StateTable"}
    assert variables["AWS_ENDPOINT_URL_DYNAMODB"] == ""
    # A dynamic reference would be resolved into the variable, in the clear.
    assert "{{resolve:" not in json.dumps(template)
    assert not [n for n, p in template["Parameters"].items() if p.get("NoEcho")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_runs_on_the_layer_and_logs_json_with_an_end(
    template: Template, name: str
) -> None:
    properties = template["Resources"][name]["Properties"]
    assert properties["Runtime"] == "python3.13"
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    assert template["Parameters"]["Architecture"]["Default"] == "arm64"
    (layer,) = properties["Layers"]
    assert layer["Ref"] in of_type(template, "AWS::Lambda::LayerVersion")
    logging = properties["LoggingConfig"]
    assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", "WARN")
    group = template["Resources"][logging["LogGroup"]["Ref"]]["Properties"]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_request_reaches_the_lookup_function(template: Template) -> None:
    ((_, api),) = of_type(template, "AWS::ApiGatewayV2::Api").items()
    (route,) = api["Body"]["paths"].items()
    assert route[0] == "/$default"
    (method,) = route[1].values()
    assert method["isDefaultRoute"] is True
    integration = method["x-amazon-apigateway-integration"]
    assert integration["payloadFormatVersion"] == "2.0"
    assert "${LookupFunction.Arn}" in integration["uri"]["Fn::Sub"]
    assert "security" not in method


def test_nothing_of_a_request_is_logged_by_the_gateway(template: Template) -> None:
    ((_, stage),) = of_type(template, "AWS::ApiGatewayV2::Stage").items()
    assert not stage.keys() & {"AccessLogSettings", "DefaultRouteSettings"}


def test_only_the_gateway_may_invoke_and_there_is_no_other_door(template: Template) -> None:
    ((_, permission),) = of_type(template, "AWS::Lambda::Permission").items()
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert permission["FunctionName"] == {"Ref": "LookupFunction"}
    assert permission["SourceArn"]["Fn::Sub"][1]["__ApiId__"] == {"Ref": "HttpApi"}
    assert not of_type(template, "AWS::Lambda::Url")


def test_timer_runs_ingest_and_keeps_what_it_cannot_deliver(template: Template) -> None:
    ((_, schedule),) = of_type(template, "AWS::Scheduler::Schedule").items()
    assert "Name" not in schedule, "a fixed name clashes with a second stack in the account"
    assert schedule["ScheduleExpression"] == {"Ref": "Schedule"}
    assert template["Parameters"]["Schedule"]["Default"] == "rate(15 minutes)"
    assert schedule["Target"]["Arn"] == {"Fn::GetAtt": ["IngestFunction", "Arn"]}
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": QUEUE_ARN}
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_failed_ingest_runs_end_in_the_same_queue(template: Template) -> None:
    ((_, config),) = of_type(template, "AWS::Lambda::EventInvokeConfig").items()
    assert config["FunctionName"] == {"Ref": "IngestFunction"}
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": QUEUE_ARN}}
    queue = template["Resources"]["IngestDeadLetterQueue"]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_ingest_runs_alone_unless_told_otherwise(template: Template) -> None:
    ingest = template["Resources"]["IngestFunction"]["Properties"]
    assert ingest["ReservedConcurrentExecutions"] == {
        "Fn::If": ["ReservesConcurrency", {"Ref": "IngestReservedConcurrency"}, NO_VALUE]
    }
    assert template["Parameters"]["IngestReservedConcurrency"]["Default"] == 1
    assert (ingest["Timeout"], ingest["MemorySize"]) == (300, 1024)


def test_alarms_watch_ingest_and_its_queue(template: Template) -> None:
    watched = {
        alarm["MetricName"]: alarm["Dimensions"][0]["Value"]
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()
    }
    assert watched == {
        "ingest_complete": "ingest",
        "ingest_feed_failures": "ingest",
        "ApproximateNumberOfMessagesVisible": {
            "Fn::GetAtt": ["IngestDeadLetterQueue", "QueueName"]
        },
    }


def test_alarms_watch_numbers_that_runs_tell(template: Template) -> None:
    told = {f"ingest_{field.name}" for field in fields(Summary)}
    watched = {
        alarm["MetricName"]
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "IocReputation"
    }
    assert watched
    assert watched <= told


def test_parameters_and_outputs_say_what_they_are(template: Template) -> None:
    for name, entry in (template["Parameters"] | template["Outputs"]).items():
        assert entry.get("Description"), name
    assert set(template["Outputs"]) == {
        "ApiUrl",
        "IocTableName",
        "StateTableName",
        "IngestFunctionName",
        "LookupFunctionName",
    }
