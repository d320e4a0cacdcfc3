"""The policies of a deployer: they allow what a deployment takes, and nothing else."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import blocks, read
from tests.infrastructure.deployer import NOT_USED, Need, needs_of_steps, needs_of_type
from tests.infrastructure.support import ROOT, Template, run

FILES = ("docs/deployer-policy-functions.json", "docs/deployer-policy-resources.json")
POLICIES = {name: json.loads((ROOT / name).read_text(encoding="utf-8")) for name in FILES}
STATEMENTS: list[dict[str, Any]] = [
    one for policy in POLICIES.values() for one in policy["Statement"]
]
# IAM counts the characters of a managed policy without its white space.
LARGEST_POLICY = 6144
ROOM_TO_SPARE = 0.25


@pytest.fixture(scope="module")
def templates(template: Template, gradual: Template) -> list[Template]:
    """All types of resources: those with a canary are in an expansion of their own."""
    return [template, gradual]


@pytest.fixture(scope="module")
def needs(templates: list[Template]) -> list[tuple[str, Need]]:
    """What a deployment takes, with the type of the resource or "step"."""
    of_types = [one for template in templates for one in needs_of_type(template)]
    return of_types + [("step", need) for need in needs_of_steps()]


@pytest.mark.parametrize("name", FILES)
def test_policy_is_one_that_iam_takes_with_room_to_spare(name: str) -> None:
    policy = POLICIES[name]
    assert policy["Version"] == "2012-10-17"
    size = len("".join(json.dumps(policy).split()))
    assert size <= (1 - ROOM_TO_SPARE) * LARGEST_POLICY
    sids = [one["Sid"] for one in policy["Statement"]]
    assert len(set(sids)) == len(sids)
    for statement in policy["Statement"]:
        assert statement.keys() - {"Condition"} == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            # A service and a verb: never a whole service.
            assert re.fullmatch(r"[a-z0-9]+:\*?[A-Za-z]+\*?", action), action


def test_policies_reach_nothing_beside_the_service() -> None:
    for statement in STATEMENTS:
        everywhere = statement["Resource"] == "*"
        if everywhere and "Condition" not in statement:
            for action in statement["Action"]:
                assert re.search(r":(Describe|Get|List|Validate)", action), action
        if any(action.startswith(("iam:", "dynamodb:", "s3:")) for action in statement["Action"]):
            assert not everywhere
            for resource in statement["Resource"]:
                own = r"[:/](ioc-reputation|aws-sam-cli-managed-default)"
                assert re.search(own, resource) or "/aws-service-role/ops.apigateway." in resource


def test_every_action_of_a_type_is_in_the_table_or_not_used(
    sam_tools: Path, templates: list[Template], needs: list[tuple[str, Need]]
) -> None:
    """The actions are those of CloudFormation's handlers, as its schemas name them."""
    types = sorted({one["Type"] for each in templates for one in each["Resources"].values()})
    read_handlers = Path(__file__).with_name("handlers.py")
    asked: dict[str, list[str]] = json.loads(run(sam_tools / "python", read_handlers, *types))
    assert asked.keys() == set(types)
    listed = {(kind, need.action.lower()) for kind, need in needs}
    missing = {
        (kind, action)
        for kind, actions in asked.items()
        for action in actions
        if (kind, action.lower()) not in listed
        and not any(fnmatchcase(action, one) for one in NOT_USED.get(kind, "").split())
    }
    assert missing == set()


def test_deployer_may_do_what_each_resource_takes(needs: list[tuple[str, Need]]) -> None:
    refused = {(kind, need) for kind, need in needs if not any(allowing(STATEMENTS, need))}
    assert refused == set()


def test_deployer_may_do_nothing_that_no_resource_takes(needs: list[tuple[str, Need]]) -> None:
    """Each action and each resource of a statement is there for something."""
    idle = set()
    for statement in STATEMENTS:
        used = [need for _, need in needs if any(allowing([statement], need))]
        idle |= {
            (statement["Sid"], action)
            for action in statement["Action"]
            if not any(matches(action.lower(), need.action.lower()) for need in used)
        }
        idle |= {
            (statement["Sid"], resource)
            for resource in as_list(statement["Resource"])
            if not any(matches(resource, need.resource) for need in used)
        }
        idle |= {
            (statement["Sid"], value)
            for tests in statement.get("Condition", {}).values()
            for key, values in tests.items()
            for value in as_list(values)
            if not any(matches(value, need.context.get(key, "")) for need in used)
        }
    assert idle == set()


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("lambda:DeleteFunction", "arn:aws:lambda:eu-central-1:123456789012:function:payroll"),
        ("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/admin"),
        ("s3:GetObject", "arn:aws:s3:::backups/1"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/ioc-reputation-prod-AnyRole-1A2B"),
        ("iam:CreateUser", "arn:aws:iam::123456789012:user/me"),
    ],
)
def test_what_a_deployment_does_not_take_is_refused(action: str, resource: str) -> None:
    """The judge of these tests refuses; PassRole lacks the service that it is for."""
    assert not any(allowing(STATEMENTS, Need(action, resource)))


def test_guide_attaches_every_policy_and_its_commands_are_allowed() -> None:
    guide = "\n".join(block.text for block in blocks(read("docs/deploy.md"), "sh"))
    for name in FILES:
        assert f"file://{name}" in guide
    commands = set(re.findall(r"\baws ([a-z0-9]+) ([a-z-]+)", guide))
    # The administrator's, what needs no permission, and what waits by describing.
    others = {("iam", "create-policy"), ("sts", "get-caller-identity")}
    for service, command in commands - others:
        if command != "wait":
            verb = "".join(map(str.capitalize, command.split("-")))
            action = f"{service}:{'InvokeFunction' if verb == 'Invoke' else verb}".lower()
            allowed = (one for statement in STATEMENTS for one in statement["Action"])
            assert any(matches(one.lower(), action) for one in allowed), action


def allowing(statements: Iterable[Mapping[str, Any]], need: Need) -> Iterator[bool]:
    """Whether each statement allows a need."""
    for statement in statements:
        yield (
            any(matches(one.lower(), need.action.lower()) for one in statement["Action"])
            and any(matches(one, need.resource) for one in as_list(statement["Resource"]))
            and all(
                any(matches(value, need.context.get(key, "")) for value in as_list(values))
                for tests in statement.get("Condition", {}).values()
                for key, values in tests.items()
            )
        )


def matches(pattern: str, text: str) -> bool:
    """Whether a text is like a pattern of IAM."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
