import boto3
import pytest

from local.errors import LocalError
from local.tables import make_tables


@pytest.fixture(autouse=True)
def _environment(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", engine)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")


def test_tables_are_made_once_with_their_ttl() -> None:
    client = boto3.client("dynamodb")
    names = {"IocTable": "tables-iocs", "StateTable": "tables-state"}
    assert make_tables(client, names) == {"tables-iocs": True, "tables-state": True}
    assert make_tables(client, names) == {"tables-iocs": False, "tables-state": False}
    for name in names.values():
        ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert ttl["AttributeName"] == "ttl"


@pytest.mark.parametrize(
    ("names", "reason"),
    [({"NoTable": "whatever"}, "has no table NoTable"), ({"IocTable": "x"}, "cannot be made")],
)
def test_a_table_that_cannot_be_made_is_told(names: dict[str, str], reason: str) -> None:
    with pytest.raises(LocalError, match=reason):
        make_tables(boto3.client("dynamodb"), names)
