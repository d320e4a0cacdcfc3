"""The last run over each feed, for the status route; ingestion itself never reads it.

feed-runs#  run:<feed>     the last run: host of the feed, when the run ended, whether it was
                           complete, why not, failures in a row, reports not yet reached,
                           unresolved links
            whole:<feed>   when the last complete run ended, milliseconds since the epoch
            without:<feed> IOCs that the last run with new IOCs skipped because they have no verdict
            newest:<feed>  date of the newest report that the last run with reports read
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from shared.store.client import Table, store_errors
from shared.store.keys import feed_runs_key, feed_short_name

_RUN, _WHOLE, _NEWEST, _WITHOUT = "run:", "whole:", "newest:", "without:"
# All feeds together should fit into one write unit.
_MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class FeedRun:
    """The last run over a feed; times are milliseconds since the epoch.

    Attributes:
        feed: host of the feed, and its port if given; the rest of the address may be secret.
        ended: when the run ended.
        complete: whether it read everything that was new and stored it.
        stopped: why it is not complete, "" if it is.
        failures: runs in a row in which the feed failed.
        left: reports that it has not reached; None if the feed does not state its length.
        whole: when the last complete run ended, 0 for never.
        newest: date of the newest report that was read, 0 for none.
        unresolved: links whose reports could not be fetched.
        without_verdict: IOCs that the last run with new IOCs skipped because they have no verdict;
            None for a run that read none.
    """

    feed: str
    ended: int
    complete: bool
    stopped: str = ""
    failures: int = 0
    left: int | None = 0
    whole: int = 0
    newest: int = 0
    unresolved: int = 0
    without_verdict: int | None = None


class FeedRuns(Table):
    """Records and reads the last run over each feed."""

    def record(self, feed_url: str, run: FeedRun) -> None:
        """Record a run and replace the previous one; facts that the run does not know stay.

        Args:
            run: `whole` is ignored; `newest` of 0 and `without_verdict` of None leave the
                recorded values.

        Raises:
            StoreError: the store failed; the run may be recorded.
        """
        name = feed_short_name(feed_url)
        parts: dict[str, Any] = {_RUN: {"M": _facts(run)}}
        if run.complete:
            parts[_WHOLE] = _number(run.ended)
        if run.newest:
            parts[_NEWEST] = _number(run.newest)
        if run.without_verdict is not None:
            parts[_WITHOUT] = _number(run.without_verdict)
        with store_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": feed_runs_key()}},
                UpdateExpression="SET "
                + ", ".join(f"#{number} = :{number}" for number, _ in enumerate(parts)),
                ExpressionAttributeNames={
                    f"#{number}": f"{part}{name}" for number, part in enumerate(parts)
                },
                ExpressionAttributeValues={
                    f":{number}": value for number, value in enumerate(parts.values())
                },
            )

    def read(self) -> list[FeedRun]:
        """Read the last run over each feed, the latest first.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": feed_runs_key()}}
            )
        item: Mapping[str, Any] = answer.get("Item", {})
        runs = [_run(item, name.removeprefix(_RUN)) for name in item if name.startswith(_RUN)]
        return sorted(runs, key=lambda run: (-run.ended, run.feed))


def host_of(feed_url: str) -> str:
    """Return the host of a feed's address, and its port if given."""
    return urlsplit(feed_url).netloc.rpartition("@")[2]


def _facts(run: FeedRun) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "feed": {"S": run.feed},
        "ended": _number(run.ended),
        "complete": {"BOOL": run.complete},
        "failures": _number(run.failures),
        "unresolved": _number(run.unresolved),
    }
    if run.stopped:
        facts["stopped"] = {"S": run.stopped[:_MAX_REASON]}
    if run.left is not None:
        facts["left"] = _number(run.left)
    return facts


def _run(item: Mapping[str, Any], name: str) -> FeedRun:
    def number(part: str) -> int:
        return int(item[part + name]["N"]) if part + name in item else 0

    facts = item[_RUN + name]["M"]
    return FeedRun(
        feed=facts["feed"]["S"],
        ended=int(facts["ended"]["N"]),
        complete=facts["complete"]["BOOL"],
        stopped=facts["stopped"]["S"] if "stopped" in facts else "",
        failures=int(facts["failures"]["N"]),
        left=int(facts["left"]["N"]) if "left" in facts else None,
        whole=number(_WHOLE),
        newest=number(_NEWEST),
        unresolved=int(facts["unresolved"]["N"]) if "unresolved" in facts else 0,
        without_verdict=number(_WITHOUT) if _WITHOUT + name in item else None,
    )


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}
