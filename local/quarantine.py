"""`python -m local quarantine`: lists, shows, replays and drops records in quarantine."""

import argparse
import heapq
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TextIO

from functions.ingest.replay import Replay, Replayed
from functions.ingest.settings import IngestSettings
from functions.ingest.store.quarantine import QuarantineEntries, QuarantineEntry
from local import environment
from local.errors import LocalError
from local.target import add_aws_option, connect
from shared.domain.errors import InvalidRecord, StoreError
from shared.domain.moment import format_millis
from shared.runtime.clock import now_ms
from shared.runtime.settings import SettingsError
from shared.store.client import DynamoDBClient
from shared.store.iocs import IocTable
from shared.store.search_index import SearchIndex

DEFAULT_LIMIT = 50
WRITERS = 16

REFUSED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(
        name: str, run: Callable[[argparse.Namespace, TextIO], int], description: str
    ) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=description, description=description)
        added.set_defaults(run=run)
        add_aws_option(added)
        return added

    listing = action("list", _list, "list the records in quarantine, newest first")
    listing.add_argument("--limit", type=_positive, default=DEFAULT_LIMIT, metavar="N")
    listing.add_argument("--json", action="store_true", help="print a JSON array")

    show = action("show", _show, "print one record with its reason and origin, as JSON")
    show.add_argument("key", metavar="KEY", help="a key, or the start of one")

    replay = action("replay", _replay, "read records again, by the present rules")
    replay.add_argument("--dry-run", action="store_true", help="only report what would happen")
    drop = action("drop", _drop, "delete records; those that a feed still lists come back")
    for parser_with_keys in (replay, drop):
        which = parser_with_keys.add_mutually_exclusive_group(required=True)
        which.add_argument("key", nargs="?", metavar="KEY", help="a key, or the start of one")
        which.add_argument("--all", action="store_true", help="all records in quarantine")


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Run the action that `arguments` names.

    Returns:
        0, or 1 if a replay refused a record or a part of it.

    Raises:
        LocalError: the key does not exist, a setting is wrong, or the store failed.
    """
    try:
        status: int = arguments.run(arguments, out)
    except StoreError as error:
        raise LocalError(
            f"cannot read or write the quarantine in {_state_table()}: {error}"
        ) from error
    return status


def _list(arguments: argparse.Namespace, out: TextIO) -> int:
    found = _entries(connect(aws=arguments.aws)).find()
    newest = heapq.nlargest(arguments.limit + 1, found, key=lambda entry: entry.at)
    shown = newest[: arguments.limit]
    if arguments.json:
        print(json.dumps([_facts(entry) for entry in shown], indent=2), file=out)
    else:
        for entry in shown:
            print(_line(entry), file=out)
    if len(newest) > len(shown):
        print("older records exist; --limit N shows more", file=sys.stderr)
    return 0


def _show(arguments: argparse.Namespace, out: TextIO) -> int:
    entry = _find_one(_entries(connect(aws=arguments.aws)), arguments.key)
    try:
        record = entry.raw()
    except InvalidRecord:
        record = entry.record
    print(json.dumps(_facts(entry) | {"record": record}, indent=2), file=out)
    return 0


def _replay(arguments: argparse.Namespace, out: TextIO) -> int:
    client = connect(aws=arguments.aws)
    chosen = _chosen(_entries(client), arguments)
    settings = _settings(aws=arguments.aws)
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="write") as pool:
        replay = Replay(
            client,
            _state_table(),
            IocTable(
                client, environment.table_names()["IocTable"], retention_s=settings.retention_s
            ),
            pool,
            now=now_ms(),
            index=_index(client, settings.retention_s),
            inherit_verdict=settings.inherit_verdict,
        )
        act = replay.preview if arguments.dry_run else replay.execute
        return _print_results(act(chosen), out, would="would be " if arguments.dry_run else "")


def _drop(arguments: argparse.Namespace, out: TextIO) -> int:
    entries = _entries(connect(aws=arguments.aws))
    for entry in _chosen(entries, arguments):
        entries.remove(entry)
        print(f"dropped {entry.key}: {entry.reason}", file=out)
    return 0


def _print_results(results: Iterable[Replayed], out: TextIO, *, would: str) -> int:
    counted = Counter(accepted=0, refused=0)
    status = 0
    for result in results:
        counted["accepted" if result.accepted else "refused"] += 1
        if result.refused:
            status = REFUSED
        print(f"{would}{_result_line(result)}", file=out, flush=True)
    print(f"{counted['accepted']} {would}replayed, {counted['refused']} {would}refused", file=out)
    return status


def _result_line(result: Replayed) -> str:
    reasons = Counter(result.refused)
    refused = ", ".join(
        reason if count == 1 else f"{count} times {reason}" for reason, count in reasons.items()
    )
    if not result.accepted:
        return f"refused {result.entry.key}: {refused}"
    if result.waits:
        return f"replayed {result.entry.key}: the next run fetches the report, if it has a key"
    but = f", but not all of it, which has entries of its own now: {refused}" if refused else ""
    return f"replayed {result.entry.key}: IOCs {result.iocs}{but}"


def _entries(client: DynamoDBClient) -> QuarantineEntries:
    return QuarantineEntries(client, _state_table())


def _chosen(entries: QuarantineEntries, arguments: argparse.Namespace) -> Iterable[QuarantineEntry]:
    return entries.find() if arguments.all else [_find_one(entries, arguments.key)]


def _find_one(entries: QuarantineEntries, key: str) -> QuarantineEntry:
    if not key:
        raise LocalError("the key is empty; --all selects every record")
    found = list(islice(entries.find(key), 2))
    if not found:
        raise LocalError(f"no key in quarantine begins with {key!a}")
    if len(found) > 1:
        raise LocalError(f"more than one key in quarantine begins with {key!a}: name more of it")
    return found[0]


def _facts(entry: QuarantineEntry) -> dict[str, Any]:
    return {
        "key": entry.key,
        "at": format_millis(entry.at),
        "reason": entry.reason,
        "flow_id": entry.flow_id,
        "feed": entry.feed_url,
        "replayable": not entry.cut,
    }


def _line(entry: QuarantineEntry) -> str:
    # Escaped, because a flow_id may hold characters that reverse the direction of the line.
    flow_id = json.dumps(entry.flow_id)[1:-1] or "-"
    cut = " (cut, cannot be replayed)" if entry.cut else ""
    at = format_millis(entry.at)
    return f"{at}  {entry.key}  {flow_id}  {entry.reason}{cut}  {entry.feed_url}"


def _state_table() -> str:
    return environment.table_names()["StateTable"]


def _index(client: DynamoDBClient, retention_s: int) -> SearchIndex | None:
    name = environment.search_table()
    return SearchIndex(client, name, retention_s=retention_s) if name else None


def _settings(*, aws: bool) -> IngestSettings:
    if aws and not os.environ.get("TTL"):
        # With another value, replayed IOCs would expire earlier or later than those of the stack.
        raise LocalError("TTL is not set: set it to the stack's parameter RetentionDays")
    try:
        # Each entry names its feed, so the environment need not.
        return IngestSettings({**os.environ, "FEED_URL": "http://feed.invalid"})
    except SettingsError as error:
        raise LocalError(str(error)) from error


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
