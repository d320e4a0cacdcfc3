"""What look-ups come to, told once a minute: a line for each would cost more than the look-up."""

import json
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from functions.lookup.service import LookupResult
from shared.runtime.observability import metrics

TOLD_EVERY_S = 60.0
# A record holds so many values of a metric.
MAX_VALUES = 100


@dataclass(slots=True)
class LookupMetrics:
    """Counts the requests of one instance. Safe for threads.

    The first request is told at once, with the cold start. After that whatever has come together
    is told by the first request a minute later, or when a record is full. What an instance has
    not told when it is taken away is lost: at most a minute's, or 99 requests.

    Attributes:
        clock: seconds, never going back.
    """

    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _told_at: float | None = None
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
        """Count a request, and tell what is due.

        Args:
            took_ms: milliseconds, from the event to the answer.
        """
        now = self.clock()
        with self._lock:
            self._answers[status] += 1
            self._took_ms.append(round(took_ms, 1))
            if (
                self._told_at is None
                or now - self._told_at >= TOLD_EVERY_S
                or len(self._took_ms) == MAX_VALUES
            ):
                self._tell()
                self._told_at = now

    def _tell(self) -> None:
        told: dict[str, Any] = {"lookup_ms": {"Unit": "Milliseconds", "Value": self._took_ms}}
        # A metric is paid for by the hours in which it is told: these two have no zeros.
        if self._told_at is None:
            told["lookup_cold_starts"] = {"Unit": "Count", "Value": [1]}
        if HTTPStatus.TOO_MANY_REQUESTS in self._answers:
            refused = self._answers[HTTPStatus.TOO_MANY_REQUESTS]
            told["lookup_quota_refused"] = {"Unit": "Count", "Value": [refused]}
        # In the record, but no metrics: Logs Insights adds them up.
        fields = {"answers": self._answers, "look_ups": self._look_ups}
        # At once, because add_metric spells out all values for each one that is added.
        record = metrics.serialize_metric_set(told, metadata=fields)
        sys.stdout.write(json.dumps(record, separators=(",", ":")) + "\n")
        self._took_ms.clear()
        self._answers.clear()
        self._look_ups.clear()
