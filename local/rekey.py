"""`python -m local rekey`: move what is stored under old canonical forms to the present ones.

For a release that changes a canonical form; docs/runbook.md says when and how. Every step may be
repeated, and the old item goes last: who was interrupted runs the command again.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from functions.ingest.store.ledger import NO_ENTRY, Ledger, flows_naming
from functions.providers.snapshots import Snapshots, kept_lists
from functions.publish.store.feed_log import read_published
from functions.publish.store.histories import Histories, scans_by_ioc
from functions.publish.store.transactions import tries
from local import environment
from local.errors import LocalError
from local.target import add_aws_option, connect
from shared.domain.errors import InvalidIndicator, StoreError
from shared.domain.indicator import Indicator, parse
from shared.store.batch import Item, batch_get
from shared.store.client import store_errors
from shared.store.items import indicator_of, move_item
from shared.store.keys import Prefix, ioc_digest, ioc_key, runs_key
from shared.store.search_index import SearchIndex, indicators_of
from shared.store.whole_table import SEGMENTS, Page, read_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_T = TypeVar("_T")

WRITERS = 16
NOT_ALL = 1
# What is under way at once; an error ends the command after it.
_A_STEP = 100
_SHOWN_REFUSED = 20
# As long as somebody works on a list, its refreshes wait.
_CLAIM_MS = 3_600_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_aws_option(parser)
    parser.add_argument("--dry-run", action="store_true", help="only count what would move")


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Move what has another canonical form now, and print what was done as JSON.

    Returns:
        0, or 1 when something is left: the command has to run again.
    """
    client = connect(aws=arguments.aws)
    names = environment.table_names()
    for name in ("SEARCH_TABLE_NAME", "REPORT_TABLE_NAME"):
        if arguments.aws and name not in os.environ:
            raise LocalError(f"{name} is not set: set it to nothing for a stack without that table")
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="write") as pool:
        rekey = Rekey(client, names, pool, now=time.time_ns() // 1_000_000)
        try:
            told = rekey.preview() if arguments.dry_run else rekey.execute()
        except StoreError as error:
            raise LocalError(f"interrupted, run the command again: {error}") from error
    print(json.dumps(told, indent=2), file=out)
    return NOT_ALL if told.get("left") else 0


@dataclass(slots=True)
class _Found:
    """What has another canonical form now.

    Attributes:
        moves: the form that each has now.
        items: how many items there are.
        old_items: those of them whose key is an old form.
        refused: why something is no indicator any more, by its key.
    """

    moves: dict[Indicator, Indicator] = field(default_factory=dict)
    items: int = 0
    old_items: set[Indicator] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)

    def look_at(self, indicator: Indicator) -> bool:
        """Note what has another form now; whether it has.

        Raises:
            InvalidIndicator: it is no indicator any more.
        """
        now = parse(indicator.type, indicator.value)
        if now != indicator:
            self.moves[indicator] = now
        return now != indicator

    def look_at_all(self, indicators: Iterable[Indicator]) -> None:
        """The same of many; what is none any more stays as it is."""
        for one in indicators:
            with suppress(InvalidIndicator):
                self.look_at(one)

    def groups(self) -> dict[Indicator, list[Indicator]]:
        """The old forms of each indicator."""
        found: defaultdict[Indicator, list[Indicator]] = defaultdict(list)
        for old, new in sorted(self.moves.items()):
            found[new].append(old)
        return dict(found)


@dataclass(frozen=True, slots=True)
class Rekey:
    """Moves a stack's tables.

    Attributes:
        names: of the tables, by their logical id; empty for one that the stack does not have.
        pool: where the writes run.
        now: milliseconds since the epoch.
        new_version: gives a version that no item ever had.
        segments: parts in which tables are read side by side.
        tell: takes what is being done, for people.
    """

    client: "DynamoDBClient"
    names: Mapping[str, str]
    pool: Executor
    now: int
    new_version: Callable[[], bytes] = lambda: os.urandom(8)
    segments: int = SEGMENTS
    tell: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)

    def preview(self) -> dict[str, Any]:
        """Count what would move; nothing is written.

        Raises:
            StoreError: the store failed.
        """
        found = self._look()
        groups = found.groups()
        entries = flows_naming(
            self.client, self._state, set(map(ioc_digest, found.moves)), self.segments
        )
        return {
            "dry_run": True,
            **self._counts(found),
            "joined": self._joining(found, groups),
            "ledger_entries": len({flow for flows in entries.values() for flow in flows}),
        }

    def execute(self) -> dict[str, Any]:
        """Move everything; safe to repeat and to interrupt, with ingestion off.

        Returns:
            What was done. `left` counts what changed meanwhile, so that the command has to run
            again; it is 1 at least if a run of ingestion began.

        Raises:
            StoreError: the store failed; executing again is right.
        """
        run = self._last_run()
        found = self._look()
        groups = found.groups()
        joined = self._joining(found, groups)
        self.tell(f"{len(found.old_items)} items move")
        named, entries = self._enter_new_names(groups)
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

    def _look(self) -> _Found:
        """Read all tables for what has another form now."""
        found = _Found()
        lock = Lock()

        def take_items(page: Page) -> None:
            with lock:
                for item in page:
                    if item["pk"]["S"].startswith(f"{Prefix.NETWORK}#"):
                        continue
                    found.items += 1
                    indicator = indicator_of(item)
                    try:
                        if found.look_at(indicator):
                            found.old_items.add(indicator)
                    except InvalidIndicator as error:
                        found.refused[item["pk"]["S"]] = str(error)

        read_all(
            self.client,
            self.names["IocTable"],
            take_items,
            left=lambda: 1.0,
            segments=self.segments,
            ConsistentRead=True,
            ProjectionExpression="pk, #url",
            ExpressionAttributeNames={"#url": "url"},
        )

        def take(indicators: Iterable[Indicator]) -> None:
            with lock:
                found.look_at_all(indicators)

        if index := self._index():
            index.read_reports(lambda row: take(indicators_of(row)), self.segments)
        if reports := self.names.get("ReportTable"):
            read_published(self.client, reports, take, self.segments)
        return found

    def _joining(self, found: _Found, groups: Mapping[Indicator, Sequence[Indicator]]) -> int:
        """How many items become a part of another one."""
        keys = {ioc_key(new) for new in groups}
        there = {item["pk"]["S"] for item in self._read_items(keys)}
        return sum(
            sum(old in found.old_items for old in olds) - (ioc_key(new) not in there)
            for new, olds in groups.items()
            if any(old in found.old_items for old in olds)
        )

    def _enter_new_names(
        self, groups: Mapping[Indicator, Sequence[Indicator]]
    ) -> tuple[dict[Indicator, set[bytes]], int]:
        """Let ledger entries that name an old form name the new one as well.

        Returns:
            The reports that count in each indicator, and how many entries were added to.
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

            def enter(flow: bytes, known: Mapping[bytes, Any] = known) -> None:
                ledger.name_also(flow, frozenset(missing[flow]), known.get(flow, NO_ENTRY))

            self._each(enter, flows)
        return named, len(missing)

    def _write_new_items(
        self,
        groups: Mapping[Indicator, Sequence[Indicator]],
        named: Mapping[Indicator, set[bytes]],
    ) -> dict[str, bytes]:
        """Write the joined items; the versions of the old ones as they were read, by their keys."""
        versions: dict[str, bytes] = {}

        def write(new: Indicator) -> None:
            keys = [ioc_key(one) for one in (*groups[new], new)]
            for _ in tries():
                items = {item["pk"]["S"]: item for item in self._read_items(keys)}
                if not items.keys() - {ioc_key(new)}:
                    return  # moved by a run that was interrupted, or known elsewhere only
                present = [items[key] for key in keys if key in items]
                item = move_item(present, new, named[new], self.new_version())
                if self._put(item, items.get(ioc_key(new))):
                    for key in items.keys() - {ioc_key(new)}:
                        versions[key] = bytes(items[key]["ver"]["B"])
                    return

        self._each(write, groups)
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

        self._each(move, groups)
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
        moved = self._each(lambda new: histories.move(groups[new], new, scans), groups)
        return sum(moved)

    def _move_lists(self, found: _Found) -> int:
        moved = 0
        for provider in kept_lists(self.client, self._state, self.segments):
            # Always by the same name: who goes on need not wait for who was interrupted.
            snapshots = Snapshots(self.client, self._state, provider, "rekey")
            state = snapshots.claim(self.now, self.now + _CLAIM_MS)
            if state is None or state.next:
                raise StoreError(f"the list of {provider} is being refreshed: let that end first")
            try:
                entries = snapshots.read(state, state.current)
                found.look_at_all(one for one in entries if isinstance(one, Indicator))
                moved += snapshots.move(state, found.moves)
            finally:
                snapshots.release()
        return moved

    def _delete_old_items(self, versions: Mapping[str, bytes]) -> int:
        """Delete the old items; how many have changed since they were read, and stay."""

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

        return self._each(delete, sorted(versions)).count(False)

    def _read_items(self, keys: Collection[str]) -> Iterable[Item]:
        return batch_get(self.client, self.names["IocTable"], list(keys), consistent=True)

    def _each(self, work: Callable[[Any], Any], todo: Iterable[Any]) -> list[Any]:
        """Do all of it in the pool, step by step; what each has come to."""
        done: list[Any] = []
        for some in _steps(todo):
            futures = [self.pool.submit(work, one) for one in some]
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
    while some := list(islice(left, _A_STEP)):
        yield some
