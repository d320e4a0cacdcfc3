"""CSV that a spreadsheet shows as text."""

import csv
import io
from collections.abc import Iterable

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_row(cells: Iterable[str]) -> str:
    """One row with its line end; an apostrophe keeps a spreadsheet from running a cell."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow(map(_as_text, cells))
    return line.getvalue()


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
