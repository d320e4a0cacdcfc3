"""How the stack goes live, and what bounds it: in the expanded template."""

import json
import re
import tomllib
from copy import deepcopy
from typing import Any

from local.template import load_template
from tests.infrastructure.support import ROOT, Template
from tests.infrastructure.test_template import NO_VALUE, of_type, rest_api

_VERSION, _API, _URL = (
    {"Name": {"Ref": name}}
    for name in ("LookupVersionAlarm", "ApiFaultAlarm", "LookupUrlFaultAlarm")
)
# With a function URL, and without.
ROLLBACK_ALARMS = ([_VERSION, _API, _URL], [_VERSION, _API])


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

    The settings are those that the function refers to. A long one is in the description of
    the layer, whose number is in that of the version.
    """
    version = lookup_version(template)
    description, values = version["Properties"]["Description"]["Fn::Sub"]
    properties = deepcopy(template["Resources"]["LookupFunction"]["Properties"])
    properties.pop("ReservedConcurrentExecutions")  # of the function, not of a version
    used = parameters_of(properties, template)
    by_layer = named_in(load_template()["Resources"]["SharedLayer"]["Properties"]["Description"])
    layer, *_ = properties["Layers"]
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


def test_no_profile_takes_what_a_new_account_lacks(template: Template) -> None:
    """A new account has ten concurrent executions, and none of them can be reserved."""
    profiles = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    given = {
        name: dict(
            one.split("=", 1)
            for one in profile["deploy"]["parameters"]["parameter_overrides"].split()
        )
        for name, profile in profiles.items()
        if isinstance(profile, dict) and "deploy" in profile
    }
    assert {"default", "dev", "prod"} <= given.keys()
    for values in given.values():
        assert values.keys() <= template["Parameters"].keys()
        assert not [name for name in values if name.endswith("ReservedConcurrency")]
    for name in ("IngestReservedConcurrency", "LookupReservedConcurrency"):
        assert template["Parameters"][name]["Default"] == 0


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
    # The role of each function that gets the name of a table; the webhook uses none.
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
