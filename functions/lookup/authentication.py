"""Who may ask: the header `apikey`, checked by the function itself.

A gateway authorizer could not answer in the shape that clients of this API read.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from shared.store.api_keys import ApiKey, digest_of

CACHED_S = 60.0
_MAX_CACHED = 1000


class Keys(Protocol):
    """Where keys are found; `shared.store.api_keys.ApiKeys` is one."""

    def find(self, digest: str) -> ApiKey | None:
        """The key with this digest; raises StoreError."""


class KeyRing:
    """Finds keys and remembers for a minute which exist and which do not.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, keys: Keys, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._clock = clock
        # By digest: the keys themselves stay in no memory longer than their request.
        self._cache: OrderedDict[str, tuple[float, ApiKey | None]] = OrderedDict()

    def find(self, key: str) -> ApiKey | None:
        """The record of `key`, None when it may not ask.

        Raises:
            StoreError: the store failed, and the key is not cached.
        """
        digest = digest_of(key)
        cached = self._cache.get(digest)
        if cached and self._clock() - cached[0] < CACHED_S:
            return cached[1]
        found = self._keys.find(digest)
        self._cache[digest] = (self._clock(), found)
        self._cache.move_to_end(digest)
        if len(self._cache) > _MAX_CACHED:
            self._cache.popitem(last=False)
        return found
