"""Builds requests to the v4 API from the keys of IOCs."""

import json
from collections.abc import Sequence
from urllib.parse import quote

from benchmarks.feeds import digest
from local.events import Request

KEY = "benchmark-key"
_HEADERS = [(b"apikey", KEY.encode()), (b"content-type", b"application/json")]


def single(key: str) -> Request:
    """Return a look-up of an IOC by its key, such as `ip#11.0.0.1`."""
    kind, _, value = key.partition("#")
    name = "hash" if kind == "sha256" else kind
    return Request("GET", f"/v4/{name}/{quote(value, safe='')}".encode(), headers=_HEADERS)


def bulk(keys: Sequence[str]) -> Request:
    """Return a bulk look-up of hashes."""
    body = json.dumps({"hash": [key.partition("#")[2] for key in keys]}).encode()
    return Request("POST", b"/v4/hash", headers=_HEADERS, body=body)


def unknown(key: str) -> str:
    """Return a key of the same type that is not stored."""
    kind, _, value = key.partition("#")
    made = digest(value)
    other = {
        "sha256": made,
        "ip": f"12.{int(made[:2], 16)}.{int(made[2:4], 16)}.9",
        "url": f"http://{made[:16]}.example",
        "domain": f"{made[:16]}.example",
    }
    return f"{kind}#{other[kind]}"


def questions(keys: Sequence[str], count: int) -> list[str]:
    """Return keys to look up; half of them are stored."""
    known = [keys[at * 7 % len(keys)] for at in range(count)]
    return [key if at % 2 else unknown(key) for at, key in enumerate(known)]
