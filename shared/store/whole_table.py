"""Reading a whole table in parallel parts within a time limit."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.domain.errors import ReputationError
from shared.store.client import DynamoDBClient, dynamodb_client, store_errors

# Parts read in parallel: while one page is decoded, others are in transit.
SEGMENTS = 8

Page = Sequence[Mapping[str, Any]]


class NotAllRead(ReputationError):
    """The time ended before the whole table was read."""


def scan_client() -> DynamoDBClient:
    """Create a client for background reads of a whole table."""
    return dynamodb_client(read_timeout_s=10, attempts=10, connections=SEGMENTS)


def read_all(
    client: DynamoDBClient,
    table: str,
    take: Callable[[Page], None],
    left: Callable[[], float],
    *,
    segments: int = SEGMENTS,
    **request: Any,
) -> None:
    """Read all items and pass them on page by page, from several threads at once.

    Every item stored more than a second before the call is passed on; later ones may be.

    Args:
        client: boto3's client.
        take: receives each page.
        left: returns the seconds that are left for reading.
        request: further arguments of boto3's `scan`.

    Raises:
        NotAllRead: the time for reading is used up.
        StoreError: the store failed.
    """

    def read(segment: int) -> None:
        pages = client.get_paginator("scan").paginate(
            TableName=table, Segment=segment, TotalSegments=segments, **request
        )
        with store_errors():
            for page in pages:
                if left() <= 0:
                    raise NotAllRead("the time for reading the table is used up")
                take(page["Items"])

    with ThreadPoolExecutor(segments) as pool:
        # Reading the results raises the errors of the threads.
        list(pool.map(read, range(segments)))
