"""Reports that a feed only links to, and that are still to be fetched.

unresolved#<feed>        waiting  a set of texts "<since>.<run> <flow_id>": since when the report
                                  waits in milliseconds since the epoch, and in which run it began
                         runs     number of the last run that had something to resolve
unresolved#<feed>#tries  tries    a set of texts "<number> <flow_id>": tries that have begun; the
                                  end of a try removes it, so those that stay ended the process

Sets, because runs that overlap add to them and take from them without reading them first. A
report that two runs added is in it twice; that costs a request and nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.store.client import store_errors
from shared.store.keys import tries_key, unresolved_key

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
        since: when a page first named it, milliseconds since the epoch.
        run: number of that run, as `UnresolvedReports.begin_run` gave it.
    """

    flow_id: str
    since: int
    run: int = 0


class UnresolvedReports:
    """Remembers the unresolved reports of one feed; the caller keeps to `MAX_WAITING`."""

    def __init__(self, client: "DynamoDBClient", table_name: str, feed_url: str) -> None:
        self._client = client
        self._table = table_name
        self._key = unresolved_key(feed_url)
        self._tries_key = tries_key(feed_url)

    def read(self) -> frozenset[Waiting]:
        """The reports that wait.

        Raises:
            StoreError: the store failed.
        """
        return frozenset(map(_waiting, self._texts(self._key, "waiting")))

    def begin_run(self) -> int:
        """Number a run that has something to resolve, one more than the last.

        Raises:
            StoreError: the store failed; a number may be lost by it, which does no harm.
        """
        with store_errors():
            answer = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": self._key}},
                UpdateExpression="ADD runs :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["runs"]["N"])

    def add(self, reports: Iterable[Waiting]) -> None:
        """Remember reports.

        Raises:
            StoreError: the store failed; calling again is right.
        """
        self._update(self._key, "ADD waiting :texts", map(_text, reports))

    def remove(self, reports: Iterable[Waiting]) -> None:
        """Forget reports, exactly as `read` gave them.

        Raises:
            StoreError: the store failed; calling again is right.
        """
        texts = [
            text
            for one in reports
            # Earlier versions stored no run.
            for text in ([_text(one)] if one.run else [_text(one), f"{one.since} {one.flow_id}"])
        ]
        self._update(self._key, "DELETE waiting :texts", texts)

    def tries(self) -> Mapping[str, int]:
        """By flow_id, how many tries at a report have begun and not ended.

        Raises:
            StoreError: the store failed.
        """
        tries: dict[str, int] = {}
        for text in self._texts(self._tries_key, "tries"):
            number, flow_id = text.split(" ", 1)
            tries[flow_id] = max(int(number), tries.get(flow_id, 0))
        return tries

    def begin_try(self, flow_id: str, number: int) -> None:
        """Record a try at a report before it is made.

        Args:
            number: from 1 on, one more than the tries that have not ended.

        Raises:
            StoreError: the store failed; calling again is right.
        """
        self._update(self._tries_key, "ADD tries :texts", [f"{number} {flow_id}"])

    def end_tries(self, flow_id: str, number: int) -> None:
        """Forget the tries at a report, up to a number.

        Raises:
            StoreError: the store failed; calling again is right.
        """
        texts = [f"{one} {flow_id}" for one in range(1, number + 1)]
        self._update(self._tries_key, "DELETE tries :texts", texts)

    def _texts(self, key: str, name: str) -> list[str]:
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True
            )
        return list(answer.get("Item", {}).get(name, {}).get("SS", []))

    def _update(self, key: str, expression: str, texts: Iterable[str]) -> None:
        distinct = sorted(set(texts))
        if not distinct:
            return
        with store_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": key}},
                UpdateExpression=expression,
                ExpressionAttributeValues={":texts": {"SS": distinct}},
            )


def _text(report: Waiting) -> str:
    return f"{report.since}.{report.run} {report.flow_id}"


def _waiting(text: str) -> Waiting:
    head, flow_id = text.split(" ", 1)
    since, _, run = head.partition(".")
    return Waiting(flow_id, int(since), int(run or 0))
