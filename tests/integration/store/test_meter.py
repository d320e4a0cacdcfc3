"""The meter, on every engine; how many units a call takes is the engine's word."""

from concurrent.futures import ThreadPoolExecutor

from shared.store.client import dynamodb_client
from shared.store.iocs import IocTable
from shared.store.items import StoredIoc
from shared.store.meter import CapacityMeter
from tests.builders import DOMAIN, reputation
from tests.conftest import Store


def test_units_of_reads_and_writes_are_added_up(engine_store: Store) -> None:
    client = dynamodb_client()
    meter = CapacityMeter(client)
    table = IocTable(client, engine_store.table)
    assert meter.take() == (0.0, 0.0)
    table.write(StoredIoc(reputation(), b"1"), None)
    assert meter.take() == (0.0, 1.0)
    table.find(DOMAIN)
    assert meter.take() == (0.5, 0.0)
    table.read([DOMAIN])
    assert meter.take() == (0.5, 0.0)


def test_many_threads_share_a_meter(engine_store: Store) -> None:
    client = dynamodb_client()
    meter = CapacityMeter(client)
    table = IocTable(client, engine_store.table)
    table.write(StoredIoc(reputation(), b"1"), None)
    meter.take()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(table.find, [DOMAIN] * 200))
    assert meter.take() == (100.0, 0.0)
