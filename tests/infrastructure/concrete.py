"""A template without conditions: as a stack with certain parameters has it."""

from collections.abc import Mapping
from typing import Any

_NO_VALUE = {"Ref": "AWS::NoValue"}
Template = dict[str, Any]


def values_of(template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
    """The values of all parameters: those that are given, else the defaults."""
    return {
        name: str(parameters.get(name, one.get("Default", "")))
        for name, one in template["Parameters"].items()
    }


def holds(condition: Any, values: Mapping[str, str], named: Mapping[str, Any]) -> bool:
    """Whether a condition holds.

    Args:
        condition: as the template writes it.
        values: of the parameters.
        named: the template's conditions.
    """
    ((kind, parts),) = condition.items()
    match kind:
        case "Condition":
            return holds(named[parts], values, named)
        case "Fn::Equals":
            left, right = (_text(part, values) for part in parts)
            return left == right
        case "Fn::Contains":
            members, one = parts
            return one in values[members["Ref"]].split(",")
        case "Fn::Not":
            return not holds(parts[0], values, named)
        case "Fn::And":
            return all(holds(part, values, named) for part in parts)
        case "Fn::Or":
            return any(holds(part, values, named) for part in parts)
    raise NotImplementedError(kind)


def _text(part: Any, values: Mapping[str, str]) -> str:
    """A side of a comparison; a list of a parameter's values can be joined without a separator."""
    match part:
        case {"Ref": name}:
            return values[name]
        case {"Fn::Join": ["", {"Ref": name}]}:
            return values[name].replace(",", "")
        case dict():
            raise NotImplementedError(part)
    return str(part)


def refused(template: Template, values: Mapping[str, str]) -> list[str]:
    """Return a sentence for each rule of the template that these parameter values violate."""
    named = template["Conditions"]
    return [
        assertion["AssertDescription"]
        for rule in template["Rules"].values()
        for assertion in rule["Assertions"]
        if holds(rule["RuleCondition"], values, named)
        and not holds(assertion["Assert"], values, named)
    ]


def parameters_in(value: Any) -> set[str]:
    """The parameters that a rule or a condition refers to."""
    if isinstance(value, list):
        return set().union(*map(parameters_in, value))
    if not isinstance(value, dict):
        return set()
    if "Ref" in value:
        return {value["Ref"]}
    return set().union(*map(parameters_in, value.values()))


def concrete(template: Template, parameters: Mapping[str, str]) -> Template:
    """The template of a stack with these parameters: no conditions, and no rules."""
    values = values_of(template, parameters)
    named = template["Conditions"]
    true = {name for name, one in named.items() if holds(one, values, named)}
    kept = {
        part: {
            name: {key: value for key, value in one.items() if key != "Condition"}
            for name, one in template[part].items()
            if "Condition" not in one or one["Condition"] in true
        }
        for part in ("Resources", "Outputs")
    }
    rest = {
        part: value
        for part, value in template.items()
        if part not in ("Conditions", "Rules", "Mappings", *kept)
    }
    pruned: Template = _chosen({**rest, **kept}, true)
    return pruned


def _chosen(value: Any, true: set[str]) -> Any:
    """A part of the template, with one side of every Fn::If."""
    if isinstance(value, list):
        return [one for one in (_chosen(one, true) for one in value) if one != _NO_VALUE]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        name, then, otherwise = value["Fn::If"]
        return _chosen(then if name in true else otherwise, true)
    chosen = {key: _chosen(one, true) for key, one in value.items()}
    return {key: one for key, one in chosen.items() if one != _NO_VALUE}
