"""Which indicators a provider that overrules trusts, read from the tables of a refresh."""

import pytest

from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.network import Network
from shared.domain.provider import Listing, ListingStatus, Provider
from shared.store.iocs import IocTable
from shared.store.providers import ProviderState, ProviderStates
from shared.store.trusted_lists import TrustedLists
from tests.conftest import Store

NOW = 1_767_607_200_000
TRUSTED = Listing(ListingStatus.TRUSTED)
BELOW = Listing(ListingStatus.TRUSTED, below=True)


def ip(text: str) -> Indicator:
    return parse(IndicatorType.IP, text)


def domain(text: str) -> Indicator:
    return parse(IndicatorType.DOMAIN, text)


def provider(name: str, *, overrules: bool) -> Provider:
    types = frozenset(IndicatorType)
    return Provider(name, f"{name}.example", types, NOW, overrules=overrules, notes=not overrules)


def lists_of(store: Store) -> TrustedLists:
    return TrustedLists(store.client, store.table, store.state_table, lambda: NOW)


@pytest.fixture
def filled(engine_store: Store) -> Store:
    """One provider that overrules, and one that only notes."""
    states = ProviderStates(engine_store.client, engine_store.state_table)
    iocs = IocTable(engine_store.client, engine_store.table)
    network = Network("198.51.100.0/28")
    chunks = states.write_networks("top", 1, [network])
    states.write(
        ProviderState(
            provider("top", overrules=True), generation=1, network_chunks=chunks, below=True
        )
    )
    states.write(ProviderState(provider("cloud", overrules=False), order=1))
    iocs.list_subject("top", network, TRUSTED)
    iocs.list_subject("top", domain("exact.example"), TRUSTED)
    iocs.list_subject("top", domain("below.example"), BELOW)
    iocs.list_subject("top", parse(IndicatorType.URL, "http://exact.example/"), TRUSTED)
    iocs.list_subject("cloud", domain("cloud.example"), TRUSTED)
    return engine_store


def test_what_a_provider_that_overrules_trusts(filled: Store) -> None:
    trusted = [
        *(domain("exact.example"), domain("below.example"), domain("www.below.example")),
        *(ip("198.51.100.1"), ip("198.51.100.15")),
    ]
    others = [
        *(domain("www.exact.example"), domain("notbelow.example"), domain("cloud.example")),
        *(ip("198.51.100.16"), parse(IndicatorType.URL, "http://exact.example/")),
    ]
    found = lists_of(filled).trusting([*trusted, *others])
    assert found == dict.fromkeys(trusted, "top.example")


def test_without_such_a_provider_nothing_is_trusted(filled: Store) -> None:
    states = ProviderStates(filled.client, filled.state_table)
    states.remove("top")
    assert lists_of(filled).trusting([domain("exact.example")]) == {}
    states.remove("cloud")
    assert lists_of(filled).trusting([domain("exact.example")]) == {}
