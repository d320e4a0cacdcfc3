"""The commands that list sightings: `sightings`, `recent` and `report`."""

import json
from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table
from rich.text import Text

from iocrep import parameters
from iocrep.errors import UsageError, exit_on_error, notice
from iocrep.formats import STYLES, console, plain
from iocrep.lists import parse_any
from shared.domain.errors import InvalidIndicator
from shared.domain.verdict import Verdict
from shared.formats.csv_rows import csv_row

# Columns of CSV, with the names of the API's fields; lists are JSON in a cell.
COLUMNS = (
    "seen_at",
    "type",
    "value",
    "verdict",
    "parent_verdict",
    "overruled_by",
    "overruled_verdict",
    "flow_id",
    "report_id",
    "origin",
    "origins",
    "evidence",
)
_PAGE = 1000
# Narrower tables leave out the scan.
_WIDE = 100

Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The most rows.")]
FlowId = Annotated[str, typer.Argument(help="The flow_id of a scan.")]
OnlyVerdict = Annotated[
    Verdict | None,
    typer.Option(
        "--verdict",
        help="Only sightings with this verdict.",
        parser=parameters.read_verdict,
        metavar=parameters.VERDICTS,
    ),
]
OnlyType = Annotated[
    str, typer.Option("--type", help="Only this type: hash, ip, domain, url or a kind of hash.")
]


def sightings(
    context: typer.Context,
    indicator: parameters.OneIndicator,
    *,
    limit: Limit = 100,
    as_json: parameters.AsJson = False,
    as_csv: parameters.AsCsv = False,
) -> None:
    """List the reports that contain an indicator, the newest first.

    Example: iocrep sightings evil.example
    """
    with exit_on_error():
        try:
            asked = parse_any(indicator).indicator
        except InvalidIndicator as error:
            raise UsageError(f"{indicator!r} is not an indicator: {error}.") from None
    path = f"ioc/{asked.type.info.route}/{quote(asked.value, safe='')}/sightings"
    named = {"type": asked.type.value, "value": asked.value}
    _list(context, path, {}, named, limit, as_json=as_json, as_csv=as_csv)


def recent(
    context: typer.Context,
    *,
    verdict: OnlyVerdict = None,
    kind: OnlyType = "",
    limit: Limit = 100,
    as_json: parameters.AsJson = False,
    as_csv: parameters.AsCsv = False,
) -> None:
    """List the indicators that reports contained last, the newest first.

    Example: iocrep recent --verdict malicious --type domain --csv
    """
    query = {"verdict": verdict.name if verdict is not None else "", "type": kind}
    _list(context, "iocs/recent", query, {}, limit, as_json=as_json, as_csv=as_csv)


def report(
    context: typer.Context,
    flow_id: FlowId,
    *,
    limit: Limit = 100,
    as_json: parameters.AsJson = False,
    as_csv: parameters.AsCsv = False,
) -> None:
    """List the indicators in the reports of a scan.

    Example: iocrep report 66b3763be7dbbbdfcd0b0002
    """
    path = f"report/{quote(flow_id, safe='')}/iocs"
    _list(context, path, {}, {}, limit, as_json=as_json, as_csv=as_csv)


def _list(
    context: typer.Context,
    path: str,
    query: dict[str, str],
    named: dict[str, str],
    limit: int,
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    settings = parameters.settings_of(context)
    with exit_on_error(settings.each["url"].value):
        if as_json and as_csv:
            raise UsageError("give --json or --csv, not both.")
        with settings.client() as client:
            pages = client.pages(path, limit=str(min(limit, _PAGE)), **query)
            rows = (named | row for page in pages for row in page)
            _print(list(islice(rows, limit)), as_json=as_json, as_csv=as_csv)


def _print(rows: list[dict[str, Any]], *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        text = "".join(json.dumps(row) + "\n" for row in rows)
    elif as_csv:
        text = csv_row(COLUMNS) + "".join(map(_as_csv, rows))
    elif rows:
        console().print(_table(rows, wide=console().width >= _WIDE))
        return
    else:
        notice("nothing found")
        return
    # As bytes, so that the system does not translate line ends.
    typer.echo(text.encode(), nl=False)


def _as_csv(row: dict[str, Any]) -> str:
    cells = (row.get(name) or "" for name in COLUMNS)
    return csv_row(tuple(one if isinstance(one, str) else json.dumps(one) for one in cells))


def _table(rows: Iterable[dict[str, Any]], *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    for name, width in (("Seen", 10), ("Verdict", 16), ("Type", 6)):
        table.add_column(name, width=width)
    table.add_column("Indicator", overflow="fold")
    if wide:
        table.add_column("Scan", overflow="fold", min_width=24)
    for row in rows:
        verdict = str(row.get("verdict"))
        cells = [
            plain(str(row.get("seen_at"))[:10]),
            Text(plain(verdict).plain, style=STYLES.get(verdict, "")),
            plain(str(row.get("type"))),
            plain(str(row.get("value"))),
            plain(str(row.get("flow_id"))),
        ]
        table.add_row(*cells[: len(table.columns)])
    return table
