"""Reading all of the IOC table: every page, every part, every kind of key."""

from itertools import chain

import pytest

from functions.filter.stored_values import read_values
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.store.keys import ioc_key
from shared.store.whole_table import NotAllRead, Page, read_all
from tests.conftest import Store

LONG = Indicator(IndicatorType.URL, "http://evil.example/?" + "a#b" * 1000)
# Of six thousand bytes each, so that they take more than one page of a megabyte.
MANY = [Indicator(IndicatorType.URL, f"http://evil.example/{n:06000}") for n in range(450)]


def put(store: Store, indicators: list[Indicator]) -> None:
    for start in range(0, len(indicators), 25):
        store.client.batch_write_item(
            RequestItems={
                store.table: [
                    {
                        "PutRequest": {
                            "Item": {
                                "pk": {"S": ioc_key(one)},
                                "url": {"S": one.value},
                            }
                        }
                    }
                    for one in indicators[start : start + 25]
                ]
            }
        )


def pages(store: Store, segments: int) -> list[Page]:
    found: list[Page] = []
    read_all(store.client, store.table, found.append, lambda: 1.0, segments=segments)
    return found


def values(store: Store) -> list[str]:
    found: list[str] = []
    read_values(store.client, store.table, found.extend, lambda: 1.0)
    return found


def urls(found: list[Page]) -> list[str]:
    return sorted(item["url"]["S"] for item in chain.from_iterable(found))


def test_every_page_is_read(moto_store: Store) -> None:
    # The engine puts everything on one page, however much it is.
    put(moto_store, MANY)
    found = pages(moto_store, segments=1)
    assert len(found) > 1
    assert urls(found) == sorted(one.value for one in MANY)


def test_every_item_is_in_one_part(any_store: Store) -> None:
    put(any_store, MANY[:100])
    found = pages(any_store, segments=4)
    assert urls(found) == sorted(one.value for one in MANY[:100])
    assert max(map(len, found)) < 100


def test_a_value_is_whole_and_a_network_is_none(any_store: Store) -> None:
    put(any_store, [LONG, Indicator(IndicatorType.URL, "http://evil.example/#a#b")])
    any_store.client.put_item(
        TableName=any_store.table, Item={"pk": {"S": "net#192.0.2.0/24"}, "ver": {"B": b"1"}}
    )
    assert sorted(values(any_store)) == sorted([LONG.value, "http://evil.example/#a#b"])


def test_a_table_that_is_not_there_is_an_error_of_the_store(engine_store: Store) -> None:
    found: list[str] = []
    with pytest.raises(StoreError, match="ResourceNotFoundException"):
        read_values(engine_store.client, "no-such-table", found.extend, lambda: 1.0)
    assert found == []


def test_without_time_nothing_is_handed_over(engine_store: Store) -> None:
    put(engine_store, MANY[:1])
    found: list[str] = []
    with pytest.raises(NotAllRead):
        read_values(engine_store.client, engine_store.table, found.extend, lambda: 0.0)
    assert found == []
