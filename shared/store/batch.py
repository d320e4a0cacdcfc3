"""Reading and writing in batches; what DynamoDB leaves unprocessed is asked again."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.domain.errors import StoreError
from shared.store.client import store_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]

MAX_BATCH_READ = 100
MAX_BATCH_WRITE = 25
MAX_ROUNDS = 8
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


def batch_get(
    client: "DynamoDBClient",
    table: str,
    keys: Sequence[str],
    *,
    consistent: bool = False,
    rounds: int = MAX_ROUNDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Item]:
    """Read items by their partition keys, each key once, in no order.

    Args:
        rounds: how often to ask for what was left unprocessed, before it is an error.

    Raises:
        StoreError: the store failed, or left keys unprocessed in every round.
    """
    distinct = list(dict.fromkeys(keys))
    for start in range(0, len(distinct), MAX_BATCH_READ):
        left: Any = [{"pk": {"S": key}} for key in distinct[start : start + MAX_BATCH_READ]]
        for pause in _pauses(rounds):
            with store_errors():
                answer = client.batch_get_item(
                    RequestItems={table: {"Keys": left, "ConsistentRead": consistent}}
                )
            yield from answer["Responses"].get(table, [])
            unread: Any = answer.get("UnprocessedKeys", {})
            left = unread.get(table, {}).get("Keys", [])
            if not left:
                break
            sleep(pause)
        else:
            raise StoreError("the store left keys unread")


def batch_put(
    client: "DynamoDBClient",
    table: str,
    items: Sequence[Item],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Write items, replacing what stands under their keys.

    Raises:
        StoreError: the store failed, or left items unprocessed in every round.
    """
    for start in range(0, len(items), MAX_BATCH_WRITE):
        left: Any = [
            {"PutRequest": {"Item": item}} for item in items[start : start + MAX_BATCH_WRITE]
        ]
        for pause in _pauses(MAX_ROUNDS):
            with store_errors():
                answer = client.batch_write_item(RequestItems={table: left})
            left = answer.get("UnprocessedItems", {}).get(table, [])
            if not left:
                break
            sleep(pause)
        else:
            raise StoreError("the store left items unwritten")


def _pauses(rounds: int) -> Iterator[float]:
    """Exponential with full jitter, as AWS advises for unprocessed keys."""
    for attempt in range(rounds):
        yield random.uniform(0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt))  # noqa: S311
