"""A sample of the hostile inputs, small: read or refused, in linear time, and good input after it.

`python -m benchmarks.hostile` measures all of them at full size.
"""

import pytest

from benchmarks.hostile import ENTRY_POINTS
from benchmarks.parsers import PARSERS, growth

SMALL = 20_000
# Twice what linear work takes four times as long for, and more: the machine may be busy. Quadratic
# work takes 16 times as long.
MOST_GROWTH = 12

SHAPES = [(entry, kind) for entry, point in ENTRY_POINTS.items() for kind in point.kinds]
# Of each entry point, every fourth; of the parsers that are quick to measure, every third.
SAMPLE = SHAPES[::4]
SAMPLE_OF_PARSERS = [
    name for name in PARSERS if not name.startswith(("JSON:", "text search", "Atom"))
][::3]


def test_there_are_enough_inputs() -> None:
    assert len(SHAPES) >= 40
    assert {entry for entry, _ in SAMPLE} == set(ENTRY_POINTS)


@pytest.mark.parametrize(("entry", "kind"), SAMPLE)
def test_good_input_after_a_hostile_one_is_read(entry: str, kind: str) -> None:
    point = ENTRY_POINTS[entry]
    outcome, good = point.read(point.kinds[kind](SMALL))
    assert outcome
    assert good


@pytest.mark.parametrize("name", SAMPLE_OF_PARSERS)
def test_the_time_of_a_parser_grows_no_more_than_its_input(name: str) -> None:
    small, large = growth(name, least_s=0.01)
    assert large < MOST_GROWTH * small
