"""The meter, over both clients; how many units a call takes is the engine's word."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.ingest.store.meter import MeteredClient
from shared.store.client import dynamodb_client
from shared.store.direct import direct_client
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from tests.builders import DOMAIN, reputation
from tests.conftest import Store


@pytest.mark.parametrize("make", [dynamodb_client, direct_client])
def test_units_of_reads_and_writes_are_added_up(
    engine_store: Store, make: Callable[[], Any]
) -> None:
    client: Any = MeteredClient(make())
    table = IocTable(client, engine_store.table)
    assert client.read_units() == (0.0, 0.0)
    table.write(IocItem(reputation(), b"1"), None)
    assert client.read_units() == (0.0, 1.0)
    table.find(DOMAIN)
    assert client.read_units() == (0.5, 0.0)
    table.read([DOMAIN])
    assert client.read_units() == (0.5, 0.0)


def test_many_threads_share_a_meter(engine_store: Store) -> None:
    client: Any = MeteredClient(direct_client())
    table = IocTable(client, engine_store.table)
    table.write(IocItem(reputation(), b"1"), None)
    client.read_units()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(table.find, [DOMAIN] * 200))
    assert client.read_units() == (100.0, 0.0)
