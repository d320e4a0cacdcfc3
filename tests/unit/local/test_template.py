from collections.abc import Callable
from pathlib import Path

import pytest

from local.template import TemplateError, load_template, table_definitions

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
    }
    for table in tables.values():
        assert table.schema["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
