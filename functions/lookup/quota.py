"""How much a key may ask: a limit by day and one by minute, both UTC, kept by leased blocks.

What a key has used stands in one counter for each window. A function does not touch it with every
request: it leases a block of allowance in one conditional write and spends that from memory. What
is leased is counted as used, so no number of functions together lets more through than the limit;
what a function leased and did not spend is lost when the window ends, or the function does.

A block is never larger than a hundredth of the limit, a 16th of what is left, and a quarter of
what this function has spent in the window or in the one before: limits below 200 are exact, blocks
shrink to one as a limit nears, and a function that is hardly asked holds hardly anything back.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from functions.lookup.quotas import DAY_S, MINUTE_S, Window
from shared.store.api_keys import NO_LIMIT, ApiKey

# One write for some 20 requests of a limit of 4,000 that is used up, for 400 of one of 100,000.
_LARGEST_SHARE_OF_LIMIT = 100
_LARGEST_SHARE_OF_REST = 16
_LARGEST_SHARE_OF_SPENT = 4


class Leases(Protocol):
    """Where allowance is leased; `functions.lookup.quotas.QuotaCounters` is one."""

    def lease(self, window: Window, amount: int, limit: int) -> int | None:
        """Take an amount; what is used now, None when less was left; raises StoreError."""

    def used(self, window: Window) -> int:
        """What was leased of the window so far; raises StoreError."""


class Reason(StrEnum):
    """The limit that a request has hit."""

    DAILY = "daily"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What became of a request, and how the key stands with its daily limit.

    Attributes:
        reason: the limit that was hit; None for a request that is let through.
        limit: look-ups in a day; `NO_LIMIT` for no limit, then used and remaining are 0.
        used: look-ups of the day, with what other functions have leased and not yet spent.
        remaining: what is left of the limit.
        reset_in_s: seconds until the day ends.
        retry_in_s: seconds until asking again makes sense; 0 for a request that is let through.
    """

    reason: Reason | None
    limit: int
    used: int
    remaining: int
    reset_in_s: int
    retry_in_s: int = 0

    @property
    def allowed(self) -> bool:
        """Whether the request is let through."""
        return self.reason is None


class OverLimit(Exception):
    """A request that its key's limits do not let through."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(allowance.reason)
        self.allowance = allowance


@dataclass(slots=True)
class _Share:
    """What this function holds of one window.

    Attributes:
        used: of the whole window, when the store last said it.
        left: leased and not yet spent.
        spent: let through here.
        before: let through here in the window before, so that not all functions begin a window
            with blocks of one at the same moment.
    """

    window: Window
    before: int = 0
    used: int = 0
    left: int = 0
    spent: int = 0

    def remaining(self, limit: int) -> int:
        return min(limit, max(0, limit - self.used) + self.left)

    def block(self, limit: int) -> int:
        return min(
            limit // _LARGEST_SHARE_OF_LIMIT,
            max(0, limit - self.used) // _LARGEST_SHARE_OF_REST,
            max(self.spent, self.before) // _LARGEST_SHARE_OF_SPENT,
        )


class Quota:
    """Grants requests within the limits of their keys. Safe for threads.

    Args:
        clock_ms: milliseconds since the epoch.
    """

    def __init__(self, leases: Leases, clock_ms: Callable[[], int]) -> None:
        self._leases = leases
        self._clock_ms = clock_ms
        # Guards the shares; never held while the store is asked.
        self._lock = threading.Lock()
        # By digest and length: two for each key that asks, and no others get this far.
        self._shares: dict[tuple[str, int], _Share] = {}

    def take(self, key: ApiKey, cost: int = 1) -> Allowance:
        """Spend `cost` of the allowance of `key`, all or nothing.

        Args:
            cost: look-ups that the request makes, at least 1.

        Raises:
            StoreError: the store failed; nothing is spent.
        """
        now_ms = self._clock_ms()
        day = self._share(key, DAY_S, now_ms)
        if not self._spend(day, key.daily_limit, cost):
            return self._allowance(key, day, now_ms, Reason.DAILY, day.window)
        minute = self._share(key, MINUTE_S, now_ms)
        granted = False
        try:
            granted = self._spend(minute, key.minute_limit, cost)
        finally:
            if not granted and key.daily_limit != NO_LIMIT:
                with self._lock:
                    day.left += cost
                    day.spent -= cost
        if not granted:
            return self._allowance(key, day, now_ms, Reason.MINUTE, minute.window)
        return self._allowance(key, day, now_ms)

    def look(self, key: ApiKey) -> Allowance:
        """How `key` stands with its daily limit, from the store; nothing is spent.

        Raises:
            StoreError: the store failed.
        """
        now_ms = self._clock_ms()
        day = self._share(key, DAY_S, now_ms)
        if key.daily_limit != NO_LIMIT:
            self._learn(day, self._leases.used(day.window))
        return self._allowance(key, day, now_ms)

    def _share(self, key: ApiKey, length_s: int, now_ms: int) -> _Share:
        start_s = now_ms // 1000 // length_s * length_s
        with self._lock:
            share = self._shares.get((key.digest, length_s))
            if share is None or share.window.start_s != start_s:
                before = share.spent if share and share.window.end_s == start_s else 0
                share = _Share(Window(key.digest, length_s, start_s), before)
                self._shares[key.digest, length_s] = share
            return share

    def _spend(self, share: _Share, limit: int, cost: int) -> bool:
        if limit == NO_LIMIT:
            return True
        with self._lock:
            held = min(share.left, cost)
            share.left -= held
        granted = False
        try:
            granted = held == cost or self._lease(share, limit, cost - held)
        finally:
            with self._lock:
                if granted:
                    share.spent += cost
                else:
                    share.left += held
        return granted

    def _lease(self, share: _Share, limit: int, need: int) -> bool:
        """Get what is needed from the store, and more to hold when that is worth it."""
        with self._lock:
            if share.used + need > limit:
                # What is used never shrinks: a key at its limit costs no write.
                return False
            amount = max(need, share.block(limit))
        for attempt in dict.fromkeys((amount, need)):
            used = self._leases.lease(share.window, attempt, limit)
            if used is not None:
                self._learn(share, used, attempt - need)
                return True
        self._learn(share, self._leases.used(share.window))
        return False

    def _learn(self, share: _Share, used: int, surplus: int = 0) -> None:
        with self._lock:
            # Answers may arrive in another order than the store gave them.
            share.used = max(share.used, used)
            share.left += surplus

    def _allowance(
        self,
        key: ApiKey,
        day: _Share,
        now_ms: int,
        reason: Reason | None = None,
        hit: Window | None = None,
    ) -> Allowance:
        with self._lock:
            remaining = day.remaining(key.daily_limit)
        return Allowance(
            reason,
            limit=key.daily_limit,
            used=key.daily_limit - remaining,
            remaining=remaining,
            reset_in_s=_seconds_until(day.window.end_s, now_ms),
            retry_in_s=_seconds_until(hit.end_s, now_ms) if hit else 0,
        )


class Caller:
    """Who sent one request, and what the request has cost so far.

    Attributes:
        key: the record of the key.
        allowance: what the last `spend` or `look` has found; None before.
    """

    def __init__(self, key: ApiKey, quota: Quota) -> None:
        self.key = key
        self.allowance: Allowance | None = None
        self._quota = quota

    def spend(self, cost: int = 1) -> None:
        """Pay for the request, before it is answered.

        Args:
            cost: look-ups that it makes, at least 1.

        Raises:
            OverLimit: the limits of the key do not let it through.
            StoreError: the store failed.
        """
        self.allowance = self._quota.take(self.key, cost)
        if not self.allowance.allowed:
            raise OverLimit(self.allowance)

    def look(self) -> Allowance:
        """How the key stands, at no cost; raises StoreError."""
        self.allowance = self._quota.look(self.key)
        return self.allowance


def rate_limit_headers(allowance: Allowance) -> dict[str, str]:
    """The headers that say how a key stands; without a limit there are none to name.

    `X-RateLimit-Reset` is what the vendor's Go client reads; others parse the `s` at the end of
    `X-RateLimit-Reset-In`.
    """
    headers = {"X-Authenticated": "by apikey", "X-RateLimit-For": "reputation_api"}
    if allowance.limit != NO_LIMIT:
        headers |= {
            "X-RateLimit-Limit": str(allowance.limit),
            "X-RateLimit-Used": str(allowance.used),
            "X-RateLimit-Remaining": str(allowance.remaining),
            "X-RateLimit-Interval": str(DAY_S),
            "X-RateLimit-Reset-In": f"{allowance.reset_in_s}s",
            "X-RateLimit-Reset": str(allowance.reset_in_s),
        }
    if not allowance.allowed:
        headers["Retry-After"] = str(allowance.retry_in_s)
    return headers


def _seconds_until(end_s: int, now_ms: int) -> int:
    """Whole seconds, rounded up, at least 1."""
    return max(1, -((now_ms - end_s * 1000) // 1000))
