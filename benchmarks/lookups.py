"""Look-ups through the real handler: units, calls and CPU, and the CPU of a peer beside it."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks import peer
from benchmarks.feeds import Feed, digest
from benchmarks.ingestion import Tables, ingest, metered, new_tables
from benchmarks.metering import Usage
from functions.lookup import app
from local.context import LocalContext
from local.engine import free_port
from local.events import Request, http_event
from shared.store.api_keys import ApiKeys

REPORTS = 300
LIMIT = 10_000_000
AMORTISED = 2000
_HEADERS = [(b"apikey", peer.KEY.encode()), (b"content-type", b"application/json")]


def filled_tables() -> Tables:
    """Tables after a feed, and a key that may ask; the handler is told to use them."""
    tables = new_tables()
    assert ingest(tables.client, tables.iocs, tables.state, Feed("first", REPORTS)).complete
    ApiKeys(tables.client, tables.state).put(peer.KEY, "benchmark", now=0, daily_limit=LIMIT)
    os.environ["TABLE_NAME"], os.environ["STATE_TABLE_NAME"] = tables.iocs, tables.state
    return tables


def rows(tables: Tables) -> list[list[Any]]:
    """The IOCs for the peer."""
    pages = tables.client.get_paginator("scan").paginate(TableName=tables.iocs)
    found = (item for page in pages for item in page["Items"])
    return [
        [
            item["pk"]["S"],
            *(int(item[name]["N"]) for name in ("verdict", "first", "last")),
            item["flow"]["S"],
            int(item["n"]["N"]),
        ]
        for item in found
    ]


def single(key: str) -> Request:
    """A look-up of an IOC by its key."""
    kind, _, value = key.partition("#")
    name = "hash" if kind == "sha256" else kind
    return Request("GET", f"/v4/{name}/{quote(value, safe='')}".encode(), headers=_HEADERS)


def bulk(keys: Sequence[str]) -> Request:
    """A look-up of many hashes."""
    body = json.dumps({"hash": [key.partition("#")[2] for key in keys]}).encode()
    return Request("POST", b"/v4/hash", headers=_HEADERS, body=body)


def unknown(key: str) -> str:
    """A key of the same type that is not stored."""
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
    """Keys to ask for: half of them are stored."""
    known = [keys[at * 7 % len(keys)] for at in range(count)]
    return [key if at % 2 else unknown(key) for at, key in enumerate(known)]


def event_of(request: Request) -> dict[str, Any]:
    """The event of a request."""
    return http_event(request, "benchmark", datetime.now(UTC))


def ask(event: dict[str, Any]) -> dict[str, Any]:
    """What the handler answers."""
    context: Any = LocalContext("lookup", 10)
    answer: dict[str, Any] = app.lambda_handler(event, context)
    assert answer["statusCode"] in (200, 404), answer
    return answer


@dataclass(frozen=True)
class Counted:
    """What requests cost.

    Attributes:
        requests: how many.
    """

    requests: int
    usage: Usage
    log_bytes: int
    answer_bytes: int


def count(keys: Sequence[str]) -> dict[str, Counted]:
    """Units and calls of requests of each kind."""
    hashes = [key for key in keys if key.startswith("sha256#")]
    stored, absent = hashes[0], unknown(hashes[0])
    many = {f"bulk of {size:,}": [bulk(questions(hashes, size))] * 10 for size in (100, 1000)}
    kinds = {
        "first of an instance": [single(stored)],
        "warm-up": [single(key) for key in questions(keys, 200)],
        "hit": [single(stored)],
        "miss": [single(absent)],
        "single": [single(key) for key in questions(keys, AMORTISED)],
        **many,
    }
    found: dict[str, Counted] = {}
    app._service.cache_clear()
    with metered() as meter:
        for name, requests in kinds.items():
            events = [event_of(request) for request in requests]
            with captured_output() as output, meter.section() as usage:
                answers = [ask(event) for event in events]
            size = sum(len(answer.get("body", "")) for answer in answers)
            found[name] = Counted(len(requests), usage, len(output()), size)
    app._service.cache_clear()
    return found


@contextmanager
def captured_output() -> Iterator[Callable[[], bytes]]:
    """What is written to stdout within, by whatever holds it; ask when it is over."""
    sys.stdout.flush()
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1)
        os.dup2(file.fileno(), 1)
        written = b""
        try:
            yield lambda: written
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            written = file.read()


@contextmanager
def running_peer(tables: Tables) -> Iterator[http.client.HTTPConnection]:
    """A connection to the peer, which knows the same IOCs."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "iocs.sqlite")
        peer.make_file(file, rows(tables))
        port = free_port()
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "benchmarks.peer", file, str(port)]
        )
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            for _ in range(200):
                try:
                    connection.connect()
                    break
                except OSError:
                    time.sleep(0.05)
            yield connection
        finally:
            connection.close()
            process.terminate()
            process.wait()


def ask_peer(connection: http.client.HTTPConnection, method: str, path: str, body: bytes) -> Any:
    """What the peer answers."""
    connection.request(method, path, body or None, {"apikey": peer.KEY})
    response = connection.getresponse()
    text = response.read()
    assert response.status in (200, 404), text
    return json.loads(text)


@dataclass(frozen=True)
class Cpu:
    """CPU microseconds, round by round.

    Attributes:
        ours: of the handler.
        peers: of the peer; empty where it was not asked.
        store: of the same reads by a bare client of boto3, without handler, key and quota.
    """

    ours: list[float] = field(default_factory=list)
    peers: list[float] = field(default_factory=list)
    store: list[float] = field(default_factory=list)


def cpu_us(tables: Tables, rounds: int, singles: int, bulks: int) -> dict[str, Cpu]:
    """CPU of a single look-up, and of an IOC in a bulk of 1,000; the two sides take turns."""
    keys = sorted(tables_keys(tables))
    hashes = [key for key in keys if key.startswith("sha256#")]
    one_by_one = questions(keys, singles)
    together = questions(hashes, 1000)
    events = [event_of(single(key)) for key in one_by_one]
    many = event_of(bulk(together))
    hundred = event_of(bulk(together[:100]))
    paths = [f"/{key.replace('#', '/', 1)}" for key in one_by_one]
    paths = [quote(path, safe="/:") for path in paths]
    body = json.dumps({"hash": [key.partition("#")[2] for key in together]}).encode()
    found = {name: Cpu() for name in ("single", "bulk of 1,000", "bulk of 100")}
    app._service.cache_clear()
    with running_peer(tables) as connection, captured_output():
        for number in range(rounds + 1):
            took = [
                _own(lambda: [ask(event) for event in events]) / singles,
                _of_peer(connection, [("GET", path, b"") for path in paths]) / singles,
                _own(lambda: [ask(many) for _ in range(bulks)]) / bulks / 1000,
                _of_peer(connection, [("POST", "/hash", body)] * bulks) / bulks / 1000,
                _own(lambda: [ask(hundred) for _ in range(bulks)]) / bulks / 100,
                _own(lambda: _get_each(tables, one_by_one)) / singles,
                _own(lambda: _get_all(tables, together * bulks)) / bulks / 1000,
            ]
            if number:  # the first one warms both up
                found["single"].ours.append(took[0])
                found["single"].peers.append(took[1])
                found["bulk of 1,000"].ours.append(took[2])
                found["bulk of 1,000"].peers.append(took[3])
                found["bulk of 100"].ours.append(took[4])
                found["single"].store.append(took[5])
                found["bulk of 1,000"].store.append(took[6])
    app._service.cache_clear()
    return found


def _get_each(tables: Tables, keys: Sequence[str]) -> None:
    for key in keys:
        tables.client.get_item(TableName=tables.iocs, Key={"pk": {"S": key}})


def _get_all(tables: Tables, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), 100):
        part = [{"pk": {"S": key}} for key in keys[start : start + 100]]
        tables.client.batch_get_item(RequestItems={tables.iocs: {"Keys": part}})


def tables_keys(tables: Tables) -> list[str]:
    """Keys of all IOCs."""
    return [str(row[0]) for row in rows(tables)]


def _own(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e6


def _of_peer(
    connection: http.client.HTTPConnection, requests: Sequence[tuple[str, str, bytes]]
) -> float:
    started = ask_peer(connection, "GET", "/cpu", b"")
    for method, path, body in requests:
        ask_peer(connection, method, path, body)
    return float(ask_peer(connection, "GET", "/cpu", b"") - started) * 1e6
