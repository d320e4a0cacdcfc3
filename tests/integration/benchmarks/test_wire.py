from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.wire import metered_wire
from shared.store.client import dynamodb_client
from tests.conftest import Store


def _client() -> Any:
    return dynamodb_client(read_timeout_s=60)


def test_calls_of_any_client_are_counted_on_their_way(engine_store: Store) -> None:
    table, key = engine_store.table, {"pk": {"S": "k"}}
    with metered_wire() as wire, closing(_client()) as client, wire.meter.section() as usage:
        client.put_item(TableName=table, Item={**key, "b": {"B": b"x" * 3000}})
        found = client.get_item(TableName=table, Key=key)["Item"]
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            client.put_item(
                TableName=table, Item=key, ConditionExpression="attribute_not_exists(pk)"
            )
    assert found["b"]["B"] == b"x" * 3000
    assert usage.calls == {"PutItem": 2, "GetItem": 1}
    # Of 3,005 bytes: not of the 4,000 that they are in base64.
    assert (usage.read, usage.written, usage.failed_conditions) == (0.5, 3 + 3, 1)


def test_reads_wait_for_each_other(engine_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.wire.GATHER_S", 30.0)
    with metered_wire() as wire, closing(_client()) as client:
        wire.gather = 5
        with wire.meter.section() as usage, ThreadPoolExecutor(5) as pool:
            for _ in range(5):
                pool.submit(client.get_item, TableName=engine_store.table, Key={"pk": {"S": "k"}})
    assert (usage.peak, usage.calls["GetItem"]) == (5, 5)


def test_reads_that_come_alone_are_held_once(
    engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.wire.GATHER_S", 0.01)
    with metered_wire() as wire, closing(_client()) as client:
        wire.gather = 5
        with wire.meter.section() as usage:
            for _ in range(3):
                client.get_item(TableName=engine_store.table, Key={"pk": {"S": "k"}})
    assert (usage.peak, wire.gather) == (1, 1)
