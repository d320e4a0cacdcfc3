"""The providers beside the sandbox, as a warm function remembers them."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import Network, NetworkIndex
from shared.domain.provider import IocRecord, Listing, ListingStatus, Provider
from shared.runtime.observability import logger

if TYPE_CHECKING:
    from shared.store.providers import ProviderState

REMEMBERED_S = 60.0


class States(Protocol):
    """Where it stands how providers stand; `shared.store.providers.ProviderStates` is one."""

    def read(self) -> "list[ProviderState]":
        """The providers that are switched on, in their order; raises StoreError."""

    def read_networks(self, state: "ProviderState") -> list[Network]:
        """The networks on a provider's list; raises StoreError."""


class Asks(Protocol):
    """Asks providers without a list; `functions.lookup.on_demand.Asker` is one."""

    def ask(self, providers: list[str], indicator: Indicator, now: int) -> dict[str, Listing]:
        """What they say of an indicator; the status of one that did not answer is FAILED."""


class NoProviders:
    """For a stack that has none switched on: nothing is ever read."""

    def states(self) -> "Sequence[ProviderState]":
        """None."""
        return ()

    def networks_holding(self, _: Indicator) -> Sequence[Network]:
        """None."""
        return ()

    def ask(self, known: IocRecord, _: int) -> IocRecord:
        """Nobody."""
        return known


class Providers(Protocol):
    """What look-ups ask."""

    def states(self) -> "Sequence[ProviderState]":
        """The providers that are switched on, in their order; raises StoreError."""

    def networks_holding(self, address: Indicator) -> Sequence[Network]:
        """The listed networks that hold an address, the largest first; raises StoreError."""

    def ask(self, known: IocRecord, now: int) -> IocRecord:
        """What is known with the answers of providers without a list; raises StoreError."""


@dataclass(slots=True)
class CachedProviders:
    """Remembers for a minute how providers stand, and their networks until these change.

    So an address that is in no network costs no read beside its own. Safe for threads.

    Attributes:
        clock: seconds, monotonic.
        asker: gives what asks the providers without a list; called when there is one to ask.
        keep: keeps the answer of a provider about an indicator.
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
        """The providers that are switched on, in their order.

        Raises:
            StoreError: the store failed, and nothing is remembered.
        """
        with self._lock:
            now = self.clock()
            if self._read_at is None or now - self._read_at >= REMEMBERED_S:
                try:
                    self._states = self.store.read()
                except StoreError:
                    # Old news of the providers is better than no answer at all.
                    if self._read_at is None:
                        raise
                self._read_at = now
            return self._states

    def networks_holding(self, address: Indicator) -> Sequence[Network]:
        """The listed networks that hold an address, the largest first; none for other types.

        Raises:
            StoreError: the store failed.
        """
        if address.type is not IndicatorType.IP:
            return ()
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
        """What is known, with the answers of providers that have no list and cover the type.

        Who has answered before is not asked again until that answer expires.

        Args:
            now: milliseconds since the epoch.

        Raises:
            StoreError: the store failed, and nothing is remembered.
        """
        unheard = [
            state.provider.id
            for state in self.states()
            if state.provider.on_demand
            and known.indicator.type in state.provider.types
            and not _holds(known.listings.get(state.provider.id), now)
        ]
        if not unheard:
            return known
        answers = self.asker().ask(unheard, known.indicator, now)
        for provider, listing in answers.items():
            if listing.status is not ListingStatus.FAILED:
                self._keep(provider, known.indicator, listing)
        return known._replace(listings={**known.listings, **answers})

    def _keep(self, provider: str, indicator: Indicator, listing: Listing) -> None:
        try:
            self.keep(provider, indicator, listing)
        except StoreError as error:
            # The answer is right all the same; the next look-up asks again.
            logger.warning("answer not kept", extra={"provider": provider, "reason": str(error)})


def _holds(listing: Listing | None, now: int) -> bool:
    return listing is not None and listing.expires > now


def as_providers(states: "Sequence[ProviderState]") -> list[Provider]:
    """The providers as answers show them."""
    return [state.provider for state in states]
