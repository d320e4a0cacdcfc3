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
    known_from_item,
    listing_attribute,
    listing_value,
    listings_from_item,
    to_item,
)
from shared.store.keys import Prefix, ioc_key, subject_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


# A caller waits: at most three quarters of a second for keys that were left unprocessed.
_ROUNDS = 4


class IocTable:
    """Reads and writes IOCs.

    Args:
        retention_s: how long an IOC is kept after it was last seen, 0 for ever.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str, *, retention_s: int = 0) -> None:
        self._client = client
        self._table = table_name
        self._retention_s = retention_s

    def find(self, indicator: Indicator, networks: Sequence[Network] = ()) -> IocRecord:
        """What is known of one indicator, in one eventually consistent read.

        Args:
            networks: the ones that are listed and hold the address, the largest first; they are
                read along with it.

        Raises:
            StoreError: the store failed; that is not the same as not known.
        """
        if networks:
            return self.find_many([indicator], {indicator: networks})[indicator]
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": ioc_key(indicator)}}
            )
        item = answer.get("Item")
        return IocRecord(indicator) if item is None else known_from_item(indicator, item)

    def find_many(
        self,
        indicators: Iterable[Indicator],
        networks: Mapping[Indicator, Sequence[Network]] | None = None,
    ) -> dict[Indicator, IocRecord]:
        """What is known of `indicators`, read in parallel batches.

        Args:
            networks: of each address the ones that are listed and hold it, the largest first.

        Raises:
            StoreError: the store failed; no part of the answer is right then.
        """
        holding = networks or {}
        subjects: dict[str, Subject] = {ioc_key(indicator): indicator for indicator in indicators}
        for some in holding.values():
            subjects |= {subject_key(network): network for network in some}
        read = batch_get(self._client, self._table, list(subjects), rounds=_ROUNDS)
        items = {item["pk"]["S"]: item for item in read}
        return {
            one: _known(one, items.get(key), holding.get(one, ()) if holding else (), items)
            for key, one in subjects.items()
            if isinstance(one, Indicator)
        }

    def read(
        self, indicators: Iterable[Indicator], *, consistent: bool = False
    ) -> dict[Indicator, IocItem]:
        """What is stored of `indicators`; the unknown ones are left out.

        Raises:
            StoreError: the store failed.
        """
        keys = [ioc_key(indicator) for indicator in indicators]
        items = batch_get(self._client, self._table, keys, consistent=consistent)
        return {indicator_of(item): from_item(item) for item in items}

    def list_subject(self, provider: str, subject: Subject, listing: Listing | None) -> None:
        """Write the part of one provider, and nothing else of the item; safe to repeat.

        Args:
            listing: None when the provider no longer says anything.

        Raises:
            StoreError: the store failed; calling again is right.
        """
        names = {"#part": listing_attribute(provider)}
        # A new version, because who replaces the whole item must notice.
        values: dict[str, Any] = {":ver": {"B": os.urandom(8)}}
        if listing is None:
            expression = "SET ver = :ver REMOVE #part"
        else:
            values[":part"] = listing_value(listing)
            # What a provider lists does not expire with what the sandbox saw.
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
        """Write an IOC on condition that its item is still the one that it replaces.

        Args:
            stored: the new state, with a version that was never used.
            replaces: what was read, None when nothing was there.

        Returns:
            False when the item has changed since; nothing was written then.

        Raises:
            StoreError: the store failed; whether the write took effect is not known.
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


def _known(
    indicator: Indicator, item: Item | None, networks: Sequence[Network], items: Mapping[str, Item]
) -> IocRecord:
    """What is known of an indicator by its item, and by the items of the networks that hold it."""
    known = IocRecord(indicator) if item is None else known_from_item(indicator, item)
    listings: dict[str, Listing] = {}
    found_by: dict[str, Network] = {}
    # A smaller network is said with more thought than a larger one, and an address with the most.
    for network in networks:
        of_network = listings_from_item(items.get(subject_key(network), {}))
        listings |= of_network
        found_by |= dict.fromkeys(of_network, network)
    if not listings:
        return known
    return known._replace(
        listings={**listings, **known.listings},
        networks={name: one for name, one in found_by.items() if name not in known.listings},
    )
