"""The table of infrastructure: values that must not be called bad, and bad neighbours of them."""

from enum import StrEnum
from pathlib import Path

from shared.domain.indicator import Indicator, IndicatorType, parse

_TABLE = Path(__file__).with_name("infrastructure_values.txt")


class Group(StrEnum):
    """The groups of the table; each begins with a comment."""

    ALWAYS = "always"
    BY_CHOICE = "by choice"
    BAD = "bad"


def values(group: Group) -> list[Indicator]:
    """The values of a group, in the order of the table."""
    return [indicator for its_group, indicator in _rows() if its_group is group]


def _rows() -> list[tuple[Group, Indicator]]:
    rows = []
    harmless = Group.ALWAYS
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            if line.startswith(f"# {Group.BY_CHOICE}"):
                harmless = Group.BY_CHOICE
            continue
        *mark, kind, value = line.split()
        group = Group.BAD if mark else harmless
        rows.append((group, parse(IndicatorType(kind), value)))
    return rows
