"""The IOC table: one item per IOC."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING

from shared.domain.indicator import Indicator
from shared.domain.reputation import Reputation
from shared.store.batch import MAX_BATCH_READ, batch_get
from shared.store.client import store_errors
from shared.store.items import StoredIoc, from_item, reputation_from_item, to_item
from shared.store.keys import ioc_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


# Batches of the largest bulk request.
_PARALLEL_READS = 10
# A caller waits: at most three quarters of a second for keys that were left unprocessed.
_ROUNDS = 4


class IocTable:
    """Reads and writes IOCs.

    Args:
        retention_s: how long an IOC is kept after it was last seen, 0 for ever.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str, *, retention_s: int = 0) -> None:
        self._client = client
        self._table = table_name
        self._retention_s = retention_s

    def find(self, indicator: Indicator) -> Reputation | None:
        """The reputation of one indicator, in one eventually consistent read.

        Raises:
            StoreError: the store failed; that is not the same as not known.
        """
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": ioc_key(indicator)}}
            )
        item = answer.get("Item")
        return None if item is None else reputation_from_item(item)

    def find_many(self, indicators: Iterable[Indicator]) -> dict[Indicator, Reputation]:
        """The reputations that are known of `indicators`, read in parallel batches.

        Raises:
            StoreError: the store failed; no part of the answer is right then.
        """
        keys = list({ioc_key(indicator) for indicator in indicators})
        batches = [
            keys[start : start + MAX_BATCH_READ] for start in range(0, len(keys), MAX_BATCH_READ)
        ]
        read = partial(_read_batch, self._client, self._table)
        # One batch needs no other thread.
        results = map(read, batches) if len(batches) < 2 else _readers().map(read, batches)
        return {found.indicator: found for batch in results for found in batch}

    def read(
        self, indicators: Iterable[Indicator], *, consistent: bool = False
    ) -> dict[Indicator, StoredIoc]:
        """What is stored of `indicators`; the unknown ones are left out.

        Raises:
            StoreError: the store failed.
        """
        keys = [ioc_key(indicator) for indicator in indicators]
        items = batch_get(self._client, self._table, keys, consistent=consistent)
        return {stored.reputation.indicator: stored for stored in map(from_item, items)}

    def write(self, stored: StoredIoc, replaces: StoredIoc | None) -> bool:
        """Write an IOC on condition that its item is still the one that it replaces.

        Args:
            stored: the new state, with a version that was never used.
            replaces: what was read, None when nothing was there.

        Returns:
            False when the item has changed since; nothing was written then.

        Raises:
            StoreError: the store failed; whether the write took effect is not known.
        """
        with store_errors():
            try:
                if replaces is None:
                    self._client.put_item(
                        TableName=self._table,
                        Item=to_item(stored, self._retention_s),
                        ConditionExpression="attribute_not_exists(pk)",
                    )
                else:
                    self._client.put_item(
                        TableName=self._table,
                        Item=to_item(stored, self._retention_s),
                        ConditionExpression="ver = :read",
                        ExpressionAttributeValues={":read": {"B": replaces.version}},
                    )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True


def _read_batch(client: "DynamoDBClient", table: str, keys: Sequence[str]) -> list[Reputation]:
    return [reputation_from_item(item) for item in batch_get(client, table, keys, rounds=_ROUNDS)]


@cache
def _readers() -> ThreadPoolExecutor:
    """Made by the first bulk request that needs it: a start for a single look-up stays short."""
    return ThreadPoolExecutor(_PARALLEL_READS, thread_name_prefix="read")
