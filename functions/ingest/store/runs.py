"""The state of ingestion between runs: run numbers, open runs, cursors in the feed.

runs#        number    the last run number; no number is used twice
             complete  runs whose reports are all in the ledger; bounded, older runs are
                       looked up in the ledger
feed#<feed>  open      runs that may have left unread reports below known ones
             pages     length of the feed when it was last read whole
             swept     when that was, milliseconds since the epoch
             backlog   cursor of a run that could not finish
             passed    number of reports before that cursor
             tail      cursor to continue from in a long feed that lists the oldest first
             failures  runs in a row in which the feed failed
"""

from collections.abc import Iterable
from typing import Any

from functions.ingest.feed_reader import FeedState
from shared.store.client import DynamoDBClient, Table, store_errors
from shared.store.keys import feed_key, runs_key

_REMEMBERED_RUNS = 300


class RunLog(Table):
    """Numbers the runs and records which of them are complete."""

    def begin(self) -> tuple[int, frozenset[int]]:
        """Return a new run number and the complete runs.

        Raises:
            StoreError: the store failed; a number may be lost, which does no harm.
        """
        with store_errors():
            answer = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": runs_key()}},
                UpdateExpression="ADD #number :one",
                ExpressionAttributeNames={"#number": "number"},
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="ALL_NEW",
            )
        item = answer["Attributes"]
        return int(item["number"]["N"]), _numbers(item, "complete")

    def complete(self, number: int, remembered: frozenset[int]) -> None:
        """Record that all reports that run `number` marked as pending are in the ledger.

        Args:
            remembered: the complete runs as `begin` returned them; the oldest are removed.

        Raises:
            StoreError: the store failed; later runs only read more.
        """
        values: dict[str, Any] = {":number": {"NS": [str(number)]}}
        with store_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": runs_key()}},
                UpdateExpression="ADD complete :number",
                ExpressionAttributeValues=values,
            )
            old = [run for run in remembered if run <= number - _REMEMBERED_RUNS]
            if old:
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": runs_key()}},
                    UpdateExpression="DELETE complete :old",
                    ExpressionAttributeValues={":old": {"NS": [str(run) for run in old]}},
                )


class FeedStates(Table):
    """Reads and writes the state of ingestion for one feed."""

    def __init__(self, client: DynamoDBClient, table_name: str, feed_url: str) -> None:
        super().__init__(client, table_name)
        self._key = {"pk": {"S": feed_key(feed_url)}}

    def read(self) -> FeedState:
        """Read the state.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table, Key=self._key, ConsistentRead=True
            )
        item = answer.get("Item", {})
        return FeedState(
            open_runs=_numbers(item, "open"),
            pages=int(item["pages"]["N"]) if "pages" in item else 0,
            swept_at=int(item["swept"]["N"]) if "swept" in item else 0,
            backlog=item["backlog"]["S"] if "backlog" in item else "",
            tail=item["tail"]["S"] if "tail" in item else "",
            passed=int(item["passed"]["N"]) if "passed" in item else 0,
            failures=int(item["failures"]["N"]) if "failures" in item else 0,
        )

    def open_run(self, number: int) -> None:
        """Record, before run `number` writes, that it may leave unread reports below known ones.

        Raises:
            StoreError: the store failed.
        """
        self._update("ADD #open :runs", {":runs": _number_set([number])}, {"#open": "open"})

    def read_whole(self, closed: Iterable[int], pages: int, at: int, tail: str) -> None:
        """Record that a run has read the whole feed.

        Args:
            closed: the run itself and the runs that were open before its first page.
            pages: length of the feed.
            at: time of the run, milliseconds since the epoch.
            tail: cursor for the next run, "" to start at the top.

        Raises:
            StoreError: the store failed.
        """
        self._finish(
            closed,
            {"pages": {"N": str(pages)}, "swept": {"N": str(at)}}
            | ({"tail": {"S": tail}} if tail else {}),
            ["backlog", "passed"] + ([] if tail else ["tail"]),
        )

    def read_to_known(self, closed: Iterable[int], tail: str) -> None:
        """Record that a run has read everything new of a long feed.

        Raises:
            StoreError: the store failed.
        """
        self._finish(closed, {"tail": {"S": tail}} if tail else {}, [])

    def stopped_at(self, url: str, passed: int = 0) -> None:
        """Record that a run could not finish; the next one continues at `url`, or at the top if "".

        Args:
            passed: number of reports before that cursor.

        Raises:
            StoreError: the store failed.
        """
        if url:
            self._finish([], {"backlog": {"S": url}, "passed": {"N": str(passed)}}, [])
        else:
            self._finish([], {}, ["backlog", "passed", "tail"])

    def failed(self) -> None:
        """Count a run in which the feed failed.

        Raises:
            StoreError: the store failed; the run may have been counted, even twice.
        """
        self._update("ADD failures :one", {":one": {"N": "1"}}, {})

    def answered(self) -> None:
        """Reset the count of failed runs, because the feed answered.

        Raises:
            StoreError: the store failed.
        """
        self._update("REMOVE failures", {}, {})

    def _finish(self, closed: Iterable[int], sets: dict[str, Any], removes: list[str]) -> None:
        parts = []
        names: dict[str, str] = {}
        values = {f":{name}": value for name, value in sets.items()}
        if sets:
            parts.append("SET " + ", ".join(f"{name} = :{name}" for name in sets))
        if removes:
            parts.append("REMOVE " + ", ".join(removes))
        runs = list(closed)
        if runs:
            parts.append("DELETE #open :runs")
            names["#open"] = "open"
            values[":runs"] = _number_set(runs)
        if parts:
            self._update(" ".join(parts), values, names)

    def _update(self, expression: str, values: dict[str, Any], names: dict[str, str]) -> None:
        request: dict[str, Any] = {"UpdateExpression": expression}
        if values:
            request["ExpressionAttributeValues"] = values
        if names:
            request["ExpressionAttributeNames"] = names
        with store_errors():
            self._client.update_item(TableName=self._table, Key=self._key, **request)


def _number_set(numbers: Iterable[int]) -> dict[str, Any]:
    return {"NS": [str(number) for number in sorted(set(numbers))]}


def _numbers(item: Any, name: str) -> frozenset[int]:
    return frozenset(map(int, item[name]["NS"])) if name in item else frozenset()
