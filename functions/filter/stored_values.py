"""Reads the canonical values of all indicators in the IOC table."""

from collections.abc import Callable, Mapping
from typing import Any

from shared.store.client import DynamoDBClient
from shared.store.keys import Prefix
from shared.store.whole_table import Page, read_all


def read_values(
    client: DynamoDBClient,
    table: str,
    consume: Callable[[list[str]], None],
    left: Callable[[], float],
) -> None:
    """Pass all values to `consume`, as `shared.store.whole_table.read_all` passes items."""

    def values(page: Page) -> None:
        consume([value for item in page if (value := _value(item))])

    read_all(
        client,
        table,
        values,
        left,
        # The key of a long URL does not contain it.
        ProjectionExpression="pk, #url",
        ExpressionAttributeNames={"#url": "url"},
    )


def _value(item: Mapping[str, Any]) -> str:
    """The canonical value; "" for a network, which is not looked up itself."""
    prefix, _, value = item["pk"]["S"].partition("#")
    if prefix == Prefix.NETWORK:
        return ""
    return str(item["url"]["S"]) if prefix == Prefix.LONG_URL else value
