"""One entry per line, alone or in a column."""

from collections.abc import Iterator

from shared.formats.lists import options
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry
from shared.formats.lists.formats import text
from shared.formats.lists.formats.text import Get

ACCEPT = "text/plain, */*;q=0.5"

# Addresses to which hosts files send the names that they block.
_NOWHERE = frozenset({"0.0.0.0", "127.0.0.1", "::", "::1"})  # noqa: S104 - no server is bound


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the list; a comment begins at the start of a line or after a blank."""
    wanted = declaration.read_options(options.Lines)
    for line in text.lines(text.decode(get(declaration.address))):
        if not line or line.startswith(wanted.comment):
            continue
        content = _without_comment(line, wanted.comment)
        cells = [content]
        if wanted.separator:
            blank = wanted.separator.isspace()
            cells = content.split(None if blank else wanted.separator)
        for value in _values(cells, wanted.column):
            yield RawEntry(
                value=value,
                date=_cell(cells, wanted.date),
                category=_cell(cells, wanted.category),
            )


def _values(cells: list[str], column: int) -> list[str]:
    """Return the values of a line: one, or in a hosts file all names behind the address."""
    if column == 2 and cells and cells[0] in _NOWHERE:
        return cells[1:] or [""]
    return [_cell(cells, column)]


def _without_comment(line: str, sign: str) -> str:
    for blank in (" ", "\t"):
        line = line.partition(blank + sign)[0]
    return line.rstrip()


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column - 1].strip() if column and column <= len(cells) else ""
