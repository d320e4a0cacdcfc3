"""Which keys are let in, and how soon a change is noticed."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from shared.http.authentication import CACHED_S, UNKNOWN_CACHED_S, KeyRing, key_in
from shared.store.api_keys import NEVER, ApiKey, digest_of, new_key

KEY = "a-key-for-tests"
RECORD = ApiKey(digest_of(KEY), "test")
NOW = 1_767_607_200_000


class FakeKeys:
    def __init__(self, *records: ApiKey) -> None:
        self.records = {record.digest: record for record in records}
        self.asked = 0

    def find(self, digest: str) -> ApiKey | None:
        self.asked += 1
        return self.records.get(digest)


class Clock:
    """Monotonic seconds and milliseconds since the epoch that go on together."""

    def __init__(self) -> None:
        self.s = 1000.0

    def monotonic(self) -> float:
        return self.s

    def now(self) -> int:
        return NOW + round((self.s - 1000) * 1000)


def ring(keys: FakeKeys, clock: Clock | None = None) -> KeyRing:
    clock = clock or Clock()
    return KeyRing(keys, clock.monotonic, clock.now)


@pytest.mark.parametrize(
    ("authorization", "key"),
    [
        ("apikey a-key", "a-key"),
        ("ApiKey  a-key ", "a-key"),
        ("Basic dXNlcjphLWtleQ==", "a-key"),
        ("Bearer a-key", ""),
        ("apikey", ""),
    ],
)
def test_a_key_may_come_in_the_header_authorization(authorization: str, key: str) -> None:
    assert key_in({"authorization": authorization}) == key


def test_a_key_is_found_with_its_record() -> None:
    assert ring(FakeKeys(RECORD)).find(KEY) == RECORD


@pytest.mark.parametrize("key", ["", "wrong", KEY.upper(), KEY + " ", RECORD.digest, "\udcff"])
def test_nothing_but_the_key_is_the_key(key: str) -> None:
    assert ring(FakeKeys(RECORD)).find(key) is None


def test_a_disabled_key_is_refused() -> None:
    assert ring(FakeKeys(replace(RECORD, disabled=True))).find(KEY) is None


@pytest.mark.parametrize(
    ("expires", "let_in"),
    [(NEVER, True), (NOW + 1, True), (NOW, False), (NOW - 1, False), (1, False)],
)
def test_a_key_is_refused_from_the_moment_it_expires(expires: int, let_in: bool) -> None:
    assert (ring(FakeKeys(replace(RECORD, expires=expires))).find(KEY) is not None) is let_in


def test_a_cached_key_expires_on_time() -> None:
    clock = Clock()
    keys = FakeKeys(replace(RECORD, expires=NOW + 10_000))
    found = ring(keys, clock)
    assert found.find(KEY)
    clock.s += 9.9
    assert found.find(KEY)
    clock.s += 0.1
    assert found.find(KEY) is None
    assert keys.asked == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda keys: keys.update({RECORD.digest: replace(RECORD, disabled=True)}),
        lambda keys: keys.clear(),
    ],
    ids=["disabled", "deleted"],
)
def test_what_becomes_of_a_key_is_noticed_within_a_minute(
    change: Callable[[dict[str, ApiKey]], None],
) -> None:
    clock = Clock()
    keys = FakeKeys(RECORD)
    found = ring(keys, clock)
    assert found.find(KEY)
    change(keys.records)
    clock.s += CACHED_S - 0.1
    assert found.find(KEY)
    clock.s += 0.1
    assert found.find(KEY) is None
    assert CACHED_S <= 60


def test_a_new_key_that_was_tried_too_early_works_two_seconds_later() -> None:
    clock = Clock()
    keys = FakeKeys()
    found = ring(keys, clock)
    assert found.find(KEY) is None
    keys.records[RECORD.digest] = RECORD
    clock.s += UNKNOWN_CACHED_S - 0.1
    assert found.find(KEY) is None
    assert keys.asked == 1
    clock.s += 0.1
    assert found.find(KEY)
    assert UNKNOWN_CACHED_S <= 2


def test_unknown_keys_do_not_displace_known_ones() -> None:
    keys = FakeKeys(RECORD)
    found = ring(keys)
    assert found.find(KEY)
    for number in range(3000):
        assert found.find(f"guess-{number}") is None
    asked = keys.asked
    assert found.find(KEY)
    assert keys.asked == asked


def test_many_threads_may_ask_at_once() -> None:
    keys = FakeKeys(RECORD)
    found = ring(keys)

    def ask(number: int) -> bool:
        # Enough guesses to push the key out of the cache again and again.
        return found.find(KEY) == RECORD and found.find(f"guess-{number}") is None

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(ask, range(5000)))


def test_the_system_clock_tells_what_has_expired() -> None:
    past, future = replace(RECORD, expires=1), replace(RECORD, expires=4_102_444_800_000)
    assert KeyRing(FakeKeys(past), lambda: 0.0).find(KEY) is None
    assert KeyRing(FakeKeys(future), lambda: 0.0).find(KEY) == future


def test_keys_are_long_unlike_and_fit_for_a_header() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert re.fullmatch("[0-9a-f]{32}", key)  # 128 bits


def test_a_short_digest_names_a_key() -> None:
    assert RECORD.digest.startswith(RECORD.short_digest)
    assert len(RECORD.short_digest) == 12
    assert KEY not in repr(RECORD)
