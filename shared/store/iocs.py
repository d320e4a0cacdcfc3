"""The IOC table: one item per IOC."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.domain.indicator import Indicator
from shared.domain.override import Override
from shared.domain.provider import IocRecord, Listing, Subject
from shared.store.batch import Item, batch_get
from shared.store.client import DynamoDBClient, Table, store_errors
from shared.store.items import (
    OVERRIDE,
    VERDICT_ATTRIBUTES,
    WITHOUT_DATES,
    IocItem,
    from_item,
    has_expired,
    indicator_of,
    listing_attribute,
    listing_value,
    listings_from_item,
    override_value,
    record_from_item,
    to_item,
    ttl_of,
)
from shared.store.keys import Prefix, ioc_key, subject_key

# A client waits for the answer: the waits for unprocessed keys last 0.75 seconds at most.
_ROUNDS = 4


class IocTable(Table):
    """Reads and writes IOCs.

    Look-ups (`find`, `find_many`) do not find an IOC whose retention has ended.

    Args:
        retention_s: how long an IOC is kept after it was last seen, 0 for unlimited.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        retention_s: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(client, table_name)
        self._retention_s = retention_s
        self._clock = clock

    def find(self, indicator: Indicator, covering: Sequence[Subject] = ()) -> IocRecord:
        """Read the record of one indicator, eventually consistent, in one request.

        Args:
            covering: the listed networks that hold the address, or the names above the domain,
                the largest first; their items are read, too.

        Raises:
            StoreError: the store failed; the indicator may be known.
        """
        if covering:
            return self.find_many([indicator], {indicator: covering})[indicator]
        with store_errors():
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": ioc_key(indicator)}}
            )
        item = answer.get("Item")
        if item is None or has_expired(item, self._clock()):
            return IocRecord(indicator)
        return record_from_item(indicator, item)

    def find_many(
        self,
        indicators: Iterable[Indicator],
        covering: Mapping[Indicator, Sequence[Subject]] | None = None,
    ) -> dict[Indicator, IocRecord]:
        """Read the records of `indicators` in parallel batches.

        Args:
            covering: as `find` takes it, for each indicator.

        Raises:
            StoreError: the store failed; there is no partial result.
        """
        around = covering or {}
        keys = {ioc_key(indicator): indicator for indicator in indicators}
        more = (subject_key(one) for some in around.values() for one in some)
        wanted = dict.fromkeys([*keys, *more])
        read = batch_get(self._client, self._table, list(wanted), rounds=_ROUNDS)
        now_s = self._clock()
        items = {item["pk"]["S"]: item for item in read if not has_expired(item, now_s)}
        return {
            one: _record(one, items.get(key), around.get(one, ()), items)
            for key, one in keys.items()
        }

    def find_verdicts(
        self, hashes: Iterable[Indicator], providers: Iterable[str]
    ) -> dict[Indicator, IocRecord]:
        """Read the records of hashes like `find_many`, but only what their verdicts depend on.

        The dates, counts, tags and origins of a record are empty. Of a large bulk, reading them
        would take a third of the time.

        Args:
            providers: ids of the providers whose listings to read.

        Raises:
            StoreError: the store failed; there is no partial result.
        """
        keys = {ioc_key(indicator): indicator for indicator in hashes}
        wanted = (*VERDICT_ATTRIBUTES, *map(listing_attribute, providers))
        read = batch_get(self._client, self._table, list(keys), attributes=wanted, rounds=_ROUNDS)
        now_s = self._clock()
        items = {
            item["pk"]["S"]: {**WITHOUT_DATES, **item}
            for item in read
            if not has_expired(item, now_s)
        }
        return {one: _record(one, items.get(key), (), items) for key, one in keys.items()}

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

    def override(self, indicator: Indicator, override: Override) -> bool:
        """Write an override into an item, and nothing else, unless a greater one is there.

        Safe to repeat. The item may be new. One that was not taken back holds off the TTL.

        Returns:
            False if a greater override is there.

        Raises:
            StoreError: the store failed; the write may have taken effect.
        """
        names = {"#o": OVERRIDE, "#t": "t", "#i": "i"}
        # A new version, so that a concurrent write of the whole item fails its condition.
        values: dict[str, Any] = {
            ":ver": {"B": os.urandom(8)},
            ":o": override_value(override),
            ":t": {"N": str(override.set_at)},
            ":i": {"N": str(override.id)},
        }
        expression = "SET ver = :ver, #o = :o"
        if ioc_key(indicator).startswith(Prefix.LONG_URL):
            names["#url"], values[":url"] = "url", {"S": indicator.value}
            expression += ", #url = :url"
        if not override.deleted:
            names["#ttl"] = "ttl"
            expression += " REMOVE #ttl"
        with store_errors():
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": ioc_key(indicator)}},
                    UpdateExpression=expression,
                    ConditionExpression="attribute_not_exists(#o) OR #o.#t < :t "
                    "OR (#o.#t = :t AND #o.#i <= :i)",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def end_override(self, indicator: Indicator, stored: IocItem) -> bool:
        """Mark the override of an item as taken back, unless the item has changed since the read.

        The retention of the item holds again.

        Args:
            stored: the item that was read, with an override.

        Returns:
            False if the item has changed since, and nothing was written.

        Raises:
            StoreError: the store failed; the write may have taken effect.
        """
        names = {"#o": OVERRIDE, "#x": "x"}
        values: dict[str, Any] = {
            ":read": {"B": stored.version},
            ":ver": {"B": os.urandom(8)},
            ":true": {"BOOL": True},
        }
        expression = "SET ver = :ver, #o.#x = :true"
        if end_s := ttl_of(replace(stored, override=None), self._retention_s):
            names["#ttl"], values[":ttl"] = "ttl", {"N": str(end_s)}
            expression += ", #ttl = :ttl"
        with store_errors():
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": ioc_key(indicator)}},
                    UpdateExpression=expression,
                    ConditionExpression="ver = :read",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

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
    indicator: Indicator, item: Item | None, covering: Sequence[Subject], items: Mapping[str, Item]
) -> IocRecord:
    """Build the record of an indicator from its item and the items of what covers it."""
    record = IocRecord(indicator) if item is None else record_from_item(indicator, item)
    if not covering:
        return record
    listings: dict[str, Listing] = {}
    found_by: dict[str, Subject] = {}
    # The most specific listing counts: an address before a network, a small before a large one.
    for subject in covering:
        stated = listings_from_item(items.get(subject_key(subject), {}))
        if isinstance(subject, Indicator):
            stated = {name: listing for name, listing in stated.items() if listing.below}
        listings |= stated
        found_by |= dict.fromkeys(stated, subject)
    if not listings:
        return record
    return record._replace(
        listings={**listings, **record.listings},
        covering={name: one for name, one in found_by.items() if name not in record.listings},
    )
