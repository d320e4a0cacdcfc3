"""Reads the reputation of all IOCs from the IOC table, and what overrules their verdicts."""

from collections.abc import Callable, Mapping
from typing import Any

from functions.export.trust import JudgedIoc, Trust
from shared.domain.indicator import Indicator
from shared.store.client import DynamoDBClient
from shared.store.items import (
    IocItem,
    from_item,
    has_expired,
    indicator_of,
    listing_attribute,
    listings_from_item,
    read_override,
    record_from_item,
)
from shared.store.keys import Prefix
from shared.store.whole_table import Page, read_all


def read_iocs(
    client: DynamoDBClient,
    table: str,
    trust: Trust,
    consume: Callable[[list[JudgedIoc]], None],
    *,
    take_expired: Callable[[tuple[Indicator, IocItem]], None],
    left: Callable[[], float],
    now: int,
) -> dict[Indicator, str]:
    """Pass all IOCs to `consume`, as `shared.store.whole_table.read_all` passes items.

    Indicators and networks that only other providers list are excluded, and what has expired.

    Args:
        take_expired: receives each item with an override that has expired.
        now: milliseconds since the epoch.

    Returns:
        By trusted name the provider whose trust also holds for the names below it.
    """
    below: dict[Indicator, str] = {}

    def iocs(page: Page) -> None:
        stored = []
        for item in page:
            if item["pk"]["S"].startswith(Prefix.NETWORK) or has_expired(item, now / 1000):
                continue
            listings = listings_from_item(item) if trust.providers else {}
            if provider := trust.trusting_below(listings):
                below[indicator_of(item)] = provider
            override = read_override(item)
            if override is not None and override.at(now) != override:
                take_expired((indicator_of(item), from_item(item)))
            known = record_from_item(indicator_of(item), item)
            reputation = known.reputation
            if reputation is None and known.override is not None:
                reputation = trust.by_analyst(known.indicator, known.override)
            if reputation is not None:
                stored.append(trust.judged(reputation, listings, known.override))
        consume(stored)

    read_all(client, table, iocs, left, **_filter(trust))
    return below


def _filter(trust: Trust) -> Mapping[str, Any]:
    """Arguments of the scan: items with a reputation or an override, and trusted names."""
    names = {f"#l{number}": listing_attribute(one) for number, one in enumerate(trust.below)}
    conditions = ["attribute_exists(n)", "attribute_exists(o)"]
    conditions += [f"attribute_exists({name})" for name in names]
    request: dict[str, Any] = {"FilterExpression": " OR ".join(conditions)}
    return request | ({"ExpressionAttributeNames": names} if names else {})
