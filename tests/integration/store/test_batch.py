"""What the store leaves unprocessed is asked again, and in the end is an error, not an absence."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.errors import StoreError
from shared.store.batch import MAX_ROUNDS, batch_get, batch_put
from tests.conftest import Store


class Halving:
    """A client that processes half of each batch, `times` times."""

    def __init__(self, client: Any, times: int) -> None:
        self._client = client
        self._times = times

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803
        [(table, wanted)] = RequestItems.items()
        keys = wanted["Keys"]
        done, left = self._split(keys)
        answer: dict[str, Any] = {"Responses": {}, "UnprocessedKeys": {}}
        if done:
            answer |= self._client.batch_get_item(RequestItems={table: wanted | {"Keys": done}})
        return answer | ({"UnprocessedKeys": {table: wanted | {"Keys": left}}} if left else {})

    def batch_write_item(self, RequestItems: Any) -> Any:  # noqa: N803
        [(table, requests)] = RequestItems.items()
        done, left = self._split(requests)
        if done:
            self._client.batch_write_item(RequestItems={table: done})
        return {"UnprocessedItems": {table: left} if left else {}}

    def _split(self, parts: list[Any]) -> tuple[list[Any], list[Any]]:
        if not self._times:
            return parts, []
        self._times -= 1
        half = len(parts) // 2
        return parts[:half], parts[half:]


def pauses() -> tuple[list[float], Callable[[float], None]]:
    slept: list[float] = []
    return slept, slept.append


def test_everything_is_written_and_read_in_the_end(any_store: Store) -> None:
    items = [{"pk": {"S": f"item-{n}"}} for n in range(60)]
    slept, sleep = pauses()
    halving: Any = Halving(any_store.client, times=5)
    batch_put(halving, any_store.table, items, sleep=sleep)
    assert len(slept) == 5
    assert len(any_store.items()) == 60
    reading: Any = Halving(any_store.client, times=3)
    keys = [f"item-{n}" for n in range(60)]
    found = batch_get(reading, any_store.table, keys, sleep=sleep)
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
