"""What the stack grants, keeps and exposes, read from the expanded template."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.changes.change import DETAIL_TYPE, SOURCE
from functions.export.build import _WRITTEN_AGAIN_AFTER_MS
from functions.export.settings import INDICATED
from functions.webhook.delivery import TIMEOUT_S
from local.changes import QUEUE_BATCH, STREAM_BATCH
from shared.formats.exports.source import Tlp
from shared.store.filters import KEY
from shared.store.keys import Prefix
from tests.cloudwatch import watched
from tests.infrastructure.support import Template, run

FUNCTIONS = [
    "AnnotateFunction",
    "ChangesFunction",
    "ExportFunction",
    "FilterFunction",
    "IngestFunction",
    "LookupFunction",
    "ProvidersFunction",
    "PublishFunction",
    "WebhookFunction",
]
TABLES = ["IocTable", "StateTable", "ReportTable", "SearchTable"]
QUEUE_ARN = {"Fn::GetAtt": ["IngestDeadLetterQueue", "Arn"]}
PARAMETER_ARN = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${%s}"
# Role -> condition -> parameter with the name of a key or a certificate that it may read then.
KEYS = {
    "IngestFunctionRole": {"HasFeedApiKey": "FeedApiKeyParameter", "HasFeedCa": "FeedCaParameter"},
    "PublishFunctionRole": {
        "HasFeedCa": "FeedCaParameter",
        "HasSandboxApiKey": "SandboxApiKeyParameter",
        "HasReputationApiKey": "ReputationApiKeyParameter",
    },
    "WebhookFunctionRole": {"HasFeedCa": "FeedCaParameter"},
}
PROVIDER_KEYS_ARN = f"{PARAMETER_ARN % 'ProviderKeysPath'}/*"
FILTER_ARN = "${FilterBucket.Arn}/filter.bloom"
EXPORTS_ARN = "${ExportBucket.Arn}/*"
NO_VALUE = {"Ref": "AWS::NoValue"}
# What belongs to a half of the stack that may be left out.
OPTIONAL = {
    "PublishesFeed": ("Publish", "Report", "Poll", "FeedUrl"),
    "HasProviders": ("Providers",),
    "PublishesFilter": ("Filter",),
    "HasSearchIndex": ("Search",),
    "HasHostedZone": ("ApiDomainRecord",),
    "HasDomain": ("ApiDomain",),
    "HasTableKey": ("TableKeyPolicy",),
    "HasFunctionUrl": ("LookupUrl",),
    "SendsChanges": ("Changes",),
    "HasWebhook": ("Webhook",),
    "PublishesExports": ("Export",),
}
# A half that is there only where another is.
IMPLIES = {"HasWebhook": "SendsChanges"}

WRITE_LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}

# What Lambda takes to put a function into a VPC, and the functions that may be in one.
INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
# By function, the condition under which it is in the VPC.
IN_VPC = {
    "IngestFunction": "HasVpc",
    "ProvidersFunction": "HasVpc",
    "PublishFunction": "HasVpc",
    "WebhookFunction": "HasPrivateWebhook",
}

# Role -> resource -> actions: this much and no more.
GRANTS = {
    "AnnotateFunctionRole": {
        "AnnotateLogGroup": WRITE_LOG,
        "IocTable": {"dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
        "StateTable": {
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
        },
    },
    "ChangesFunctionRole": {
        "ChangesLogGroup": WRITE_LOG,
        "ChangesBus": {"events:PutEvents"},
        "IocTable": {"dynamodb:BatchGetItem"},
        "StateTable": {"dynamodb:GetItem"},
        "IocTable.StreamArn": {
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
        },
        "ChangesDeadLetterQueue": {"sqs:SendMessage"},
    },
    "IngestFunctionRole": {
        "IngestLogGroup": WRITE_LOG,
        "IocTable": {"dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        "StateTable": {
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
        },
        "SearchTable": {"dynamodb:BatchWriteItem"},
        "IngestDeadLetterQueue": {"sqs:SendMessage"},
        "*": INTERFACES,
        PARAMETER_ARN % "FeedApiKeyParameter": {"ssm:GetParameter"},
        PARAMETER_ARN % "FeedCaParameter": {"ssm:GetParameter"},
    },
    "IngestFunctionTimerRole": {
        "IngestFunction": {"lambda:InvokeFunction"},
        "IngestDeadLetterQueue": {"sqs:SendMessage"},
    },
    "LookupFunctionRole": {
        "LookupLogGroup": WRITE_LOG,
        "IocTable": {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
        "StateTable": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
        "SearchTable": {"dynamodb:Query"},
        PROVIDER_KEYS_ARN: {"ssm:GetParameter"},
        FILTER_ARN: {"s3:GetObject"},
        "FilterBucket": {"s3:ListBucket"},
        EXPORTS_ARN: {"s3:GetObject"},
        "ExportBucket": {"s3:ListBucket"},
    },
    "ExportFunctionRole": {
        "ExportLogGroup": WRITE_LOG,
        "IocTable": {"dynamodb:Scan", "dynamodb:UpdateItem"},
        "StateTable": {"dynamodb:GetItem"},
        EXPORTS_ARN: {"s3:GetObject", "s3:PutObject"},
        "ExportBucket": {"s3:ListBucket"},
    },
    "ExportFunctionTimerRole": {"ExportFunction": {"lambda:InvokeFunction"}},
    "FilterFunctionRole": {
        "FilterLogGroup": WRITE_LOG,
        "IocTable": {"dynamodb:Scan"},
        "StateTable": {"dynamodb:GetItem"},
        FILTER_ARN: {"s3:PutObject"},
    },
    "FilterFunctionTimerRole": {"FilterFunction": {"lambda:InvokeFunction"}},
    "ProvidersFunctionRole": {
        "*": INTERFACES,
        "ProvidersLogGroup": WRITE_LOG,
        "IocTable": {"dynamodb:UpdateItem"},
        "StateTable": {
            "dynamodb:BatchGetItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
        },
        PROVIDER_KEYS_ARN: {"ssm:GetParameter"},
    },
    "ProvidersFunctionTimerRole": {"ProvidersFunction": {"lambda:InvokeFunction"}},
    "PublishFunctionRole": {
        "*": INTERFACES,
        "PublishLogGroup": WRITE_LOG,
        "ReportTable": {
            "dynamodb:BatchGetItem",
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
        },
        "IocTable": {"dynamodb:BatchGetItem"},
        "StateTable": {"dynamodb:GetItem"},
        PARAMETER_ARN % "FeedCaParameter": {"ssm:GetParameter"},
        PARAMETER_ARN % "SandboxApiKeyParameter": {"ssm:GetParameter"},
        PARAMETER_ARN % "ReputationApiKeyParameter": {"ssm:GetParameter"},
    },
    "PublishFunctionPollRole": {"PublishFunction": {"lambda:InvokeFunction"}},
    "WebhookFunctionRole": {
        "*": INTERFACES,
        PARAMETER_ARN % "FeedCaParameter": {"ssm:GetParameter"},
        "WebhookLogGroup": WRITE_LOG,
        "WebhookQueue": {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
        PARAMETER_ARN % "WebhookSigningKeyParameter": {"ssm:GetParameter"},
    },
}

COMMON_VARIABLES = {
    "TABLE_NAME",
    "STATE_TABLE_NAME",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "SHA512",
    "HALF_LIFE_HASH",
    "HALF_LIFE_DOMAIN",
    "HALF_LIFE_URL",
    "HALF_LIFE_IP",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_LOG_LEVEL",
}
VARIABLES = {
    "AnnotateFunction": COMMON_VARIABLES,
    "ChangesFunction": COMMON_VARIABLES | {"EVENT_BUS_NAME", "PROVIDERS"},
    "WebhookFunction": COMMON_VARIABLES
    | {
        "WEBHOOK_URL",
        "WEBHOOK_SIGNING_KEY_PARAMETER",
        "WEBHOOK_ALLOW_PRIVATE",
        "FEED_CA_PARAMETER",
    },
    "IngestFunction": COMMON_VARIABLES
    | {
        "FEED_URL",
        "FEED_API_KEY_PARAMETER",
        "FEED_ALLOW_PRIVATE",
        "FEED_CA_PARAMETER",
        "INHERIT_VERDICT",
        "PUBLISH_PRIVATE",
        "SEARCH_TABLE_NAME",
        "TTL",
    },
    "ExportFunction": COMMON_VARIABLES
    | {"EXPORT_BUCKET", "EXPORT_LEAST_VERDICT", "EXPORT_TLP", "PROVIDERS", "SANDBOX_URL", "TTL"},
    "FilterFunction": COMMON_VARIABLES | {"FILTER_BUCKET"},
    "LookupFunction": COMMON_VARIABLES
    | {
        "CACHE_TTL",
        "EXPORT_BUCKET",
        "FILTER_BUCKET",
        "GEOIP_DATABASE",
        "LOOKUP_MAX_AGE",
        "PROVIDERS",
        "PROVIDER_KEYS_PATH",
        "SANDBOX_URL",
        "SEARCH_TABLE_NAME",
        "SUMMARY_PROVIDER",
    },
    "ProvidersFunction": COMMON_VARIABLES
    | {"PROVIDERS", "PROVIDER_KEYS_PATH", "PROVIDERS_ALLOW_PRIVATE"},
    "PublishFunction": COMMON_VARIABLES
    | {
        "FEED_CA_PARAMETER",
        "PROVIDERS",
        "PUBLISH_PRIVATE",
        "REPORT_TABLE_NAME",
        "SANDBOX_URL",
        "SANDBOX_API_KEY_PARAMETER",
        "SANDBOX_ALLOW_PRIVATE",
        "REPUTATION_URL",
        "REPUTATION_API_KEY_PARAMETER",
        "REPUTATION_ALLOW_PRIVATE",
    },
}
ROUTES = {
    "/v4/ioc/{proxy+}": "LookupFunction",
    "/v4/overrides": "AnnotateFunction",
    "/v4/false-positives": "AnnotateFunction",
    "/": "LookupFunction",
    "/{proxy+}": "LookupFunction",
    "/docs": "LookupFunction",
    "/health": "LookupFunction",
    "/openapi.json": "LookupFunction",
    "/api/reports": "PublishFunction",
    "/feed/{proxy+}": "PublishFunction",
    "/api/feed/{proxy+}": "PublishFunction",
}
# What the gateway invokes of a function: its alias, if it has one.
INVOKED = {
    "AnnotateFunction": "AnnotateFunction",
    "LookupFunction": "LookupFunctionAliaslive",
    "PublishFunction": "PublishFunction",
}
# Routes that answer without a key.
OPEN_ROUTES = {"/", "/docs", "/health", "/openapi.json"}
# The status and code of what the gateway answers by itself.
GATEWAY_ERRORS = {
    "ACCESS_DENIED": (403, 403000),
    "BAD_REQUEST_BODY": (400, 400021),
    "BAD_REQUEST_PARAMETERS": (400, 400022),
    "DEFAULT_4XX": (400, 400040),
    "DEFAULT_5XX": (503, 503001),
    "EXPIRED_TOKEN": (403, 403000),
    "INTEGRATION_FAILURE": (503, 503001),
    "INTEGRATION_TIMEOUT": (503, 503001),
    "INVALID_API_KEY": (403, 403000),
    "INVALID_SIGNATURE": (403, 403000),
    "MISSING_AUTHENTICATION_TOKEN": (404, 404000),
    "QUOTA_EXCEEDED": (429, 429000),
    "REQUEST_TOO_LARGE": (413, 400144),
    "RESOURCE_NOT_FOUND": (404, 404000),
    "THROTTLED": (429, 429001),
    "UNAUTHORIZED": (401, 401000),
    "UNSUPPORTED_MEDIA_TYPE": (415, 406000),
    "WAF_FILTERED": (403, 403000),
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


def target(resource: str | dict[str, Any]) -> str:
    """The logical id of what an ARN names, or the pattern that makes the ARN."""
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        name, attribute = resource["Fn::GetAtt"]
        return str(name) if attribute == "Arn" else f"{name}.{attribute}"
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
    # See test_deployment.py for it.
    assert list(of_type(template, "AWS::IAM::Policy")) == ["TableKeyPolicy"]
    assert not of_type(template, "AWS::IAM::ManagedPolicy")


def test_roles_hold_no_managed_policy(template: Template) -> None:
    """One would grant on every log group, or on every network interface."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        assert not role.get("ManagedPolicyArns"), name


def test_each_function_has_a_role_of_its_own(template: Template) -> None:
    roles = {
        name: one["Role"]["Fn::GetAtt"][0]
        for name, one in of_type(template, "AWS::Lambda::Function").items()
    }
    assert roles == {name: f"{name}Role" for name in FUNCTIONS}
    for name, role in roles.items():
        resource = template["Resources"][role]
        assert resource.get("Condition") == template["Resources"][name].get("Condition")
        (trust,) = resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_is_readable_only_where_one_is_named(template: Template, name: str) -> None:
    role = template["Resources"][name]["Properties"]
    conditional = [
        policy["Fn::If"]
        for policy in role["Policies"]
        if "Fn::If" in policy
        and policy["Fn::If"][0] not in {"HasProviders", "HasSearchIndex", *IN_VPC.values()}
    ]
    assert {condition for condition, _, _ in conditional} == KEYS[name].keys()
    for condition, granted, otherwise in conditional:
        parameter = KEYS[name][condition]
        assert otherwise == NO_VALUE
        (statement,) = granted["PolicyDocument"]["Statement"]
        assert statement["Action"] == "ssm:GetParameter"
        assert statement["Resource"] == {"Fn::Sub": PARAMETER_ARN % parameter}
        assert template["Conditions"][condition] == {
            "Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]
        }


@pytest.mark.parametrize("name", IN_VPC)
def test_a_function_is_in_the_vpc_only_with_subnets(template: Template, name: str) -> None:
    assert template["Resources"][name]["Properties"]["VpcConfig"] == {
        "Fn::If": [
            IN_VPC[name],
            {
                "SubnetIds": {"Ref": "VpcSubnetIds"},
                "SecurityGroupIds": {"Ref": "VpcSecurityGroupIds"},
            },
            NO_VALUE,
        ]
    }
    role = template["Resources"][f"{name}Role"]["Properties"]
    ((_, granted, otherwise),) = [
        one["Fn::If"] for one in role["Policies"] if one.get("Fn::If", [""])[0] == IN_VPC[name]
    ]
    assert otherwise == NO_VALUE
    (statement,) = granted["PolicyDocument"]["Statement"]
    assert set(statement["Action"]) == INTERFACES
    # IAM knows this key in requests of the function's own code: they are not allowed.
    assert statement["Condition"] == {"Null": {"lambda:SourceFunctionArn": "true"}}


def test_the_other_functions_are_in_no_vpc_and_make_no_network_interface(
    template: Template,
) -> None:
    functions = of_type(template, "AWS::Lambda::Function")
    assert [name for name, one in functions.items() if "VpcConfig" in one] == list(IN_VPC)
    for name, role in of_type(template, "AWS::IAM::Role").items():
        granted = json.dumps([list(statements(role))])
        assert ("ec2:" in granted) == (name.removesuffix("Role") in IN_VPC), name


def test_subnets_without_a_security_group_are_refused(template: Template) -> None:
    rule = template["Rules"]["SubnetsNeedSecurityGroups"]
    empty = (
        {"Fn::Contains": [{"Ref": name}, ""]} for name in ("VpcSubnetIds", "VpcSecurityGroupIds")
    )
    subnets, groups = ({"Fn::Not": [one]} for one in empty)
    assert rule["RuleCondition"] == subnets
    assert rule["Assertions"][0]["Assert"] == groups
    joined = {"Fn::Join": ["", {"Ref": "VpcSubnetIds"}]}
    assert template["Conditions"]["HasVpc"] == {"Fn::Not": [{"Fn::Equals": [joined, ""]}]}
    assert template["Conditions"]["HasPrivateWebhook"] == {
        "Fn::And": [
            {"Condition": "HasWebhook"},
            {"Condition": "HasVpc"},
            {"Fn::Equals": [{"Ref": "WebhookAllowPrivate"}, "true"]},
        ]
    }


def test_of_the_state_publishing_reads_keys_and_providers_and_nothing_else(
    template: Template,
) -> None:
    role = template["Resources"]["PublishFunctionRole"]["Properties"]
    of_state = [one for one in statements(role) if target(one["Resource"]) == "StateTable"]
    assert [one["Condition"]["ForAllValues:StringLike"] for one in of_state] == [
        {"dynamodb:LeadingKeys": [f"{Prefix.API_KEY}#*"]},
        {"dynamodb:LeadingKeys": [f"{Prefix.NETWORKS}#*", f"{Prefix.PROVIDERS}#*"]},
    ]


def test_trusted_lists_are_read_only_where_there_are_providers(template: Template) -> None:
    found = sids_by_condition(template, "ChangesFunctionRole")
    assert found["HasProviders"] == ["ReadProviders", "ReadListings"]
    # Exports read the listings with the items, and publishing reads the overrides of the items.
    for name in ("ExportFunctionRole", "PublishFunctionRole"):
        assert sids_by_condition(template, name)["HasProviders"] == ["ReadProviders"]


def test_of_the_state_each_writes_its_own_and_nothing_else(template: Template) -> None:
    assert leading_keys(template, "LookupFunctionRole") == [f"{Prefix.QUOTA}#*"]
    assert leading_keys(template, "ProvidersFunctionRole") == [
        f"{prefix}#*" for prefix in (Prefix.PROVIDERS, Prefix.SNAPSHOT, Prefix.NETWORKS)
    ]
    assert leading_keys(template, "IngestFunctionRole") == [
        f"{prefix}#*"
        for prefix in (
            Prefix.FEED,
            Prefix.FEED_RUNS,
            Prefix.QUARANTINE,
            Prefix.REPORT,
            Prefix.RUNS,
            Prefix.UNRESOLVED,
        )
    ]


def leading_keys(template: Template, role: str) -> list[str]:
    """The keys of the state that a role may write."""
    (writing,) = [
        one
        for one in statements(template["Resources"][role]["Properties"])
        if target(one["Resource"]) == "StateTable" and "dynamodb:UpdateItem" in one["Action"]
    ]
    ((operator, keys),) = writing["Condition"].items()
    assert operator == "ForAllValues:StringLike"
    allowed: list[str] = keys["dynamodb:LeadingKeys"]
    return allowed


def sids_by_condition(template: Template, name: str) -> dict[str | None, list[str]]:
    """What a role grants, by the condition that it hangs on."""
    found: dict[str | None, list[str]] = {}
    for policy in template["Resources"][name]["Properties"]["Policies"]:
        condition, granted, otherwise = policy.get("Fn::If", [None, policy, NO_VALUE])
        sids = [one["Sid"] for one in granted["PolicyDocument"]["Statement"] if "Sid" in one]
        found.setdefault(condition, []).extend(sids)
        assert otherwise == NO_VALUE
    return found


def test_look_ups_write_items_and_read_keys_only_with_an_on_demand_provider(
    template: Template,
) -> None:
    assert sids_by_condition(template, "LookupFunctionRole") == {
        None: ["WriteLog", "ReadReputation", "ReadKeyQuotaAndRuns", "LeaseQuota"],
        "HasProviders": ["ReadProviders"],
        "HasOnDemandProviders": ["KeepAnswers", "ReadProviderKeys"],
        "HasSearchIndex": ["ReadSearchIndex"],
        "PublishesFilter": ["ServeFilter", "SeeMissingFilter"],
        "PublishesExports": ["ServeExports", "SeeMissingExports"],
    }
    assert template["Parameters"]["OnDemandProviders"]["Default"] == "false"
    assert template["Conditions"]["HasOnDemandProviders"] == {
        "Fn::And": [
            {"Condition": "HasProviders"},
            {"Fn::Equals": [{"Ref": "OnDemandProviders"}, "true"]},
        ]
    }


@pytest.mark.parametrize("on_demand", [False, True])
def test_look_ups_change_items_only_with_an_on_demand_provider(
    template: Template, *, on_demand: bool
) -> None:
    policies = template["Resources"]["LookupFunctionRole"]["Properties"]["Policies"]
    granted = [
        policy["Fn::If"][1] if "Fn::If" in policy else policy
        for policy in policies
        if on_demand or policy.get("Fn::If", [""])[0] != "HasOnDemandProviders"
    ]
    actions = {
        action
        for policy in granted
        for one in policy["PolicyDocument"]["Statement"]
        if target(one["Resource"]) == "IocTable"
        for action in as_list(one["Action"])
    }
    writing = {"dynamodb:UpdateItem"} if on_demand else set()
    assert actions == {"dynamodb:BatchGetItem", "dynamodb:GetItem"} | writing


def test_the_search_index_is_reached_only_where_there_is_one(template: Template) -> None:
    assert template["Parameters"]["SearchIndex"]["Default"] == "false"
    assert template["Conditions"]["HasSearchIndex"] == {
        "Fn::Equals": [{"Ref": "SearchIndex"}, "true"]
    }
    assert sids_by_condition(template, "IngestFunctionRole")["HasSearchIndex"] == ["EnterReports"]
    for name in ("IngestFunction", "LookupFunction"):
        variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        assert variables["SEARCH_TABLE_NAME"] == {
            "Fn::If": ["HasSearchIndex", {"Ref": "SearchTable"}, ""]
        }


def test_of_the_state_the_filter_reads_how_providers_stand_and_nothing_else(
    template: Template,
) -> None:
    role = template["Resources"]["FilterFunctionRole"]["Properties"]
    (of_state,) = [one for one in statements(role) if target(one["Resource"]) == "StateTable"]
    assert of_state["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{Prefix.PROVIDERS}#*"]}
    }


@pytest.mark.parametrize("name", ["FilterBucket", "ExportBucket"])
def test_a_bucket_is_encrypted_private_and_what_is_in_it_goes_when_it_is_old(
    template: Template, name: str
) -> None:
    buckets = of_type(template, "AWS::S3::Bucket")
    assert set(buckets) == {"FilterBucket", "ExportBucket"}
    assert template["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"
    bucket = buckets[name]
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 30)
    policy = template["Resources"][f"{name}Policy"]["Properties"]
    assert policy["Bucket"] == {"Ref": name}
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [
        {"Fn::GetAtt": [name, "Arn"]},
        {"Fn::Sub": f"${{{name}.Arn}}/*"},
    ]


def test_a_timer_makes_the_exports_as_often_as_is_wanted(template: Template) -> None:
    assert schedule_of(template, "ExportFunction")["ScheduleExpression"] == {
        "Ref": "ExportSchedule"
    }
    assert template["Parameters"]["ExportSchedule"]["Default"] == "rate(1 hour)"
    # What is not written again in two weeks must still be there when it is.
    days = _WRITTEN_AGAIN_AFTER_MS / 86_400_000
    rules = template["Resources"]["ExportBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert days <= rules[0]["ExpirationInDays"] / 2


def test_the_exports_are_where_the_functions_look_for_them(template: Template) -> None:
    resources = template["Resources"]
    variables = {
        name: resources[name]["Properties"]["Environment"]["Variables"]["EXPORT_BUCKET"]
        for name in ("ExportFunction", "LookupFunction")
    }
    bucket = {"Ref": "ExportBucket"}
    assert variables == {
        "ExportFunction": bucket,
        "LookupFunction": {"Fn::If": ["PublishesExports", bucket, ""]},
    }
    tlps = template["Parameters"]["ExportTlp"]["AllowedValues"]
    assert tlps == [tlp.value for tlp in Tlp]
    verdicts = template["Parameters"]["ExportLeastVerdict"]["AllowedValues"]
    assert verdicts == list(INDICATED)


def test_the_filter_is_where_the_functions_look_for_it(template: Template) -> None:
    assert f"${{FilterBucket.Arn}}/{KEY}" == FILTER_ARN
    variables = {
        name: template["Resources"][name]["Properties"]["Environment"]["Variables"]["FILTER_BUCKET"]
        for name in ("FilterFunction", "LookupFunction")
    }
    bucket = {"Ref": "FilterBucket"}
    assert variables == {
        "FilterFunction": bucket,
        "LookupFunction": {"Fn::If": ["PublishesFilter", bucket, ""]},
    }


def test_one_timer_makes_the_filter_every_day(template: Template) -> None:
    assert schedule_of(template, "FilterFunction")["ScheduleExpression"] == "rate(1 day)"
    function = template["Resources"]["FilterFunction"]["Properties"]
    assert (function["Timeout"], function["EphemeralStorage"]) == (900, {"Size": 8192})
    alarm = template["Resources"]["FilterStaleAlarm"]["Properties"]
    # One run more than a day apart is late, not stale; CloudWatch looks back seven days at most.
    assert 24 < alarm["EvaluationPeriods"] * alarm["Period"] / 3600 < 48


def test_the_halves_that_may_be_left_out_hang_on_their_conditions(template: Template) -> None:
    assert template["Conditions"]["PublishesFeed"] == {
        "Fn::Equals": [{"Ref": "PublishFeed"}, "true"]
    }
    assert template["Parameters"]["PublishFeed"]["Default"] == "false"
    assert template["Conditions"]["HasProviders"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "Providers"}, ""]}]
    }
    assert template["Parameters"]["Providers"]["Default"] == ""
    assert template["Conditions"]["PublishesFilter"] == {
        "Fn::Equals": [{"Ref": "PublishFilter"}, "true"]
    }
    assert template["Parameters"]["PublishFilter"]["Default"] == "false"
    assert template["Conditions"]["SendsChanges"] == {
        "Fn::Equals": [{"Ref": "ChangeEvents"}, "true"]
    }
    assert template["Parameters"]["ChangeEvents"]["Default"] == "false"
    assert template["Conditions"]["HasWebhook"] == {
        "Fn::And": [
            {"Condition": "SendsChanges"},
            {"Fn::Not": [{"Fn::Equals": [{"Ref": "WebhookUrl"}, ""]}]},
        ]
    }
    assert template["Parameters"]["WebhookUrl"]["Default"] == ""
    for name, one in (template["Resources"] | template["Outputs"]).items():
        if name != "WatchDashboard":
            assert one.get("Condition") == condition_of(name), name
    for name, one in template["Resources"].items():
        refers = set(
            re.findall(
                r'"((?:Publish|Report|Providers|Export|Filter|Search|Changes|Webhook)[A-Z][A-Za-z]+)"',
                json.dumps(without_ifs(one)),
            )
        )
        # Of another half, or where there is none, nothing may be needed.
        needed = {condition_of(other) for other in refers if other in template["Resources"]}
        there = {condition_of(name), IMPLIES.get(condition_of(name) or "")}
        assert needed <= there, f"{name} needs what is not always there"


def condition_of(name: str) -> str | None:
    """The condition on which a resource or an output has to hang."""
    return next((one for one, begins in OPTIONAL.items() if name.startswith(begins)), None)


def without_ifs(value: Any) -> Any:
    """The template where no feed is published and no provider is switched on."""
    if isinstance(value, list):
        return [without_ifs(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("Fn::If", [""])[0] in OPTIONAL:
        return without_ifs(value["Fn::If"][2])
    return {key: without_ifs(one) for key, one in value.items()}


@pytest.mark.parametrize("name", TABLES)
def test_table_is_keyed_encrypted_and_hard_to_lose(template: Template, name: str) -> None:
    resource = template["Resources"][name]
    # A stack that failed while it was made leaves nothing behind that is in the way of the next.
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource["UpdateReplacePolicy"] == "Retain"
    table = resource["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    # The search index alone is read by ranges.
    keys = {"pk": "HASH"} | ({"sk": "RANGE"} if name == "SearchTable" else {})
    assert table["KeySchema"] == [
        {"AttributeName": key, "KeyType": kind} for key, kind in keys.items()
    ]
    assert table["AttributeDefinitions"] == [
        {"AttributeName": key, "AttributeType": "S"} for key in keys
    ]
    # What is published stays: a gap in the feed would look like its end.
    expires = None if name == "ReportTable" else {"AttributeName": "ttl", "Enabled": True}
    assert table.get("TimeToLiveSpecification") == expires
    key = {"Fn::If": ["HasTableKey", {"Ref": "TableKeyArn"}, NO_VALUE]}
    assert table["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": key,
    }
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
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == {"Ref": "AWS::StackName"}
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
    layer, *others = properties["Layers"]
    # The look-up function has another one where the deployer gives a GeoIP database.
    assert len(others) == (name == "LookupFunction")
    of_stack = {"Fn::Sub": "${AWS::StackName}-shared"}
    assert of_type(template, "AWS::Lambda::LayerVersion")[layer["Ref"]]["LayerName"] == of_stack
    logging = properties["LoggingConfig"]
    assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", "WARN")
    group = template["Resources"][logging["LogGroup"]["Ref"]]["Properties"]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def rest_api(template: Template) -> dict[str, Any]:
    """The properties of the one API."""
    ((_, api),) = of_type(template, "AWS::ApiGateway::RestApi").items()
    assert not of_type(template, "AWS::ApiGatewayV2::Api")
    return api


def test_every_request_reaches_a_function(template: Template) -> None:
    reached: dict[str, dict[str, str]] = {}
    for path, item in rest_api(template)["Body"]["paths"].items():
        for name, method in if_publishing(item).items():
            assert "security" not in method
            integration = method["x-amazon-apigateway-integration"]
            # Of a REST API, this is the event of format 1.0.
            assert integration["type"] == "aws_proxy"
            [function] = re.findall(r"functions/\$\{(\w+)", integration["uri"]["Fn::Sub"])
            reached.setdefault(path, {})[name] = function
    expected = {
        path: {"x-amazon-apigateway-any-method": INVOKED[function]}
        for path, function in ROUTES.items()
    }
    expected["/v4/ioc/{proxy+}"] |= dict.fromkeys(("put", "post", "delete"), "AnnotateFunction")
    assert reached == expected


def test_bodies_pass_the_gateway_as_they_are(template: Template) -> None:
    assert rest_api(template)["Body"]["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def test_the_gateway_answers_errors_in_the_shape_of_the_contract(template: Template) -> None:
    found = {}
    responses = rest_api(template)["Body"]["x-amazon-apigateway-gateway-responses"]
    for kind, response in responses.items():
        ((media_type, text),) = response["responseTemplates"].items()
        assert media_type == "application/json"
        body = json.loads(text)
        error = body.pop("error")
        assert body == {"success": False}
        assert error.keys() == {"code", "messages"}
        assert all(error["messages"])
        # Nothing of the request, and nothing of AWS, is quoted.
        assert "$context" not in text
        found[kind] = (int(response["statusCode"]), error["code"])
        retried = "gatewayresponse.header.Retry-After" in response["responseParameters"]
        assert retried == (found[kind][1] in {429001, 503001}), kind
    assert found == GATEWAY_ERRORS


def test_there_is_one_stage_and_it_is_throttled(template: Template) -> None:
    ((_, stage),) = of_type(template, "AWS::ApiGateway::Stage").items()
    ((_, deployment),) = of_type(template, "AWS::ApiGateway::Deployment").items()
    assert "StageName" not in deployment, "SAM's second stage has no throttle"
    everything, *others = stage["MethodSettings"]
    rate = {"Ref": "RequestsPerSecond"}
    assert everything == {
        "ResourcePath": "/*",
        "HttpMethod": "*",
        "ThrottlingRateLimit": rate,
        "ThrottlingBurstLimit": rate,
    }
    assert template["Parameters"]["RequestsPerSecond"]["MinValue"] == 1
    slow = set()
    for one in others:
        assert one["ThrottlingRateLimit"] <= 5
        assert one["ThrottlingBurstLimit"] <= 20
        # The slash at the beginning stays; each of the others becomes ~1.
        path = "/" + one["ResourcePath"][1:].removeprefix("~1").replace("~1", "/")
        slow.add((path, one["HttpMethod"]))
    assert slow == {(path, method) for path in OPEN_ROUTES for method in ("GET", "HEAD")}
    assert ROUTES.keys() > OPEN_ROUTES


def test_the_address_of_the_gateway_is_closed_only_by_choice(template: Template) -> None:
    (server,) = rest_api(template)["Body"]["servers"]
    assert server["x-amazon-apigateway-endpoint-configuration"] == {
        "disableExecuteApiEndpoint": {"Fn::If": ["ClosesDefaultAddress", True, False]}
    }
    assert template["Parameters"]["DisableExecuteApiEndpoint"]["Default"] == "false"
    rule = template["Rules"]["ClosedAddressNeedsDomain"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "DisableExecuteApiEndpoint"}, "true"]}
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "DomainName"}, ""]}]}


def if_publishing(value: Any) -> Any:
    """A part of the template where a feed is published."""
    if not isinstance(value, dict):
        return value
    if value.get("Fn::If", [""])[0] == "PublishesFeed":
        return if_publishing(value["Fn::If"][1])
    return {key: if_publishing(one) for key, one in value.items()}


def test_without_a_feed_of_our_own_every_request_reaches_the_lookup_function(
    template: Template,
) -> None:
    left = without_ifs(rest_api(template)["Body"]["paths"])
    assert {path for path, item in left.items() if item != NO_VALUE} == {
        path for path, function in ROUTES.items() if function != "PublishFunction"
    }


def test_nothing_of_a_request_is_logged_by_the_gateway(template: Template) -> None:
    ((_, stage),) = of_type(template, "AWS::ApiGateway::Stage").items()
    assert "AccessLogSetting" not in stage
    for settings in stage["MethodSettings"]:
        assert not settings.keys() & {"DataTraceEnabled", "LoggingLevel"}


def test_only_the_gateway_may_invoke_and_there_is_no_other_door_but_by_choice(
    template: Template,
) -> None:
    may, by_url = {}, []
    for name, permission in of_type(template, "AWS::Lambda::Permission").items():
        if permission["Principal"] == "*":
            assert template["Resources"][name]["Condition"] == "HasFunctionUrl"
            by_url.append(permission)
            continue
        assert permission["Principal"] == "apigateway.amazonaws.com"
        pattern, values = permission["SourceArn"]["Fn::Sub"]
        assert values == {"__ApiId__": {"Ref": "Api"}, "__Stage__": "*"}
        may[pattern.partition("${__Stage__}")[2]] = permission["FunctionName"]["Ref"]
    # A greedy path has to be a wildcard: braces in an ARN are nothing but braces.
    assert may == {
        "/*/": "LookupFunctionAliaslive",
        "/*/*": "LookupFunctionAliaslive",
        "/*/docs": "LookupFunctionAliaslive",
        "/*/health": "LookupFunctionAliaslive",
        "/*/openapi.json": "LookupFunctionAliaslive",
        "/*/v4/ioc/*": "LookupFunctionAliaslive",
        "/PUT/v4/ioc/*": "AnnotateFunction",
        "/POST/v4/ioc/*": "AnnotateFunction",
        "/DELETE/v4/ioc/*": "AnnotateFunction",
        "/*/v4/overrides": "AnnotateFunction",
        "/*/v4/false-positives": "AnnotateFunction",
        "/*/api/reports": "PublishFunction",
        "/*/feed/*": "PublishFunction",
        "/*/api/feed/*": "PublishFunction",
    }
    alias = {"Ref": "LookupFunctionAliaslive"}
    assert by_url == [
        {
            "FunctionName": alias,
            "Action": "lambda:InvokeFunctionUrl",
            "Principal": "*",
            "FunctionUrlAuthType": "NONE",
        },
        # Only callers by the URL.
        {
            "FunctionName": alias,
            "Action": "lambda:InvokeFunction",
            "Principal": "*",
            "InvokedViaFunctionUrl": True,
        },
    ]


def test_a_function_url_is_there_by_choice_and_bounded(template: Template) -> None:
    ((name, url),) = of_type(template, "AWS::Lambda::Url").items()
    assert template["Resources"][name]["Condition"] == "HasFunctionUrl"
    assert url == {"TargetFunctionArn": {"Ref": "LookupFunctionAliaslive"}, "AuthType": "NONE"}
    assert template["Parameters"]["FunctionUrl"]["Default"] == "false"
    rule = template["Rules"]["FunctionUrlNeedsCeiling"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "FunctionUrl"}, "true"]}
    (assertion,) = rule["Assertions"]
    unbounded = {"Fn::Equals": [{"Ref": "LookupReservedConcurrency"}, "0"]}
    assert assertion["Assert"] == {"Fn::Not": [unbounded]}


def schedule_of(template: Template, function: str) -> dict[str, Any]:
    """The one schedule that runs a function."""
    (schedule,) = [
        one
        for one in of_type(template, "AWS::Scheduler::Schedule").values()
        if one["Target"]["Arn"] == {"Fn::GetAtt": [function, "Arn"]}
    ]
    assert "Name" not in schedule, "a fixed name clashes with a second stack in the account"
    return schedule


def test_timer_runs_ingest_and_keeps_what_it_cannot_deliver(template: Template) -> None:
    schedule = schedule_of(template, "IngestFunction")
    assert schedule["ScheduleExpression"] == {"Ref": "Schedule"}
    assert template["Parameters"]["Schedule"]["Default"] == "rate(15 minutes)"
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": QUEUE_ARN}
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_timer_polls_the_sandbox_only_with_a_key_for_it(template: Template) -> None:
    schedule = schedule_of(template, "PublishFunction")
    assert schedule["ScheduleExpression"] == {"Ref": "PollSchedule"}
    assert schedule["State"] == {"Fn::If": ["HasSandboxApiKey", "ENABLED", "DISABLED"]}
    # Two polls at once would fetch the same reports.
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0


def test_one_timer_refreshes_all_providers(template: Template) -> None:
    schedule = schedule_of(template, "ProvidersFunction")
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    # The next tick goes on with what is left.
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0
    function = template["Resources"]["ProvidersFunction"]["Properties"]
    assert function["Timeout"] == 900
    assert len(of_type(template, "AWS::Scheduler::Schedule")) == 5


def test_failed_ingest_runs_end_in_the_same_queue(template: Template) -> None:
    ((_, config),) = of_type(template, "AWS::Lambda::EventInvokeConfig").items()
    assert config["FunctionName"] == {"Ref": "IngestFunction"}
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": QUEUE_ARN}}
    queue = template["Resources"]["IngestDeadLetterQueue"]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_ingest_runs_alone_only_by_choice(template: Template) -> None:
    ingest = template["Resources"]["IngestFunction"]["Properties"]
    assert ingest["ReservedConcurrentExecutions"] == {
        "Fn::If": ["ReservesConcurrency", {"Ref": "IngestReservedConcurrency"}, NO_VALUE]
    }
    # A new account has no concurrency to spare.
    assert template["Parameters"]["IngestReservedConcurrency"]["Default"] == 0
    assert (ingest["Timeout"], ingest["MemorySize"]) == (300, 1024)


def test_the_ioc_table_has_a_stream_only_for_the_changes_of_verdicts(template: Template) -> None:
    tables = of_type(template, "AWS::DynamoDB::Table")
    streams = {name: one.get("StreamSpecification") for name, one in tables.items()}
    both = {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert streams == {
        "IocTable": {"Fn::If": ["SendsChanges", both, NO_VALUE]},
        "StateTable": None,
        "ReportTable": None,
        "SearchTable": None,
    }


def test_no_change_is_given_up_in_silence(template: Template) -> None:
    mappings = of_type(template, "AWS::Lambda::EventSourceMapping")
    stream = mappings["ChangesStreamMapping"]
    assert stream["EventSourceArn"] == {"Fn::GetAtt": ["IocTable", "StreamArn"]}
    assert stream["StartingPosition"] == "TRIM_HORIZON"
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stream["BisectBatchOnFunctionError"] is True
    # Records expire after 24 hours, and the operator needs time to read them.
    assert stream["MaximumRecordAgeInSeconds"] <= 12 * 3600
    assert stream["DestinationConfig"]["OnFailure"]["Destination"] == {
        "Fn::GetAtt": ["ChangesDeadLetterQueue", "Arn"]
    }
    queue = template["Resources"]["WebhookQueue"]["Properties"]
    assert mappings["WebhookQueueMapping"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {
        "Fn::GetAtt": ["WebhookDeadLetterQueue", "Arn"]
    }
    tries = queue["RedrivePolicy"]["maxReceiveCount"]
    assert tries * queue["VisibilityTimeout"] == 24 * 3600
    function = template["Resources"]["WebhookFunction"]["Properties"]
    assert mappings["WebhookQueueMapping"]["BatchSize"] * TIMEOUT_S < function["Timeout"]
    # AWS asks for six times the time of the function.
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert tuple(one["BatchSize"] for one in mappings.values()) == (STREAM_BATCH, QUEUE_BATCH)


def test_the_webhook_hears_what_the_function_says(template: Template) -> None:
    rule = template["Resources"]["WebhookRule"]["Properties"]
    assert rule["EventPattern"] == {"source": [SOURCE], "detail-type": [DETAIL_TYPE]}
    assert rule["EventBusName"] == {"Ref": "ChangesBus"}
    [destination] = rule["Targets"]
    assert destination["InputPath"] == "$.detail"
    assert target(destination["Arn"]) == "WebhookQueue"
    assert target(destination["DeadLetterConfig"]["Arn"]) == "WebhookDeadLetterQueue"
    policy = template["Resources"]["WebhookQueuePolicy"]["Properties"]["PolicyDocument"]
    [statement] = policy["Statement"]
    assert list(map(target, statement["Resource"])) == ["WebhookQueue", "WebhookDeadLetterQueue"]
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["WebhookRule", "Arn"]}}
    }


def test_a_webhook_without_events_or_without_a_key_is_refused(template: Template) -> None:
    rule = template["Rules"]["WebhookIsSigned"]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "WebhookUrl"}, ""]}]}
    assert [one["Assert"] for one in rule["Assertions"]] == [
        {"Fn::Equals": [{"Ref": "ChangeEvents"}, "true"]},
        {"Fn::Not": [{"Fn::Equals": [{"Ref": "WebhookSigningKeyParameter"}, ""]}]},
    ]


def test_alarms_watch_timers_queue_functions_tables_and_gateway(template: Template) -> None:
    found = of_type(template, "AWS::CloudWatch::Alarm")
    assert {
        name: sorted({one.metric for one in watched(alarm)}) for name, alarm in found.items()
    } == {
        "FeedStaleAlarm": ["ingest_complete"],
        "FeedFailingAlarm": ["ingest_feed_failures"],
        "IngestDeadLetterAlarm": ["ApproximateNumberOfMessagesVisible"],
        "PollFailingAlarm": ["poll_complete"],
        "ProvidersStaleAlarm": ["providers_stale"],
        "FilterStaleAlarm": ["filter_published"],
        "ExportsStaleAlarm": ["exports_published"],
        "QuarantineGrowingAlarm": ["ingest_quarantined"],
        "VerdictsMissingAlarm": ["ingest_verdicts_missing"],
        "LinksUnresolvedAlarm": ["ingest_unresolved_long"],
        "LookupVersionAlarm": ["Errors"],
        "ApiFaultAlarm": ["5XXError"],
        "FunctionErrorsAlarm": ["Errors"],
        "FunctionThrottlesAlarm": ["Throttles"],
        "TableThrottlesAlarm": ["ReadThrottleEvents", "WriteThrottleEvents"],
        "ServerErrorsAlarm": ["5XXError", "Count"],
        "SlowAnswersAlarm": ["Latency"],
        "LookupUrlFaultAlarm": ["Url5xxCount"],
        "LookupUrlErrorsAlarm": ["Url5xxCount", "UrlRequestCount"],
        "LookupUrlSlowAlarm": ["UrlRequestLatency"],
        "ChangesLateAlarm": ["IteratorAge"],
        "ChangesDeadLetterAlarm": ["ApproximateNumberOfMessagesVisible"],
        "WebhookDeadLetterAlarm": ["ApproximateNumberOfMessagesVisible"],
    }


def test_every_function_is_watched_for_errors(template: Template) -> None:
    alarm = of_type(template, "AWS::CloudWatch::Alarm")["FunctionErrorsAlarm"]
    seen = {value for one in watched(alarm) for _, value in one.dimensions}
    assert seen == {json.dumps({"Ref": name}) for name in FUNCTIONS}


def test_a_dashboard_is_there_only_when_it_is_asked_for(template: Template) -> None:
    assert template["Resources"]["WatchDashboard"]["Condition"] == "HasDashboard"
    assert template["Parameters"]["Dashboard"]["Default"] == "false"


def test_parameters_and_outputs_say_what_they_are(template: Template) -> None:
    for name, entry in (template["Parameters"] | template["Outputs"]).items():
        assert entry.get("Description"), name
    assert set(template["Outputs"]) == {
        "ApiUrl",
        "ApiDomainTarget",
        "IocTableName",
        "StateTableName",
        "IngestFunctionName",
        "LookupFunctionName",
        "AnnotateFunctionName",
        "LookupUrl",
        "FeedUrl",
        "ReportTableName",
        "PublishFunctionName",
        "ProvidersFunctionName",
        "FilterFunctionName",
        "SearchTableName",
        "ChangesBusName",
        "ChangesFunctionName",
        "WebhookFunctionName",
        "ExportFunctionName",
    }
