"""Counts DynamoDB's capacity units by its published rounding, from requests and answers.

A write unit covers 1 KB, a read unit 4 KB for a strong read and 8 KB for an eventual one. Each
item is rounded up separately, an absent one costs as much as a small one, a transaction costs
double, and a write whose condition failed costs as much as a successful one. An update or a put
costs the larger of the item before and after. So the meter makes writes return the item, which
costs no units. Answers to transactions contain no items; the size before is then the one that the
meter last saw under the key.
"""

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024
# Overhead of a map or a list, and of each entry in it.
_NESTED_BYTES = 3
_ENTRY_BYTES = 1
# Success, and errors that cost as much as the success.
_BILLED = (None, "ConditionalCheckFailedException", "TransactionCanceledException")
_RETURNED = {"PutItem": "ALL_OLD", "DeleteItem": "ALL_OLD", "UpdateItem": "ALL_NEW"}

Item = Mapping[str, Any]


def item_size(item: Item) -> int:
    """Return the bytes of an item as DynamoDB counts them: names and values."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    [(kind, held)] = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "B":
            return len(bytes(held))
        case "N":
            return _number_size(held)
        case "SS":
            return sum(len(text.encode()) for text in held)
        case "BS":
            return sum(len(bytes(one)) for one in held)
        case "NS":
            return sum(map(_number_size, held))
        case "M":
            return _NESTED_BYTES + sum(
                len(name.encode()) + _value_size(one) + _ENTRY_BYTES for name, one in held.items()
            )
        case "L":
            return _NESTED_BYTES + sum(_value_size(one) + _ENTRY_BYTES for one in held)
        case _:
            return 1  # BOOL, NULL


def _number_size(text: str) -> int:
    """Return about one byte for two significant digits, and one more."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")


def read_units(size: int, *, consistent: bool) -> float:
    """Return the units to read one item; size 0 for an absent one."""
    whole = max(1, math.ceil(size / READ_UNIT_BYTES))
    return float(whole) if consistent else whole / 2


def write_units(size: int) -> int:
    """Return the units to write one item; size 0 for an absent one."""
    return max(1, math.ceil(size / WRITE_UNIT_BYTES))


@dataclass
class Usage:
    """Usage of the store by some calls.

    Attributes:
        calls: number of calls by operation.
        read, written: units by published rounding.
        engine_read, engine_written: units that the engine reported.
        failed_conditions: number of writes whose condition failed.
        peak: highest number of concurrent calls.
    """

    calls: Counter[str] = field(default_factory=Counter)
    read: float = 0.0
    written: float = 0.0
    engine_read: float = 0.0
    engine_written: float = 0.0
    failed_conditions: int = 0
    peak: int = 0


class Meter:
    """Counts the usage of calls; it is called before and after each of them.

    `listen` connects it to clients of boto3, `benchmarks.wire` to any client.
    """

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._usage = Usage()
        self._under_way = 0
        # Sizes by table and key, as last seen.
        self._sizes: defaultdict[str, dict[str, int]] = defaultdict(dict)

    def listen(self, events: Any) -> None:
        """Count the calls of every boto3 client that is created with these events."""
        events.register("provide-client-params.dynamodb", self._asked)
        events.register("before-call.dynamodb", self._began)
        events.register("after-call.dynamodb", self._answered)
        events.register("after-call-error.dynamodb", lambda **_: self.fail())

    @contextmanager
    def section(self) -> Iterator[Usage]:
        """Yield the usage within the `with` block."""
        usage = Usage()
        with self._lock:
            before, self._usage = self._usage, usage
        yield usage
        with self._lock:
            self._usage = before

    def ask(self, name: str, params: dict[str, Any]) -> None:
        """Add parameters to a call, so that its answer contains what the meter needs."""
        if name not in READS | WRITES:
            return
        params["ReturnConsumedCapacity"] = "TOTAL"
        if params.get("ReturnValues", "NONE") != "ALL_OLD" and name in _RETURNED:
            params["ReturnValues"] = _RETURNED[name]
            params["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"

    def begin(self, *, gather: int = 1, timeout_s: float = 0.0) -> bool:
        """Record the start of a call.

        Args:
            gather: number of concurrent calls, now or earlier in the section, to wait for.
            timeout_s: limit of the wait, in seconds.

        Returns:
            Whether that number was reached.
        """
        with self._lock:
            self._under_way += 1
            self._usage.peak = max(self._usage.peak, self._under_way)
            self._lock.notify_all()
            return self._lock.wait_for(lambda: self._usage.peak >= gather, timeout_s)

    def fail(self) -> None:
        """Record a call without an answer."""
        with self._lock:
            self._under_way -= 1

    def end(self, name: str, params: Any, parsed: Any) -> None:
        """Record the answer to a call; an error has its code in `Error`."""
        with self._lock:
            self._under_way -= 1
            if name not in READS | WRITES:
                return
            usage = self._usage
            usage.calls[name] += 1
            if parsed.get("Error", {}).get("Code") not in _BILLED:
                return
            consumed = parsed.get("ConsumedCapacity") or []
            tables = consumed if isinstance(consumed, list) else [consumed]
            units = sum(table.get("CapacityUnits", 0.0) for table in tables)
            if name in READS:
                usage.engine_read += units
                usage.read += self._reading(name, params, parsed)
            else:
                usage.engine_written += units
                usage.written += self._writing(name, params, parsed)

    def _asked(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        self.ask(model.name, params)
        context["metered"] = params

    def _began(self, **_: Any) -> None:
        # A returned value would replace the answer.
        self.begin()

    def _answered(self, parsed: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        self.end(model.name, context.get("metered"), parsed)

    def _reading(self, name: str, params: Any, parsed: Any) -> float:
        if name == "GetItem":
            size = self._seen(params["TableName"], parsed.get("Item"))
            return read_units(size, consistent=params.get("ConsistentRead", False))
        if name == "BatchGetItem":
            units = 0.0
            for table, wanted in params["RequestItems"].items():
                strong = wanted.get("ConsistentRead", False)
                items = parsed.get("Responses", {}).get(table, [])
                left = parsed.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
                sizes = [self._seen(table, item) for item in items]
                sizes += [0] * (len(wanted["Keys"]) - len(left) - len(items))
                units += sum(read_units(size, consistent=strong) for size in sizes)
            return units
        whole = sum(self._seen(params["TableName"], item) for item in parsed.get("Items", []))
        return read_units(whole, consistent=params.get("ConsistentRead", False))

    def _writing(self, name: str, params: Any, parsed: Any) -> float:
        if name == "TransactWriteItems":
            done = "Error" not in parsed
            return 2.0 * sum(self._part(part, done=done) for part in params["TransactItems"])
        if name == "BatchWriteItem":
            return float(sum(self._batch(params["RequestItems"], parsed)))
        table = params["TableName"]
        key = _key(params.get("Item") or params["Key"])
        old = self._sizes[table].get(key, 0)
        if "Error" in parsed:
            self._usage.failed_conditions += 1
            return float(write_units(self._seen(table, parsed.get("Item")) or old))
        attributes = parsed.get("Attributes", {})
        if name == "UpdateItem":
            return float(write_units(max(old, self._seen(table, attributes))))
        before = item_size(attributes)
        after = item_size(params.get("Item", {}))
        self._sizes[table][key] = after
        return float(write_units(max(before, after)))

    def _batch(self, requests: Mapping[str, Iterable[Any]], parsed: Any) -> Iterator[int]:
        for table, writes in requests.items():
            left = parsed.get("UnprocessedItems", {}).get(table, [])
            for write in writes:
                if write in left:
                    continue
                item = write.get("PutRequest", {}).get("Item", {})
                key = _key(item or write["DeleteRequest"]["Key"])
                old, self._sizes[table][key] = self._sizes[table].get(key, 0), item_size(item)
                yield write_units(max(old, item_size(item)))

    def _part(self, part: Mapping[str, Any], *, done: bool) -> int:
        [(kind, write)] = part.items()
        sizes = self._sizes[write["TableName"]]
        key = _key(write.get("Item") or write["Key"])
        old = new = sizes.get(key, 0)
        if kind == "Put":
            new = item_size(write["Item"])
        elif kind == "Update":
            values = write.get("ExpressionAttributeValues", {}).values()
            new = max(old, item_size(write["Key"]) + sum(map(_value_size, values)))
        if done:
            sizes[key] = 0 if kind == "Delete" else new
        return write_units(max(old, new))

    def _seen(self, table: str, item: Item | None) -> int:
        if not item:
            return 0
        size = self._sizes[table][_key(item)] = item_size(item)
        return size


def _key(item: Item) -> str:
    return str(item["pk"]["S"]) + str(item.get("sk", {}).get("S", ""))
