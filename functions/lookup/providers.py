"""The providers other than the sandbox, cached in memory."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import Network, NetworkIndex
from shared.domain.provider import IocRecord, Listing, ListingStatus, Provider, Subject
from shared.domain.public_suffix import parents
from shared.runtime.observability import logger

if TYPE_CHECKING:
    from shared.store.providers import ProviderState

REMEMBERED_S = 60.0


class States(Protocol):
    """Reads the state of the providers, such as `shared.store.providers.ProviderStates`."""

    def read(self) -> "list[ProviderState]":
        """The enabled providers in their order; raises StoreError."""

    def read_networks(self, state: "ProviderState") -> list[Network]:
        """The networks on a provider's list; raises StoreError."""


class Asks(Protocol):
    """Queries on-demand providers, such as `functions.lookup.on_demand.Asker`."""

    def ask(self, providers: list[str], indicator: Indicator, now: int) -> dict[str, Listing]:
        """A listing per provider, with status FAILED if the provider did not answer."""


class NoProviders:
    """A stack without enabled providers, which never reads the store."""

    def states(self) -> "Sequence[ProviderState]":
        """No providers."""
        return ()

    def covering(self, _: Indicator) -> Sequence[Subject]:
        """Nothing."""
        return ()

    def ask(self, known: IocRecord, _: int) -> IocRecord:
        """The record unchanged."""
        return known


class Providers(Protocol):
    """The providers as look-ups use them."""

    def states(self) -> "Sequence[ProviderState]":
        """The enabled providers in their order; raises StoreError."""

    def covering(self, indicator: Indicator) -> Sequence[Subject]:
        """What to read with an indicator because lists may cover it; raises StoreError."""

    def ask(self, known: IocRecord, now: int) -> IocRecord:
        """The record with the answers of on-demand providers; raises StoreError."""


@dataclass(slots=True)
class CachedProviders:
    """Caches the state of the providers for a minute, and their networks until they change.

    An address that is in no listed network costs one read, that of its own record. Thread-safe.

    Attributes:
        store: where states and networks are read.
        clock: seconds, monotonic.
        asker: returns the client of on-demand providers; called when one has to be queried.
        keep: stores the answer of a provider about an indicator.
    """

    store: States
    clock: Callable[[], float]
    asker: Callable[[], Asks]
    keep: Callable[[str, Indicator, Listing], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _read_at: float | None = None
    _states: "Sequence[ProviderState]" = ()
    _networks: dict[str, tuple[int, list[Network]]] = field(default_factory=dict)
    _index: NetworkIndex = field(default_factory=lambda: NetworkIndex(()))

    def states(self) -> "Sequence[ProviderState]":
        """The enabled providers in their order.

        Raises:
            StoreError: the store failed, and nothing is cached.
        """
        with self._lock:
            now = self.clock()
            if self._read_at is None or now - self._read_at >= REMEMBERED_S:
                try:
                    self._states = self.store.read()
                except StoreError:
                    # An outdated state of the providers is better than no answer.
                    if self._read_at is None:
                        raise
                self._read_at = now
            return self._states

    def covering(self, indicator: Indicator) -> Sequence[Subject]:
        """What to read with an indicator because lists may cover it, the largest first.

        For an address the listed networks that hold it. For a domain the names above it, whether
        they are listed or not, if a list has names whose listing also holds below them.

        Raises:
            StoreError: the store failed.
        """
        if indicator.type is IndicatorType.IP:
            return self._networks_holding(indicator)
        if indicator.type is IndicatorType.DOMAIN and any(one.below for one in self.states()):
            return parents(indicator)
        return ()

    def _networks_holding(self, address: Indicator) -> Sequence[Network]:
        states = self.states()
        with self._lock:
            wanted = {one.provider.id: one for one in states if one.network_chunks}
            have = {name: generation for name, (generation, _) in self._networks.items()}
            if have != {name: one.generation for name, one in wanted.items()}:
                self._networks = {
                    name: self._networks[name]
                    if have.get(name) == one.generation
                    else (one.generation, self.store.read_networks(one))
                    for name, one in wanted.items()
                }
                self._index = NetworkIndex(
                    network for _, networks in self._networks.values() for network in networks
                )
            return self._index.holding(address)

    def ask(self, known: IocRecord, now: int) -> IocRecord:
        """Add the answers of the on-demand providers that cover the type to an IOC record.

        A provider is not queried again until its last answer expires.

        Args:
            now: milliseconds since the epoch.

        Raises:
            StoreError: the store failed, and nothing is cached.
        """
        to_query = [
            state.provider.id
            for state in self.states()
            if state.provider.on_demand
            and known.indicator.type in state.provider.types
            and not _holds(known.listings.get(state.provider.id), now)
        ]
        if not to_query:
            return known
        answers = self.asker().ask(to_query, known.indicator, now)
        for provider, listing in answers.items():
            if listing.status is not ListingStatus.FAILED:
                self._keep(provider, known.indicator, listing)
        return known._replace(listings={**known.listings, **answers})

    def _keep(self, provider: str, indicator: Indicator, listing: Listing) -> None:
        try:
            self.keep(provider, indicator, listing)
        except StoreError as error:
            # The answer itself is correct; the next look-up queries the provider again.
            logger.warning("answer not kept", extra={"provider": provider, "reason": str(error)})


def _holds(listing: Listing | None, now: int) -> bool:
    return listing is not None and listing.expires > now


def as_providers(states: "Sequence[ProviderState]") -> list[Provider]:
    """The providers as answers show them."""
    return [state.provider for state in states]
