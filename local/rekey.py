"""`python -m local rekey`: moves stored items from old canonical forms to the present ones.

For a release that changes a canonical form; see docs/operations.md. Every step can be repeated, and
the old item is deleted last. After an interruption, run the command again.
"""

import argparse
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import Any, TextIO, TypeVar

from functions.ingest.store.ledger import NO_ENTRY, Ledger, flows_naming
from functions.providers.snapshots import Snapshots, providers_with_list
from functions.publish.store.feed_log import read_published
from functions.publish.store.histories import Histories, scans_by_ioc
from functions.publish.store.transactions import tries
from local import environment
from local.errors import LocalError
from local.target import add_aws_option, connect
from shared.domain.errors import InvalidIndicator, StoreError
from shared.domain.indicator import Indicator, parse
from shared.runtime.clock import now_ms
from shared.store.batch import Item, batch_get
from shared.store.client import DynamoDBClient, store_errors
from shared.store.items import indicator_of, move_item
from shared.store.keys import Prefix, ioc_digest, ioc_key, runs_key
from shared.store.search_index import SearchIndex, indicators_of
from shared.store.whole_table import SEGMENTS, Page, read_all

_T = TypeVar("_T")

WRITERS = 16
NOT_ALL = 1
# Writes in progress at once; an error ends the command after them.
_STEP_SIZE = 100
_SHOWN_REFUSED = 20
# While a list is claimed, its refreshes wait.
_CLAIM_MS = 3_600_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_aws_option(parser)
    parser.add_argument("--dry-run", action="store_true", help="only count what would move")


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Move items whose canonical form has changed, and print a summary as JSON.

    Returns:
        0, or 1 if items are left and the command has to run again.

    Raises:
        LocalError: a table is not named, or the store failed.
    """
    client = connect(aws=arguments.aws)
    names = environment.table_names()
    for name in ("SEARCH_TABLE_NAME", "REPORT_TABLE_NAME"):
        if arguments.aws and name not in os.environ:
            raise LocalError(f'{name} is not set: set it to "" for a stack without that table')
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="write") as pool:
        rekey = Rekey(client, names, pool, now=now_ms())
        try:
            summary = rekey.preview() if arguments.dry_run else rekey.execute()
        except StoreError as error:
            raise LocalError(f"interrupted, run the command again: {error}") from error
    print(json.dumps(summary, indent=2), file=out)
    return NOT_ALL if summary.get("left") else 0


@dataclass(slots=True)
class _Found:
    """Indicators whose canonical form has changed.

    Attributes:
        moves: the present form by the old form.
        items: number of items in the IOC table.
        old_items: indicators of the items whose key is an old form.
        refused: items that are not valid indicators any more: the reason by key.
    """

    moves: dict[Indicator, Indicator] = field(default_factory=dict)
    items: int = 0
    old_items: set[Indicator] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)

    def check(self, indicator: Indicator) -> bool:
        """Record a changed canonical form, and return whether it has changed.

        Raises:
            InvalidIndicator: the indicator is not valid any more.
        """
        now = parse(indicator.type, indicator.value)
        if now != indicator:
            self.moves[indicator] = now
        return now != indicator

    def check_all(self, indicators: Iterable[Indicator]) -> None:
        """Check many; those that are not valid any more keep their form."""
        for one in indicators:
            with suppress(InvalidIndicator):
                self.check(one)

    def groups(self) -> dict[Indicator, list[Indicator]]:
        """Return the old forms by the present form."""
        found: defaultdict[Indicator, list[Indicator]] = defaultdict(list)
        for old, new in sorted(self.moves.items()):
            found[new].append(old)
        return dict(found)


@dataclass(frozen=True, slots=True)
class Rekey:
    """Moves a stack's items to the present canonical forms.

    Attributes:
        client: low-level DynamoDB client.
        names: table names by logical id; "" for a table that the stack does not have.
        pool: runs the writes.
        now: milliseconds since the epoch.
        new_version: returns a version that no item ever had.
        segments: number of parallel segments of a table scan.
        report: receives progress messages.
    """

    client: DynamoDBClient
    names: Mapping[str, str]
    pool: Executor
    now: int
    new_version: Callable[[], bytes] = lambda: os.urandom(8)
    segments: int = SEGMENTS
    report: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)

    def preview(self) -> dict[str, Any]:
        """Count the items that would move, without writing.

        Raises:
            StoreError: the store failed.
        """
        found = self._find_old_forms()
        groups = found.groups()
        entries = flows_naming(
            self.client, self._state, set(map(ioc_digest, found.moves)), self.segments
        )
        return {
            "dry_run": True,
            **self._counts(found),
            "joined": self._count_joined(found, groups),
            "ledger_entries": len({flow for flows in entries.values() for flow in flows}),
        }

    def execute(self) -> dict[str, Any]:
        """Move all items. It can be interrupted and repeated; ingestion has to be off.

        Returns:
            Counts of what moved. `left` counts items that changed meanwhile, so that the command
            has to run again; it is at least 1 if a run of ingestion began.

        Raises:
            StoreError: the store failed; execute again.
        """
        run = self._last_run()
        found = self._find_old_forms()
        groups = found.groups()
        joined = self._count_joined(found, groups)
        self.report(f"{len(found.old_items)} items move")
        named, entries = self._add_to_ledger(groups)
        versions = self._write_new_items(groups, named)
        sightings, rows = self._move_index(found, groups)
        histories = self._move_histories(groups)
        listed = self._move_lists(found)
        left = self._delete_old_items(versions)
        return {
            "dry_run": False,
            **self._counts(found),
            "joined": joined,
            "ledger_entries": entries,
            "sightings": sightings,
            "report_rows": rows,
            "histories": histories,
            "listed": listed,
            "left": left + (run != self._last_run()),
        }

    @property
    def _state(self) -> str:
        return self.names["StateTable"]

    def _counts(self, found: _Found) -> dict[str, Any]:
        shown = dict(sorted(found.refused.items())[:_SHOWN_REFUSED])
        return {
            "items": found.items,
            "moved": len(found.old_items),
            "refused": len(found.refused),
            "refused_keys": shown,
        }

    def _find_old_forms(self) -> _Found:
        """Scan all tables for indicators whose canonical form has changed."""
        found = _Found()
        lock = Lock()

        def check_items(page: Page) -> None:
            with lock:
                for item in page:
                    if item["pk"]["S"].startswith(f"{Prefix.NETWORK}#"):
                        continue
                    found.items += 1
                    indicator = indicator_of(item)
                    try:
                        if found.check(indicator):
                            found.old_items.add(indicator)
                    except InvalidIndicator as error:
                        found.refused[item["pk"]["S"]] = str(error)

        read_all(
            self.client,
            self.names["IocTable"],
            check_items,
            left=lambda: 1.0,
            segments=self.segments,
            ConsistentRead=True,
            ProjectionExpression="pk, #url",
            ExpressionAttributeNames={"#url": "url"},
        )

        def check_all(indicators: Iterable[Indicator]) -> None:
            with lock:
                found.check_all(indicators)

        if index := self._index():
            index.read_reports(lambda row: check_all(indicators_of(row)), self.segments)
        if reports := self.names.get("ReportTable"):
            read_published(self.client, reports, check_all, self.segments)
        return found

    def _count_joined(self, found: _Found, groups: Mapping[Indicator, Sequence[Indicator]]) -> int:
        """Count the items that are joined into another one."""
        keys = {ioc_key(new) for new in groups}
        existing = {item["pk"]["S"] for item in self._read_items(keys)}
        return sum(
            sum(old in found.old_items for old in olds) - (ioc_key(new) not in existing)
            for new, olds in groups.items()
            if any(old in found.old_items for old in olds)
        )

    def _add_to_ledger(
        self, groups: Mapping[Indicator, Sequence[Indicator]]
    ) -> tuple[dict[Indicator, set[bytes]], int]:
        """Add the new form to ledger entries that name an old form.

        Returns:
            The reports counted in each indicator, and the number of changed entries.
        """
        wanted = {ioc_digest(one) for new, olds in groups.items() for one in (new, *olds)}
        naming = flows_naming(self.client, self._state, wanted, self.segments)
        named: dict[Indicator, set[bytes]] = {}
        missing: defaultdict[bytes, set[bytes]] = defaultdict(set)
        for new, olds in groups.items():
            digest = ioc_digest(new)
            named[new] = set().union(naming[digest], *(naming[ioc_digest(old)] for old in olds))
            for flow in named[new] - naming[digest]:
                missing[flow].add(digest)
        ledger = Ledger(self.client, self._state)
        for flows in _steps(sorted(missing)):
            known = ledger.read(flows, consistent=True)

            def add(flow: bytes, known: Mapping[bytes, Any] = known) -> None:
                ledger.name_also(flow, frozenset(missing[flow]), known.get(flow, NO_ENTRY))

            self._run_all(add, flows)
        return named, len(missing)

    def _write_new_items(
        self,
        groups: Mapping[Indicator, Sequence[Indicator]],
        named: Mapping[Indicator, set[bytes]],
    ) -> dict[str, bytes]:
        """Write the joined items, and return the versions of the old ones as read, by key."""
        versions: dict[str, bytes] = {}

        def write(new: Indicator) -> None:
            keys = [ioc_key(one) for one in (*groups[new], new)]
            for _ in tries():
                items = {item["pk"]["S"]: item for item in self._read_items(keys)}
                if not items.keys() - {ioc_key(new)}:
                    return  # moved by an interrupted run, or absent from this table
                present = [items[key] for key in keys if key in items]
                item = move_item(present, new, named[new], self.new_version())
                if self._put(item, items.get(ioc_key(new))):
                    for key in items.keys() - {ioc_key(new)}:
                        versions[key] = bytes(items[key]["ver"]["B"])
                    return

        self._run_all(write, groups)
        return versions

    def _put(self, item: Item, before: Item | None) -> bool:
        request: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if before:
            request = {
                "ConditionExpression": "ver = :read",
                "ExpressionAttributeValues": {":read": before["ver"]},
            }
        with store_errors():
            try:
                self.client.put_item(TableName=self.names["IocTable"], Item=item, **request)
            except self.client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def _move_index(
        self, found: _Found, groups: Mapping[Indicator, Sequence[Indicator]]
    ) -> tuple[int, int]:
        index = self._index()
        if index is None:
            return 0, 0
        counted = Counter(sightings=0, rows=0)
        lock = Lock()

        def move(new: Indicator) -> None:
            for old in groups[new]:
                moved = index.move(old, new)
                with lock:
                    counted["sightings"] += moved

        def respell(row: Item) -> None:
            if any(one in found.moves for one in indicators_of(row)):
                index.respell(row, found.moves)
                with lock:
                    counted["rows"] += 1

        self._run_all(move, groups)
        if groups:
            index.read_reports(respell, self.segments)
        return counted["sightings"], counted["rows"]

    def _move_histories(self, groups: Mapping[Indicator, Sequence[Indicator]]) -> int:
        reports = self.names.get("ReportTable")
        if not (reports and groups):
            return 0
        wanted = {one for new, olds in groups.items() for one in (new, *olds)}
        scans = scans_by_ioc(self.client, reports, wanted, self.segments)
        histories = Histories(self.client, reports, new_version=self.new_version)
        moved = self._run_all(lambda new: histories.move(groups[new], new, scans), groups)
        return sum(moved)

    def _move_lists(self, found: _Found) -> int:
        moved = 0
        for provider in providers_with_list(self.client, self._state, self.segments):
            # Always the same owner, so that a repeated command need not wait for the claim to end.
            snapshots = Snapshots(self.client, self._state, provider, "rekey")
            state = snapshots.claim(self.now, self.now + _CLAIM_MS)
            if state is None or state.next:
                raise StoreError(f"the list of {provider} is being refreshed: wait for its end")
            try:
                entries = snapshots.read(state, state.current)
                found.check_all(one for one in entries if isinstance(one, Indicator))
                moved += snapshots.move(state, found.moves)
            finally:
                snapshots.release()
        return moved

    def _delete_old_items(self, versions: Mapping[str, bytes]) -> int:
        """Delete the old items, and return how many stay because they have changed since."""

        def delete(key: str) -> bool:
            with store_errors():
                try:
                    self.client.delete_item(
                        TableName=self.names["IocTable"],
                        Key={"pk": {"S": key}},
                        ConditionExpression="ver = :read",
                        ExpressionAttributeValues={":read": {"B": versions[key]}},
                    )
                except self.client.exceptions.ConditionalCheckFailedException:
                    return False
            return True

        return self._run_all(delete, sorted(versions)).count(False)

    def _read_items(self, keys: Collection[str]) -> Iterable[Item]:
        return batch_get(self.client, self.names["IocTable"], list(keys), consistent=True)

    def _run_all(self, work: Callable[[Any], Any], todo: Iterable[Any]) -> list[Any]:
        """Run the work for each element in the pool, in steps, and return the results in order."""
        done: list[Any] = []
        for step in _steps(todo):
            futures = [self.pool.submit(work, one) for one in step]
            wait(futures)
            done += [future.result() for future in futures]
        return done

    def _index(self) -> SearchIndex | None:
        name = self.names.get("SearchTable")
        return SearchIndex(self.client, name) if name else None

    def _last_run(self) -> str:
        [*found] = batch_get(self.client, self._state, [runs_key()], consistent=True)
        return str(found[0].get("number")) if found else ""


def _steps(todo: Iterable[_T]) -> Iterator[list[_T]]:
    left = iter(todo)
    while step := list(islice(left, _STEP_SIZE)):
        yield step
