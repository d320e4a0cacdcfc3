"""`python -m local verdict`: sets, takes back and lists the verdicts that analysts set by hand."""

import argparse
import json
import time
from contextlib import nullcontext
from typing import Any, TextIO

from local import environment
from local.changes import notifying_webhook
from local.errors import LocalError
from local.keys import name_of_holder, user
from local.target import add_aws_option, connect
from shared.domain.errors import InvalidIndicator, InvalidRecord, StoreError
from shared.domain.indicator import HASH_TYPES, Indicator, IndicatorType, parse_query
from shared.domain.moment import format_millis, read_moment
from shared.domain.override import NEVER
from shared.domain.verdict import Verdict
from shared.store.annotations import AnnotationLog, Kind
from shared.store.iocs import IocTable
from shared.store.overrides import AlwaysHarmless, Decided, Decision, NoOverride, Overrides

_PAGE = 100
_HUNDRED_YEARS_MS = 100 * 366 * 86_400_000
_TYPES = ("hash", *(kind.value for kind in IndicatorType if kind not in HASH_TYPES))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, description: str, run: Any) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=description, description=description)
        added.set_defaults(run=run)
        add_aws_option(added)
        return added

    def on_one(name: str, description: str, run: Any) -> argparse.ArgumentParser:
        added = action(name, description, run)
        added.add_argument("type", choices=_TYPES, help="type of the indicator")
        added.add_argument("value", metavar="VALUE", help="the indicator; a URL with its scheme")
        added.add_argument(
            "--by",
            type=name_of_holder,
            default=user(),
            metavar="NAME",
            help="who decides, for the record of changes; default %(default)s",
        )
        return added

    put = on_one("set", "set the verdict of an indicator", _set)
    put.add_argument("verdict", choices=[one.name for one in Verdict], help="the verdict")
    put.add_argument("--reason", required=True, metavar="TEXT", help="why")
    put.add_argument("--expires", default="", metavar="DATE", help="until when, ISO 8601")
    on_one("unset", "take a verdict back", _unset)
    listed = action(
        "list", "list the verdicts that hold, the newest first, a line of JSON each", _list
    )
    listed.add_argument("--history", action="store_true", help="list every change")


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Run the action that `arguments` names.

    Returns:
        0: done.

    Raises:
        LocalError: the arguments are not valid, or the store failed.
    """
    client = connect(aws=arguments.aws)
    tables = environment.table_names()
    log = AnnotationLog(client, tables["StateTable"])
    overrides = Overrides(IocTable(client, tables["IocTable"]), log, _now)
    try:
        # A deployed stack notifies its webhook itself.
        with nullcontext() if arguments.aws else notifying_webhook():
            arguments.run(arguments, overrides, out)
    except StoreError as error:
        raise LocalError(f"cannot read or write the tables: {error}") from error
    return 0


def _set(arguments: argparse.Namespace, overrides: Overrides, out: TextIO) -> None:
    expires = NEVER
    if arguments.expires:
        try:
            expires = read_moment(arguments.expires, _now() + _HUNDRED_YEARS_MS)
        except InvalidRecord as error:
            raise LocalError(f"--expires: {error}") from None
        if expires <= _now():
            raise LocalError("--expires has passed")
    indicator = _indicator(arguments)
    decision = Decision(Verdict[arguments.verdict], arguments.reason, expires)
    try:
        decided = overrides.put(indicator, decision, arguments.by)
    except AlwaysHarmless as rule:
        raise LocalError(f"{indicator.value} is always harmless: {rule}") from None
    _show(indicator, decided, out)


def _unset(arguments: argparse.Namespace, overrides: Overrides, out: TextIO) -> None:
    indicator = _indicator(arguments)
    try:
        decided = overrides.take_back(indicator, arguments.by)
    except NoOverride:
        raise LocalError(f"{indicator.value} has no override") from None
    _show(indicator, decided, out)


def _list(arguments: argparse.Namespace, overrides: Overrides, out: TextIO) -> None:
    last = overrides.log.last_number(Kind.OVERRIDE)
    for start in range(last, 0, -_PAGE):
        entries = overrides.log.page(Kind.OVERRIDE, start, _PAGE)
        shown = entries if arguments.history else overrides.current(entries)
        for number in shown:
            print(json.dumps(entries[number], ensure_ascii=False), file=out)


def _indicator(arguments: argparse.Namespace) -> Indicator:
    kind = None if arguments.type == "hash" else IndicatorType(arguments.type)
    try:
        question = parse_query(kind, arguments.value)
    except InvalidIndicator as error:
        raise LocalError(f"{arguments.value!r} is not valid: {error}") from None
    if question.twin:
        raise LocalError("begin the URL with http:// or https://")
    return question.indicator


def _show(indicator: Indicator, decided: Decided, out: TextIO) -> None:
    override = decided.override
    what = "taken back" if override.deleted else override.verdict.name
    also = "".join(f", {one.value}" for one in decided.siblings)
    until = f" until {format_millis(override.expires)}" if override.expires else ""
    print(f"{indicator.value}{also}: {what}{until}", file=out)


def _now() -> int:
    return time.time_ns() // 1_000_000
