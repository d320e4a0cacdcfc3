"""One entry per line, alone or in a column."""

from collections.abc import Iterator

from shared.formats.lists import options
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry
from shared.formats.lists.formats import text
from shared.formats.lists.formats.text import Get

ACCEPT = "text/plain, */*;q=0.5"


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
        yield RawEntry(
            value=_cell(cells, wanted.column),
            date=_cell(cells, wanted.date),
            category=_cell(cells, wanted.category),
        )


def _without_comment(line: str, sign: str) -> str:
    for blank in (" ", "\t"):
        line = line.partition(blank + sign)[0]
    return line.rstrip()


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column - 1].strip() if column and column <= len(cells) else ""
