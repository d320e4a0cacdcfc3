"""CSV: a row for each indicator, without cells that a spreadsheet would run as a formula."""

from collections.abc import Iterator

from shared.domain.moment import format_millis
from shared.formats.csv_rows import csv_row
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


def files(source: IocSource, options: Options) -> Iterator[ExportFile]:
    """Yield one file with all IOCs, by type and value."""
    yield ExportFile("iocs.csv", "text/csv; charset=utf-8", _lines(source.by_value(), options))


def _lines(iocs: Iterator[ExportedIoc], options: Options) -> Iterator[str]:
    yield csv_row(COLUMNS)
    for ioc in iocs:
        yield csv_row(
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
