"""The quarantine: records that broke a hard rule, for operators to inspect and replay.

quarantine#<digest>  reason  the broken rule
                     record  a raw report in JSON: the whole report, or only the rejected IOCs of a
                             report that was accepted
                     cut     set if `record` is incomplete
                     flow    its flow_id, if valid
                     feed    address of the feed
                     at      when it was last read, milliseconds since the epoch
                     ttl     end in epoch seconds

When a record was first read is not stored: a batch of puts cannot preserve it, and one request for
each record would cost 25 times as many.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from shared.domain.errors import InvalidRecord
from shared.formats.feed.report import Rejected
from shared.store.batch import batch_put
from shared.store.client import DynamoDBClient, Table, store_errors
from shared.store.keys import Prefix, quarantine_key

KEPT_FOR = timedelta(days=90)
# A longer record is cut: the rest still shows what it was, and a batch of 25 stays under the 16 MB
# limit of a request.
MAX_RECORD_CHARS = 100_000
_PUT_TOGETHER = 100
_KEY_PREFIX = f"{Prefix.QUARANTINE}#"


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """A record in quarantine.

    Attributes:
        key: identifies the record.
        reason: why it was rejected.
        record: a raw report in JSON, perhaps cut.
        cut: whether `record` is incomplete and cannot be replayed.
        flow_id: scan of the report, "" if it has no valid one.
        feed_url: address of its feed.
        at: when it was last read, milliseconds since the epoch.
    """

    key: str
    reason: str
    record: str
    cut: bool
    flow_id: str
    feed_url: str
    at: int

    def raw(self) -> object:
        """Parse the raw report of the entry.

        Raises:
            InvalidRecord: the record is cut or not valid JSON.
        """
        if self.cut:
            raise InvalidRecord("the record was too large to be stored whole")
        try:
            return json.loads(self.record)
        except RecursionError:
            raise InvalidRecord("the record is nested too deep") from None
        except ValueError:
            raise InvalidRecord("the record is not valid JSON") from None


class Quarantine(Table):
    """Stores rejected records of one feed."""

    def __init__(self, client: DynamoDBClient, table_name: str, feed_url: str) -> None:
        super().__init__(client, table_name)
        self._feed_url = feed_url

    def put(self, rejected: Iterable[Rejected], now: int) -> None:
        """Store records; a record that comes again replaces itself.

        Args:
            now: milliseconds since the epoch.

        Raises:
            StoreError: the store failed.
        """
        left = iter(rejected)
        # In parts, because a large record takes much memory as JSON.
        while part := list(islice(left, _PUT_TOGETHER)):
            items = {item["pk"]["S"]: item for item in (self._item(one, now) for one in part)}
            batch_put(self._client, self._table, list(items.values()))

    def _item(self, rejected: Rejected, now: int) -> dict[str, Any]:
        try:
            # Escapes preserve what UTF-8 cannot encode: a feed may contain half a surrogate pair.
            record = json.dumps(rejected.as_report(), ensure_ascii=True, sort_keys=True)
            cut = len(record) > MAX_RECORD_CHARS
        except RecursionError:
            record, cut = '"nested too deep to be kept"', True
        item: dict[str, Any] = {
            "pk": {"S": quarantine_key(rejected.reason, record)},
            "reason": {"S": rejected.reason},
            "record": {"S": record[:MAX_RECORD_CHARS]},
            "feed": {"S": self._feed_url},
            "at": {"N": str(now)},
            "ttl": {"N": str(now // 1000 + int(KEPT_FOR.total_seconds()))},
        }
        if cut:
            item["cut"] = {"BOOL": True}
        if rejected.flow_id:
            item["flow"] = {"S": rejected.flow_id}
        return item


class QuarantineEntries(Table):
    """Reads and removes entries of the quarantine, of all feeds.

    For an operator's commands: finding an entry reads the whole table.
    """

    def find(self, beginning: str = "") -> Iterator[QuarantineEntry]:
        """Yield entries by a prefix of their key, in any order; removing them meanwhile is safe.

        Args:
            beginning: prefix of the digest or of the whole key.

        Raises:
            StoreError: the store failed.
        """
        request: dict[str, Any] = {
            "TableName": self._table,
            "FilterExpression": "begins_with(pk, :beginning)",
            "ExpressionAttributeValues": {
                ":beginning": {"S": _KEY_PREFIX + beginning.removeprefix(_KEY_PREFIX)}
            },
            "ConsistentRead": True,
        }
        while True:
            with store_errors():
                answer = self._client.scan(**request)
            yield from map(_entry, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def remove(self, entry: QuarantineEntry) -> None:
        """Remove an entry; a missing one is not an error.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            self._client.delete_item(TableName=self._table, Key={"pk": {"S": entry.key}})


def _entry(item: Mapping[str, Any]) -> QuarantineEntry:
    return QuarantineEntry(
        key=item["pk"]["S"],
        reason=item["reason"]["S"],
        record=item["record"]["S"],
        cut="cut" in item,
        flow_id=item["flow"]["S"] if "flow" in item else "",
        feed_url=item["feed"]["S"],
        at=int(item["at"]["N"]),
    )
