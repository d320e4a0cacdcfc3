"""CSV: a row for each indicator, and no cell that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterator

from shared.domain.moment import format_millis
from shared.formats.exports.source import ExportedIoc, ExportFile, IocSource, Options

COLUMNS = (
    "type",
    "value",
    "verdict",
    "first_seen",
    "last_seen",
    "scan_count",
    "tags",
    "flow_id",
    "report_id",
    "report",
)
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")


def files(source: IocSource, options: Options) -> Iterator[ExportFile]:
    """One file of all, by type and value."""
    yield ExportFile("iocs.csv", "text/csv; charset=utf-8", _lines(source.by_value(), options))


def _lines(iocs: Iterator[ExportedIoc], options: Options) -> Iterator[str]:
    yield _line(COLUMNS)
    for ioc in iocs:
        yield _line(
            (
                ioc.indicator.type,
                ioc.indicator.value,
                ioc.verdict.name,
                format_millis(ioc.first_seen),
                format_millis(ioc.last_seen),
                str(ioc.scan_count),
                "|".join(ioc.tags),
                ioc.flow_id,
                ioc.report_id,
                options.link(ioc),
            )
        )


def _line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([guarded(cell) for cell in cells])
    return line.getvalue()


def guarded(cell: str) -> str:
    """A cell as text: an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{cell}" if cell.startswith(_RUN_BY_SPREADSHEETS) else cell
