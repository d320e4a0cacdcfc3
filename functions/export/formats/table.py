"""CSV: a row for each indicator, without cells that a spreadsheet would run as a formula."""

from collections.abc import Iterator

from shared.domain.moment import format_millis
from shared.domain.score import STEPS
from shared.formats.csv_rows import csv_row
from shared.formats.exports.source import (
    ExportedIoc,
    ExportFile,
    IocSource,
    Options,
    name_with_step,
)

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
    "score",
    "valid_until",
)


def files(source: IocSource, options: Options) -> Iterator[ExportFile]:
    """Yield a file with all IOCs by type and value, and one for each step of the score."""
    for step in (0, *STEPS):
        yield ExportFile(
            name_with_step("iocs.csv", step),
            "text/csv; charset=utf-8",
            _lines(source.by_value(step=step), options),
        )


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
                str(ioc.score),
                format_millis(ioc.valid_until) if ioc.valid_until else "",
            )
        )
