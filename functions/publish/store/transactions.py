"""Transactions of DynamoDB, and pauses between the tries of a conditional write."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from shared.domain.errors import StoreError
from shared.store.client import DynamoDBClient, store_errors

MAX_WRITES = 100
MAX_TRIES = 50
_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.5


class TimeUsedUp(StoreError):
    """The time for publishing a report is used up; publishing it again continues the work."""


def check_time(left: Callable[[], float]) -> None:
    """Check that there is time left.

    Args:
        left: returns the seconds left.

    Raises:
        TimeUsedUp: there is none.
    """
    if left() <= 0:
        raise TimeUsedUp("the time for publishing is used up")


def write_together(client: DynamoDBClient, writes: Sequence[Any]) -> bool:
    """Write up to `MAX_WRITES` items in one transaction.

    Returns:
        False if a condition failed or another transaction conflicted; then nothing was written.

    Raises:
        StoreError: the store failed; the writes may have taken effect.
    """
    with store_errors():
        try:
            client.transact_write_items(TransactItems=writes)
        except client.exceptions.TransactionCanceledException:
            return False
    return True


def tries(sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Yield the numbers of the tries of a conditional write, pausing with full jitter in between.

    Raises:
        StoreError: all tries were used up.
    """
    for attempt in range(MAX_TRIES):
        if attempt:
            longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
            sleep(random.uniform(0, longest))  # noqa: S311
        yield attempt
    raise StoreError("items changed faster than they could be written")
