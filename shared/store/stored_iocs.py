"""Everything that the sandbox said, by reading the whole IOC table."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.domain.reputation import Reputation
from shared.store.client import store_errors
from shared.store.items import reputation_from_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def stored_iocs(
    client: "DynamoDBClient", table: str, segment: int, segments: int
) -> Iterator[list[Reputation]]:
    """The IOCs in one of the parts that the table is read in, page by page.

    What only other providers list is left out, and so are the networks that they list.

    Args:
        client: boto3's own.
        segment: from 0 to `segments` - 1.

    Raises:
        StoreError: the store failed.
    """
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        Segment=segment,
        TotalSegments=segments,
        FilterExpression="attribute_exists(n)",
    )
    with store_errors():
        for page in pages:
            read = map(reputation_from_item, page["Items"])
            yield [reputation for reputation in read if reputation]
