"""Reads the reputation of all IOCs from the IOC table."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.domain.harmless import overruling_rule
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

    Excluded are indicators and networks that only other providers list, and every IOC whose bad
    verdict is overruled: no export may call a harmless value bad.
    """

    def iocs(page: Page) -> None:
        read = [reputation for one in page if (reputation := reputation_from_item(one))]
        consume([one for one in read if not overruling_rule(one.indicator, one)])

    read_all(client, table, iocs, left, FilterExpression="attribute_exists(n)")
