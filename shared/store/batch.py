"""Batch reads and writes that repeat what DynamoDB leaves unprocessed."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from shared.domain.errors import StoreError
from shared.store.client import DynamoDBClient, store_errors
from shared.store.direct import DirectClient
from shared.store.pauses import pauses

Item = Mapping[str, Any]

MAX_BATCH_READ = 100
MAX_BATCH_WRITE = 25
MAX_ROUNDS = 8
# Batches read in parallel: as many as the largest bulk request has.
_AT_ONCE = 10
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


def batch_get(
    client: DynamoDBClient,
    table: str,
    keys: Sequence[str],
    *,
    attributes: Sequence[str] = (),
    consistent: bool = False,
    rounds: int = MAX_ROUNDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Item]:
    """Read items by their partition keys, each key once, in any order; up to 1,000 in parallel.

    Args:
        attributes: what to read of each item, all if empty; the units are the same.
        rounds: how many times to request a key that stays unprocessed.

    Raises:
        StoreError: the store failed, or left keys unprocessed in every round.
    """
    distinct = list(dict.fromkeys(keys))
    how: dict[str, Any] = {"ConsistentRead": consistent}
    if attributes:
        names = {f"#{at}": name for at, name in enumerate(attributes)}
        how["ProjectionExpression"] = ",".join(names)
        how["ExpressionAttributeNames"] = names
    for group in _parts(distinct, _AT_ONCE * MAX_BATCH_READ):
        left: Any = [{"pk": {"S": key}} for key in group]
        for pause in pauses(rounds, _FIRST_PAUSE_S, _LONGEST_PAUSE_S):
            requests = [
                {"RequestItems": {table: {"Keys": some, **how}}}
                for some in _parts(left, MAX_BATCH_READ)
            ]
            with store_errors():
                answers = _read_at_once(client, requests)
            left = []
            for answer in answers:
                yield from answer["Responses"].get(table, [])
                left += answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if not left:
                break
            sleep(pause)
        else:
            raise StoreError("the store left keys unread")


def _read_at_once(client: DynamoDBClient, requests: Sequence[Any]) -> Sequence[Any]:
    if isinstance(client, DirectClient):
        return client.batch_get_items(requests)
    if len(requests) == 1:
        return [client.batch_get_item(**requests[0])]
    # The direct client needs no threads, so a cold start need not import them.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(len(requests)) as readers:
        return list(readers.map(lambda request: client.batch_get_item(**request), requests))


def _parts(whole: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (whole[start : start + size] for start in range(0, len(whole), size))


def batch_put(
    client: DynamoDBClient,
    table: str,
    items: Sequence[Item],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Write items, replacing those with the same keys.

    Raises:
        StoreError: the store failed, or left items unprocessed in every round.
    """
    _write(client, table, [{"PutRequest": {"Item": item}} for item in items], sleep)


def batch_delete(
    client: DynamoDBClient,
    table: str,
    keys: Sequence[Item],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Delete items by their keys; a missing item is not an error.

    Raises:
        StoreError: the store failed, or left items unprocessed in every round.
    """
    _write(client, table, [{"DeleteRequest": {"Key": key}} for key in keys], sleep)


def _write(
    client: DynamoDBClient,
    table: str,
    requests: Sequence[Any],
    sleep: Callable[[float], None],
) -> None:
    for some in _parts(requests, MAX_BATCH_WRITE):
        left: Any = some
        for pause in pauses(MAX_ROUNDS, _FIRST_PAUSE_S, _LONGEST_PAUSE_S):
            with store_errors():
                answer = client.batch_write_item(RequestItems={table: left})
            left = answer.get("UnprocessedItems", {}).get(table, [])
            if not left:
                break
            sleep(pause)
        else:
            raise StoreError("the store left items unwritten")
