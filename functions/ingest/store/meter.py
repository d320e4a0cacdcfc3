"""Measuring the capacity units that a run consumes, as the store reports them."""

import threading
from collections.abc import Mapping
from typing import Any

_READS = frozenset({"get_item", "batch_get_item", "query"})
_METERED = _READS | {"put_item", "update_item", "delete_item", "batch_write_item"}


class MeteredClient:
    """A DynamoDB client that adds up the capacity units of its calls; safe for threads.

    Writes with a failed condition are billed too, but the store reports no units for them.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._read = 0.0
        self._written = 0.0

    def read_units(self) -> tuple[float, float]:
        """Return the read and write units since the last call."""
        with self._lock:
            units = self._read, self._written
            self._read = self._written = 0.0
        return units

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if name not in _METERED:
            return member

        def call(**arguments: Any) -> Any:
            answer = member(**arguments, ReturnConsumedCapacity="TOTAL")
            self._add(answer, reads=name in _READS)
            return answer

        return call

    def _add(self, answer: Mapping[str, Any], *, reads: bool) -> None:
        consumed = answer.get("ConsumedCapacity") or []
        tables = consumed if isinstance(consumed, list) else [consumed]
        units = sum(table.get("CapacityUnits", 0.0) for table in tables)
        with self._lock:
            if reads:
                self._read += units
            else:
                self._written += units
