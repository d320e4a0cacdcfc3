"""What the store leaves unprocessed is asked again, and in the end is an error, not an absence."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.errors import StoreError
from shared.store.batch import MAX_ROUNDS, batch_get, batch_put
from tests.conftest import Store
from tests.fakes import Halving


def pauses() -> tuple[list[float], Callable[[float], None]]:
    slept: list[float] = []
    return slept, slept.append


def test_everything_is_written_and_read_in_the_end(every_store: Store) -> None:
    items = [{"pk": {"S": f"item-{n}"}} for n in range(60)]
    slept, sleep = pauses()
    halving: Any = Halving(every_store.client, times=5)
    batch_put(halving, every_store.table, items, sleep=sleep)
    assert len(slept) == 5
    assert len(every_store.items()) == 60
    reading: Any = Halving(every_store.client, times=3)
    keys = [f"item-{n}" for n in range(60)]
    found = batch_get(reading, every_store.table, keys, sleep=sleep)
    assert {item["pk"]["S"] for item in found} == set(keys)
    assert len(slept) == 8
    assert all(0 <= pause <= 2 for pause in slept)


@pytest.mark.parametrize("rounds", [1, MAX_ROUNDS])
def test_a_store_that_never_ends_is_an_error(moto_store: Store, rounds: int) -> None:
    slept, sleep = pauses()
    halving: Any = Halving(moto_store.client, times=1000)
    with pytest.raises(StoreError):
        list(batch_get(halving, moto_store.table, ["a", "b"], rounds=rounds, sleep=sleep))
    assert len(slept) == rounds
    with pytest.raises(StoreError):
        batch_put(halving, moto_store.table, [{"pk": {"S": "a"}}], sleep=sleep)
