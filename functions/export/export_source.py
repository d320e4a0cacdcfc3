"""Stores all IOCs of a run in an SQLite file, so that formats read them sorted in little memory."""

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
_CARRY_OVER = """
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
# 86400000 milliseconds are a day.
_BY_DAY = "SELECT * FROM iocs ORDER BY first_seen / 86400000, kind, value"


class ExportSource:
    """The IOCs of a run; a `shared.formats.exports.source.IocSource`.

    Args:
        path: of the file to create.
        now: time of the run, milliseconds since the epoch.
    """

    def __init__(self, path: Path, now: int) -> None:
        # Several threads read the table and add IOCs here; a lock serialises them.
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._lock = Lock()
        self._now = now
        # The file is temporary until it is published, so it needs no protection against crashes.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(_CREATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, reputations: Iterable[Reputation]) -> None:
        """Add IOCs that are created and changed now."""
        rows = [self._row(one) for one in reputations]
        with self._lock:
            self._connection.executemany(_ADD, rows)

    def carry_over(self, before: Path | None) -> int:
        """Copy from the run before when each IOC was first exported and last changed.

        Args:
            before: the file of that run; None for the first run.

        Returns:
            The number of IOCs.
        """
        self._connection.commit()
        if before:
            self._connection.execute("ATTACH ? AS before", (str(before),))
            self._connection.execute(_CARRY_OVER)
            self._connection.commit()
            self._connection.execute("DETACH before")
        count: int = self._connection.execute("SELECT count(*) FROM iocs").fetchone()[0]
        return count

    def by_value(
        self, kind: IndicatorType | None = None, least: Verdict = Verdict.BENIGN
    ) -> Iterator[ExportedIoc]:
        """The IOCs of a type with this verdict or a worse one, by type and value."""
        return self._read(_BY_VALUE, least.value, kind.value if kind else None)

    def by_change(self) -> Iterator[ExportedIoc]:
        """All IOCs, the last changed last."""
        return self._read(_BY_CHANGE)

    def by_id(self) -> Iterator[tuple[str, int]]:
        """Id and last change of each IOC, by id."""
        yield from self._connection.execute(_BY_ID)

    def by_day(self) -> Iterator[ExportedIoc]:
        """All IOCs by the day on which they were first seen."""
        return self._read(_BY_DAY)

    def _read(self, query: str, *values: Any) -> Iterator[ExportedIoc]:
        for _, kind, value, verdict, *facts, tags, created, changed in self._connection.execute(
            query, values
        ):
            first_seen, last_seen, scan_count, flow_id, report_id = facts
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
        indicator, summary = reputation.indicator, reputation.summary
        return (
            str(id_of("indicator", indicator)),
            indicator.type.value,
            indicator.value,
            summary.latest.verdict.value,
            summary.first_seen,
            summary.last_seen,
            reputation.scan_count,
            summary.latest.flow_id,
            summary.latest.report_id,
            json.dumps(sorted(summary.tags)),
            self._now,
            self._now,
        )
