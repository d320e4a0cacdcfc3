"""Comma-separated values, with a header that may be in a comment."""

import csv
from collections.abc import Iterator, Mapping, Sequence

from shared.formats.lists import options
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry, RejectedEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import text
from shared.formats.lists.formats.text import MAX_LINE_CHARS, Get

ACCEPT = "text/csv, */*;q=0.5"


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the list. A row is one line, so wrong quotes in a row do not affect the others.

    Raises:
        ListError: the list has no header with the declared columns.
    """
    wanted = declaration.read_options(options.Csv)
    values = (wanted.value,) if isinstance(wanted.value, str) else wanted.value
    needed = {*values, *wanted.only}
    needed |= {name for name in (wanted.date, wanted.assessment, wanted.category) if name}
    lines = (line for line in text.lines(text.decode(get(declaration.address))) if line)
    header = wanted.columns or _header(lines, needed, wanted)
    if missing := needed - set(header):
        raise ListError(f"no column {min(missing)}")
    for line in lines:
        if line.startswith(wanted.comment):
            continue
        cells = _cells(line, wanted.separator)
        if isinstance(cells, RejectedEntry):
            yield RawEntry(cells)
        else:
            yield from _entries(dict(zip(header, cells, strict=False)), values, wanted)


def _header(lines: Iterator[str], needed: set[str], wanted: options.Csv) -> Sequence[str]:
    for line in lines:
        cells = _cells(line.lstrip(wanted.comment).strip(), wanted.separator)
        names = [] if isinstance(cells, RejectedEntry) else cells
        # A comment is the header if it has all columns; the first other line always is.
        if not line.startswith(wanted.comment) or needed <= set(names):
            return names
    raise ListError("no header")


def _cells(line: str, separator: str) -> list[str] | RejectedEntry:
    if len(line) > MAX_LINE_CHARS:
        return RejectedEntry("a line that is too long")
    try:
        rows = csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True)
        return next(rows, [])
    except csv.Error:
        return RejectedEntry("a row whose quotes do not match")


def _entries(
    row: Mapping[str, str], values: Sequence[str], wanted: options.Csv
) -> Iterator[RawEntry]:
    for name, allowed in wanted.only.items():
        if row.get(name) not in allowed:
            yield RawEntry(RejectedEntry(f"a row with another {name}", broken=name not in row))
            return
    for name in values:
        value = row.get(name, "").strip()
        if not value and len(values) > 1:
            continue
        yield RawEntry(
            value=value,
            date=row.get(wanted.date or ""),
            assessment=row.get(wanted.assessment or "", ""),
            category=row.get(wanted.category or "", ""),
        )
