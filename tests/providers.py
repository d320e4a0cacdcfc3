"""Refreshing providers against a store of a test, and what has to come of it."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from functions.providers.refresh import Refresh, Refreshed
from functions.providers.snapshots import Snapshots
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.provider import Listing, ListingStatus, Provider, Subject
from shared.formats.lists.declaration import Declaration, read_catalog
from shared.formats.lists.entry import ListContent
from shared.store.iocs import IocTable
from shared.store.items import listings_from_item
from shared.store.keys import subject_key
from shared.store.providers import ProviderState, ProviderStates
from tests.conftest import Store
from tests.fakes import InlineExecutor

NOW = 1_767_607_200_000

Entries = Mapping[Subject, Listing]


def declaration(name: str = "list-a") -> Declaration:
    """A provider of a list."""
    return read_catalog(
        f"""
        [{name}]
        name = "{name}.example"
        types = ["ip", "domain"]
        address = "https://{name}.example/list.txt"
        format = "lines"
        assessment = "malware"
        every = "1h"
        licence = "free"
        """
    )[name]


def listed(numbers: Iterable[int], assessment: str = "malware") -> dict[Subject, Listing]:
    """A list of domains without dates."""
    return {domain(number): Listing(ListingStatus.LISTED, assessment) for number in numbers}


def domain(number: int) -> Indicator:
    return Indicator(IndicatorType.DOMAIN, f"n{number}.example")


def refresh(
    store: Store,
    download: Entries | Exception,
    *,
    name: str = "list-a",
    client: Any = None,
    owner: str = "me",
    pool: Executor | None = None,
    now: int = NOW,
    out_of_time: Any = lambda: False,
) -> Refreshed:
    """Refresh a provider once; the download returns or raises the given value."""
    client = client or store.client
    declared = declaration(name)
    states = ProviderStates(client, store.state_table)

    def read() -> ListContent:
        if isinstance(download, Exception):
            raise download
        return ListContent(download)

    known = {state.provider.id: state for state in states.read(consistent=True)}
    provider = Provider(name, declared.name, frozenset(declared.types))
    return Refresh(
        declared,
        read,
        IocTable(client, store.table),
        Snapshots(client, store.state_table, name, owner),
        states,
        pool or InlineExecutor(),
        now,
        now + 60_000,
        out_of_time,
    ).execute(known.get(name, ProviderState(provider)))


def listings(store: Store, name: str = "list-a") -> dict[str, Listing]:
    """Return the listings of a provider in the items, by key."""
    return {
        item["pk"]["S"]: found[name]
        for item in store.items()
        if name in (found := listings_from_item(item))
    }


def dated(entries: Entries, at: int = NOW) -> dict[str, Listing]:
    """Return the listings expected after a list whose entries were all new at one time."""
    return {
        subject_key(subject): replace(one, detect_time=one.detect_time or at)
        for subject, one in entries.items()
    }
