"""All IOCs of a run in one file of SQLite: sorted any way that a format wants, in little memory."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any, Self

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.reputation import Reputation
from shared.domain.verdict import Verdict
from shared.formats.exports.source import ExportedIoc, id_of

_CREATE = """
CREATE TABLE iocs (
    id PRIMARY KEY, kind, value, verdict, first_seen, last_seen, scan_count, flow_id, report_id,
    tags, created, changed
) WITHOUT ROWID
"""
_ADD = "INSERT OR REPLACE INTO iocs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TAKE_OVER = """
UPDATE iocs SET created = was.created, changed = CASE
    WHEN (iocs.verdict, iocs.first_seen, iocs.last_seen, iocs.scan_count, iocs.flow_id,
          iocs.report_id, iocs.tags)
      IS (was.verdict, was.first_seen, was.last_seen, was.scan_count, was.flow_id,
          was.report_id, was.tags)
    THEN was.changed ELSE iocs.changed END
FROM before.iocs AS was WHERE was.id = iocs.id
"""
_BY_VALUE = """
SELECT * FROM iocs WHERE verdict >= ? AND kind = coalesce(?, kind) ORDER BY kind, value
"""
_BY_CHANGE = "SELECT * FROM iocs ORDER BY changed, id"
_BY_ID = "SELECT id, changed FROM iocs ORDER BY id"
# A day has so many milliseconds.
_BY_DAY = "SELECT * FROM iocs ORDER BY first_seen / 86400000, kind, value"


class ExportSource:
    """Everything that is exported; a `shared.formats.exports.source.Source`.

    Args:
        path: of the file, which need not be there yet.
        now: of what is added, in milliseconds since the epoch.
    """

    def __init__(self, path: Path, now: int) -> None:
        # The parts of the table are read by several threads, which take turns here.
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._lock = Lock()
        self._now = now
        # What is lost with the machine was never published.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(_CREATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, reputations: Iterable[Reputation]) -> None:
        """Add IOCs, as new ones."""
        rows = [self._row(one) for one in reputations]
        with self._lock:
            self._connection.executemany(_ADD, rows)

    def close_against(self, before: Path | None) -> int:
        """Take from the run before when each IOC was first exported, and when as it is now.

        Args:
            before: the file of that run, None for none.

        Returns:
            How many IOCs there are.
        """
        self._connection.commit()
        if before:
            self._connection.execute("ATTACH ? AS before", (str(before),))
            self._connection.execute(_TAKE_OVER)
            self._connection.commit()
            self._connection.execute("DETACH before")
        count: int = self._connection.execute("SELECT count(*) FROM iocs").fetchone()[0]
        return count

    def by_value(
        self, kind: IndicatorType | None = None, least: Verdict = Verdict.BENIGN
    ) -> Iterator[ExportedIoc]:
        """By type and value."""
        return self._read(_BY_VALUE, least.value, kind.value if kind else None)

    def by_change(self) -> Iterator[ExportedIoc]:
        """What changed last comes last."""
        return self._read(_BY_CHANGE)

    def by_id(self) -> Iterator[tuple[str, int]]:
        """By id: the id of each, and its last change."""
        yield from self._connection.execute(_BY_ID)

    def by_day(self) -> Iterator[ExportedIoc]:
        """By the day on which they were first seen."""
        return self._read(_BY_DAY)

    def _read(self, query: str, *values: Any) -> Iterator[ExportedIoc]:
        for _, kind, value, verdict, *said, tags, created, changed in self._connection.execute(
            query, values
        ):
            first_seen, last_seen, scan_count, flow_id, report_id = said
            yield ExportedIoc(
                Indicator(IndicatorType(kind), value),
                Verdict(verdict),
                first_seen,
                last_seen,
                scan_count,
                flow_id,
                report_id,
                tuple(json.loads(tags)),
                created,
                changed,
            )

    def _row(self, reputation: Reputation) -> tuple[Any, ...]:
        indicator, evidence = reputation.indicator, reputation.evidence
        return (
            str(id_of("indicator", indicator)),
            indicator.type.value,
            indicator.value,
            evidence.latest.verdict.value,
            evidence.first_seen,
            evidence.last_seen,
            reputation.scan_count,
            evidence.latest.flow_id,
            evidence.latest.report_id,
            json.dumps(sorted(evidence.tags)),
            self._now,
            self._now,
        )
