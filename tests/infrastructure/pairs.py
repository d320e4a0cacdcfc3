"""Covering arrays: few rows in which every pair of values of any two options occurs."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

Values = dict[str, str]
Pair = frozenset[tuple[str, str]]
Options = Mapping[str, Sequence[str]]


def pairs_of(row: Values) -> set[Pair]:
    """The pairs of values that occur in a row."""
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}


def pairs_wanted(options: Options, allowed: Callable[[Values], bool]) -> set[Pair]:
    """The pairs of values of any two options that a row may have."""
    values = [[(name, value) for value in values] for name, values in options.items()]
    every = itertools.chain.from_iterable(
        itertools.product(one, other) for one, other in itertools.combinations(values, 2)
    )
    return {frozenset(pair) for pair in every if allowed(dict(pair))}


def covering_rows(options: Options, allowed: Callable[[Values], bool]) -> list[Values]:
    """Rows with a value for each option, in which every pair that is allowed occurs.

    Each row begins with a pair that has not occurred, and takes for each other option the value
    that brings most of such pairs. The rows are the same each time.

    Args:
        options: the values of each option.
        allowed: whether any row may have these values, which are of some of the options.
    """
    missing = pairs_wanted(options, allowed)
    rows = []
    while missing:
        still = Counter(itertools.chain.from_iterable(missing))
        row = dict(sorted(min(missing, key=sorted)))
        for name in [one for one in options if one not in row]:
            brings = {
                value: (
                    sum(frozenset([(name, value), one]) in missing for one in row.items()),
                    still[name, value],
                )
                for value in options[name]
                if allowed({**row, name: value})
            }
            row[name] = max(brings, key=brings.__getitem__)
        missing -= pairs_of(row)
        rows.append(row)
    return rows
