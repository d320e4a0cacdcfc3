from typing import Any

import pytest
from botocore.hooks import HierarchicalEmitter

from benchmarks.metering import Meter, Usage, item_size, read_units, write_units

KEY = {"pk": {"S": "k"}}


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"pk": {"S": "é"}}, 4),
        ({"b": {"B": b"1234"}}, 5),
        ({"n": {"N": "12"}}, 3),
        ({"n": {"N": "-12"}}, 4),
        ({"n": {"N": "1748764800000"}}, 1 + 5),  # zeroes at the end are not kept
        ({"n": {"N": "0"}}, 2),
        ({"t": {"BOOL": True}}, 2),
        ({"s": {"SS": ["ab", "c"]}}, 4),
        ({"s": {"BS": [b"ab", b"c"]}}, 4),
        ({"s": {"NS": ["12", "3"]}}, 5),
        ({"m": {"M": {"x": {"S": "y"}}}}, 1 + 3 + 2 + 1),
        ({"l": {"L": [{"S": "y"}]}}, 1 + 3 + 1 + 1),
    ],
)
def test_size_of_an_item(item: dict[str, Any], size: int) -> None:
    assert item_size(item) == size


def test_units_are_rounded_up_for_each_item() -> None:
    assert [read_units(size, consistent=True) for size in (0, 1, 4096, 4097)] == [1, 1, 1, 2]
    assert [read_units(size, consistent=False) for size in (0, 4096, 4097)] == [0.5, 0.5, 1]
    assert [write_units(size) for size in (0, 1, 1024, 1025)] == [1, 1, 1, 2]


class Model:
    def __init__(self, name: str) -> None:
        self.name = name


def call(name: str, params: dict[str, Any], answer: dict[str, Any], *before: Any) -> Usage:
    """What one call costs, after the ones before it: each its name, parameters and answer."""
    events = HierarchicalEmitter()
    meter = Meter()
    meter.listen(events)
    for one in before:
        _emit(events, *one)
    with meter.section() as usage:
        _emit(events, name, params, answer)
    return usage


def _emit(events: Any, name: str, params: dict[str, Any], answer: dict[str, Any]) -> None:
    context: dict[str, Any] = {}
    about = {"model": Model(name), "context": context}
    events.emit(f"provide-client-params.dynamodb.{name}", params=params, **about)
    sent = events.emit(f"before-call.dynamodb.{name}", **about)
    assert [answer for _, answer in sent] == [None]
    events.emit(f"after-call.dynamodb.{name}", parsed=answer, **about)


def item(size: int) -> dict[str, Any]:
    """An item of this size."""
    return {**KEY, "v": {"S": "x" * (size - 4)}}


def test_an_absent_item_costs_a_read() -> None:
    assert call("GetItem", {"TableName": "t", "Key": KEY}, {}).read == 0.5
    strong = {"TableName": "t", "Key": KEY, "ConsistentRead": True}
    assert call("GetItem", strong, {"Item": item(5000)}).read == 2


def test_a_batch_is_rounded_by_item_and_leaves_out_what_was_not_processed() -> None:
    keys = [{"pk": {"S": str(number)}} for number in range(4)]
    usage = call(
        "BatchGetItem",
        {"RequestItems": {"t": {"Keys": keys, "ConsistentRead": True}}},
        {
            "Responses": {"t": [item(10), item(4100)]},
            "UnprocessedKeys": {"t": {"Keys": keys[:1]}},
        },
    )
    assert usage.read == 1 + 2 + 1


def test_a_put_costs_the_larger_of_before_and_after() -> None:
    put = {"TableName": "t", "Item": item(100)}
    assert call("PutItem", put, {}).written == 1
    assert call("PutItem", put, {"Attributes": item(3000)}).written == 3


def test_an_update_costs_the_larger_of_before_and_after() -> None:
    update = {"TableName": "t", "Key": KEY}
    assert call("UpdateItem", update, {"Attributes": item(2000)}).written == 2
    before = ("GetItem", {"TableName": "t", "Key": KEY}, {"Item": item(4000)})
    assert call("UpdateItem", update, {"Attributes": item(2000)}, before).written == 4


def test_a_failed_condition_costs_the_item_that_is_there() -> None:
    failed: dict[str, Any] = {"Error": {"Code": "ConditionalCheckFailedException"}}
    put = {"TableName": "t", "Item": item(100)}
    usage = call("PutItem", put, {**failed, "Item": item(1500)})
    assert (usage.written, usage.failed_conditions) == (2, 1)
    assert call("PutItem", put, failed).written == 1


def test_a_transaction_costs_double() -> None:
    parts = [
        {"Put": {"TableName": "t", "Item": item(1500)}},
        {"Delete": {"TableName": "t", "Key": {"pk": {"S": "other"}}}},
    ]
    assert call("TransactWriteItems", {"TransactItems": parts}, {}).written == 2 * (2 + 1)


def test_a_cancelled_transaction_costs_as_much_and_changes_nothing() -> None:
    put = {"TransactItems": [{"Put": {"TableName": "t", "Item": item(3000)}}]}
    cancelled = {"Error": {"Code": "TransactionCanceledException"}}
    assert call("TransactWriteItems", put, cancelled).written == 2 * 3
    small = {"TableName": "t", "Item": item(10)}
    assert call("PutItem", small, {}, ("TransactWriteItems", put, cancelled)).written == 1


@pytest.mark.parametrize("name", ["GetItem", "PutItem", "TransactWriteItems"])
def test_what_was_refused_costs_nothing(name: str) -> None:
    usage = call(name, {"TableName": "t"}, {"Error": {"Code": "ThrottlingException"}})
    assert (usage.read, usage.written, usage.calls.total()) == (0, 0, 1)


def test_calls_are_told_to_return_what_the_meter_needs() -> None:
    params: dict[str, Any] = {"TableName": "t", "Key": KEY, "ReturnValues": "UPDATED_NEW"}
    call("UpdateItem", params, {})
    assert params["ReturnValues"] == "ALL_NEW"
    assert params["ReturnConsumedCapacity"] == "TOTAL"


def test_what_the_engine_says_is_kept_beside() -> None:
    said = {"ConsumedCapacity": [{"CapacityUnits": 7.0}]}
    assert call("BatchGetItem", {"RequestItems": {}}, said).engine_read == 7
    assert call("DeleteItem", {"TableName": "t", "Key": KEY}, {}).engine_written == 0
