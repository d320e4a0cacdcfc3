"""What the providers that overrule trust, known without a read for each IOC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.domain.harmless import Ruling, overruling_rule, ruling_of
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import NetworkIndex
from shared.domain.override import Override, reputation_by_analyst
from shared.domain.provider import (
    IocRecord,
    Listing,
    ListingStatus,
    Provider,
    provider_verdicts,
)
from shared.domain.reputation import Reputation
from shared.store.client import DynamoDBClient
from shared.store.providers import ProviderStates


class JudgedIoc(NamedTuple):
    """A reputation, and what overrules its verdict; None if nothing does."""

    reputation: Reputation
    rule: Ruling | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """The providers that overrule.

    Attributes:
        providers: in their order.
        networks: the networks that each of them trusts, by provider id.
        below: ids of those with names whose trust also holds for the names below them.
        now: milliseconds since the epoch.
    """

    providers: Sequence[Provider] = ()
    networks: Mapping[str, NetworkIndex] = field(default_factory=dict)
    below: Sequence[str] = ()
    now: int = 0

    def judged(
        self,
        reputation: Reputation,
        listings: Mapping[str, Listing],
        override: Override | None = None,
    ) -> JudgedIoc:
        """Return an IOC with what overrules its verdict, except trusted names above it.

        Args:
            listings: what its item holds of other providers.
            override: the verdict that an analyst set, also an expired one.
        """
        indicator = reputation.indicator
        of_networks: dict[str, Listing] = {}
        if indicator.type is IndicatorType.IP:
            of_networks = {
                name: Listing(ListingStatus.TRUSTED)
                for name, index in self.networks.items()
                if index.holding(indicator)
            }
        record = IocRecord(indicator, reputation, {**of_networks, **listings}, override=override)
        trusted = provider_verdicts(record, self.providers, self.now)
        return JudgedIoc(reputation, overruling_rule(indicator, reputation, trusted))

    def by_analyst(self, indicator: Indicator, override: Override) -> Reputation | None:
        """Return the reputation of an IOC that only an analyst knows.

        Returns:
            None if the override has expired, or calls bad what is always harmless.
        """
        if not override.is_active(self.now) or ruling_of(indicator, override) is None:
            return None
        return reputation_by_analyst(indicator, override)

    def trusting_below(self, listings: Mapping[str, Listing]) -> str:
        """Return the provider whose trust in a name also holds for the names below it, or ""."""
        for provider in self.providers:
            listing = listings.get(provider.id)
            if listing and listing.below and listing.status is ListingStatus.TRUSTED:
                return provider.name
        return ""


def read_trust(client: DynamoDBClient, state_table_name: str, now: int) -> Trust:
    """Read the providers that overrule, and their networks.

    Args:
        now: milliseconds since the epoch.

    Raises:
        StoreError: the store failed.
    """
    states = ProviderStates(client, state_table_name)
    trusting = [one for one in states.read(consistent=True) if one.provider.overrules]
    return Trust(
        [one.provider for one in trusting],
        {
            one.provider.id: NetworkIndex(states.read_networks(one))
            for one in trusting
            if one.network_chunks
        },
        [one.provider.id for one in trusting if one.below],
        now,
    )
