"""Comma-separated values, with a header that may be in a comment."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from shared.formats.lists import options
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry, RejectedEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import text
from shared.formats.lists.formats.text import MAX_LINE_CHARS, Get

ACCEPT = "text/csv, */*;q=0.5"

# More lines, or MAX_LINE_CHARS, are not one row: a quote was forgotten.
MAX_ROW_LINES = 100
_WRONG = RejectedEntry("a row whose quotes do not match")
# The quotes of a cell are open at the end of the line.
_OPEN = replace(_WRONG)
_NO_END = "unexpected end of data"


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the list. A quoted cell may hold breaks of lines, as RFC 4180 allows.

    In an allowlist, which is a list of top sites, an entry also holds for its `www.` name.

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
    for cells in islice(_rows(lines, wanted), wanted.max_rows):
        if isinstance(cells, RejectedEntry):
            yield RawEntry(cells)
            continue
        for entry in _entries(dict(zip(header, cells, strict=False)), values, wanted):
            yield replace(entry, www=declaration.stance == "trusted")


def _header(lines: Iterator[str], needed: set[str], wanted: options.Csv) -> Sequence[str]:
    for line in lines:
        cells = _cells(line.lstrip(wanted.comment).strip(), wanted.separator)
        names = [] if isinstance(cells, RejectedEntry) else cells
        # A comment is the header if it has all columns; the first other line always is.
        if not line.startswith(wanted.comment) or needed <= set(names):
            return names
    raise ListError("no header")


def _rows(lines: Iterator[str], wanted: options.Csv) -> Iterator[list[str] | RejectedEntry]:
    """Read the rows. Where a quoted cell does not end, its first line is rejected and no other."""
    ahead: deque[str] = deque()
    while line := ahead.popleft() if ahead else next(lines, None):
        if line.startswith(wanted.comment):
            continue
        cells = _cells(line, wanted.separator)
        if cells is _OPEN:
            # A row ends at the first line that closes the quotes.
            while len(ahead) < MAX_ROW_LINES and (more := next(lines, None)) is not None:
                ahead.append(more)
            cells, used = _long_row(line, ahead, wanted.separator)
            for _ in range(used):
                ahead.popleft()
        yield cells


def _long_row(
    first: str, ahead: Iterable[str], separator: str
) -> tuple[list[str] | RejectedEntry, int]:
    """Read a row of several lines.

    Returns:
        The row, and the number of lines that it takes after its first one.
    """
    taken: list[str] = []

    def lines() -> Iterator[str]:
        yield f"{first}\n"
        size = len(first)
        for line in ahead:
            size += len(line)
            if size > MAX_LINE_CHARS:
                return
            taken.append(line)
            yield f"{line}\n"

    cells = _parse(lines(), separator)
    return cells, 0 if isinstance(cells, RejectedEntry) else len(taken)


def _cells(line: str, separator: str) -> list[str] | RejectedEntry:
    if len(line) > MAX_LINE_CHARS:
        return RejectedEntry("a line that is too long")
    return _parse([line], separator)


def _parse(lines: Iterable[str], separator: str) -> list[str] | RejectedEntry:
    """Read one row; the lines after it are not asked for."""
    try:
        rows = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
        return next(rows, [])
    except csv.Error as error:
        return _OPEN if str(error) == _NO_END else _WRONG


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
