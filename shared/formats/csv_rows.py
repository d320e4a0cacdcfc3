"""CSV that a spreadsheet shows as text."""

import csv
import io
import re
from collections.abc import Iterable

from shared.formats.plain_text import one_line

# A spreadsheet that separates cells by another sign splits a cell in spite of its quotes, so a
# formula can begin behind such a sign as well. Some spreadsheets take the wide signs, too.
_FORMULA = re.compile(r"((?:\A|[;|])[\s\"]*)([=+\-@\uff1d\uff0b\uff0d\uff20])")


def csv_row(cells: Iterable[str]) -> str:
    """One row with its line end; apostrophes keep a spreadsheet from running a cell or a part.

    Control, bidi and invisible characters are removed.
    """
    line = io.StringIO(newline="")
    csv.writer(line).writerow(map(_as_text, cells))
    return line.getvalue()


def _as_text(cell: str) -> str:
    return _FORMULA.sub(r"\1'\2", one_line(cell))
