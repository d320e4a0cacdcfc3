"""FastAPI over Redis at PEER_REDIS, with one JSON text for an IOC."""

import os

from fastapi import Depends, FastAPI, HTTPException
from pydantic import AnyHttpUrl, IPvAnyAddress
from redis.asyncio import Redis

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

app = FastAPI(dependencies=[Depends(check_key)])
redis = Redis.from_url(os.environ["PEER_REDIS"])


@app.get("/v4/hash/{value}")
async def find_hash(value: Sha256) -> Ioc:
    """A file by its SHA-256."""
    return await _find("sha256", value)


@app.get("/v4/ip/{value}")
async def find_ip(value: IPvAnyAddress) -> Ioc:
    """An address."""
    return await _find("ip", str(value))


@app.get("/v4/domain/{value}")
async def find_domain(value: Domain) -> Ioc:
    """A domain."""
    return await _find("domain", value)


@app.get("/v4/url/{value:path}")
async def find_url(value: AnyHttpUrl) -> Ioc:
    """A URL."""
    return await _find("url", str(value))


@app.post("/v4/hash")
async def find_hashes(wanted: Hashes) -> Rows:
    """Many files."""
    texts = await redis.mget([f"sha256:{value}" for value in wanted.hash])
    return Rows(
        data=[
            Row(hash=value, ioc=Ioc.model_validate_json(text) if text else None)
            for value, text in zip(wanted.hash, texts, strict=True)
        ]
    )


@app.post("/iocs")
async def take(sightings: Sightings) -> Taken:
    """Store sightings, joined with what is known."""
    new = {f"{ioc.type}:{ioc.value}": ioc for ioc in sightings.iocs}
    texts = await redis.mget(list(new))
    for ioc, text in zip(new.values(), texts, strict=True):
        if text:
            old = Ioc.model_validate_json(text)
            ioc.first_seen = min(ioc.first_seen, old.first_seen)
            ioc.last_seen = max(ioc.last_seen, old.last_seen)
            ioc.sightings += old.sightings
    await redis.mset({key: ioc.model_dump_json() for key, ioc in new.items()})
    return Taken(taken=len(sightings.iocs))


@app.get("/size")
async def size() -> Size:
    """How much is stored."""
    memory = await redis.info("memory")
    stored = memory["used_memory"] - memory["used_memory_startup"]
    return Size(iocs=await redis.dbsize(), bytes=stored)


async def _find(kind: Kind, value: str) -> Ioc:
    text = await redis.get(f"{kind}:{value}")
    if text is None:
        raise HTTPException(404, "not found")
    return Ioc.model_validate_json(text)
