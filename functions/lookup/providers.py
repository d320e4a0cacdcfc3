"""The providers beside the sandbox, as a warm function remembers them."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.listing import Provider
from shared.domain.network import Network, NetworkIndex
from shared.store.providers import ProviderState

REMEMBERED_S = 60.0


class States(Protocol):
    """Where it stands how providers stand; `shared.store.providers.ProviderStates` is one."""

    def read(self) -> list[ProviderState]:
        """The providers that are switched on, in their order; raises StoreError."""

    def read_networks(self, state: ProviderState) -> list[Network]:
        """The networks on a provider's list; raises StoreError."""


class NoProviders:
    """For a stack that has none switched on: nothing is ever read."""

    def states(self) -> Sequence[ProviderState]:
        """None."""
        return ()

    def networks_holding(self, _: Indicator) -> Sequence[Network]:
        """None."""
        return ()


class Providers(Protocol):
    """What look-ups ask."""

    def states(self) -> Sequence[ProviderState]:
        """The providers that are switched on, in their order; raises StoreError."""

    def networks_holding(self, address: Indicator) -> Sequence[Network]:
        """The listed networks that hold an address, the largest first; raises StoreError."""


@dataclass(slots=True)
class RememberedProviders:
    """Remembers for a minute how providers stand, and their networks until these change.

    So an address that is in no network costs no read beside its own. Safe for threads.

    Attributes:
        clock: seconds, monotonic.
    """

    store: States
    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _read_at: float | None = None
    _states: Sequence[ProviderState] = ()
    _networks: dict[str, tuple[int, list[Network]]] = field(default_factory=dict)
    _index: NetworkIndex = field(default_factory=lambda: NetworkIndex(()))

    def states(self) -> Sequence[ProviderState]:
        """The providers that are switched on, in their order.

        Raises:
            StoreError: the store failed, and nothing is remembered.
        """
        with self._lock:
            now = self.clock()
            if self._read_at is None or now - self._read_at >= REMEMBERED_S:
                self._states = self.store.read()
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


def as_providers(states: Sequence[ProviderState]) -> list[Provider]:
    """The providers as answers show them."""
    return [state.provider for state in states]
