"""Values kept in memory for a limited time."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class TtlCache(Generic[Key, Value]):
    """Holds a limited number of values; the least recently used one goes first. Safe for threads.

    Own code because the import of `cachetools` adds 10 ms to a cold start.

    Args:
        max_entries: how many values it holds.
        clock: seconds, monotonic.
    """

    def __init__(self, max_entries: int, clock: Callable[[], float]) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value of a key, None if there is none or its time is over."""
        with self._lock:
            if key not in self._entries:
                return None
            ends, value = self._entries[key]
            if self._clock() >= ends:
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return value

    def put(self, key: Key, value: Value, ends: float) -> None:
        """Store a value until the clock shows `ends`."""
        with self._lock:
            self._entries[key] = ends, value
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def remove(self, key: Key) -> None:
        """Forget the value of a key, if there is one."""
        with self._lock:
            self._entries.pop(key, None)
