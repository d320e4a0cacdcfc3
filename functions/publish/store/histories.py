"""Histories of IOCs: an item for each IOC, and one for each scan that contains it.

ioc#<digest>           scans   distinct scans that contain it
                       first, last
                               dates of the earliest and the latest report, milliseconds since
                               the epoch
                       recent  the newest verdicts of reports from their own evidence, as JSON
                       ver     changes with every write, and is the condition of every write
seen#<digest>#<scan>   reports dates of the reports by report_id, as JSON
                       ver     likewise

Both are written in one transaction, so a scan is counted if and only if its item exists. So a scan
counts once also after a repetition, a retry of a write that had succeeded, or concurrent writes.
This costs two writes where a counter would cost one, but needs neither a time window nor a lease.
"""

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from functions.publish.history import (
    MAX_RECENT,
    History,
    Membership,
    PastVerdict,
    ReportMention,
    forget,
    record,
)
from functions.publish.store.transactions import (
    MAX_WRITES,
    check_time,
    tries,
    write_together,
)
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator
from shared.domain.verdict import Verdict
from shared.store.batch import batch_delete, batch_get
from shared.store.client import DynamoDBClient, Table, store_errors
from shared.store.keys import Prefix, history_key, membership_key, membership_prefix
from shared.store.whole_table import Page, read_all

# IOCs in the first transaction, which also checks a claim. When many writers change one IOC,
# smaller transactions succeed sooner.
_FIRST_CHUNK = (MAX_WRITES - 1) // 2


@dataclass(frozen=True, slots=True)
class _Stored:
    history: History
    history_version: bytes
    membership: Membership
    membership_version: bytes


class Histories(Table):
    """Reads and changes the histories of IOCs.

    Args:
        new_version: returns a version that no item ever had.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        new_version: Callable[[], bytes] = lambda: os.urandom(8),
    ) -> None:
        super().__init__(client, table_name)
        self._new_version = new_version

    def read(self, indicators: Iterable[Indicator]) -> dict[Indicator, History]:
        """Read the histories of `indicators`; the result omits IOCs without one.

        Raises:
            StoreError: the store failed.
        """
        by_key = {history_key(one): one for one in indicators}
        items = batch_get(self._client, self._table, list(by_key), consistent=True)
        return {by_key[item["pk"]["S"]]: _history(item) for item in items}

    def change(
        self,
        flow_id: str,
        report_id: str,
        *,
        seen: Mapping[Indicator, ReportMention],
        gone: Iterable[Indicator] = (),
        check: Mapping[str, Any] | None = None,
        hold: Callable[[], None] = lambda: None,
        left: Callable[[], float] = lambda: 1.0,
    ) -> dict[Indicator, History]:
        """Count a report for the IOCs in `seen`, and no longer for those in `gone`.

        Safe to repeat, to interrupt, and to run concurrently.

        Args:
            check: condition on another item that every transaction includes.
            hold: called when a transaction failed; raises if the condition no longer holds.
            left: returns the seconds left; asked before each transaction.

        Returns:
            The histories of `seen`, this report included.

        Raises:
            TimeUsedUp: the time is used up, as a StoreError.
            StoreError: the store failed; what was written is correct, and calling again is safe.
        """
        waiting = [*seen, *gone]
        histories: dict[Indicator, History] = {}
        chunk = _FIRST_CHUNK
        attempts = tries()
        while waiting:
            next(attempts)
            check_time(left)
            stored = self._read(waiting, flow_id)
            todo: dict[Indicator, tuple[History, Membership]] = {}
            for one in waiting:
                now = stored[one]
                after = (
                    record(now.history, now.membership, seen[one])
                    if one in seen
                    else forget(now.history, now.membership, flow_id, report_id)
                )
                if after == (now.history, now.membership):
                    histories[one] = now.history
                else:
                    todo[one] = after
            written = self._write(todo, stored, flow_id, chunk, check=check, left=left)
            if len(written) < len(todo):
                hold()
            histories |= {one: todo[one][0] for one in written}
            waiting = [one for one in todo if one not in written]
            if written:
                # There is progress, so the count of tries starts again.
                attempts = tries()
            chunk = max(1, chunk // 4)
        return {one: histories[one] for one in seen}

    def move(self, olds: Sequence[Indicator], new: Indicator, scans: Mapping[str, set[str]]) -> int:
        """Merge the histories of old spellings of an IOC into that of its canonical form.

        Safe to repeat and to interrupt, because the number of scans is that of their items.

        Args:
            scans: keys of the items of an IOC's scans, by their common prefix; see `scans_by_ioc`.

        Returns:
            How many histories there were under the old spellings.

        Raises:
            StoreError: the store failed, or an item changed meanwhile; calling again is safe.
        """
        spellings = [*olds, new]
        old_keys = [key for one in olds for key in scans.get(membership_prefix(one), ())]
        new_keys = scans.get(membership_prefix(new), set())
        found = {
            item["pk"]["S"]: item
            for item in batch_get(
                self._client,
                self._table,
                [*map(history_key, spellings), *old_keys, *new_keys],
                consistent=True,
            )
        }
        histories = [found[key] for one in spellings if (key := history_key(one)) in found]
        reports: dict[str, dict[str, int]] = {
            key: json.loads(found[key]["reports"]["S"]) for key in new_keys if key in found
        }
        for key in old_keys:
            # The last part of a key names the scan.
            target = membership_prefix(new) + key.rpartition("#")[2]
            moved = json.loads(found[key]["reports"]["S"]) if key in found else {}
            reports[target] = {**moved, **reports.get(target, {})}
        for key in {membership_prefix(new) + one.rpartition("#")[2] for one in old_keys}:
            item = {"pk": {"S": key}, "reports": {"S": json.dumps(reports[key], sort_keys=True)}}
            self._put_if_unchanged(item, found.get(key))
        moved_histories = [one for one in histories if one["pk"]["S"] != history_key(new)]
        if moved_histories:
            whole = _joined(list(map(_history, histories)), sum(map(bool, reports.values())))
            item = {"pk": {"S": history_key(new)}, **_history_facts(whole)}
            self._put_if_unchanged(item, found.get(history_key(new)))
        # Old items are deleted last, so that a run after an interruption still finds them.
        gone = [*old_keys, *(one["pk"]["S"] for one in moved_histories)]
        batch_delete(self._client, self._table, [{"pk": {"S": key}} for key in gone])
        return len(moved_histories)

    def _put_if_unchanged(self, item: dict[str, Any], before: Any) -> None:
        put = self._put(item, bytes(before["ver"]["B"]) if before else b"")["Put"]
        with store_errors():
            try:
                self._client.put_item(**put)
            except self._client.exceptions.ConditionalCheckFailedException:
                raise StoreError("a history has changed meanwhile") from None

    def _read(self, indicators: Sequence[Indicator], flow_id: str) -> dict[Indicator, _Stored]:
        keys = [history_key(one) for one in indicators]
        keys += [membership_key(one, flow_id) for one in indicators]
        found = batch_get(self._client, self._table, keys, consistent=True)
        items = {item["pk"]["S"]: item for item in found}
        return {
            one: _stored(items.get(history_key(one)), items.get(membership_key(one, flow_id)))
            for one in indicators
        }

    def _write(
        self,
        todo: Mapping[Indicator, tuple[History, Membership]],
        stored: Mapping[Indicator, _Stored],
        flow_id: str,
        chunk: int,
        *,
        check: Mapping[str, Any] | None,
        left: Callable[[], float],
    ) -> set[Indicator]:
        """Write the changes; returns the IOCs whose transaction succeeded."""
        written: set[Indicator] = set()
        waiting = iter(todo)
        while part := list(islice(waiting, chunk)):
            check_time(left)
            writes = [dict(check)] if check else []
            for one in part:
                history, membership = todo[one]
                writes += [
                    self._put(
                        {"pk": {"S": history_key(one)}, **_history_facts(history)},
                        stored[one].history_version,
                    ),
                    self._put(
                        {
                            "pk": {"S": membership_key(one, flow_id)},
                            "reports": {"S": json.dumps(membership.reports, sort_keys=True)},
                        },
                        stored[one].membership_version,
                    ),
                ]
            if write_together(self._client, writes):
                written.update(part)
        return written

    def _put(self, item: dict[str, Any], replaces: bytes) -> dict[str, Any]:
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": {**item, "ver": {"B": self._new_version()}},
            "ConditionExpression": "ver = :read" if replaces else "attribute_not_exists(pk)",
        }
        if replaces:
            put["ExpressionAttributeValues"] = {":read": {"B": replaces}}
        return {"Put": put}


def scans_by_ioc(
    client: DynamoDBClient, table_name: str, wanted: Collection[Indicator], segments: int
) -> dict[str, set[str]]:
    """The keys of the items of the scans that contain IOCs, by their prefix.

    Reads the whole table.

    Raises:
        StoreError: the store failed.
    """
    found: dict[str, set[str]] = {membership_prefix(one): set() for one in wanted}

    def consume(page: Page) -> None:
        for item in page:
            key = item["pk"]["S"]
            if (beginning := key.rpartition("#")[0] + "#") in found:
                found[beginning].add(key)

    read_all(
        client,
        table_name,
        consume,
        left=lambda: 1.0,
        segments=segments,
        ConsistentRead=True,
        FilterExpression="begins_with(pk, :seen)",
        ExpressionAttributeValues={":seen": {"S": f"{Prefix.MEMBERSHIP}#"}},
        ProjectionExpression="pk",
    )
    return found


def _joined(histories: Sequence[History], scans: int) -> History:
    # If one report has verdicts for several spellings, the worst counts.
    worst: dict[tuple[str, str], PastVerdict] = {}
    for past in (past for one in histories for past in one.recent):
        report = past.flow_id, past.report_id
        worst[report] = max(worst.get(report, past), past)
    recent = sorted(worst.values(), reverse=True)
    return History(
        scans=scans,
        first_seen=min(one.first_seen for one in histories),
        last_seen=max(one.last_seen for one in histories),
        recent=tuple(recent[:MAX_RECENT]),
    )


def _stored(history: Any, membership: Any) -> _Stored:
    return _Stored(
        _history(history) if history else History(),
        bytes(history["ver"]["B"]) if history else b"",
        Membership(json.loads(membership["reports"]["S"])) if membership else Membership(),
        bytes(membership["ver"]["B"]) if membership else b"",
    )


def _history(item: Mapping[str, Any]) -> History:
    return History(
        scans=int(item["scans"]["N"]),
        first_seen=int(item["first"]["N"]),
        last_seen=int(item["last"]["N"]),
        recent=tuple(
            PastVerdict(seen_at, Verdict(verdict), flow_id, report_id)
            for seen_at, verdict, flow_id, report_id in json.loads(item["recent"]["S"])
        ),
    )


def _history_facts(history: History) -> dict[str, Any]:
    recent = [[past.seen_at, past.verdict, past.flow_id, past.report_id] for past in history.recent]
    return {
        "scans": {"N": str(history.scans)},
        "first": {"N": str(history.first_seen)},
        "last": {"N": str(history.last_seen)},
        "recent": {"S": json.dumps(recent)},
    }
