"""Records that broke a hard rule, kept for a person to see."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.feed.report import Rejected
from shared.store.batch import batch_put
from shared.store.keys import quarantine_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_FOR = timedelta(days=90)
# A record this long is cut: a person can still see what it was, and a batch of 25 stays under
# the 16 MB of a request.
MAX_RECORD_CHARS = 100_000


class Quarantine:
    """Keeps rejected records of one feed."""

    def __init__(self, client: "DynamoDBClient", table_name: str, feed_url: str) -> None:
        self._client = client
        self._table = table_name
        self._feed_url = feed_url

    def put(self, rejected: Iterable[Rejected], now: int) -> None:
        """Keep records, each once however often it comes.

        Args:
            now: milliseconds since the epoch.

        Raises:
            StoreError: the store failed.
        """
        items = {item["pk"]["S"]: item for item in (self._item(one, now) for one in rejected)}
        batch_put(self._client, self._table, list(items.values()))

    def _item(self, rejected: Rejected, now: int) -> dict[str, Any]:
        try:
            # Escapes keep what UTF-8 cannot hold: a feed may spell half a surrogate pair.
            record = json.dumps(rejected.record, ensure_ascii=True, sort_keys=True)
        except RecursionError:
            record = '"nested too deep to be kept"'
        item: dict[str, Any] = {
            "pk": {"S": quarantine_key(rejected.reason, record)},
            "reason": {"S": rejected.reason},
            "record": {"S": record[:MAX_RECORD_CHARS]},
            "feed": {"S": self._feed_url},
            "at": {"N": str(now)},
            "ttl": {"N": str(now // 1000 + int(KEPT_FOR.total_seconds()))},
        }
        if rejected.flow_id:
            item["flow"] = {"S": rejected.flow_id}
        return item
