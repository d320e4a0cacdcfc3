"""How the stack goes live, what bounds it, who may deploy it: in the expanded template."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from local.template import load_template
from tests.infrastructure.support import ROOT, Template, run
from tests.infrastructure.test_template import NO_VALUE, of_type, rest_api

POLICY = json.loads((ROOT / "docs" / "deployer-policy.json").read_text(encoding="utf-8"))
# IAM counts the characters of a managed policy without its white space.
LARGEST_POLICY = 6144
_VERSION, _API, _URL = (
    {"Name": {"Ref": name}}
    for name in ("LookupVersionAlarm", "ApiFaultAlarm", "LookupUrlFaultAlarm")
)
# With a function URL, and without.
ROLLBACK_ALARMS = ([_VERSION, _API, _URL], [_VERSION, _API])

# Handlers of CloudFormation ask for these only where a template uses what this one does not.
NOT_USED = {
    # An API or a trust store in a bucket.
    "AWS::ApiGatewayV2::*": ["s3:*"],
    # A resource policy of the API.
    "AWS::ApiGateway::RestApi": ["apigateway:UpdateRestApiPolicy"],
    # Servers.
    "AWS::CodeDeploy::DeploymentGroup": ["codedeploy:RegisterOnPremisesInstance"],
    # Tables made of a bucket's metadata, replication, and tags of the newer kind.
    "AWS::S3::Bucket": [
        "iam:PassRole",
        "s3:*Metadata*",
        "s3:DeleteObject",  # it is not emptied
        "s3:*agResource",
        "s3:ListTagsForResource",
        "s3tables:*",
    ],
    # Replicas, imports, streams, insights, and policies of the table's own.
    "AWS::DynamoDB::Table": [
        "dynamodb:*Import*",
        "dynamodb:*KinesisStreamingDestination",
        "dynamodb:*ResourcePolicy",
        "dynamodb:*TableReplica",
        "dynamodb:UpdateContributorInsights",
        "iam:CreateServiceLinkedRole",
        "kinesis:*",
        "logs:*",
        "s3:*",
    ],
    # A bus that others may put events on, or with a key of one's own; targets with a role.
    "AWS::Events::*": ["events:*Permission", "iam:PassRole", "kms:*"],
    # Groups, users and boundaries.
    "AWS::IAM::*": ["iam:*GroupPolicy", "iam:*UserPolicy", "iam:*PermissionsBoundary"],
    # Networks, file systems, keys, provisioned concurrency, signatures, pinned runtimes.
    "AWS::Lambda::*": [
        "ec2:*",
        "elasticfilesystem:*",
        "kms:*",
        "lambda:*CapacityProvider",
        "lambda:*CodeSigningConfig",
        "lambda:*ProvisionedConcurrency*",
        "lambda:AssociateRuntimeAlias",
        "lambda:PutFunctionRecursionConfig",
        "lambda:PutFunctionScalingConfig",
        "lambda:PutRuntimeManagementConfig",
        "s3files:*",
    ],
    # Deliveries, data protection, indexes, tokens, keys.
    "AWS::Logs::LogGroup": [
        "firehose:*",
        "logs:*DataProtectionPolicy",
        "logs:*IndexPolicy",
        "logs:*KmsKey",
        "logs:*ResourcePolic*",
        "logs:CreateLogDelivery",
        "logs:PutBearerTokenAuthentication",
        "logs:PutLogGroupDeletionProtection",
        "s3:*",
    ],
}


def lookup_version(template: Template) -> dict[str, Any]:
    version: dict[str, Any]
    (version,) = [
        one for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Version"
    ]
    assert version["Properties"]["FunctionName"] == {"Ref": "LookupFunction"}
    return version


def test_clients_reach_the_alias_and_not_the_newest_code(template: Template) -> None:
    paths = rest_api(template)["Body"]["paths"]
    for path in ("/", "/{proxy+}"):
        method = paths[path]["x-amazon-apigateway-any-method"]
        uri = method["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        assert "functions/${LookupFunctionAliaslive}/" in uri


def test_all_at_once_is_without_code_deploy(template: Template) -> None:
    assert template["Parameters"]["Rollout"]["Default"] == "AllAtOnce"
    assert "UpdatePolicy" not in template["Resources"]["LookupFunctionAliaslive"]
    assert not [one for one in template["Resources"].values() if "CodeDeploy" in one["Type"]]


def test_canary_goes_back_when_an_alarm_goes_off(gradual: Template) -> None:
    ((name, group),) = of_type(gradual, "AWS::CodeDeploy::DeploymentGroup").items()
    by_url, by_api = ({"Enabled": True, "Alarms": alarms} for alarms in ROLLBACK_ALARMS)
    assert group["AlarmConfiguration"] == {"Fn::If": ["HasFunctionUrl", by_url, by_api]}
    assert group["AutoRollbackConfiguration"]["Enabled"]
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    _, config = group["DeploymentConfigName"]["Fn::Sub"]
    assert config == {"ConfigName": "Canary10Percent5Minutes"}
    policy = gradual["Resources"]["LookupFunctionAliaslive"]["UpdatePolicy"]
    assert policy["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == {"Ref": name}
    added = gradual["Resources"]["CodeDeployServiceRole"]["Properties"]
    (managed,) = added["ManagedPolicyArns"]
    assert managed.endswith("/AWSCodeDeployRoleForLambda")
    assert "Policies" not in added


def test_alarm_of_a_release_watches_the_version_that_is_released(template: Template) -> None:
    alarm = template["Resources"]["LookupVersionAlarm"]["Properties"]
    values = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
    version, attribute = values["ExecutedVersion"]["Fn::GetAtt"]
    assert template["Resources"][version]["Type"] == "AWS::Lambda::Version"
    assert attribute == "Version"
    assert values["Resource"] == {"Fn::Sub": "${LookupFunction}:live"}


def test_a_new_value_of_any_setting_of_the_look_ups_is_a_new_version(template: Template) -> None:
    """Its description is all of a version that changes then; another one is another version.

    The settings are those that the function refers to. A long one stands in the description of
    the layer, whose number stands in that of the version.
    """
    version = lookup_version(template)
    description, values = version["Properties"]["Description"]["Fn::Sub"]
    properties = deepcopy(template["Resources"]["LookupFunction"]["Properties"])
    properties.pop("ReservedConcurrentExecutions")  # of the function, not of a version
    used = parameters_of(properties, template)
    by_layer = named_in(load_template()["Resources"]["SharedLayer"]["Properties"]["Description"])
    (layer,) = properties["Layers"]
    number = {"Fn::Select": [7, {"Fn::Split": [":", layer]}]}  # the last part of its ARN
    assert values == {"Layer": number}
    by_description = named_in(description) - values.keys()
    assert by_description | by_layer == used & template["Parameters"].keys()
    # What was replaced, or is no longer in the template, is there to go back to.
    assert (version["UpdateReplacePolicy"], version["DeletionPolicy"]) == ("Retain", "Retain")


def test_the_longest_values_fit_into_the_descriptions(template: Template) -> None:
    description, _ = lookup_version(template)["Properties"]["Description"]["Fn::Sub"]
    for text in (
        description.replace("${Layer}", "9" * 6),
        load_template()["Resources"]["SharedLayer"]["Properties"]["Description"]["Fn::Sub"],
    ):
        longest = re.sub(
            r"\$\{(\w+)\}",
            lambda found: "x" * longest_value(template["Parameters"][found[1]]),
            text,
        )
        assert len(longest) <= 256


def named_in(text: str | dict[str, str]) -> set[str]:
    """The names that a text for Fn::Sub refers to."""
    return set(re.findall(r"\$\{(\w+)\}", text if isinstance(text, str) else text["Fn::Sub"]))


def parameters_of(properties: Any, template: Template) -> set[str]:
    """What properties refer to; what hangs on a condition changes with those of the condition."""
    text = json.dumps(properties)
    on = set(re.findall(r'{"Fn::If": \["(\w+)"', text))
    conditions = json.dumps([template["Conditions"][name] for name in on])
    return set(re.findall(r'{"Ref": "(\w+)"}', text + conditions)) | {
        name for found in re.findall(r'{"Fn::Sub": "([^"]*)"}', text) for name in named_in(found)
    }


def longest_value(parameter: dict[str, Any]) -> int:
    if parameter["Type"] == "Number":
        return len(str(parameter["MaxValue"]))
    return int(parameter.get("MaxLength") or max(map(len, parameter["AllowedValues"])))


def test_new_layer_or_setting_is_a_new_version_too() -> None:
    resources = load_template()["Resources"]
    assert resources["SharedLayer"]["Properties"]["PublishLambdaVersion"] is True
    assert resources["LookupFunction"]["Properties"]["AutoPublishAliasAllProperties"] is True


def test_look_ups_reserve_nothing_unless_told(template: Template) -> None:
    lookup = template["Resources"]["LookupFunction"]["Properties"]
    assert lookup["ReservedConcurrentExecutions"] == {
        "Fn::If": ["ReservesLookups", {"Ref": "LookupReservedConcurrency"}, NO_VALUE]
    }
    assert template["Parameters"]["LookupReservedConcurrency"]["Default"] == 0


def test_key_of_the_tables_is_for_the_functions_and_through_dynamodb_only(
    template: Template,
) -> None:
    resource = template["Resources"]["TableKeyPolicy"]
    assert resource["Condition"] == "HasTableKey"
    policy = resource["Properties"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", {"Ref": "TableKeyArn"})
    via = statement["Condition"]["StringEquals"]["kms:ViaService"]
    assert via == {"Fn::Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}"}
    roles = [one.get("Fn::If", [None, one])[1]["Ref"] for one in policy["Roles"]]
    functions = of_type(template, "AWS::Lambda::Function")
    # The role of whatever is told the name of a table; the webhook's touches none.
    assert sorted(roles) == sorted(
        name + "Role"
        for name, one in functions.items()
        if '{"Ref": "IocTable"}' in json.dumps(one["Environment"]) and name != "WebhookFunction"
    )


def test_domain_is_there_only_with_its_certificate(template: Template) -> None:
    conditions = {name: one.get("Condition") for name, one in template["Resources"].items()}
    assert conditions["ApiDomain"] == conditions["ApiDomainMapping"] == "HasDomain"
    assert conditions["ApiDomainRecord"] == "HasHostedZone"
    rule = template["Rules"]["DomainNeedsCertificate"]
    assert rule["Assertions"][0]["AssertDescription"].startswith("DomainName needs")
    assert template["Outputs"]["ApiUrl"]["Value"]["Fn::If"][0] == "HasDomain"


def test_repository_gets_the_version_of_the_project() -> None:
    metadata = load_template()["Metadata"]["AWS::ServerlessRepo::Application"]
    assert f'\nversion = "{metadata["SemanticVersion"]}"\n' in (ROOT / "pyproject.toml").read_text()
    assert metadata.keys() >= {"Name", "Description", "Author"}
    for name in ("LicenseUrl", "ReadmeUrl"):
        assert (ROOT / metadata[name]).is_file()
    # The repository takes plain values only.
    assert all(isinstance(value, str | list) for value in metadata.values())


def test_deployer_policy_is_a_policy_that_iam_takes() -> None:
    assert POLICY["Version"] == "2012-10-17"
    assert len("".join(json.dumps(POLICY).split())) <= LARGEST_POLICY
    sids = [one["Sid"] for one in POLICY["Statement"]]
    assert len(set(sids)) == len(sids)
    for statement in POLICY["Statement"]:
        assert statement.keys() - {"Condition"} == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            # A service and a verb: never a whole service.
            assert re.fullmatch(r"[a-z0-9]+:\*?[A-Za-z]+\*?", action), action


def test_deployer_policy_reaches_nothing_beside_the_service() -> None:
    for statement in POLICY["Statement"]:
        everywhere = statement["Resource"] == "*"
        if everywhere and "Condition" not in statement:
            for action in statement["Action"]:
                assert re.search(r":(Describe|Get|List|Validate)", action), action
        if any(action.startswith(("iam:", "dynamodb:", "s3:")) for action in statement["Action"]):
            assert not everywhere
            for resource in statement["Resource"]:
                assert re.search(r"[:/](ioc-reputation|aws-sam-cli-managed-default)", resource)


@pytest.fixture(scope="module")
def asked(sam_tools: Path, template: Template, gradual: Template) -> dict[str, set[str]]:
    """What CloudFormation's handlers ask for, by type of resource, as its schemas say."""
    resources = (*template["Resources"].values(), *gradual["Resources"].values())
    types = sorted({one["Type"] for one in resources})
    read = Path(__file__).with_name("handlers.py")
    found: dict[str, list[str]] = json.loads(run(sam_tools / "python", read, *types))
    assert found.keys() == set(types)
    return {kind: set(actions) for kind, actions in found.items()}


def allowed() -> Iterator[str]:
    for statement in POLICY["Statement"]:
        yield from map(str.lower, statement["Action"])


def test_deployer_may_do_what_each_type_of_the_template_takes(asked: dict[str, set[str]]) -> None:
    may = list(allowed())
    missing = {
        (kind, action)
        for kind, actions in asked.items()
        for action in actions
        if not any(fnmatchcase(action.lower(), pattern) for pattern in may)
        and not unused(kind, action)
    }
    assert missing == set()


def unused(kind: str, action: str) -> bool:
    return any(
        fnmatchcase(kind, types) and any(fnmatchcase(action, one) for one in patterns)
        for types, patterns in NOT_USED.items()
    )


def test_deployer_may_not_do_what_no_type_takes(asked: dict[str, set[str]]) -> None:
    """Beside what the SAM CLI and the steps of docs/deploy.md need, and room for a dashboard."""
    other = ("cloudformation:", "s3:", "sns:", "ssm:")
    steps = {
        "lambda:invokefunction",
        "lambda:listlayerversions",
        "dynamodb:restoretabletopointintime",
        "logs:filterlogevents",
    }
    every = {action.lower() for actions in asked.values() for action in actions}
    idle = {
        pattern
        for pattern in allowed()
        if not any(fnmatchcase(action, pattern) for action in every)
    }
    left = {one for one in idle if not one.startswith(other)} - steps
    assert not left - {"cloudwatch:deletedashboards", "cloudwatch:get*", "cloudwatch:putdashboard"}
