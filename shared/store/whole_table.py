"""Reading a whole table: in parts side by side, for as long as there is time."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from shared.domain.errors import ReputationError
from shared.store.client import dynamodb_client, store_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Parts that are read side by side: while a page is decoded, others are on their way.
SEGMENTS = 8

Page = Sequence[Mapping[str, Any]]


class NotAllRead(ReputationError):
    """There was no time to read everything."""


def scan_client() -> "DynamoDBClient":
    """A client to read a whole table with; nobody waits for it."""
    return dynamodb_client(read_timeout_s=10, attempts=10, connections=SEGMENTS)


def read_all(
    client: "DynamoDBClient",
    table: str,
    take: Callable[[Page], None],
    left: Callable[[], float],
    *,
    segments: int = SEGMENTS,
    **request: Any,
) -> None:
    """Hand over all items page by page, from several threads at once.

    Whatever was stored a second before the first page is read comes; what is stored meanwhile may.

    Args:
        client: boto3's own.
        left: seconds that are left for reading.
        request: what else is asked for, as boto3 calls it.

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
        # An error of a part comes out where its result is taken.
        list(pool.map(read, range(segments)))
