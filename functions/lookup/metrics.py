"""Metrics of look-ups, written once a minute: a record per look-up would cost more than it does."""

import json
import os
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from functions.lookup.service import LookupResult

WRITTEN_EVERY_S = 60.0
# CloudWatch's limit of values per metric in one record.
MAX_VALUES = 100


@dataclass(slots=True)
class LookupMetrics:
    """Counts the requests of one instance and writes the metrics to the log. Thread-safe.

    The first request is written at once, with the cold start. After that the metrics are written
    by the first request after a minute, or when a record is full. If the instance ends before
    that, they are lost: at most those of one minute, or of 99 requests.

    Attributes:
        clock: seconds, monotonic.
    """

    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _written_at: float | None = None
    _took_ms: list[float] = field(default_factory=list)
    _answers: Counter[int] = field(default_factory=Counter)
    _look_ups: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def looked_up(self, findings: Iterable[LookupResult]) -> None:
        """Count look-ups by type and outcome."""
        found = Counter((one.indicator.type, one.known) for one in findings)
        with self._lock:
            for (kind, known), number in found.items():
                self._look_ups[kind.value]["known" if known else "unknown"] += number

    def answered(self, status: int, took_ms: float) -> None:
        """Count a request, and write the metrics if they are due.

        Args:
            took_ms: milliseconds from the event to the answer.
        """
        now = self.clock()
        with self._lock:
            self._answers[status] += 1
            self._took_ms.append(round(took_ms, 1))
            if (
                self._written_at is None
                or now - self._written_at >= WRITTEN_EVERY_S
                or len(self._took_ms) == MAX_VALUES
            ):
                self._write()
                self._written_at = now

    def _write(self) -> None:
        values: dict[str, tuple[str, list[float]]] = {"lookup_ms": ("Milliseconds", self._took_ms)}
        # CloudWatch bills a metric for each hour with a value: these two are written only if not 0.
        if self._written_at is None:
            values["lookup_cold_starts"] = ("Count", [1])
        if HTTPStatus.TOO_MANY_REQUESTS in self._answers:
            refused = self._answers[HTTPStatus.TOO_MANY_REQUESTS]
            values["lookup_quota_refused"] = ("Count", [refused])
        # Fields of the record, not metrics: Logs Insights sums them.
        fields = {"answers": self._answers, "look_ups": self._look_ups}
        record = embedded(values, fields)
        sys.stdout.write(json.dumps(record, separators=(",", ":")) + "\n")
        self._took_ms.clear()
        self._answers.clear()
        self._look_ups.clear()


def embedded(
    values: Mapping[str, tuple[str, list[float]]], fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a record in CloudWatch's embedded metric format, as Powertools' `Metrics` makes it.

    That package would take longer to import than the rest of a cold start.

    Args:
        values: unit and values of each metric.
        fields: further fields of the record, which are not metrics.
    """
    units = [{"Name": name, "Unit": unit} for name, (unit, _) in values.items()]
    described = {
        "Namespace": os.environ["POWERTOOLS_METRICS_NAMESPACE"],
        "Dimensions": [["service"]],
        "Metrics": units,
    }
    return {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [described]},
        "service": os.environ["POWERTOOLS_SERVICE_NAME"],
        **fields,
        **{name: numbers for name, (_, numbers) in values.items()},
    }
