"""Metering what a run costs: the capacity units that the store says its calls consumed."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READS = frozenset({"GetItem", "BatchGetItem", "Query"})
_METERED = _READS | {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}


class CapacityMeter:
    """Adds up the units of a client's calls; safe for threads.

    Failed conditions are billed as well, but the store reports no units for them.
    """

    def __init__(self, client: "DynamoDBClient") -> None:
        self._lock = threading.Lock()
        self._read = 0.0
        self._written = 0.0
        for operation in _METERED:
            client.meta.events.register(
                f"provide-client-params.dynamodb.{operation}", _ask_for_units
            )
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._add)

    def take(self) -> tuple[float, float]:
        """Read and write units since the last call."""
        with self._lock:
            units = self._read, self._written
            self._read = self._written = 0.0
        return units

    def _add(self, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        consumed = parsed.get("ConsumedCapacity") or []
        tables = consumed if isinstance(consumed, list) else [consumed]
        units = sum(table.get("CapacityUnits", 0.0) for table in tables)
        with self._lock:
            if model.name in _READS:
                self._read += units
            else:
                self._written += units


def _ask_for_units(params: dict[str, Any], **_: Any) -> None:
    params["ReturnConsumedCapacity"] = "TOTAL"
