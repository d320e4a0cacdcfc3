"""Listings and verdicts of the providers other than the sandbox. Pure.

The item of an IOC holds each provider's data in a part of its own, next to the sandbox's, so
writers never touch each other's data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from shared.domain.indicator import Indicator
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.domain.network import Network
from shared.domain.override import Override
from shared.domain.reputation import Reputation
from shared.domain.verdict import Verdict

# Name of the sandbox among the providers of an answer, as in the v4 API.
SANDBOX_PROVIDER = "MetaDefender Sandbox"
# Name of the row with the verdict that an analyst set.
ANALYST_PROVIDER = "Analyst"
# Names of rows that this service computes. A verdict that comes back under one is an echo.
OWN_PROVIDERS = frozenset({SANDBOX_PROVIDER, ANALYST_PROVIDER})
# Names under which an answer of this service sums up its own rows. Other services use them, too, so
# they are own rows only next to one of `OWN_PROVIDERS`.
SUMMARY_PROVIDERS = frozenset({"MetaDefender Reputation", "Offline Reputation", "Webroot"})

# An entry of a list is about one of these.
Subject = Indicator | Network

# Only this assessment maps to the verdict SUSPICIOUS.
SUSPICIOUS = "suspicious"


class ListingStatus(IntEnum):
    """What a provider states about an indicator; the numbers are those of the v4 API's `status`.

    The numbers are written to the store: never change one.
    """

    TRUSTED = 0
    LISTED = 1
    FAILED = 3
    NOT_LISTED = 5


@dataclass(frozen=True, slots=True)
class Listing:
    """What one provider states about one indicator or network.

    Attributes:
        assessment: in the provider's own words, such as `botnet`; "" if it gives none.
        category: "" if the provider gives none.
        detect_time: since when the subject is listed, milliseconds since the epoch; 0 if the
            provider gives no time.
        source_list: which of the provider's lists holds the subject; "" if it has only one.
        answered: when an on-demand provider answered, milliseconds since the epoch; 0 for an
            entry of a list.
        expires: until when the answer of an on-demand provider may be used, milliseconds since
            the epoch; 0 for an entry of a list, which holds until the list changes.
        below: whether the listing of a domain also holds for the names below it.
    """

    status: ListingStatus
    assessment: str = ""
    category: str = ""
    detect_time: int = 0
    source_list: str = ""
    answered: int = 0
    expires: int = 0
    below: bool = False


class IocRecord(NamedTuple):
    """Everything that is stored about one indicator.

    Attributes:
        reputation: what the sandbox's reports state, None if no report names the indicator.
        listings: what other providers state, by provider id.
        covering: the listed network that holds the address, or the listed name above the domain,
            by the id of each provider that lists that one and not the indicator itself.
        override: the verdict that an analyst set, also an expired one; None if there is none.
    """

    indicator: Indicator
    reputation: Reputation | None = None
    listings: Mapping[str, Listing] = MappingProxyType({})
    covering: Mapping[str, Subject] = MappingProxyType({})
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as answers show it, and the age of its data.

    Attributes:
        id: its name in the store.
        name: its name in `sources`.
        types: indicator types that it covers.
        updated: when its data was last complete, milliseconds since the epoch; 0 for never.
        on_demand: whether a look-up asks its API, because it publishes no list.
        overrules: whether its trust overrules bad verdicts, see `shared.domain.harmless`.
        notes: whether its trust adds a row and clears nothing, because malware is found there, too.
    """

    id: str
    name: str
    types: frozenset[str]
    updated: int = 0
    on_demand: bool = False
    overrules: bool = False
    notes: bool = False


@dataclass(frozen=True, slots=True)
class ProviderVerdict:
    """A provider, its listing of an indicator, and the verdict that follows.

    Attributes:
        listing: its status is NOT_LISTED if the provider does not list the indicator, and FAILED
            if the provider never answered.
        covering: the listed network or name that covers the indicator; None if the indicator
            itself is listed.
        override: for the row of an analyst the override; None for a provider.
    """

    provider: Provider
    listing: Listing
    covering: Subject | None = None
    override: Override | None = None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict that follows from the listing, None if the provider states nothing."""
        if self.override is not None:
            return self.override.verdict
        if self.listing.status is ListingStatus.TRUSTED:
            return Verdict.NO_THREAT if self.provider.notes else Verdict.BENIGN
        if self.listing.status is not ListingStatus.LISTED:
            return None
        suspicious = self.listing.assessment.lower() == SUSPICIOUS
        return Verdict.SUSPICIOUS if suspicious else Verdict.LIKELY_MALICIOUS


def provider_verdicts(
    known: IocRecord, providers: Iterable[Provider], now: int
) -> list[ProviderVerdict]:
    """Return a verdict for each provider that covers the indicator's type, in their order.

    The verdict that an analyst set comes first.

    Args:
        now: milliseconds since the epoch; what has expired by then is ignored.
    """
    verdicts = []
    if known.override is not None and known.override.is_active(now):
        verdicts.append(analyst_verdict(known.override))
    for provider in providers:
        if known.indicator.type not in provider.types:
            continue
        listing = known.listings.get(provider.id)
        if listing is None or 0 < listing.expires <= now:
            listing = Listing(
                ListingStatus.NOT_LISTED if provider.updated else ListingStatus.FAILED
            )
        verdicts.append(ProviderVerdict(provider, listing, known.covering.get(provider.id)))
    return verdicts


# The status and the assessment of the v4 API for each verdict.
_OF_ANALYST = {
    Verdict.MALICIOUS: Listing(ListingStatus.LISTED, "high risk"),
    Verdict.LIKELY_MALICIOUS: Listing(ListingStatus.LISTED, "high risk"),
    Verdict.SUSPICIOUS: Listing(ListingStatus.LISTED, SUSPICIOUS),
    Verdict.NO_THREAT: Listing(ListingStatus.NOT_LISTED),
    Verdict.BENIGN: Listing(ListingStatus.TRUSTED, "trustworthy"),
}


def analyst_verdict(override: Override) -> ProviderVerdict:
    """Return an override as the verdict of a provider."""
    provider = Provider(
        "analyst", ANALYST_PROVIDER, frozenset(INDICATOR_TYPES), updated=override.set_at
    )
    listing = replace(_OF_ANALYST[override.verdict], detect_time=override.set_at)
    return ProviderVerdict(provider, listing, override=override)
