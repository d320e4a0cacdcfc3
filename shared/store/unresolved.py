"""Reports that a feed has only named, and that are still to be fetched.

unresolved#<feed>  waiting  a set of texts "<since> <flow_id>", since when it waits in
                            milliseconds since the epoch

A set, because runs that overlap add to it and take from it without reading it first. A report
that two runs added stands in it twice; that costs a request and nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.store.client import store_errors
from shared.store.keys import unresolved_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Every write costs as much as the whole item: 20 KB with flow_ids as they usually are. With the
# longest ones that are allowed it is still under the 400 KB of an item.
MAX_WAITING = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report that is to be fetched.

    Attributes:
        flow_id: the scan.
        since: when it was first named, milliseconds since the epoch.
    """

    flow_id: str
    since: int


class UnresolvedReports:
    """Remembers the reports of one feed; how many is up to who adds them, see `MAX_WAITING`."""

    def __init__(self, client: "DynamoDBClient", table_name: str, feed_url: str) -> None:
        self._client = client
        self._table = table_name
        self._key = {"pk": {"S": unresolved_key(feed_url)}}

    def read(self) -> frozenset[Waiting]:
        """What waits.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table, Key=self._key, ConsistentRead=True
            )
        waiting = answer.get("Item", {}).get("waiting", {})
        return frozenset(map(_parse, waiting.get("SS", [])))

    def add(self, reports: Iterable[Waiting]) -> None:
        """Remember reports.

        Raises:
            StoreError: the store failed; calling again is right.
        """
        self._update("ADD", reports)

    def remove(self, reports: Iterable[Waiting]) -> None:
        """Forget reports, exactly as `read` gave them.

        Raises:
            StoreError: the store failed; calling again is right.
        """
        self._update("DELETE", reports)

    def _update(self, action: str, reports: Iterable[Waiting]) -> None:
        texts = sorted({f"{report.since} {report.flow_id}" for report in reports})
        if not texts:
            return
        with store_errors():
            self._client.update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression=f"{action} waiting :reports",
                ExpressionAttributeValues={":reports": {"SS": texts}},
            )


def _parse(text: str) -> Waiting:
    since, flow_id = text.split(" ", 1)
    return Waiting(flow_id, int(since))
