"""Writes answers as a table, as JSON lines or as CSV, row by row."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.client import Answer, ProviderRow, RowStatus, Seen
from shared.domain.indicator import Indicator
from shared.domain.verdict import Verdict
from shared.formats.csv_rows import csv_row


class Format(StrEnum):
    """The formats of the output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Row:
    """The result for one line of a list.

    Attributes:
        line: number of the line.
        asked: text of the line.
        answer: None if there is none; then `reason` states why.
    """

    line: int
    asked: str
    indicator: Indicator
    answer: Answer | None
    reason: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict of all providers together."""
        return None if self.answer is None else self.answer.verdict()

    @property
    def verdict_name(self) -> str:
        """Name of the verdict; UNKNOWN without a verdict, NO ANSWER without an answer."""
        if self.answer is None:
            return "NO ANSWER"
        return "UNKNOWN" if self.verdict is None else self.verdict.name


COLUMNS: Final = (
    "line",
    "asked",
    "type",
    "indicator",
    "verdict",
    "known",
    "said_by",
    "error",
    "score",
    "valid_until",
    "first_seen",
    "last_seen",
    "scan_count",
    "tags",
    "origin",
    "flow_id",
)
STYLES: Final = {
    "MALICIOUS": "bold red",
    "LIKELY_MALICIOUS": "red",
    "SUSPICIOUS": "yellow",
    "BENIGN": "green",
    "NO_THREAT": "green",
    "NO ANSWER": "magenta",
    "UNKNOWN": "dim",
}
_WIDTH: Final = 140
# Of the column of providers, which is wider where there is room: "MetaDefender" stays whole.
_LEAST_WIDTH: Final = 12


def header(form: Format) -> str:
    """The header line of a format, "" if it has none."""
    return csv_row(COLUMNS) if form is Format.CSV else ""


def as_text(form: Format, rows: Sequence[Row]) -> str:
    """Write rows as JSON lines or as lines of CSV (RFC 4180)."""
    make = _as_json if form is Format.JSON else _as_csv
    return "".join(map(make, rows))


def as_table(rows: Sequence[Row], *, head: bool) -> Table:
    """Write rows as a part of the table; all parts have the same columns."""
    table = Table(show_header=head, box=None, expand=True, pad_edge=False)
    table.add_column("Verdict", width=16)
    table.add_column("Type", width=6)
    table.add_column("Indicator", ratio=2, overflow="fold")
    table.add_column("Reported by", ratio=1, width=_LEAST_WIDTH, overflow="fold")
    for row in rows:
        table.add_row(
            Text(row.verdict_name, style=STYLES[row.verdict_name]),
            row.indicator.type.value,
            plain(row.indicator.value),
            plain(row.reason or "; ".join(map(_in_words, _listing_rows(row)))),
        )
    return table


def console() -> Console:
    """Standard output; wide enough for long indicators if it is not a terminal."""
    out = Console(highlight=False)
    if not (out.is_terminal or os.environ.get("COLUMNS")):
        out.width = _WIDTH
    return out


def plain(text: str, style: str = "") -> Text:
    """Text from outside, without markup and without control characters."""
    return Text(printable(text), style=style)


def printable(text: str) -> str:
    """Replace control characters."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _listing_rows(row: Row) -> list[ProviderRow]:
    rows = row.answer.rows if row.answer else ()
    return [one for one in rows if one.status in {RowStatus.LISTED, RowStatus.TRUSTED}]


def _in_words(row: ProviderRow) -> str:
    rule = f"overruled by {row.overruled_by}" if row.overruled_by else ""
    words = ", ".join(filter(None, (row.assessment, row.detail, rule)))
    return f"{row.provider} ({words})" if words else row.provider


def _as_json(row: Row) -> str:
    fields: dict[str, Any] = {
        "line": row.line,
        "asked": row.asked,
        "type": row.indicator.type.value,
        "indicator": row.indicator.value,
    }
    if row.answer is None:
        fields["error"] = row.reason
    else:
        fields["verdict"] = None if row.verdict is None else row.verdict.name
        fields["known"] = row.answer.known
        if row.answer.score is not None:
            fields["score"] = row.answer.score
            fields["valid_until"] = row.answer.valid_until
        fields["providers"] = [
            {
                "provider": one.provider,
                "status": one.status.value,
                "verdict": None if one.verdict is None else one.verdict.name,
                "assessment": one.assessment,
                "detail": one.detail,
                **({} if one.seen is None else asdict(one.seen)),
                **({"overruled_by": one.overruled_by} if one.overruled_by else {}),
            }
            for one in row.answer.rows
        ]
    return json.dumps(fields) + "\n"


def _as_csv(row: Row) -> str:
    seen = row.answer.seen if row.answer else None
    return csv_row(
        (
            str(row.line),
            row.asked,
            row.indicator.type.value,
            row.indicator.value,
            "" if row.verdict is None else row.verdict.name,
            "" if row.answer is None else str(row.answer.known).lower(),
            "; ".join(one.provider for one in _listing_rows(row)),
            row.reason,
            "" if row.answer is None or row.answer.score is None else str(row.answer.score),
            "" if row.answer is None else row.answer.valid_until,
            *(_seen_cells(seen) if seen else [""] * 6),
        )
    )


def _seen_cells(seen: Seen) -> list[str]:
    count, tags = str(seen.scan_count), "; ".join(seen.tags)
    return [seen.first_seen, seen.last_seen, count, tags, seen.origin, seen.flow_id]
