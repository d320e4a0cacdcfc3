"""What people decided by hand: changes of overrides, and reports of false positives.

annotations#<kind>     last   number of the last entry
annotation#<kind>#<number>
                       entry  the entry, JSON
                       at     milliseconds since the epoch
annotated#<kind>#<digest of the IOC>#<digest of the key>
                       number of the only entry of a key about an IOC
Numbers begin at 1, and some may be missing. Entries are kept for good.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared.domain.indicator import Indicator
from shared.store.batch import batch_get
from shared.store.client import store_errors
from shared.store.keys import annotated_key, annotation_count_key, annotation_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Entry = Mapping[str, Any]


class Kind(StrEnum):
    """The kinds of entries, each with numbers of its own."""

    OVERRIDE = "override"
    FALSE_POSITIVE = "false-positive"


class AnnotationLog:
    """Appends entries and reads them, the newest first."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = table_name

    def next_number(self, kind: Kind) -> int:
        """Return a number that no entry has.

        Raises:
            StoreError: the store failed; a number may be lost.
        """
        with store_errors():
            answer = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": annotation_count_key(kind)}},
                UpdateExpression="ADD #last :one",
                ExpressionAttributeNames={"#last": "last"},
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["last"]["N"])

    def put(self, kind: Kind, number: int, entry: Entry, at: int) -> None:
        """Keep an entry under a number of `next_number`; safe to repeat.

        Args:
            at: milliseconds since the epoch.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": annotation_key(kind, number)},
                    "entry": {"S": json.dumps(entry, ensure_ascii=False)},
                    "at": {"N": str(at)},
                },
            )

    def claim(self, kind: Kind, indicator: Indicator, key_digest: str, number: int) -> int:
        """Return the number of a key's only entry about an IOC: `number`, or an earlier one.

        Args:
            key_digest: SHA-256 of the key in hexadecimal.

        Raises:
            StoreError: the store failed; the number may have been claimed.
        """
        key = {"pk": {"S": annotated_key(kind, indicator, key_digest)}}
        with store_errors():
            answer = self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET #number = if_not_exists(#number, :number)",
                ExpressionAttributeNames={"#number": "number"},
                ExpressionAttributeValues={":number": {"N": str(number)}},
                ReturnValues="ALL_NEW",
            )
        return int(answer["Attributes"]["number"]["N"])

    def last_number(self, kind: Kind) -> int:
        """Return the number of the last entry, 0 if there is none.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table,
                Key={"pk": {"S": annotation_count_key(kind)}},
                ConsistentRead=True,
            )
        return int(answer["Item"]["last"]["N"]) if "Item" in answer else 0

    def page(self, kind: Kind, last: int, limit: int) -> dict[int, dict[str, Any]]:
        """Read the entries with the numbers from `last` down, at most `limit`.

        Returns:
            Entries by number, the newest first; fewer if numbers are missing.

        Raises:
            StoreError: the store failed.
        """
        numbers = range(last, max(0, last - limit), -1)
        keys = {annotation_key(kind, number): number for number in numbers}
        items = batch_get(self._client, self._table, list(keys), consistent=True)
        found = {keys[item["pk"]["S"]]: json.loads(item["entry"]["S"]) for item in items}
        return dict(sorted(found.items(), reverse=True))
