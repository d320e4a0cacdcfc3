"""FastAPI over a file of SQLite, PEER_FILE."""

import os
import sqlite3
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.app import make_app
from benchmarks.peers.models import Ioc, Kind, Size

COLUMNS = "type, value, verdict, first_seen, last_seen, flow_id, sightings"


class Store:
    """IOCs in SQLite; look-ups by the primary key are too short to be worth a thread."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path)
        self._database.row_factory = sqlite3.Row
        self._database.executescript(
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = NORMAL;
            CREATE TABLE IF NOT EXISTS iocs (
                type TEXT NOT NULL, value TEXT NOT NULL, verdict TEXT NOT NULL,
                first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, flow_id TEXT NOT NULL,
                sightings INTEGER NOT NULL, PRIMARY KEY (type, value)
            ) WITHOUT ROWID;
            """
        )

    async def find(self, kind: Kind, value: str) -> Ioc | None:
        """One IOC."""
        row = self._database.execute(
            f"SELECT {COLUMNS} FROM iocs WHERE type = ? AND value = ?",  # noqa: S608
            (kind, value),
        ).fetchone()
        return _ioc(row) if row else None

    async def find_hashes(self, values: Sequence[str]) -> list[Ioc | None]:
        """Many files by their SHA-256, in that order."""
        marks = ",".join("?" * len(values))
        rows = self._database.execute(
            f"SELECT {COLUMNS} FROM iocs WHERE type = 'sha256' AND value IN ({marks})",  # noqa: S608
            values,
        )
        found = {row["value"]: _ioc(row) for row in rows}
        return [found.get(value) for value in values]

    async def take(self, iocs: Sequence[Ioc]) -> None:
        """Store sightings, joined with what is known."""
        with self._database:
            self._database.executemany(
                f"INSERT INTO iocs ({COLUMNS})"  # noqa: S608
                " VALUES (:type, :value, :verdict, :first_seen, :last_seen, :flow_id, :sightings)"
                " ON CONFLICT (type, value) DO UPDATE SET"
                " first_seen = min(first_seen, excluded.first_seen),"
                " last_seen = max(last_seen, excluded.last_seen),"
                " verdict = excluded.verdict, flow_id = excluded.flow_id,"
                " sightings = sightings + excluded.sightings",
                [ioc.model_dump() for ioc in iocs],
            )

    async def size(self) -> Size:
        """How much is stored."""
        [iocs] = self._database.execute("SELECT count(*) FROM iocs").fetchone()
        [pages] = self._database.execute("PRAGMA page_count").fetchone()
        [page] = self._database.execute("PRAGMA page_size").fetchone()
        return Size(iocs=iocs, bytes=pages * page)


def _ioc(row: Any) -> Ioc:
    return Ioc(**dict(row))


app = make_app(Store(os.environ["PEER_FILE"]))
