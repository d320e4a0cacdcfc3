"""Every indicator of the IOC table, by its canonical value."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from shared.store.keys import Prefix
from shared.store.whole_table import Page, read_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def read_values(
    client: "DynamoDBClient",
    table: str,
    take: Callable[[list[str]], None],
    left: Callable[[], float],
) -> None:
    """Hand over all values, as `shared.store.whole_table.read_all` hands over items."""

    def values(page: Page) -> None:
        take([value for item in page if (value := _value(item))])

    read_all(
        client,
        table,
        values,
        left,
        # A long URL is not in its key.
        ProjectionExpression="pk, #url",
        ExpressionAttributeNames={"#url": "url"},
    )


def _value(item: Mapping[str, Any]) -> str:
    """The canonical value, "" for a network, which nobody looks up."""
    prefix, _, value = item["pk"]["S"].partition("#")
    if prefix == Prefix.NETWORK:
        return ""
    return str(item["url"]["S"]) if prefix == Prefix.LONG_URL else value
