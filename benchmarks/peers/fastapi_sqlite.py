"""FastAPI over a file of SQLite, PEER_FILE."""

import os
import sqlite3
from typing import Any

from fastapi import Depends, FastAPI, HTTPException
from pydantic import AnyHttpUrl, IPvAnyAddress

from benchmarks.peers.models import (
    Domain,
    Hashes,
    Ioc,
    Kind,
    Row,
    Rows,
    Sha256,
    Sightings,
    Size,
    Taken,
    check_key,
)

COLUMNS = "type, value, verdict, first_seen, last_seen, flow_id, sightings"

app = FastAPI(dependencies=[Depends(check_key)])
# Look-ups by the primary key are too short to be worth a thread.
database = sqlite3.connect(os.environ["PEER_FILE"])
database.row_factory = sqlite3.Row
database.executescript(
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


@app.get("/v4/hash/{value}")
async def find_hash(value: Sha256) -> Ioc:
    """A file by its SHA-256."""
    return _find("sha256", value)


@app.get("/v4/ip/{value}")
async def find_ip(value: IPvAnyAddress) -> Ioc:
    """An address."""
    return _find("ip", str(value))


@app.get("/v4/domain/{value}")
async def find_domain(value: Domain) -> Ioc:
    """A domain."""
    return _find("domain", value)


@app.get("/v4/url/{value:path}")
async def find_url(value: AnyHttpUrl) -> Ioc:
    """A URL."""
    return _find("url", str(value))


@app.post("/v4/hash")
async def find_hashes(wanted: Hashes) -> Rows:
    """Many files."""
    marks = ",".join("?" * len(wanted.hash))
    rows = database.execute(
        f"SELECT {COLUMNS} FROM iocs WHERE type = 'sha256' AND value IN ({marks})",  # noqa: S608
        wanted.hash,
    )
    found = {row["value"]: _ioc(row) for row in rows}
    return Rows(data=[Row(hash=value, ioc=found.get(value)) for value in wanted.hash])


@app.post("/iocs")
async def take(sightings: Sightings) -> Taken:
    """Store sightings, joined with what is known."""
    with database:
        database.executemany(
            f"INSERT INTO iocs ({COLUMNS})"  # noqa: S608
            " VALUES (:type, :value, :verdict, :first_seen, :last_seen, :flow_id, :sightings)"
            " ON CONFLICT (type, value) DO UPDATE SET"
            " first_seen = min(first_seen, excluded.first_seen),"
            " last_seen = max(last_seen, excluded.last_seen),"
            " verdict = excluded.verdict, flow_id = excluded.flow_id,"
            " sightings = sightings + excluded.sightings",
            [ioc.model_dump() for ioc in sightings.iocs],
        )
    return Taken(taken=len(sightings.iocs))


@app.get("/size")
async def size() -> Size:
    """How much is stored."""
    [iocs] = database.execute("SELECT count(*) FROM iocs").fetchone()
    [pages] = database.execute("PRAGMA page_count").fetchone()
    [page] = database.execute("PRAGMA page_size").fetchone()
    return Size(iocs=iocs, bytes=pages * page)


def _find(kind: Kind, value: str) -> Ioc:
    row = database.execute(
        f"SELECT {COLUMNS} FROM iocs WHERE type = ? AND value = ?",  # noqa: S608
        (kind, value),
    ).fetchone()
    if row is None:
        raise HTTPException(404, "not found")
    return _ioc(row)


def _ioc(row: Any) -> Ioc:
    return Ioc(**dict(row))
