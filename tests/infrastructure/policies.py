"""Evaluates the policies of the expanded template on recorded calls."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.infrastructure.recorder import Call
from tests.infrastructure.support import Template

# What AWS does with a function's role, unseen by its code.
BY_THE_PLATFORM = {
    "sqs:SendMessage",  # a failed invocation goes to the queue
    # The runtime hands on what the code prints.
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    # What it hands over it reads from a stream or a queue.
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    # Where a function has subnets, Lambda makes its network interfaces.
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}


@dataclass(frozen=True)
class Grant:
    """One action of one statement.

    Attributes:
        resource: the logical id of a table, or the name of a parameter; may hold wildcards.
        keys: patterns of the partition keys, empty where any may be touched.
        condition: of the template on which it hangs, "" for none.
    """

    action: str
    resource: str
    keys: frozenset[str] = frozenset()
    condition: str = ""

    def allows(self, call: Call) -> bool:
        """Whether this grant is enough for a call."""
        return (
            _matches(self.action, call.action)
            and _matches(self.resource, call.resource)
            and (not self.keys or all(self._covers(key) for key in call.keys))
        )

    def _covers(self, key: str) -> bool:
        return any(_matches(pattern, key) for pattern in self.keys)


def grants(template: Template, role: str, parameters: Mapping[str, str]) -> list[Grant]:
    """What a role may do.

    Args:
        parameters: values of the template's parameters in ARNs.
    """
    found = []
    for policy in template["Resources"][role]["Properties"]["Policies"]:
        condition, granted, _ = policy.get("Fn::If", ["", policy, None])
        for statement in granted["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            assert not statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}
            actions = [one for one in _as_list(statement["Action"]) if one not in BY_THE_PLATFORM]
            found += [
                Grant(
                    action,
                    _name(resource, parameters),
                    _leading_keys(statement.get("Condition", {})),
                    condition,
                )
                for action in actions
                for resource in _as_list(statement["Resource"])
            ]
    return found


def not_granted(held: Iterable[Grant], calls: Iterable[Call]) -> set[Call]:
    """The calls that AWS would refuse."""
    grants_ = list(held)
    return {call for call in calls if not any(one.allows(call) for one in grants_)}


def not_called(held: Iterable[Grant], calls: Iterable[Call]) -> set[str]:
    """What is granted and nothing called, down to single patterns of keys.

    A wildcard among actions is never called: it grants more than what anybody sees.
    """
    grants_, seen = list(held), list(calls)
    idle = set()
    for grant in grants_:
        if not any(one.action == grant.action and grant.allows(one) for one in seen):
            idle.add(f"{grant.action} on {grant.resource}")
        # Patterns belong to a statement: some of its actions may go with some of them only.
        touched = {
            key
            for other in grants_
            if (other.resource, other.keys) == (grant.resource, grant.keys)
            for one in seen
            if other.allows(one)
            for key in one.keys
        }
        idle |= {
            f"keys {pattern} of {grant.resource}"
            for pattern in grant.keys
            if not any(_matches(pattern, key) for key in touched)
        }
    return idle


def _leading_keys(condition: Mapping[str, Any]) -> frozenset[str]:
    if not condition:
        return frozenset()
    ((operator, what),) = condition.items()
    assert operator == "ForAllValues:StringLike"
    assert list(what) == ["dynamodb:LeadingKeys"]
    patterns = frozenset(what["dynamodb:LeadingKeys"])
    assert patterns, "AWS takes no keys for all keys"
    return patterns


def _name(resource: Any, parameters: Mapping[str, str]) -> str:
    """What recorded calls name: the table's logical id, or the parameter's name."""
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        logical_id, attribute = resource["Fn::GetAtt"]
        assert attribute == "Arn"
        return str(logical_id)
    if ".Arn}" in resource["Fn::Sub"]:
        return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", resource["Fn::Sub"])
    _, _, name = resource["Fn::Sub"].partition(":parameter")
    return re.sub(r"\$\{(\w+)\}", lambda found: parameters[found[1]], name)


def _matches(pattern: str, text: str) -> bool:
    """Whether a text is like a pattern of IAM: `*` for any text, `?` for any character."""
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
