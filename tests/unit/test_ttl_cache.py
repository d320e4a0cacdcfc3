"""What the cache in memory holds, and for how long."""

from concurrent.futures import ThreadPoolExecutor

from shared.runtime.ttl_cache import TtlCache


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_value_ends_at_its_own_time() -> None:
    clock = Clock()
    cache = TtlCache[str, int](10, clock)
    cache.put("a", 1, ends=5)
    cache.put("b", 2, ends=9)
    clock.now = 4.9
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, 2, None)
    clock.now = 5.0
    assert (cache.get("a"), cache.get("b")) == (None, 2)
    cache.put("a", 3, ends=6)
    assert cache.get("a") == 3


def test_the_least_recently_used_value_goes_first() -> None:
    cache = TtlCache[str, int](2, lambda: 0.0)
    cache.put("a", 1, ends=1)
    cache.put("b", 2, ends=1)
    assert cache.get("a") == 1
    cache.put("c", 3, ends=1)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


def test_a_removed_value_is_gone() -> None:
    cache = TtlCache[str, int](2, lambda: 0.0)
    cache.put("a", 1, ends=1)
    cache.remove("a")
    cache.remove("b")
    assert cache.get("a") is None


def test_many_threads_may_use_it() -> None:
    cache = TtlCache[int, int](8, lambda: 0.0)

    def use(number: int) -> bool:
        key = number % 16
        cache.put(key, key, ends=1)
        cache.remove((number + 1) % 16)
        return cache.get(key) in {None, key}

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(2000)))
