"""Who may ask: the key in a header, checked by the function itself.

A gateway authorizer could not answer in the shape that clients of this API read.
"""

import threading
import time
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

from shared.store.api_keys import ApiKey, digest_of

CACHED_S = 60.0
_MAX_CACHED = 1000
# Clients of the v4 API send the first, clients of the sandbox's own API the second; either is
# taken everywhere, so that one who speaks both has to know one header only.
_HEADERS = ("apikey", "x-api-key")


def key_in(headers: Mapping[str, str]) -> str:
    """The key that a request brings along, "" for none.

    TAXII clients and firewalls know neither header: theirs is the password of HTTP's basic
    authentication, whatever the user is called.

    Args:
        headers: by lower-case name.
    """
    key = next((headers[name] for name in _HEADERS if headers.get(name)), "")
    return key or _password(headers.get("authorization", ""))


def _password(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


class Keys(Protocol):
    """Where keys are found; `shared.store.api_keys.ApiKeys` is one."""

    def find(self, digest: str) -> ApiKey | None:
        """The key with this digest, whether it may ask or not; raises StoreError."""


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class KeyRing:
    """Finds keys and remembers for a minute which exist and which do not. Safe for threads.

    Args:
        clock: seconds, monotonic: how old is what is remembered.
        now: milliseconds since the epoch: whether a key has expired.
    """

    def __init__(
        self,
        keys: Keys,
        clock: Callable[[], float],
        now: Callable[[], int] = _wall_clock_ms,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        # By digest: the keys themselves stay in no memory longer than their request.
        self._cache: OrderedDict[str, tuple[float, ApiKey | None]] = OrderedDict()

    def find(self, key: str) -> ApiKey | None:
        """The record of `key`, None when it may not ask: unknown, disabled or expired.

        A key that was made or disabled is taken or refused a minute later at the latest; one that
        expires is refused at once.

        Raises:
            StoreError: the store failed, and the key is not cached.
        """
        record = self._record(digest_of(key))
        return record if record and record.may_ask(self._now()) else None

    def _record(self, digest: str) -> ApiKey | None:
        cached = self._cache.get(digest)
        if cached and self._clock() - cached[0] < CACHED_S:
            return cached[1]
        # Its age counts from before the store was asked.
        asked_at = self._clock()
        found = self._keys.find(digest)
        with self._lock:
            self._cache[digest] = (asked_at, found)
            self._cache.move_to_end(digest)
            if len(self._cache) > _MAX_CACHED:
                self._cache.popitem(last=False)
        return found
