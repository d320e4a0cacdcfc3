"""Comma-separated values, with a header that may stand in a comment."""

import csv
from collections.abc import Iterator, Mapping, Sequence

from shared.providers import options
from shared.providers.declaration import Declaration
from shared.providers.entry import NoEntry, RawEntry
from shared.providers.errors import ListError
from shared.providers.formats import text
from shared.providers.formats.text import MAX_LINE_CHARS, Get

ACCEPT = "text/csv, */*;q=0.5"


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the list.

    Raises:
        ListError: no header that has the declared columns, or rows that cannot be told apart.
    """
    wanted = declaration.read_options(options.Csv)
    values = (wanted.value,) if isinstance(wanted.value, str) else wanted.value
    needed = {*values, *wanted.only}
    needed |= {name for name in (wanted.date, wanted.assessment, wanted.category) if name}
    header: Sequence[str] = wanted.columns
    found = text.lines(text.decode(get(declaration.address)))
    if not header:
        header = _header(found, needed, wanted)
    if missing := needed - set(header):
        raise ListError(f"no column {min(missing)}")
    long = 0

    def content() -> Iterator[str]:
        nonlocal long
        for line in found:
            if len(line) > MAX_LINE_CHARS:
                long += 1
            elif line and not line.startswith(wanted.comment):
                yield line

    try:
        for cells in _rows(content(), wanted.separator):
            yield from _entries(dict(zip(header, cells, strict=False)), values, wanted)
    except csv.Error:
        raise ListError("rows that cannot be told apart") from None
    for _ in range(long):
        yield RawEntry(NoEntry("a line that is too long"))


def _header(lines: Iterator[str], needed: set[str], wanted: options.Csv) -> Sequence[str]:
    for line in lines:
        if not line or len(line) > MAX_LINE_CHARS:
            continue
        plain = line.lstrip(wanted.comment).strip()
        names = next(_rows(iter([plain]), wanted.separator), [])
        # In a comment stands all sorts of things, on the first line of the others the header.
        if not line.startswith(wanted.comment) or needed <= set(names):
            return names
    raise ListError("no header")


def _rows(lines: Iterator[str], separator: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=separator, skipinitialspace=True)


def _entries(
    row: Mapping[str, str], values: Sequence[str], wanted: options.Csv
) -> Iterator[RawEntry]:
    for name, allowed in wanted.only.items():
        if row.get(name) not in allowed:
            yield RawEntry(NoEntry(f"a row with another {name}", broken=name not in row))
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
