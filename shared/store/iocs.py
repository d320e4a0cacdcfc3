"""The IOC table: one item per IOC."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.domain.indicator import Indicator
from shared.domain.network import Network
from shared.domain.provider import IocRecord, Listing, Subject
from shared.store.batch import Item, batch_get
from shared.store.client import store_errors
from shared.store.items import (
    IocItem,
    from_item,
    indicator_of,
    listing_attribute,
    listing_value,
    listings_from_item,
    record_from_item,
    to_item,
)
from shared.store.keys import Prefix, ioc_key, subject_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


# A client waits for the answer: the waits for unprocessed keys last 0.75 seconds at most.
_ROUNDS = 4


class IocTable:
    """Reads and writes IOCs.

    Args:
        retention_s: how long an IOC is kept after it was last seen, 0 for unlimited.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str, *, retention_s: int = 0) -> None:
        self._client = client
        self._table = table_name
        self._retention_s = retention_s

    def find(self, indicator: Indicator, networks: Sequence[Network] = ()) -> IocRecord:
        """Read the record of one indicator, eventually consistent, in one request.

        Args:
            networks: the listed networks that contain the address, the largest first; their
                items are read, too.

        Raises:
            StoreError: the store failed; the indicator may be known.
        """
        if networks:
            return self.find_many([indicator], {indicator: networks})[indicator]
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": ioc_key(indicator)}}
            )
        item = answer.get("Item")
        return IocRecord(indicator) if item is None else record_from_item(indicator, item)

    def find_many(
        self,
        indicators: Iterable[Indicator],
        networks: Mapping[Indicator, Sequence[Network]] | None = None,
    ) -> dict[Indicator, IocRecord]:
        """Read the records of `indicators` in parallel batches.

        Args:
            networks: for each address the listed networks that contain it, the largest first.

        Raises:
            StoreError: the store failed; there is no partial result.
        """
        holding = networks or {}
        subjects: dict[str, Subject] = {ioc_key(indicator): indicator for indicator in indicators}
        for some in holding.values():
            subjects |= {subject_key(network): network for network in some}
        read = batch_get(self._client, self._table, list(subjects), rounds=_ROUNDS)
        items = {item["pk"]["S"]: item for item in read}
        return {
            one: _record(one, items.get(key), holding.get(one, ()) if holding else (), items)
            for key, one in subjects.items()
            if isinstance(one, Indicator)
        }

    def read(
        self, indicators: Iterable[Indicator], *, consistent: bool = False
    ) -> dict[Indicator, IocItem]:
        """Read the items of `indicators`; the result omits unknown ones.

        Raises:
            StoreError: the store failed.
        """
        keys = [ioc_key(indicator) for indicator in indicators]
        items = batch_get(self._client, self._table, keys, consistent=consistent)
        return {indicator_of(item): from_item(item) for item in items}

    def list_subject(self, provider: str, subject: Subject, listing: Listing | None) -> None:
        """Write the listing of one provider into an item, and nothing else; safe to repeat.

        Args:
            listing: None if the provider does not list the subject any more.

        Raises:
            StoreError: the store failed; the caller should retry.
        """
        names = {"#part": listing_attribute(provider)}
        # A new version, so that a concurrent write of the whole item fails its condition.
        values: dict[str, Any] = {":ver": {"B": os.urandom(8)}}
        if listing is None:
            expression = "SET ver = :ver REMOVE #part"
        else:
            values[":part"] = listing_value(listing)
            # An item with a listing does not expire.
            names["#ttl"] = "ttl"
            expression = "SET ver = :ver, #part = :part REMOVE #ttl"
            if subject_key(subject).startswith(Prefix.LONG_URL):
                names["#url"], values[":url"] = "url", {"S": subject.value}
                expression = "SET ver = :ver, #part = :part, #url = :url REMOVE #ttl"
        with store_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": subject_key(subject)}},
                UpdateExpression=expression,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )

    def write(self, stored: IocItem, replaces: IocItem | None) -> bool:
        """Write an IOC if its item has not changed since it was read.

        Args:
            stored: the new state, with a version that was never used before.
            replaces: the state that was read, None for a new item.

        Returns:
            False if the item has changed since, and nothing was written.

        Raises:
            StoreError: the store failed; the write may have taken effect.
        """
        with store_errors():
            try:
                if replaces is None:
                    self._client.put_item(
                        TableName=self._table,
                        Item=to_item(stored, self._retention_s),
                        ConditionExpression="attribute_not_exists(pk)",
                    )
                else:
                    self._client.put_item(
                        TableName=self._table,
                        Item=to_item(stored, self._retention_s),
                        ConditionExpression="ver = :read",
                        ExpressionAttributeValues={":read": {"B": replaces.version}},
                    )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True


def _record(
    indicator: Indicator, item: Item | None, networks: Sequence[Network], items: Mapping[str, Item]
) -> IocRecord:
    """Build the record of an indicator from its item and the items of its networks."""
    record = IocRecord(indicator) if item is None else record_from_item(indicator, item)
    listings: dict[str, Listing] = {}
    found_by: dict[str, Network] = {}
    # The most specific listing counts: an address before a network, a small before a large one.
    for network in networks:
        of_network = listings_from_item(items.get(subject_key(network), {}))
        listings |= of_network
        found_by |= dict.fromkeys(of_network, network)
    if not listings:
        return record
    return record._replace(
        listings={**listings, **record.listings},
        networks={name: one for name, one in found_by.items() if name not in record.listings},
    )
