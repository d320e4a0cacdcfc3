"""Records that broke a hard rule, kept for a person to see and to read again.

quarantine#<digest>  reason  which rule
                     record  a raw report in JSON: all of it, or of a report that was read with
                             nothing in it but what was rejected
                     cut     set when `record` is not all of that
                     flow    the report, where it has a valid flow_id
                     feed    address of the feed
                     at      when it came last, milliseconds since the epoch
                     ttl     epoch seconds of its end

When a record came first is not kept: a batch of puts cannot keep it, and a request for each
record would cost a run 25 times as many.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.domain.errors import InvalidRecord
from shared.formats.feed.report import Rejected
from shared.store.batch import batch_put
from shared.store.client import store_errors
from shared.store.keys import Prefix, quarantine_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_FOR = timedelta(days=90)
# A record this long is cut: a person can still see what it was, and a batch of 25 stays under
# the 16 MB of a request.
MAX_RECORD_CHARS = 100_000
_KEY_PREFIX = f"{Prefix.QUARANTINE}#"


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """A record in quarantine.

    Attributes:
        key: its name; other names are other records.
        reason: why it was rejected.
        record: a raw report in JSON, perhaps cut.
        cut: whether `record` is only a part, which cannot be read again.
        flow_id: the report that it is or stood in, "" when it has none that is valid.
        feed_url: where it came from.
        at: when it came last, milliseconds since the epoch.
    """

    key: str
    reason: str
    record: str
    cut: bool
    flow_id: str
    feed_url: str
    at: int

    def raw(self) -> object:
        """The raw report to read again.

        Raises:
            InvalidRecord: there is none.
        """
        if self.cut:
            raise InvalidRecord("the record was too large to be kept whole")
        try:
            return json.loads(self.record)
        except RecursionError:
            raise InvalidRecord("the record is nested too deep") from None
        except ValueError:
            raise InvalidRecord("the record is not valid JSON") from None


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


class QuarantineEntries:
    """Reads and removes what is in quarantine, of all feeds.

    For a person's commands: finding an entry reads the whole table.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = table_name

    def find(self, beginning: str = "") -> Iterator[QuarantineEntry]:
        """The entries whose key begins so, in no order; they may be removed on the way.

        Args:
            beginning: of a key, with or without the part that all of them share.

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
        """Remove an entry; one that is gone already is no error.

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
