"""Changes of the lists: pages of rows, ordered by when each row changed last.

A page has a line of JSON for each row. The look-up function answers requests for changes from it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from shared.domain.moment import format_millis
from shared.formats.exports.source import (
    ExportedIoc,
    ExportFile,
    IocSource,
    Options,
    indicator_id,
)

FOLDER: Final = "changes"
MEDIA_TYPE: Final = "application/x-ndjson"
# A request reads one page.
MAX_ROWS = 5000
MAX_BYTES = 2_500_000


class Change(NamedTuple):
    """The last change of a row.

    Attributes:
        changed: when, milliseconds since the epoch.
        id: UUID of the indicator; orders the changes of a run.
        removed: whether it is in no list any more.
        row: fields of the indicator; of a removed one type and value.
    """

    changed: int
    id: str
    removed: bool
    row: dict[str, Any]

    @property
    def position(self) -> tuple[int, str]:
        """Sort key of the changes."""
        return self.changed, self.id


def files(source: IocSource, _: Options) -> Iterator[ExportFile]:
    """Write the pages, the oldest change first."""
    first: Change | None = None
    lines: list[str] = []
    number, size = 1, 0
    for ioc in source.by_move():
        change = _change(ioc)
        line = json.dumps(change, ensure_ascii=False, separators=(",", ":")) + "\n"
        length = len(line.encode())
        if first and (len(lines) == MAX_ROWS or size + length > MAX_BYTES):
            yield _page(number, first, lines)
            first, lines, number, size = None, [], number + 1, 0
        first = first or change
        lines.append(line)
        size += length
    if first:
        yield _page(number, first, lines)


def read_page(text: str) -> list[Change]:
    """Read a page."""
    return [Change(*json.loads(line)) for line in text.split("\n") if line]


def row_of(ioc: ExportedIoc) -> dict[str, Any]:
    """Return the fields of a listed indicator."""
    return {
        "type": ioc.indicator.type.value,
        "value": ioc.indicator.value,
        "verdict": ioc.verdict.name,
        "score_step": ioc.step,
        "valid_until": format_millis(ioc.valid_until) if ioc.valid_until else "",
        "first_seen": format_millis(ioc.first_seen),
        "last_seen": format_millis(ioc.last_seen),
        "scan_count": ioc.scan_count,
        "tags": list(ioc.tags),
    }


def _change(ioc: ExportedIoc) -> Change:
    removed = bool(ioc.gone)
    row = row_of(ioc)
    if removed:
        row = {name: row[name] for name in ("type", "value")}
    return Change(ioc.moved, str(indicator_id(ioc.indicator, 0)), removed, row)


def _page(number: int, first: Change, lines: Sequence[str]) -> ExportFile:
    return ExportFile(f"{FOLDER}/{number:04d}.jsonl", MEDIA_TYPE, lines, first.position)
