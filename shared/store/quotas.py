"""Counters of the look-ups of API keys: one item per key and window of time.

quota#<digest>#<window>  used  look-ups leased in the window, spent or not
                         ttl   a day after the end of the window, seconds since the epoch
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from shared.store.client import Table, store_errors
from shared.store.keys import quota_key

MINUTE_S = 60
DAY_S = 86_400
_KEPT_S = DAY_S
_NAMES = {MINUTE_S: "%Y-%m-%dT%H:%M", DAY_S: "%Y-%m-%d"}


@dataclass(frozen=True, slots=True)
class Window:
    """A minute or a day (UTC) of one key.

    Attributes:
        digest: SHA-256 of the key in hexadecimal.
        length_s: `MINUTE_S` or `DAY_S`.
        start_s: first second, since the epoch.
    """

    digest: str
    length_s: int
    start_s: int

    @property
    def end_s(self) -> int:
        """First second after the window, since the epoch."""
        return self.start_s + self.length_s

    @property
    def name(self) -> str:
        """`2026-01-05` or `2026-01-05T10:00`."""
        return datetime.fromtimestamp(self.start_s, UTC).strftime(_NAMES[self.length_s])


class QuotaCounters(Table):
    """Leases look-ups to instances; none is leased twice."""

    def lease(self, window: Window, amount: int, limit: int) -> int | None:
        """Lease `amount` look-ups of `limit`, all or nothing, in one write.

        Returns:
            Look-ups used in the window, including this amount; None if fewer were left.

        Raises:
            StoreError: the store failed. The amount, or twice the amount after a retry, may be
                lost until the window ends. The limit holds: every write has a condition.
        """
        if amount > limit:
            # The condition would allow it if the window has no counter yet.
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
        """Look-ups leased in the window so far, by all instances.

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
