"""Reads which indicators are trusted by a provider that overrules bad verdicts."""

from collections.abc import Callable, Collection, Sequence

from shared.domain.harmless import trusted_by
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import NetworkIndex
from shared.domain.provider import Subject, provider_verdicts
from shared.domain.public_suffix import parents
from shared.store.client import DynamoDBClient
from shared.store.iocs import IocTable
from shared.store.providers import ProviderState, ProviderStates


class TrustedLists:
    """The lists of the providers that overrule, for functions that ask about few indicators.

    Args:
        now: returns milliseconds since the epoch.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        state_table_name: str,
        now: Callable[[], int],
    ) -> None:
        self._iocs = IocTable(client, table_name)
        self._states = ProviderStates(client, state_table_name)
        self._now = now

    def trusting(self, indicators: Collection[Indicator]) -> dict[Indicator, str]:
        """Return the name of a provider that overrules and trusts, for each trusted indicator.

        Without such a provider this is one read; otherwise one batch read more.

        Raises:
            StoreError: the store failed.
        """
        states = [one for one in self._states.read() if one.provider.overrules]
        # A URL is never overruled.
        asked = [one for one in indicators if one.type is not IndicatorType.URL]
        if not (states and asked):
            return {}
        found = self._iocs.find_many(asked, self._covering(asked, states))
        providers, now = [state.provider for state in states], self._now()
        names = {
            one: trusted_by(one, provider_verdicts(record, providers, now))
            for one, record in found.items()
        }
        return {one: name for one, name in names.items() if name}

    def _covering(
        self, indicators: Collection[Indicator], states: Collection[ProviderState]
    ) -> dict[Indicator, Sequence[Subject]]:
        """What covers each indicator, the largest first; an address without a network has none."""
        covering: dict[Indicator, Sequence[Subject]] = {}
        addresses = [one for one in indicators if one.type is IndicatorType.IP]
        if addresses:
            index = NetworkIndex(
                network for state in states for network in self._states.read_networks(state)
            )
            covering |= {one: index.holding(one) for one in addresses}
        if any(state.below for state in states):
            domains = (one for one in indicators if one.type is IndicatorType.DOMAIN)
            covering |= {one: parents(one) for one in domains}
        return covering
