"""Reads tables, functions and routes from template.yaml, the only source of the tables' schema.

Local commands and tests create their tables from it:

    for table in table_definitions().values():
        client.create_table(**table.create_arguments(name))
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from local.errors import LocalError

TEMPLATE = Path(__file__).parent.parent / "template.yaml"

# Properties that are arguments of CreateTable. The others (encryption, recovery, tags, deletion
# protection) concern how AWS operates the table; emulators differ in which they accept.
_CREATE_PROPERTIES = (
    "KeySchema",
    "AttributeDefinitions",
    "BillingMode",
    "ProvisionedThroughput",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
)


class TemplateError(LocalError):
    """The template lacks a resource, or declares it in a way that cannot be run locally."""


@dataclass(frozen=True)
class TableDefinition:
    """One AWS::DynamoDB::Table of the template.

    Attributes:
        logical_id: its name in `Resources`.
        schema: CreateTable arguments without the table's name.
        ttl_attribute: the attribute that expires items; None if items do not expire.
    """

    logical_id: str
    schema: dict[str, Any]
    ttl_attribute: str | None

    def create_arguments(self, table_name: str) -> dict[str, Any]:
        """Return the arguments of CreateTable for a table of this name."""
        return {"TableName": table_name, **self.schema}

    def ttl_arguments(self, table_name: str) -> dict[str, Any] | None:
        """Return the arguments of UpdateTimeToLive; None if the table has no TTL."""
        if self.ttl_attribute is None:
            return None
        specification = {"Enabled": True, "AttributeName": self.ttl_attribute}
        return {"TableName": table_name, "TimeToLiveSpecification": specification}


def table_definitions(path: Path = TEMPLATE) -> dict[str, TableDefinition]:
    """Return every table of a CloudFormation or SAM template, by logical id.

    Raises:
        TemplateError: the file is not a template, or a table's schema is not plain values.
        OSError: the file cannot be read.
    """
    template = load_template(path)
    return {
        logical_id: _definition(logical_id, resource.get("Properties", {}))
        for logical_id, resource in template["Resources"].items()
        if resource.get("Type") == "AWS::DynamoDB::Table"
    }


@dataclass(frozen=True)
class FunctionDefinition:
    """One AWS::Serverless::Function of the template, with the values it is deployed with.

    Attributes:
        logical_id: its name in `Resources`.
        handler: dotted path of the handler.
        timeout_s: limit of an invocation, in seconds.
        memory_mb: its memory, in MB.
        log_format: log format of the runtime, JSON or Text.
        log_level: lowest level that the runtime logs.
        environment: its variables, including those of all functions.
    """

    logical_id: str
    handler: str
    timeout_s: int
    memory_mb: int
    log_format: str
    log_level: str
    environment: dict[str, str]


def function_definition(
    logical_id: str, values: Mapping[str, str], path: Path = TEMPLATE
) -> FunctionDefinition:
    """Return a function as CloudFormation would deploy it.

    Args:
        logical_id: name of the function in `Resources`.
        values: values of references, by the name of a parameter or a resource; other
            parameters have their defaults.
        path: the template.

    Raises:
        TemplateError: the function is missing, or a property refers to an unknown name.
        OSError: the file cannot be read.
    """
    template = load_template(path)
    resource = template["Resources"].get(logical_id, {})
    if resource.get("Type") != "AWS::Serverless::Function":
        raise TemplateError(f"{path.name} has no function {logical_id}")
    defaults = {
        name: str(parameter["Default"])
        for name, parameter in template.get("Parameters", {}).items()
        if "Default" in parameter
    }
    resolve = partial(
        _resolve, values={**defaults, **values}, conditions=template.get("Conditions", {})
    )
    properties = template.get("Globals", {}).get("Function", {}) | resource["Properties"]
    logging = properties.get("LoggingConfig", {})
    variables = {
        **template.get("Globals", {}).get("Function", {}).get("Environment", _NONE)["Variables"],
        **resource["Properties"].get("Environment", _NONE)["Variables"],
    }
    return FunctionDefinition(
        logical_id,
        handler=properties["Handler"],
        timeout_s=int(resolve(properties.get("Timeout", 3))),
        memory_mb=int(resolve(properties.get("MemorySize", 128))),
        log_format=resolve(logging.get("LogFormat", "Text")),
        log_level=resolve(logging.get("ApplicationLogLevel", "INFO")),
        environment={name: resolve(value) for name, value in variables.items()},
    )


_NONE: dict[str, dict[str, Any]] = {"Variables": {}}


def _resolve(value: object, values: Mapping[str, str], conditions: Mapping[str, Any]) -> str:
    if not isinstance(value, dict):
        return str(value)
    if "Fn::If" in value:
        name, then, otherwise = value["Fn::If"]
        chosen = then if _holds(conditions[name], values, conditions) else otherwise
        return _resolve(chosen, values, conditions)
    name = value.get("Ref")
    if not isinstance(name, str) or name not in values:
        raise TemplateError(f"the value of {value} is unknown")
    return values[name]


def _holds(condition: Any, values: Mapping[str, str], conditions: Mapping[str, Any]) -> bool:
    ((kind, parts),) = condition.items()
    match kind:
        case "Condition":
            return _holds(conditions[parts], values, conditions)
        case "Fn::Equals":
            left, right = (_resolve(part, values, conditions) for part in parts)
            return left == right
        case "Fn::Not":
            return not _holds(parts[0], values, conditions)
        case "Fn::And":
            return all(_holds(part, values, conditions) for part in parts)
    raise TemplateError(f"the condition function {kind} is unknown")


DEFAULT_ROUTE = "/{proxy+}"


ANY = "ANY"


def http_routes(path: Path = TEMPLATE) -> dict[tuple[str, str], str]:
    """Return the handler of every route of the REST API, by path and method; `ANY` for the rest.

    Conditions are ignored: locally all functions exist.

    Raises:
        TemplateError: the file is not a template, or has no default route.
        OSError: the file cannot be read.
    """
    routes = {
        (event["Properties"]["Path"], event["Properties"]["Method"]): resource["Properties"][
            "Handler"
        ]
        for resource in load_template(path)["Resources"].values()
        if resource.get("Type") == "AWS::Serverless::Function"
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "Api"
    }
    if (DEFAULT_ROUTE, ANY) not in routes:
        raise TemplateError(f"{path.name} has no function for all other requests")
    return routes


def gateway_response(kind: str, path: Path = TEMPLATE) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body of an answer that the REST API gives by itself.

    Args:
        kind: type of the gateway response, such as `REQUEST_TOO_LARGE`.
        path: the template.

    Raises:
        TemplateError: the file is not a template, or does not define this answer.
        OSError: the file cannot be read.
    """
    for resource in load_template(path)["Resources"].values():
        if resource.get("Type") == "AWS::Serverless::Api":
            response = resource["Properties"].get("GatewayResponses", {}).get(kind)
            if response:
                # A fixed value is in single quotes.
                named = response.get("ResponseParameters", {}).get("Headers", {})
                headers = {name.lower(): value.strip("'") for name, value in named.items()}
                body = response["ResponseTemplates"]["application/json"]
                return response["StatusCode"], headers, body
    raise TemplateError(f"{path.name} has no gateway response {kind}")


def load_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the template as data; a short tag `!Sub x` becomes `{"Fn::Sub": "x"}`.

    Raises:
        TemplateError: the file is not YAML, or has no `Resources`.
        OSError: the file cannot be read.
    """
    try:
        # The loader is a SafeLoader: it creates plain data only.
        template = yaml.load(path.read_text(encoding="utf-8"), _TemplateLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise TemplateError(f"{path.name} is not YAML: {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise TemplateError(f"{path.name} has no Resources")
    return template


def _definition(logical_id: str, properties: dict[str, Any]) -> TableDefinition:
    schema = {name: properties[name] for name in _CREATE_PROPERTIES if name in properties}
    if "KeySchema" not in schema or "AttributeDefinitions" not in schema:
        raise TemplateError(f"{logical_id} declares no KeySchema or no AttributeDefinitions")
    if _holds_intrinsic(schema):
        raise TemplateError(f"{logical_id} has an intrinsic function in its schema")
    ttl = properties.get("TimeToLiveSpecification", {})
    attribute = ttl.get("AttributeName") if ttl.get("Enabled") is True else None
    return TableDefinition(logical_id, schema, attribute)


def _holds_intrinsic(value: object) -> bool:
    if isinstance(value, dict):
        return any(
            key == "Ref" or str(key).startswith("Fn::") or _holds_intrinsic(inner)
            for key, inner in value.items()
        )
    return isinstance(value, list) and any(_holds_intrinsic(inner) for inner in value)


class _TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags; still plain data only."""


def _construct_tag(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise TemplateError(f"!{suffix} holds no value")
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _construct_tag)
