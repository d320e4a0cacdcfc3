import json
from collections.abc import Callable
from pathlib import Path

import pytest

from local.template import (
    DEFAULT_ROUTE,
    FunctionDefinition,
    TemplateError,
    function_definition,
    gateway_response,
    http_routes,
    load_template,
    table_definitions,
)

Write = Callable[[str], Path]

TABLES = """
Resources:
  Plain:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub "${AWS::StackName}-plain"
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      SSESpecification: {SSEEnabled: !If [Prod, true, false]}
  Indexed:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: N}
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - IndexName: by-sk
          KeySchema: [{AttributeName: sk, KeyType: HASH}]
          Projection: {ProjectionType: KEYS_ONLY}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
  Function:
    Type: AWS::Serverless::Function
    Properties: {Environment: {Variables: {TABLE: !Ref Plain, ARN: !GetAtt Plain.Arn}}}
"""


@pytest.fixture
def template(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "template.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_tables_of_a_template(template: Write) -> None:
    tables = table_definitions(template(TABLES))
    assert list(tables) == ["Plain", "Indexed"]
    assert tables["Plain"].create_arguments("t") == {
        "TableName": "t",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    }
    assert tables["Plain"].ttl_arguments("t") is None
    assert tables["Indexed"].create_arguments("t")["GlobalSecondaryIndexes"][0]["IndexName"]
    assert tables["Indexed"].ttl_arguments("t") == {
        "TableName": "t",
        "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "ttl"},
    }


def test_short_tags_become_their_long_form(template: Write) -> None:
    variables = load_template(template(TABLES))["Resources"]["Function"]["Properties"][
        "Environment"
    ]["Variables"]
    assert variables == {"TABLE": {"Ref": "Plain"}, "ARN": {"Fn::GetAtt": ["Plain", "Arn"]}}


@pytest.mark.parametrize(
    "text",
    [
        "not: a template",
        "{",
        TABLES.replace("KeySchema: [{AttributeName: pk", "Keys: [{AttributeName: pk", 1),
        TABLES.replace("AttributeType: S", "AttributeType: !Ref Kind", 1),
        "Resources: {T: !!python/object/apply:os.getcwd []}",
    ],
)
def test_a_template_that_cannot_be_read_says_so(template: Write, text: str) -> None:
    with pytest.raises(TemplateError):
        table_definitions(template(text))


def test_the_tables_of_this_project() -> None:
    tables = table_definitions()
    assert {name: table.ttl_attribute for name, table in tables.items()} == {
        "IocTable": "ttl",
        "StateTable": "ttl",
        "ReportTable": None,
        "SearchTable": "ttl",
    }
    search = tables.pop("SearchTable").schema["KeySchema"]
    assert [key["AttributeName"] for key in search] == ["pk", "sk"]
    for table in tables.values():
        assert table.schema["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]


ROUTES = """
Resources:
  Asked:
    Type: AWS::Serverless::Function
    Properties:
      Handler: asked.handler
      Events:
        Any: {Type: Api, Properties: {RestApiId: !Ref Api, Path: "/{proxy+}", Method: ANY}}
        Timer: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour)}}
  Sent:
    Type: AWS::Serverless::Function
    Condition: Never
    Properties:
      Handler: sent.handler
      Events:
        One: {Type: Api, Properties: {Path: /sent, Method: ANY}}
        Many: {Type: Api, Properties: {Path: "/many/{any+}", Method: PUT}}
  Timed:
    Type: AWS::Serverless::Function
    Properties: {Handler: timed.handler}
"""


def test_the_routes_of_a_template(template: Write) -> None:
    assert http_routes(template(ROUTES)) == {
        (DEFAULT_ROUTE, "ANY"): "asked.handler",
        ("/sent", "ANY"): "sent.handler",
        ("/many/{any+}", "PUT"): "sent.handler",
    }


def test_a_template_that_leaves_requests_without_a_function_says_so(template: Write) -> None:
    text = ROUTES.replace('Path: "/{proxy+}"', "Path: /a")
    with pytest.raises(TemplateError, match="all other requests"):
        http_routes(template(text))


def test_the_routes_of_this_project() -> None:
    annotate, lookup, publish = (
        f"functions.{name}.app.lambda_handler" for name in ("annotate", "lookup", "publish")
    )
    any_method = {
        DEFAULT_ROUTE: lookup,
        "/": lookup,
        "/docs": lookup,
        "/health": lookup,
        "/openapi.json": lookup,
        "/v4/ioc/{proxy+}": lookup,
        "/v4/overrides": annotate,
        "/v4/false-positives": annotate,
        "/api/reports": publish,
        "/feed/{proxy+}": publish,
        "/api/feed/{proxy+}": publish,
    }
    writing = {("/v4/ioc/{proxy+}", method): annotate for method in ("PUT", "POST", "DELETE")}
    assert http_routes() == {(path, "ANY"): name for path, name in any_method.items()} | writing


def test_what_the_rest_api_answers_by_itself() -> None:
    status, headers, body = gateway_response("THROTTLED")
    assert (status, headers) == (429, {"retry-after": "1"})
    assert json.loads(body)["error"]["code"] == 429001
    with pytest.raises(TemplateError, match="NOWHERE"):
        gateway_response("NOWHERE")


FUNCTION = """
Parameters:
  Days: {Type: Number, Default: 0}
  Memory: {Type: Number, Default: 512}
  Address: {Type: String}
Globals:
  Function:
    Timeout: 7
    LoggingConfig: {LogFormat: Text}
    Environment: {Variables: {TABLE: !Ref Table, KIND: all}}
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Asked:
    Type: AWS::Serverless::Function
    Properties:
      Handler: asked.handler
      MemorySize: !Ref Memory
      LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: WARN}
      Environment: {Variables: {KIND: own, DAYS: !Ref Days, FEED: !Ref Address}}
  Plain:
    Type: AWS::Serverless::Function
    Properties: {Handler: plain.handler}
  Strange:
    Type: AWS::Serverless::Function
    Properties: {Handler: h, Environment: {Variables: {ARN: !GetAtt Table.Arn}}}
"""


def test_a_function_is_what_it_and_the_template_declare(template: Write) -> None:
    values = {"Table": "iocs", "Address": "https://feed.example", "Memory": "1024"}
    assert function_definition("Asked", values, template(FUNCTION)) == FunctionDefinition(
        "Asked",
        handler="asked.handler",
        timeout_s=7,
        memory_mb=1024,
        log_format="JSON",
        log_level="WARN",
        environment={
            "TABLE": "iocs",
            "KIND": "own",
            "DAYS": "0",
            "FEED": "https://feed.example",
        },
    )


def test_a_function_has_what_lambda_gives_where_nothing_is_declared(template: Write) -> None:
    found = function_definition("Plain", {"Table": "iocs"}, template(FUNCTION))
    assert (found.memory_mb, found.log_format, found.log_level) == (128, "Text", "INFO")
    assert found.environment == {"TABLE": "iocs", "KIND": "all"}


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("Asked", "Address"),  # no default, and no value given
        ("Strange", "Table.*Arn"),
        ("Table", "no function Table"),
        ("Nowhere", "no function Nowhere"),
    ],
)
def test_a_function_that_cannot_be_told_is_refused(
    template: Write, function: str, reason: str
) -> None:
    with pytest.raises(TemplateError, match=reason):
        function_definition(function, {"Table": "iocs"}, template(FUNCTION))


CONDITIONS = """
Parameters:
  Side: {Type: String, Default: "true"}
  Other: {Type: String, Default: ""}
Conditions:
  HasSide: !Equals [!Ref Side, "true"]
  HasOther: !Not [!Equals [!Ref Other, ""]]
  HasBoth: !And [!Condition HasSide, !Condition HasOther]
Resources:
  Asked:
    Type: AWS::Serverless::Function
    Properties:
      Handler: h
      Environment:
        Variables:
          SIDE: !If [HasSide, !Ref Side, "no"]
          OTHER: !If [HasOther, !Ref Other, none]
          BOTH: !If [HasBoth, both, !If [HasSide, one, none]]
"""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"SIDE": "true", "OTHER": "none", "BOTH": "one"}),
        ({"Other": "x"}, {"SIDE": "true", "OTHER": "x", "BOTH": "both"}),
        ({"Side": "false", "Other": "x"}, {"SIDE": "no", "OTHER": "x", "BOTH": "none"}),
    ],
)
def test_what_hangs_on_conditions(
    template: Write, values: dict[str, str], expected: dict[str, str]
) -> None:
    asked = function_definition("Asked", values, template(CONDITIONS))
    assert asked.environment == expected
