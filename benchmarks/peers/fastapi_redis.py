"""FastAPI over Redis at PEER_REDIS, with one JSON text for an IOC."""

import os
from collections.abc import Sequence

from redis.asyncio import Redis

from benchmarks.peers.app import make_app
from benchmarks.peers.models import Ioc, Kind, Size


class Store:
    """IOCs in Redis."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url)

    async def find(self, kind: Kind, value: str) -> Ioc | None:
        """One IOC."""
        return _ioc(await self._redis.get(f"{kind}:{value}"))

    async def find_hashes(self, values: Sequence[str]) -> list[Ioc | None]:
        """Many files by their SHA-256, in that order."""
        return list(map(_ioc, await self._redis.mget([f"sha256:{value}" for value in values])))

    async def take(self, iocs: Sequence[Ioc]) -> None:
        """Store sightings, joined with what is known."""
        new = {f"{ioc.type}:{ioc.value}": ioc for ioc in iocs}
        texts = await self._redis.mget(list(new))
        for ioc, old in zip(new.values(), map(_ioc, texts), strict=True):
            if old:
                ioc.first_seen = min(ioc.first_seen, old.first_seen)
                ioc.last_seen = max(ioc.last_seen, old.last_seen)
                ioc.sightings += old.sightings
        await self._redis.mset({key: ioc.model_dump_json() for key, ioc in new.items()})

    async def size(self) -> Size:
        """How much is stored."""
        memory = await self._redis.info("memory")
        stored = memory["used_memory"] - memory["used_memory_startup"]
        return Size(iocs=await self._redis.dbsize(), bytes=stored)


def _ioc(text: bytes | None) -> Ioc | None:
    return Ioc.model_validate_json(text) if text else None


app = make_app(Store(os.environ["PEER_REDIS"]))
