"""How long to wait before DynamoDB is asked again."""

import random
from collections.abc import Iterator


def pauses(count: int, first_s: float, longest_s: float) -> Iterator[float]:
    """Seconds to wait, time after time: exponential with full jitter, as AWS advises.

    Args:
        count: how many there are.
        first_s: the longest that the first may be; it doubles from there.
        longest_s: the longest that any may be.
    """
    for number in range(count):
        yield random.uniform(0, min(longest_s, first_s * 2**number))  # noqa: S311
