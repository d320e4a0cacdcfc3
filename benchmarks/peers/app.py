"""What both peers have in common: their routes, over a store of their own."""

from collections.abc import Sequence
from typing import Protocol

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


class Store(Protocol):
    """Where a peer keeps IOCs."""

    async def find(self, kind: Kind, value: str) -> Ioc | None:
        """One IOC."""

    async def find_hashes(self, values: Sequence[str]) -> list[Ioc | None]:
        """Many files by their SHA-256, in that order."""

    async def take(self, iocs: Sequence[Ioc]) -> None:
        """Store sightings, joined with what is known."""

    async def size(self) -> Size:
        """How much is stored."""


def make_app(store: Store) -> FastAPI:
    """The API over a store."""
    app = FastAPI(dependencies=[Depends(check_key)])

    async def find(kind: Kind, value: str) -> Ioc:
        ioc = await store.find(kind, value)
        if ioc is None:
            raise HTTPException(404, "not found")
        return ioc

    @app.get("/v4/hash/{value}")
    async def find_hash(value: Sha256) -> Ioc:
        return await find("sha256", value)

    @app.get("/v4/ip/{value}")
    async def find_ip(value: IPvAnyAddress) -> Ioc:
        return await find("ip", str(value))

    @app.get("/v4/domain/{value}")
    async def find_domain(value: Domain) -> Ioc:
        return await find("domain", value)

    @app.get("/v4/url/{value:path}")
    async def find_url(value: AnyHttpUrl) -> Ioc:
        return await find("url", str(value))

    @app.post("/v4/hash")
    async def find_hashes(wanted: Hashes) -> Rows:
        found = await store.find_hashes(wanted.hash)
        pairs = zip(wanted.hash, found, strict=True)
        return Rows(data=[Row(hash=value, ioc=ioc) for value, ioc in pairs])

    @app.post("/iocs")
    async def take(sightings: Sightings) -> Taken:
        await store.take(sightings.iocs)
        return Taken(taken=len(sightings.iocs))

    @app.get("/size")
    async def size() -> Size:
        return await store.size()

    return app
