"""What providers other than the sandbox say of an indicator. Pure.

They live side by side with the sandbox in the item of an IOC, each in a part of its own, so that
no writer ever touches what is another's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from shared.domain.indicator import Indicator
from shared.domain.network import Network
from shared.domain.reputation import Reputation
from shared.domain.verdict import Verdict

# Name of the sandbox among the providers of an answer, as the v4 API has it.
SANDBOX_PROVIDER = "MetaDefender Sandbox"

# What a list can hold.
Subject = Indicator | Network

# The one assessment that says less than that something is bad.
SUSPICIOUS = "suspicious"


class ListingStatus(IntEnum):
    """What a provider has to say; the numbers are those of the v4 API's `status`.

    They are written to the store: never change one.
    """

    TRUSTED = 0
    LISTED = 1
    FAILED = 3
    NOT_LISTED = 5


@dataclass(frozen=True, slots=True)
class Listing:
    """What one provider says of one subject.

    Attributes:
        assessment: in its own words, such as `botnet`; "" where it has none.
        category: "" where it has none.
        detect_time: since when it is listed, milliseconds since the epoch; 0 where the provider
            does not tell.
        source_list: the list of the provider that it is on, "" where there is but one.
        answered: when the provider said so, milliseconds since the epoch; 0 for what a list says.
        expires: until when an answer to a question may be repeated, milliseconds since the epoch;
            0 for what a list says, which holds until the list changes.
    """

    status: ListingStatus
    assessment: str = ""
    category: str = ""
    detect_time: int = 0
    source_list: str = ""
    answered: int = 0
    expires: int = 0


class IocRecord(NamedTuple):
    """Everything that is known of one indicator.

    Attributes:
        reputation: what the sandbox's reports say, None for nothing.
        listings: what others say, by the id of the provider.
        networks: the networks that hold it, by the id of the provider, where that is why it is
            listed.
    """

    indicator: Indicator
    reputation: Reputation | None = None
    listings: Mapping[str, Listing] = MappingProxyType({})
    networks: Mapping[str, Network] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as answers show it, and how it stands.

    Attributes:
        id: its name in the store.
        name: its name in `sources`.
        types: types of indicators that it covers.
        updated: when its data was last complete, milliseconds since the epoch; 0 for never.
        on_demand: whether it is asked at look-up time, in place of having a list.
    """

    id: str
    name: str
    types: frozenset[str]
    updated: int = 0
    on_demand: bool = False


@dataclass(frozen=True, slots=True)
class ProviderVerdict:
    """What one provider that covers the type of an indicator answers about it.

    Attributes:
        listing: its status is NOT_LISTED for a provider that knows nothing, and FAILED for one
            that never could be asked.
        network: the network that is listed in the place of the address.
    """

    provider: Provider
    listing: Listing
    network: Network | None = None

    @property
    def verdict(self) -> Verdict | None:
        """What it comes to, None where the provider has nothing to say."""
        if self.listing.status is ListingStatus.TRUSTED:
            return Verdict.BENIGN
        if self.listing.status is not ListingStatus.LISTED:
            return None
        suspicious = self.listing.assessment.lower() == SUSPICIOUS
        return Verdict.SUSPICIOUS if suspicious else Verdict.LIKELY_MALICIOUS


def provider_verdicts(
    known: IocRecord, providers: Iterable[Provider], now: int
) -> list[ProviderVerdict]:
    """One voice for each provider that covers the type of an indicator, in their order.

    Args:
        now: milliseconds since the epoch: what has expired by then is no longer said.
    """
    said = []
    for provider in providers:
        if known.indicator.type not in provider.types:
            continue
        listing = known.listings.get(provider.id)
        if listing is None or 0 < listing.expires <= now:
            listing = Listing(
                ListingStatus.NOT_LISTED if provider.updated else ListingStatus.FAILED
            )
        said.append(ProviderVerdict(provider, listing, known.networks.get(provider.id)))
    return said
