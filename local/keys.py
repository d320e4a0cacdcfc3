"""`python -m local keys`: manages the API keys of the service."""

import argparse
import getpass
import json
import re
import sys
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, TextIO

from local import environment
from local.errors import LocalError
from local.target import add_aws_option, connect
from shared.domain.errors import StoreError
from shared.domain.moment import format_millis, to_millis
from shared.runtime.clock import now_ms
from shared.store.api_keys import (
    DEFAULT_DAILY_LIMIT,
    DEFAULT_RIGHTS,
    NEVER,
    NO_LIMIT,
    ApiKey,
    ApiKeys,
    KeyChange,
    Right,
    digest_of,
    new_key,
)

_MAX_NAME = 64
_DIGEST_START = re.compile("[0-9a-f]{4,64}")
_RIGHTS = f"separated by commas: {', '.join(Right)}"
_DATE = "ISO 8601, UTC without an offset, such as 2026-12-31 or 2026-12-31T18:00; or never"

# Returns what changes of a key, as arguments of `ApiKeys.change`.
Change = Callable[[argparse.Namespace], dict[str, Any]]
# What the command shows of a key.
Facts = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, description: str, **defaults: Any) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=description, description=description)
        added.set_defaults(**defaults)
        add_aws_option(added)
        added.add_argument("--json", action="store_true", help="print JSON")
        added.add_argument(
            "--by",
            type=name_of_holder,
            default=user(),
            metavar="NAME",
            help="who makes the change, for the record of changes; default %(default)s",
        )
        return added

    def on_one(name: str, description: str, **defaults: Any) -> argparse.ArgumentParser:
        added = action(name, description, **defaults)
        added.add_argument(
            "prefix",
            type=_prefix,
            metavar="PREFIX",
            help="start of the key's digest, as `keys list` shows it",
        )
        return added

    def change(name: str, description: str, run: Change) -> argparse.ArgumentParser:
        return on_one(name, description, run=_change, change=run)

    create = action("create", "create a key and print it; it is shown only once", run=_create)
    create.add_argument("name", type=name_of_holder, metavar="NAME", help="holder of the key")
    create.add_argument("--expires", type=_date, default=NEVER, metavar="DATE", help=_DATE)
    _add_limits(create, f"; default {DEFAULT_DAILY_LIMIT}", "; default none")
    create.add_argument(
        "--rights",
        type=_rights,
        default=DEFAULT_RIGHTS,
        metavar="RIGHTS",
        help=f"what it may do, {_RIGHTS}; default {_list_rights(DEFAULT_RIGHTS)}",
    )
    create.add_argument("--publish", action="store_true", help="add the right publish")
    create.set_defaults(daily=DEFAULT_DAILY_LIMIT, per_minute=NO_LIMIT)
    action("list", "list the keys, the oldest first", run=_list)
    change("disable", "refuse a key, within a minute", lambda _: {"disabled": True})
    change("enable", "accept a disabled key again", lambda _: {"disabled": False})
    expire = change("expire", "set when a key expires", lambda given: {"expires": given.date})
    expire.add_argument("date", type=_date, metavar="DATE", help=_DATE)
    _add_limits(change("limit", "change the limits of a key", _limits))
    rights = change(
        "rights",
        "replace the rights of a key, within a minute",
        lambda given: {"rights": given.rights},
    )
    rights.add_argument("rights", type=_rights, metavar="RIGHTS", help=_RIGHTS)
    on_one("delete", "delete a key for good", run=_delete)


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Run the action that `arguments` names.

    Returns:
        0: done.

    Raises:
        LocalError: the key does not exist, or the store failed.
    """
    client = connect(aws=arguments.aws)
    table = environment.table_names()["StateTable"]
    try:
        arguments.run(arguments, ApiKeys(client, table), out)
    except StoreError as error:
        raise LocalError(f"cannot read or write the keys in {table}: {error}") from error
    return 0


def _create(arguments: argparse.Namespace, keys: ApiKeys, out: TextIO) -> None:
    now = now_ms()
    if arguments.expires != NEVER and arguments.expires <= now:
        raise LocalError(f"{format_millis(arguments.expires)} has passed: choose a later date")
    key = new_key()
    rights = arguments.rights | ({Right.PUBLISH} if arguments.publish else set())
    _record(arguments, ApiKey(digest_of(key), arguments.name), keys)
    made = keys.put(
        key,
        arguments.name,
        now,
        expires=arguments.expires,
        daily_limit=arguments.daily,
        minute_limit=arguments.per_minute,
        rights=rights,
    )
    if arguments.json:
        print(_json({"key": key, **_facts(made)}), file=out)
        return
    # Only the key goes to stdout, for KEY=$(python -m local keys create NAME).
    print(key, file=out)
    print(
        f"{_line(_facts(made))}\nit is not shown again: only its digest is stored", file=sys.stderr
    )


def _list(arguments: argparse.Namespace, keys: ApiKeys, out: TextIO) -> None:
    found = [_facts(key) for key in keys.all()]
    if arguments.json:
        print(_json(found), file=out)
        return
    for facts in found:
        print(_line(facts), file=out)


def _change(arguments: argparse.Namespace, keys: ApiKeys, out: TextIO) -> None:
    key = _find_one(keys, arguments.prefix)
    changes = arguments.change(arguments)
    _record(arguments, key, keys)
    changed = keys.change(key.digest, **changes)
    if changed is None:
        raise LocalError(f"the key {key.short_digest} was deleted in the meantime")
    _show(_facts(changed), arguments, out)


def _limits(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.daily is None and arguments.per_minute is None:
        raise LocalError("nothing to change: give --daily, --per-minute or both")
    return {"daily_limit": arguments.daily, "minute_limit": arguments.per_minute}


def _delete(arguments: argparse.Namespace, keys: ApiKeys, out: TextIO) -> None:
    key = _find_one(keys, arguments.prefix)
    _record(arguments, key, keys)
    keys.delete(key.digest)
    _show(_facts(key) | {"state": "deleted"}, arguments, out)


def _record(arguments: argparse.Namespace, key: ApiKey, keys: ApiKeys) -> None:
    """Keep who is about to change which key, in the store and as one line on stderr."""
    change = KeyChange(arguments.action, key, arguments.by, now_ms())
    keys.record(change)
    print(
        f"{format_millis(change.at)} {change.by}: {change.action} {key.short_digest} ({key.name})",
        file=sys.stderr,
    )


def _find_one(keys: ApiKeys, prefix: str) -> ApiKey:
    found = [key for key in keys.all() if key.digest.startswith(prefix)]
    if not found:
        raise LocalError(f"no key has a digest that begins with {prefix}")
    if len(found) > 1:
        raise LocalError(f"more than one key has a digest that begins with {prefix}")
    return found[0]


def _facts(key: ApiKey) -> Facts:
    return {
        "digest": key.short_digest,
        "name": key.name,
        "state": _state(key),
        "created": format_millis(key.created),
        "expires": None if key.expires == NEVER else format_millis(key.expires),
        "daily_limit": key.daily_limit,
        "minute_limit": key.minute_limit,
        "rights": [right.value for right in Right if right in key.rights],
    }


def _show(facts: Facts, arguments: argparse.Namespace, out: TextIO) -> None:
    print(_json(facts) if arguments.json else _line(facts), file=out)


def _line(facts: Facts) -> str:
    return (
        f"{facts['digest']}  {facts['state']:8}  created {facts['created']}, "
        f"expires {facts['expires'] or 'never'}, {facts['daily_limit'] or 'no limit'} a day, "
        f"{facts['minute_limit'] or 'no limit'} a minute"
        f", may {_list_rights(facts['rights']) or 'do nothing'}  {facts['name']}"
    )


def _list_rights(rights: Collection[str]) -> str:
    return ",".join(right for right in Right if right in rights)


def user() -> str:
    """Return the name of the operator, for the records of changes."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _state(key: ApiKey) -> str:
    if key.disabled:
        return "disabled"
    return "expired" if key.expired(now_ms()) else "active"


def _json(value: object) -> str:
    return json.dumps(value, indent=2)


def _add_limits(parser: argparse.ArgumentParser, daily: str = "", per_minute: str = "") -> None:
    parser.add_argument(
        "--daily", type=_count, metavar="N", help=f"look-ups in a day, UTC; 0 for no limit{daily}"
    )
    parser.add_argument(
        "--per-minute",
        type=_count,
        metavar="N",
        help=f"look-ups in a minute; 0 for no limit{per_minute}",
    )


def name_of_holder(text: str) -> str:
    """Read a name from the command line; raises ArgumentTypeError."""
    if not text.strip() or not text.isprintable() or len(text) > _MAX_NAME:
        raise argparse.ArgumentTypeError(f"a name has 1 to {_MAX_NAME} printable characters")
    return text


def _rights(text: str) -> frozenset[Right]:
    try:
        return frozenset(Right(name.strip()) for name in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} are not rights {_RIGHTS}") from None


def _prefix(text: str) -> str:
    # The message does not repeat the text, which may be the key itself.
    if not _DIGEST_START.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError("a digest's start has 4 to 64 hexadecimal digits")
    return text.lower()


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 up")
    return int(text)


def _date(text: str) -> int:
    if text == "never":
        return NEVER
    try:
        date = datetime.fromisoformat(text)
        millis = to_millis(date if date.tzinfo else date.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text} is not a date: {_DATE}") from None
    if millis <= NEVER:
        raise argparse.ArgumentTypeError(f"{text} is before 1970")
    return millis
