"""Counters of what API keys have used: one item for each key and window of time.

quota#<digest>#<window>  used  what was leased of the window's allowance, spent or not
                         ttl   a day after the window's end, seconds since the epoch
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.store.client import store_errors
from shared.store.keys import quota_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MINUTE_S = 60
DAY_S = 86_400
_KEPT_S = DAY_S
_NAMES = {MINUTE_S: "%Y-%m-%dT%H:%M", DAY_S: "%Y-%m-%d"}


@dataclass(frozen=True, slots=True)
class Window:
    """A minute or a day, UTC, of one key.

    Attributes:
        digest: SHA-256 of the key in hexadecimal.
        length_s: `MINUTE_S` or `DAY_S`.
        start_s: its first second, since the epoch.
    """

    digest: str
    length_s: int
    start_s: int

    @property
    def end_s(self) -> int:
        """First second after it, since the epoch."""
        return self.start_s + self.length_s

    @property
    def name(self) -> str:
        """`2026-01-05` or `2026-01-05T10:00`."""
        return datetime.fromtimestamp(self.start_s, UTC).strftime(_NAMES[self.length_s])


class QuotaCounters:
    """Leases allowance: what one caller got, no other gets."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = table_name

    def lease(self, window: Window, amount: int, limit: int) -> int | None:
        """Take `amount` of what is left of `limit`, all or nothing, in one write.

        Returns:
            What is used of the window now, this amount included; None when less was left.

        Raises:
            StoreError: the store failed. The amount may be lost by it until the window ends, and
                twice when the call was repeated, but the limit holds: every write is on condition.
        """
        if amount > limit:
            # Where nothing is counted yet the condition would let it through.
            return None
        with store_errors():
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": quota_key(window.digest, window.name)}},
                    UpdateExpression="SET #ttl = :ttl ADD #used :amount",
                    ConditionExpression="attribute_not_exists(#used) OR #used <= :most",
                    ExpressionAttributeNames={"#used": "used", "#ttl": "ttl"},
                    ExpressionAttributeValues={
                        ":amount": {"N": str(amount)},
                        ":most": {"N": str(limit - amount)},
                        ":ttl": {"N": str(window.end_s + _KEPT_S)},
                    },
                    ReturnValues="UPDATED_NEW",
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return None
        return int(answer["Attributes"]["used"]["N"])

    def used(self, window: Window) -> int:
        """What was leased of the window so far, by whomever.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table,
                Key={"pk": {"S": quota_key(window.digest, window.name)}},
                ConsistentRead=True,
            )
        item = answer.get("Item")
        return int(item["used"]["N"]) if item else 0
