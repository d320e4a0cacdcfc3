"""What ingestion remembers between runs: run numbers, open runs, its place in the feed.

runs#        number    the last number given; none is given twice
             complete  runs of which every report they touched is in the ledger; bounded,
                       what it forgot is looked up in the ledger
feed#<feed>  open      runs that may have left a hole below what is known
             pages     length of the feed when it was last read whole
             swept     when that was, milliseconds since the epoch
             backlog   where a run stopped that could not finish
             passed    reports that lie before it
             tail      where to go on in a long feed that lists the oldest first
             failures  runs in a row in which the feed failed
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from functions.ingest.feed_reader import FeedState
from shared.store.client import store_errors
from shared.store.keys import feed_key, runs_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REMEMBERED_RUNS = 300


class RunLog:
    """Numbers the runs and keeps which of them are complete."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = table_name

    def begin(self) -> tuple[int, frozenset[int]]:
        """A number that no run had before, and the runs that are complete.

        Raises:
            StoreError: the store failed; a number may be lost by it, which does no harm.
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
        """Record that every report which run `number` marked as pending is in the ledger.

        Args:
            remembered: the complete runs as `begin` gave them, to forget the oldest.

        Raises:
            StoreError: the store failed; nothing is wrong then, later runs read more.
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


class FeedStates:
    """Reads and moves the place in a feed."""

    def __init__(self, client: "DynamoDBClient", table_name: str, feed_url: str) -> None:
        self._client = client
        self._table = table_name
        self._key = {"pk": {"S": feed_key(feed_url)}}

    def read(self) -> FeedState:
        """The current state.

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
        """Note, before it writes, that run `number` may leave a hole.

        Raises:
            StoreError: the store failed.
        """
        self._update("ADD #open :runs", {":runs": _number_set([number])}, {"#open": "open"})

    def read_whole(self, closed: Iterable[int], pages: int, at: int, tail: str) -> None:
        """A run has read the whole feed.

        Args:
            closed: the open runs that it saw before its first page, and itself.
            pages: length of the feed.
            at: milliseconds since the epoch.
            tail: where to go on next time, "" to begin at the top.

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
        """A run has read what is new of a long feed.

        Raises:
            StoreError: the store failed.
        """
        self._finish(closed, {"tail": {"S": tail}} if tail else {}, [])

    def stopped_at(self, url: str, passed: int = 0) -> None:
        """A run could not finish; the next one goes on at `url`, or at the top if it is "".

        Args:
            passed: reports that lie before it.

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
            StoreError: the store failed; the run may be counted, or even twice.
        """
        self._update("ADD failures :one", {":one": {"N": "1"}}, {})

    def answered(self) -> None:
        """Begin to count anew: the feed did not fail.

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
