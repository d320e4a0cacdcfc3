"""What both peers take and answer, and the key that they ask for."""

import os
import secrets
from typing import Annotated, Literal

from fastapi import Depends, HTTPException
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, Field, StringConstraints

AT_ONCE = 1000
Kind = Literal["sha256", "url", "domain", "ip"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{64}$", to_lower=True)]
Domain = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+$", max_length=253, to_lower=True)
]


class Ioc(BaseModel):
    """An IOC as it is stored and answered; times are Unix milliseconds."""

    type: Kind
    value: str
    verdict: Literal["MALICIOUS", "LIKELY_MALICIOUS", "SUSPICIOUS", "NO_THREAT", "BENIGN"]
    first_seen: int
    last_seen: int
    flow_id: str
    sightings: int = 1


class Sightings(BaseModel):
    """A body of new sightings."""

    iocs: Annotated[list[Ioc], Field(min_length=1, max_length=AT_ONCE)]


class Hashes(BaseModel):
    """A body of hashes to look up."""

    hash: Annotated[list[Sha256], Field(min_length=1, max_length=AT_ONCE)]


class Row(BaseModel):
    """What is known of one hash."""

    hash: str
    ioc: Ioc | None


class Rows(BaseModel):
    """What is known of many hashes, in the order asked for."""

    data: list[Row]


class Taken(BaseModel):
    """How many sightings were taken in."""

    taken: int


class Size(BaseModel):
    """What is stored, in bytes by what stores it."""

    iocs: int
    bytes: int


async def check_key(key: Annotated[str, Depends(APIKeyHeader(name="apikey"))]) -> None:
    """Refuse a request without the key."""
    if not secrets.compare_digest(key.encode(), os.environ["PEER_KEY"].encode()):
        raise HTTPException(401, "the key is not valid")
