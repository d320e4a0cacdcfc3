"""Quota of a key: a limit per day and one per minute, both UTC, enforced with leased blocks.

The store has one counter per key and window. An instance does not update it with every request: it
leases a block of look-ups in one conditional write and spends the block from memory. Leased counts
as used, so all instances together never exceed the limit. A part of a block that was not spent is
lost when the window or the instance ends.

A block is at most a hundredth of the limit, a 16th of the remaining look-ups, and a quarter of what
this instance spent in this window or in the one before. So limits below 200 are exact, blocks
shrink to one near the limit, and an instance with few requests reserves little.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from shared.http import errors
from shared.http.api_error import ApiError
from shared.store.api_keys import NO_LIMIT, ApiKey
from shared.store.quotas import DAY_S, MINUTE_S, Window

# Until the limit is used up: one write per 20 requests at a limit of 4,000, per 400 at 100,000.
_LARGEST_SHARE_OF_LIMIT = 100
_LARGEST_SHARE_OF_REST = 16
_LARGEST_SHARE_OF_SPENT = 4


class Leases(Protocol):
    """Leases look-ups, such as `shared.store.quotas.QuotaCounters`."""

    def lease(self, window: Window, amount: int, limit: int) -> int | None:
        """Lease an amount; returns the total used, None if less was left; raises StoreError."""

    def used(self, window: Window) -> int:
        """Look-ups leased in the window so far; raises StoreError."""


class Reason(StrEnum):
    """The limit that a request exceeded."""

    DAILY = "daily"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a request is within the limits, and what the key has left today.

    Attributes:
        reason: the limit that was exceeded; None for an allowed request.
        limit: look-ups per day; `NO_LIMIT` for no limit, then used and remaining are 0.
        used: look-ups today, including those that other instances leased and did not spend yet.
        remaining: look-ups left today.
        reset_in_s: seconds until the day ends.
        retry_in_s: seconds until a retry can succeed; 0 for an allowed request.
    """

    reason: Reason | None
    limit: int
    used: int
    remaining: int
    reset_in_s: int
    retry_in_s: int = 0

    @property
    def allowed(self) -> bool:
        """Whether the request is within the limits."""
        return self.reason is None


class OverLimit(Exception):
    """A request that exceeds a limit of its key."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(allowance.reason)
        self.allowance = allowance

    def error(self) -> ApiError:
        """Return the error to answer with."""
        if self.allowance.reason is Reason.MINUTE:
            return ApiError(errors.THROTTLED)
        return ApiError(errors.QUOTA_USED_UP, f"Limit: {self.allowance.limit} / Daily")


@dataclass(slots=True)
class _Share:
    """The look-ups of one window that this instance leased.

    Attributes:
        used: look-ups of all instances, as of the last answer of the store.
        left: leased here and not spent yet.
        spent: allowed here.
        before: allowed here in the window before, so that not all instances begin a new window
            with blocks of one at the same time.
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
    """Allows requests within the limits of their keys. Thread-safe.

    Args:
        clock_ms: milliseconds since the epoch.
    """

    def __init__(self, leases: Leases, clock_ms: Callable[[], int]) -> None:
        self._leases = leases
        self._clock_ms = clock_ms
        # Guards the shares; not held during requests to the store.
        self._lock = threading.Lock()
        # By digest and length of the window: two for each key. Unknown keys get none.
        self._shares: dict[tuple[str, int], _Share] = {}

    def take(self, key: ApiKey, cost: int = 1) -> Allowance:
        """Spend `cost` look-ups of `key`, all or nothing.

        Args:
            cost: look-ups of the request, at least 1.

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
        """Read what `key` has left today from the store, without spending a look-up.

        Raises:
            StoreError: the store failed.
        """
        now_ms = self._clock_ms()
        day = self._share(key, DAY_S, now_ms)
        if key.daily_limit != NO_LIMIT:
            self._update(day, self._leases.used(day.window))
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
        """Lease at least `need` look-ups, and a whole block if enough are left."""
        with self._lock:
            if share.used + need > limit:
                # `used` never shrinks, so a key at its limit costs no write.
                return False
            amount = max(need, share.block(limit))
        for attempt in dict.fromkeys((amount, need)):
            used = self._leases.lease(share.window, attempt, limit)
            if used is not None:
                self._update(share, used, attempt - need)
                return True
        self._update(share, self._leases.used(share.window))
        return False

    def _update(self, share: _Share, used: int, surplus: int = 0) -> None:
        with self._lock:
            # Answers of the store can arrive out of order.
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
    """The sender of one request, and the quota after it.

    Attributes:
        key: the record of the key.
        allowance: result of the last `spend` or `look`; None before the first.
    """

    def __init__(self, key: ApiKey, quota: Quota) -> None:
        self.key = key
        self.allowance: Allowance | None = None
        self._quota = quota

    def spend(self, cost: int = 1) -> None:
        """Count look-ups against the limits of the key; call it before answering.

        Args:
            cost: look-ups of the request, at least 1.

        Raises:
            OverLimit: the request exceeds a limit of the key.
            StoreError: the store failed.
        """
        self.allowance = self._quota.take(self.key, cost)
        if not self.allowance.allowed:
            raise OverLimit(self.allowance)

    def look(self) -> Allowance:
        """Read what the key has left today, at no cost; raises StoreError."""
        self.allowance = self._quota.look(self.key)
        return self.allowance


def rate_limit_headers(allowance: Allowance) -> dict[str, str]:
    """The headers that report the quota of a key; those with numbers only if it has a limit.

    The vendor's Go client reads `X-RateLimit-Reset`; others parse `X-RateLimit-Reset-In`, which
    ends with an `s`.
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
