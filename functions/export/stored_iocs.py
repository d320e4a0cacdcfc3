"""Reads the reputation of all IOCs from the IOC table."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.domain.reputation import Reputation
from shared.store.items import reputation_from_item
from shared.store.whole_table import Page, read_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def read_iocs(
    client: "DynamoDBClient",
    table: str,
    consume: Callable[[list[Reputation]], None],
    left: Callable[[], float],
) -> None:
    """Pass all IOCs to `consume`, as `shared.store.whole_table.read_all` passes items.

    Indicators and networks that only other providers list are excluded.
    """

    def iocs(page: Page) -> None:
        consume([reputation for one in page if (reputation := reputation_from_item(one))])

    read_all(client, table, iocs, left, FilterExpression="attribute_exists(n)")
