import pytest

from functions.publish.store.transactions import MAX_TRIES, tries
from shared.domain.errors import StoreError


def test_whoever_is_always_too_late_gives_up_and_waits_between_the_tries() -> None:
    pauses: list[float] = []
    with pytest.raises(StoreError, match="faster"):
        list(tries(pauses.append))
    assert len(pauses) == MAX_TRIES - 1
    assert max(pauses) <= 0.5


def test_the_first_try_is_made_at_once() -> None:
    pauses: list[float] = []
    assert next(tries(pauses.append)) == 0
    assert pauses == []
