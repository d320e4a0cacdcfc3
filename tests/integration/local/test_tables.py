import pytest

from local.environment import ENDPOINT
from local.errors import LocalError
from local.tables import make_tables
from shared.store.client import DynamoDBClient, dynamodb_client


@pytest.fixture
def client(engine: str, monkeypatch: pytest.MonkeyPatch) -> DynamoDBClient:
    monkeypatch.setenv(ENDPOINT, engine)
    return dynamodb_client()


def test_tables_are_made_once_with_their_ttl(client: DynamoDBClient) -> None:
    names = {"IocTable": "tables-iocs", "StateTable": "tables-state"}
    assert make_tables(client, names) == {"tables-iocs": True, "tables-state": True}
    assert make_tables(client, names) == {"tables-iocs": False, "tables-state": False}
    for name in names.values():
        ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert ttl["AttributeName"] == "ttl"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ({"NoTable": "whatever"}, "has no table NoTable"),
        ({"IocTable": "x"}, "cannot create the table"),
    ],
)
def test_a_table_that_cannot_be_made_is_told(
    client: DynamoDBClient, names: dict[str, str], reason: str
) -> None:
    with pytest.raises(LocalError, match=reason):
        make_tables(client, names)
