"""Waiting times between attempts at DynamoDB."""

import random
from collections.abc import Iterator


def pauses(count: int, first_s: float, longest_s: float) -> Iterator[float]:
    """Yield the seconds to wait before each retry: exponential with full jitter, as AWS advises.

    Args:
        count: number of retries.
        first_s: the longest first wait; it doubles for each further one.
        longest_s: the longest wait of all.
    """
    for number in range(count):
        yield random.uniform(0, min(longest_s, first_s * 2**number))  # noqa: S311
