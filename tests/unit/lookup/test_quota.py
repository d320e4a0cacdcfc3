"""Quotas on counters in memory: never more than the limit, hardly a write, little stranded."""

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import StoreError
from shared.http.quota import Allowance, Caller, OverLimit, Quota, Reason, rate_limit_headers
from shared.store.api_keys import ApiKey, digest_of
from shared.store.quotas import DAY_S, MINUTE_S, Window

DIGEST = digest_of("a-key-for-tests")
# 2026-01-05T10:00:00Z: 14 hours before the day ends.
NOON = 1_767_607_200_000
MIDNIGHT = NOON + 14 * 3600 * 1000


class FakeCounters:
    """The counters of a store, and how it fails.

    Attributes:
        writes, reads: calls so far.
        lost: numbers of the writes whose reply gets lost after they took effect.
        down: whether every call fails.
    """

    def __init__(self, lost: frozenset[int] = frozenset()) -> None:
        self.counts: Counter[Window] = Counter()
        self.amounts: list[int] = []
        self.writes = 0
        self.reads = 0
        self.lost = lost
        self.down = False
        self._lock = threading.Lock()

    def lease(self, window: Window, amount: int, limit: int) -> int | None:
        assert amount > 0
        with self._lock:
            self.writes += 1
            if self.down:
                raise StoreError("the store did not answer")
            if self.counts[window] + amount > limit:
                return None
            self.amounts.append(amount)
            self.counts[window] += amount
            if self.writes in self.lost:
                raise StoreError("the store did not answer")
            return self.counts[window]

    def used(self, window: Window) -> int:
        with self._lock:
            self.reads += 1
            if self.down:
                raise StoreError("the store did not answer")
            return self.counts[window]


class Clock:
    def __init__(self, ms: int = NOON) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms


def key(daily: int = 4000, minute: int = 0, digest: str = DIGEST) -> ApiKey:
    return ApiKey(digest, "test", daily_limit=daily, minute_limit=minute)


def granted(quota: Quota, of: ApiKey, asked: int) -> int:
    return sum(quota.take(of).allowed for _ in range(asked))


class TestDaily:
    def test_counts_down_exactly_to_nothing(self) -> None:
        quota = Quota(FakeCounters(), Clock())
        answers = [quota.take(key(100)) for _ in range(102)]
        assert [a.remaining for a in answers] == [*range(99, -1, -1), 0, 0]
        assert [a.used for a in answers] == [*range(1, 101), 100, 100]
        assert [a.reason for a in answers] == [None] * 100 + [Reason.DAILY] * 2

    def test_a_refusal_says_when_to_ask_again(self) -> None:
        quota = Quota(FakeCounters(), Clock())
        assert quota.take(key(1)).retry_in_s == 0
        refused = quota.take(key(1))
        assert not refused.allowed
        assert refused.retry_in_s == refused.reset_in_s == 14 * 3600

    @pytest.mark.parametrize(
        ("before_midnight_ms", "seconds"),
        [(1, 1), (999, 1), (1000, 1), (1001, 2), (86_400_000, 86_400)],
    )
    def test_seconds_are_rounded_up(self, before_midnight_ms: int, seconds: int) -> None:
        quota = Quota(FakeCounters(), Clock(MIDNIGHT - before_midnight_ms))
        assert quota.take(key()).reset_in_s == seconds

    def test_a_new_day_begins_at_midnight_utc(self) -> None:
        clock = Clock(MIDNIGHT - 1)
        quota = Quota(FakeCounters(), clock)
        assert granted(quota, key(2), 3) == 2
        clock.ms = MIDNIGHT
        assert granted(quota, key(2), 3) == 2

    def test_keys_do_not_share(self) -> None:
        quota = Quota(FakeCounters(), Clock())
        assert granted(quota, key(2), 5) == 2
        assert granted(quota, key(2, digest=digest_of("another")), 5) == 2

    def test_a_key_without_limit_is_never_refused_and_never_counted(self) -> None:
        counters = FakeCounters()
        quota = Quota(counters, Clock())
        assert granted(quota, key(0), 1000) == 1000
        assert quota.take(key(0)) == Allowance(None, 0, 0, 0, 14 * 3600)
        assert counters.writes == counters.reads == 0

    def test_a_limit_that_is_raised_or_lowered_holds_from_then_on(self) -> None:
        quota = Quota(FakeCounters(), Clock())
        assert granted(quota, key(10), 20) == 10
        assert granted(quota, key(15), 20) == 5
        refused = quota.take(key(5))
        assert (refused.allowed, refused.used, refused.remaining) == (False, 5, 0)

    def test_a_key_at_its_limit_costs_nothing(self) -> None:
        counters = FakeCounters()
        quota = Quota(counters, Clock())
        granted(quota, key(10), 11)
        before = counters.writes, counters.reads
        granted(quota, key(10), 1000)
        assert (counters.writes, counters.reads) == before


class TestCost:
    def test_all_or_nothing(self) -> None:
        quota = Quota(FakeCounters(), Clock())
        assert quota.take(key(100), 60).remaining == 40
        refused = quota.take(key(100), 41)
        assert (refused.reason, refused.remaining) == (Reason.DAILY, 40)
        assert quota.take(key(100), 40).remaining == 0

    def test_more_than_the_limit_is_refused_at_once(self) -> None:
        counters = FakeCounters()
        assert not Quota(counters, Clock()).take(key(100), 101).allowed
        assert counters.counts.total() == 0

    def test_what_is_held_counts(self) -> None:
        counters = FakeCounters()
        quota = Quota(counters, Clock())
        granted(quota, key(100_000), 1000)
        [window] = counters.counts
        held = counters.counts[window] - 1000
        assert held
        rest = 100_000 - counters.counts[window]
        assert quota.take(key(100_000), held + rest).remaining == 0

    def test_a_refused_bulk_says_what_is_left_by_the_store(self) -> None:
        counters = FakeCounters()
        first, second = (Quota(counters, Clock()) for _ in range(2))
        first.take(key(100), 95)
        assert second.take(key(100), 50).remaining == 5


class TestThrottle:
    def test_a_minute_has_a_limit_of_its_own(self) -> None:
        clock = Clock(NOON + 15_500)
        quota = Quota(FakeCounters(), clock)
        assert granted(quota, key(minute=10), 10) == 10
        refused = quota.take(key(minute=10))
        assert (refused.reason, refused.retry_in_s) == (Reason.MINUTE, 45)
        assert refused.reset_in_s == 14 * 3600 - 15
        clock.ms = NOON + 60_000
        assert quota.take(key(minute=10)).allowed

    def test_what_is_throttled_does_not_count_against_the_day(self) -> None:
        quota = Quota(FakeCounters(), Clock())
        assert granted(quota, key(100, minute=10), 50) == 10
        assert quota.take(key(100, minute=10)).remaining == 90

    def test_without_a_daily_limit_the_minute_still_has_one(self) -> None:
        counters = FakeCounters()
        quota = Quota(counters, Clock())
        assert granted(quota, key(0, minute=10), 50) == 10
        assert {window.length_s for window in counters.counts} == {MINUTE_S}

    def test_a_day_that_is_used_up_does_not_touch_the_minute(self) -> None:
        counters = FakeCounters()
        quota = Quota(counters, Clock())
        granted(quota, key(5, minute=100), 50)
        assert {w.length_s: n for w, n in counters.counts.items()} == {DAY_S: 5, MINUTE_S: 5}

    def test_an_outage_at_the_minute_gives_the_day_back(self) -> None:
        counters = FakeCounters(lost=frozenset({2}))
        quota = Quota(counters, Clock())
        with pytest.raises(StoreError):
            quota.take(key(100, minute=10))
        assert quota.take(key(100, minute=10)).remaining == 99


class TestTogether:
    def test_sixteen_functions_let_exactly_a_hundred_through(self) -> None:
        counters = FakeCounters()
        functions = [Quota(counters, Clock()) for _ in range(16)]
        assert sum(granted(f, key(100), 10) for f in functions) == 100
        assert all(not f.take(key(100)).allowed for f in functions)

    @given(
        limit=st.integers(1, 3000),
        functions=st.integers(1, 16),
        asked=st.lists(st.tuples(st.integers(0, 15), st.integers(1, 400)), max_size=200),
        lost=st.frozensets(st.integers(1, 100), max_size=10),
        minute=st.sampled_from([0, 500]),
    )
    def test_never_more_than_the_limit_whatever_gets_lost(
        self,
        limit: int,
        functions: int,
        asked: list[tuple[int, int]],
        lost: frozenset[int],
        minute: int,
    ) -> None:
        counters = FakeCounters(lost)
        quotas = [Quota(counters, Clock()) for _ in range(functions)]
        let_through = 0
        for function, cost in asked:
            try:
                allowance = quotas[function % functions].take(key(limit, minute), cost)
            except StoreError:
                continue
            let_through += cost if allowance.allowed else 0
            assert allowance.used + allowance.remaining == limit
            assert 0 <= allowance.remaining <= limit
        assert let_through <= limit
        assert not minute or let_through <= minute

    @given(limit=st.integers(1, 199), order=st.lists(st.integers(0, 15), max_size=300))
    def test_small_limits_are_exact_in_any_order(self, limit: int, order: list[int]) -> None:
        counters = FakeCounters()
        quotas = [Quota(counters, Clock()) for _ in range(16)]
        let_through = sum(quotas[at].take(key(limit)).allowed for at in order)
        assert let_through == min(limit, len(order))

    @pytest.mark.parametrize("limit", [200, 1000, 4000, 20_000])
    def test_as_long_as_all_are_asked_nothing_is_stranded(self, limit: int) -> None:
        counters = FakeCounters()
        quotas = itertools.cycle([Quota(counters, Clock()) for _ in range(16)])
        assert sum(next(quotas).take(key(limit)).allowed for _ in range(2 * limit)) == limit

    @pytest.mark.parametrize("limit", [1000, 4000, 100_000])
    def test_functions_that_are_gone_have_taken_little_along(self, limit: int) -> None:
        counters = FakeCounters()
        gone = sum(granted(Quota(counters, Clock()), key(limit), 20) for _ in range(limit // 100))
        let_through = gone + granted(Quota(counters, Clock()), key(limit), limit)
        assert let_through >= 0.95 * limit

    @pytest.mark.parametrize(("limit", "share"), [(4000, 0.05), (100_000, 0.003), (10**6, 0.001)])
    def test_a_limit_that_is_used_up_has_cost_few_writes(self, limit: int, share: float) -> None:
        counters = FakeCounters()
        asked = min(limit, 200_000)
        assert granted(Quota(counters, Clock()), key(limit), asked) == asked
        assert counters.writes <= share * asked + 10

    def test_a_busy_function_begins_a_window_with_a_large_block(self) -> None:
        of, counters, clock = key(daily=0, minute=100_000), FakeCounters(), Clock()
        quota = Quota(counters, clock)
        assert granted(quota, of, 2000) == 2000
        clock.ms += MINUTE_S * 1000
        before = counters.writes
        assert granted(quota, of, 2000) == 2000
        # A quarter of what it spent, time after time.
        assert counters.writes - before == 4
        # After a window without requests the first block is one.
        clock.ms += 2 * MINUTE_S * 1000
        assert quota.take(of).allowed
        assert counters.amounts[-1] == 1

    def test_threads_of_one_function_share(self) -> None:
        quota = Quota(FakeCounters(), Clock())
        with ThreadPoolExecutor(32) as pool:
            allowed = list(pool.map(lambda _: quota.take(key(100)).allowed, range(500)))
        assert sum(allowed) == 100

    def test_threads_with_blocks_do_not_exceed(self) -> None:
        counters = FakeCounters()
        quota = Quota(counters, Clock())
        with ThreadPoolExecutor(32) as pool:
            allowed = list(pool.map(lambda _: quota.take(key(3000)).allowed, range(5000)))
        assert sum(allowed) + granted(quota, key(3000), 1000) == 3000
        assert max(counters.amounts) > 1


class TestOutage:
    def test_an_outage_is_no_refusal(self) -> None:
        counters = FakeCounters()
        counters.down = True
        quota = Quota(counters, Clock())
        with pytest.raises(StoreError):
            quota.take(key())
        counters.down = False
        assert quota.take(key()).remaining == 3999

    def test_what_is_held_is_spent_through_an_outage(self) -> None:
        counters = FakeCounters()
        quota = Quota(counters, Clock())
        granted(quota, key(100_000), 1000)
        [used] = counters.counts.values()
        counters.down = True
        assert granted(quota, key(100_000), used - 1000) == used - 1000
        with pytest.raises(StoreError):
            quota.take(key(100_000))

    def test_what_was_held_stays_held_when_more_cannot_be_leased(self) -> None:
        counters = FakeCounters()
        quota = Quota(counters, Clock())
        granted(quota, key(100_000), 1000)
        [used] = counters.counts.values()
        counters.down = True
        with pytest.raises(StoreError):
            quota.take(key(100_000), used)
        assert granted(quota, key(100_000), used - 1000) == used - 1000


class TestLook:
    def test_shows_what_all_have_used_and_spends_nothing(self) -> None:
        counters = FakeCounters()
        granted(Quota(counters, Clock()), key(100), 30)
        other = Quota(counters, Clock())
        assert [other.look(key(100)).remaining for _ in range(2)] == [70, 70]
        assert other.take(key(100)).remaining == 69

    def test_without_a_limit_the_store_is_not_asked(self) -> None:
        counters = FakeCounters()
        assert Quota(counters, Clock()).look(key(0)).allowed
        assert counters.reads == 0


class TestCaller:
    def test_pays_and_remembers_how_it_stands(self) -> None:
        caller = Caller(key(100), Quota(FakeCounters(), Clock()))
        assert caller.allowance is None
        caller.spend(10)
        assert caller.allowance
        assert caller.allowance.remaining == 90
        assert caller.look() == caller.allowance

    def test_is_stopped_at_the_limit(self) -> None:
        caller = Caller(key(1), Quota(FakeCounters(), Clock()))
        caller.spend()
        with pytest.raises(OverLimit) as stopped:
            caller.spend()
        assert stopped.value.allowance.reason is Reason.DAILY
        assert caller.allowance == stopped.value.allowance


class TestHeaders:
    def test_name_the_daily_limit_as_the_vendor_does(self) -> None:
        assert rate_limit_headers(Allowance(None, 4000, 12, 3988, 3600)) == {
            "X-Authenticated": "by apikey",
            "X-RateLimit-For": "reputation_api",
            "X-RateLimit-Limit": "4000",
            "X-RateLimit-Used": "12",
            "X-RateLimit-Remaining": "3988",
            "X-RateLimit-Interval": "86400",
            "X-RateLimit-Reset-In": "3600s",
            "X-RateLimit-Reset": "3600",
        }

    def test_a_refusal_says_when_to_retry(self) -> None:
        headers = rate_limit_headers(Allowance(Reason.MINUTE, 4000, 12, 3988, 3600, 7))
        assert headers["Retry-After"] == "7"
        assert headers["X-RateLimit-Reset-In"] == "3600s"

    def test_without_a_limit_none_is_made_up(self) -> None:
        assert rate_limit_headers(Allowance(None, 0, 0, 0, 3600)) == {
            "X-Authenticated": "by apikey",
            "X-RateLimit-For": "reputation_api",
        }
