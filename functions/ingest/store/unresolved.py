"""Unresolved reports: a feed only links to them, and they are not fetched yet.

unresolved#<feed>        waiting  a set of texts "<since>.<run> <flow_id>": when a page first linked
                                  to it, milliseconds since the epoch, and number of that run
                         runs     number of the last run with unresolved reports
unresolved#<feed>#tries  tries    a set of texts "<number> <flow_id>": attempts that have begun;
                                  removed at their end, so those that stay ended the process

They are sets, because overlapping runs add and remove texts without reading the item first. If two
runs add a report, it is in the set twice; that only costs a request.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.store.client import DynamoDBClient, Table, store_errors
from shared.store.keys import tries_key, unresolved_key

# Every write costs as much as the whole item: 20 KB with usual flow_ids. With the longest
# flow_ids allowed, it is still under the 400 KB limit of an item.
MAX_WAITING = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report to be fetched.

    Attributes:
        flow_id: the scan.
        since: when a page first linked to it, milliseconds since the epoch.
        run: number of that run, from `UnresolvedReports.begin_run`.
    """

    flow_id: str
    since: int
    run: int = 0


class UnresolvedReports(Table):
    """Stores the unresolved reports of one feed; the caller adds no more than `MAX_WAITING`."""

    def __init__(self, client: DynamoDBClient, table_name: str, feed_url: str) -> None:
        super().__init__(client, table_name)
        self._key = unresolved_key(feed_url)
        self._tries_key = tries_key(feed_url)

    def read(self) -> frozenset[Waiting]:
        """Read the unresolved reports.

        Raises:
            StoreError: the store failed.
        """
        return frozenset(map(_waiting, self._texts(self._key, "waiting")))

    def begin_run(self) -> int:
        """Return a new number for a run with unresolved reports, one more than the last.

        Raises:
            StoreError: the store failed; a number may be lost, which does no harm.
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
        """Add reports.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        self._update(self._key, "ADD waiting :texts", map(_text, reports))

    def remove(self, reports: Iterable[Waiting]) -> None:
        """Remove reports, exactly as `read` returned them.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        texts = [
            text
            for one in reports
            # Earlier versions did not store the run.
            for text in ([_text(one)] if one.run else [_text(one), f"{one.since} {one.flow_id}"])
        ]
        self._update(self._key, "DELETE waiting :texts", texts)

    def tries(self) -> Mapping[str, int]:
        """Read the number of attempts that began and did not end, by flow_id.

        Raises:
            StoreError: the store failed.
        """
        tries: dict[str, int] = {}
        for text in self._texts(self._tries_key, "tries"):
            number, flow_id = text.split(" ", 1)
            tries[flow_id] = max(int(number), tries.get(flow_id, 0))
        return tries

    def begin_try(self, flow_id: str, number: int) -> None:
        """Record an attempt to fetch a report, before it begins.

        Args:
            number: one more than the attempts that have not ended.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        self._update(self._tries_key, "ADD tries :texts", [f"{number} {flow_id}"])

    def end_tries(self, flow_id: str, number: int) -> None:
        """Remove the attempts at a report, up to a number.

        Raises:
            StoreError: the store failed; the caller should retry.
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
