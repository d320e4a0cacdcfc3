"""API keys: only their SHA-256 is ever stored."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.store.client import store_errors
from shared.store.keys import api_key_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that may ask.

    Attributes:
        digest: SHA-256 of the key in hexadecimal.
        name: who holds it.
    """

    digest: str
    name: str


def digest_of(key: str) -> str:
    """SHA-256 of a key in hexadecimal."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


class ApiKeys:
    """Reads and writes the records of API keys."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = table_name

    def put(self, key: str, name: str, now: int) -> None:
        """Let `key` in.

        Args:
            now: milliseconds since the epoch.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": api_key_key(digest_of(key))},
                    "name": {"S": name},
                    "created": {"N": str(now)},
                },
            )

    def find(self, digest: str) -> ApiKey | None:
        """The key with this digest, None when there is none.

        Raises:
            StoreError: the store failed.
        """
        key = api_key_key(digest)
        with store_errors():
            answer = self._client.get_item(TableName=self._table, Key={"pk": {"S": key}})
        item = answer.get("Item")
        # The store has found it by its digest; this holds whatever a store calls equal.
        if item is None or not hmac.compare_digest(item["pk"]["S"], key):
            return None
        return ApiKey(digest, item["name"]["S"])
