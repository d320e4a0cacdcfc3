"""Every indicator of the IOC table, by its canonical value."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import StoreError
from shared.store.keys import Prefix

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def stored_values(
    client: "DynamoDBClient", table: str, segment: int, segments: int
) -> Iterator[list[str]]:
    """The values in one of the parts that the table is read in, page by page.

    Whatever was stored a second before the first page is read comes; what is stored meanwhile may.

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
        # A long URL is not in its key.
        ProjectionExpression="pk, #url",
        ExpressionAttributeNames={"#url": "url"},
    )
    try:
        for page in pages:
            yield [value for item in page["Items"] if (value := _value(item))]
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise StoreError(f"the store refused: {code}") from error
    except BotoCoreError as error:
        raise StoreError(f"the store did not answer: {type(error).__name__}") from error


def _value(item: Any) -> str:
    """The canonical value, "" for a network, which nobody looks up."""
    prefix, _, value = item["pk"]["S"].partition("#")
    if prefix == Prefix.NETWORK:
        return ""
    return str(item["url"]["S"]) if prefix == Prefix.LONG_URL else value
