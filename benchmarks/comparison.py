"""Compares this service with its peers: the same IOCs and look-ups, in turns."""

import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.against import Outcome, Target, connected, drive, process_cpu_s
from benchmarks.cost import ROOT
from benchmarks.feeds import NOW_MS, StockFeed, flow_id, stock
from benchmarks.ingestion import Tables, ingest, new_tables
from benchmarks.lookups import ask, captured_output, configure_handler, event_of
from benchmarks.metering import item_size
from benchmarks.questions import KEY, bulk, questions, single
from functions.lookup import app
from local.engine import free_port
from local.events import Request
from shared.store.direct import direct_client

PYTHON = ROOT / ".tools" / "peers" / "bin" / "python"

SERVICE = "this service"
SERVED = "this service behind its local server"
SQLITE = "FastAPI + SQLite"
REDIS = "FastAPI + Redis"
REDIS_APP = "FastAPI + Redis, without redis-server"
BOTO3 = "boto3 client alone"

STOCK = 200_000
# The tables of this service hold one IOC in so many of the stock, and look-ups are drawn from
# these: the number of items concerns only DynamoDB, whose CPU is not counted.
ONE_IN = 50
LOADS = 5
AT_ONCE = 1000
STARTS = 3
CONNECTIONS = 8
DRIVEN = 3
START_TIMEOUT_S = 30.0


@dataclass
class Side:
    """Measurements of one service, round by round; empty or 0 if not measured.

    Attributes:
        single, bulk: CPU microseconds for an IOC in a single look-up, and in a bulk of 1,000.
        hundred: CPU microseconds for an IOC in a bulk of 100.
        loaded: CPU microseconds to load an IOC.
        load_rate: IOCs loaded in a second.
        stored: bytes for a stored IOC.
        start_ms, start_cpu_ms: from the start of the process to its first answer.
    """

    single: list[float] = field(default_factory=list)
    bulk: list[float] = field(default_factory=list)
    hundred: list[float] = field(default_factory=list)
    loaded: list[float] = field(default_factory=list)
    load_rate: list[float] = field(default_factory=list)
    stored: float = 0.0
    start_ms: list[float] = field(default_factory=list)
    start_cpu_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Compared:
    """Measurements of all services by name.

    Attributes:
        sides: measurements of each service.
        driven: results of single look-ups over parallel connections, by service and round.
        redis: version of redis-server; "" if it is missing and Redis was not measured.
    """

    sides: Mapping[str, Side]
    driven: Mapping[str, list[Outcome]]
    redis: str


def redis_server() -> tuple[str, str] | None:
    """Return path and version of redis-server, on PATH or else of a wheel; None if missing."""
    installed = PYTHON.with_name("redis-server")
    program = shutil.which("redis-server") or (str(installed) if installed.is_file() else None)
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603
        [program, "--version"], check=True, capture_output=True, text=True
    )
    return program, done.stdout.partition("v=")[2].split()[0]


def compare(rounds: int, singles: int, bulks: int) -> Compared:
    """Measure all services in turns."""
    redis = redis_server()
    names = [SERVICE, SERVED, SQLITE, *((REDIS, REDIS_APP) if redis else ()), BOTO3]
    sides = {name: Side() for name in names}
    keys = stock(STOCK)
    tables = new_tables()
    configure_handler(tables)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        commands = {SQLITE: ("fastapi_sqlite", {"PEER_FILE": str(folder / "iocs.sqlite")})}
        redis_pids: tuple[int, ...] = ()
        if redis:
            url, pid = stack.enter_context(_running_redis(redis[0], folder))
            commands[REDIS] = "fastapi_redis", {"PEER_REDIS": url}
            redis_pids = (pid,)
        for _ in range(STARTS):
            for name, (module, variables) in commands.items():
                with _running_peer(module, variables) as started:
                    sides[name].start_ms.append(started.ms)
                    sides[name].start_cpu_ms.append(started.cpu_ms)
        peers = {}
        for name, (module, variables) in commands.items():
            running = stack.enter_context(_running_peer(module, variables))
            peers[name] = Target(
                running.url, KEY, (running.pid, *(redis_pids if name == REDIS else ()))
            )
        _load(sides, peers, tables, keys)
        targets = {SERVED: stack.enter_context(running_service()), **peers}
        own = keys[::ONE_IN]
        _ask(sides, targets, tables, own, rounds=rounds, singles=singles, bulks=bulks)
        requests = [single(key) for key in questions(own, singles)]
        driven: dict[str, list[Outcome]] = {name: [] for name in targets}
        for _ in range(DRIVEN):
            for name, target in targets.items():
                driven[name].append(drive(target, requests, CONNECTIONS))
    return Compared(sides, driven, redis[1] if redis else "")


def _load(
    sides: Mapping[str, Side], peers: Mapping[str, Target], tables: Tables, keys: Sequence[str]
) -> None:
    """Load the IOCs, a part of them in each turn."""
    own = keys[::ONE_IN]
    for number in range(LOADS):
        mine = own[number::LOADS]
        started, cpu = time.perf_counter(), time.process_time()
        summary = ingest(direct_client(), tables.iocs, tables.state, StockFeed(mine))
        assert summary.sightings == len(mine), summary
        sides[SERVICE].loaded.append((time.process_time() - cpu) * 1e6 / len(mine))
        sides[SERVICE].load_rate.append(len(mine) / (time.perf_counter() - started))
        part = keys[number::LOADS]
        posts = [
            Request("POST", b"/iocs", body=_body(part[at : at + AT_ONCE]))
            for at in range(0, len(part), AT_ONCE)
        ]
        for name, target in peers.items():
            started = time.perf_counter()
            spent = _served(target, posts)
            sides[name].load_rate.append(len(part) / (time.perf_counter() - started))
            _put(sides, name, "loaded", [one / len(part) for one in spent])
    for name, target in peers.items():
        with connected(target) as connection:
            _, body = connection.ask(Request("GET", b"/size"))
        size = json.loads(body)
        assert size["iocs"] == len(keys), (name, size)
        sides[name].stored = size["bytes"] / len(keys)
    pages = tables.client.get_paginator("scan").paginate(TableName=tables.iocs)
    sizes = [item_size(item) for page in pages for item in page["Items"]]
    assert len(sizes) == len(own), len(sizes)
    sides[SERVICE].stored = sum(sizes) / len(sizes)


def _body(keys: Sequence[str]) -> bytes:
    iocs = []
    for key in keys:
        kind, _, value = key.partition("#")
        iocs.append(
            {
                "type": kind,
                "value": value,
                "verdict": "MALICIOUS",
                "first_seen": NOW_MS,
                "last_seen": NOW_MS,
                "flow_id": flow_id(key, 0),
            }
        )
    return json.dumps({"iocs": iocs}).encode()


def _ask(
    sides: Mapping[str, Side],
    targets: Mapping[str, Target],
    tables: Tables,
    keys: Sequence[str],
    *,
    rounds: int,
    singles: int,
    bulks: int,
) -> None:
    """Look IOCs up, all services in turns."""
    one_by_one = questions(keys, singles)
    together = questions([key for key in keys if key.startswith("sha256#")], AT_ONCE)
    # By measurement: requests, and the number of IOCs in them.
    kinds: dict[str, tuple[list[Request], int]] = {
        "single": ([single(key) for key in one_by_one], singles),
        "bulk": ([bulk(together)] * bulks, bulks * AT_ONCE),
        "hundred": ([bulk(together[:100])] * bulks, bulks * 100),
    }
    bare: dict[str, Callable[[], None]] = {
        "single": lambda: _get_each(tables, one_by_one),
        "bulk": lambda: _get_all(tables, together * bulks),
        "hundred": lambda: _get_all(tables, together[:100] * bulks),
    }
    app._service.cache_clear()
    with captured_output():
        for target in targets.values():
            _check(target, one_by_one, together)
        # As the function does after its start; else the collector would scan all objects of the
        # benchmark.
        gc.freeze()
        for number in range(rounds + 1):
            # The first round warms all of them up.
            kept = sides if number else {name: Side() for name in sides}
            for kind, (requests, iocs) in kinds.items():
                events = [event_of(request) for request in requests]
                getattr(kept[SERVICE], kind).append(_own(partial(_handle, events)) / iocs)
                getattr(kept[BOTO3], kind).append(_own(bare[kind]) / iocs)
                for name, target in targets.items():
                    spent = _served(target, requests)
                    _put(kept, name, kind, [one / iocs for one in spent])
    gc.unfreeze()
    app._service.cache_clear()


def _check(target: Target, one_by_one: Sequence[str], together: Sequence[str]) -> None:
    """Assert that exactly the stored IOCs are found: every other look-up."""
    with connected(target) as connection:
        for at, key in enumerate(one_by_one):
            status, body = connection.ask(single(key))
            # This service answers 200 for all but hashes.
            wanted = (200,) if at % 2 else (404,) if key.startswith("sha256#") else (200, 404)
            assert status in wanted, (key, status, body)
        status, body = connection.ask(bulk(together))
        assert (status, len(json.loads(body)["data"])) == (200, len(together)), (status, body)


def _handle(events: Sequence[dict[str, Any]]) -> None:
    for event in events:
        ask(event)


def _served(target: Target, requests: Sequence[Request]) -> list[float]:
    """Send requests one after the other, and return the CPU microseconds of each process."""
    # One connection a turn, because a server closes an idle one during the turns of the others.
    with connected(target) as connection:
        before = list(map(process_cpu_s, target.pids))
        for request in requests:
            status, body = connection.ask(request)
            assert status in (200, 404), (status, body)
        return [
            (process_cpu_s(pid) - then) * 1e6 for pid, then in zip(target.pids, before, strict=True)
        ]


def _put(sides: Mapping[str, Side], name: str, what: str, spent: Sequence[float]) -> None:
    """Store the CPU time of a service's processes; of Redis the application's alone as well."""
    getattr(sides[name], what).append(sum(spent))
    if name == REDIS:
        getattr(sides[REDIS_APP], what).append(spent[0])


def _own(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e6


def _get_each(tables: Tables, keys: Sequence[str]) -> None:
    for key in keys:
        tables.client.get_item(TableName=tables.iocs, Key={"pk": {"S": key}})


def _get_all(tables: Tables, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), 100):
        part = [{"pk": {"S": key}} for key in keys[start : start + 100]]
        tables.client.batch_get_item(RequestItems={tables.iocs: {"Keys": part}})


@dataclass(frozen=True)
class _Started:
    url: str
    pid: int
    ms: float
    cpu_ms: float


@contextmanager
def _running(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[int]:
    """Run a command for the duration of the `with` block, and yield its process id."""
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _running_peer(module: str, variables: Mapping[str, str]) -> Iterator[_Started]:
    port = free_port()
    command = [str(PYTHON), "-m", "uvicorn", f"benchmarks.peers.{module}:app"]
    command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    started = time.perf_counter()
    with _running(command, {**variables, "PEER_KEY": KEY}) as pid:
        target = Target(f"http://127.0.0.1:{port}", KEY, (pid,))
        _wait_for(target)
        ms = (time.perf_counter() - started) * 1000
        yield _Started(target.url, pid, ms, target.cpu_s() * 1000)


@contextmanager
def running_service() -> Iterator[Target]:
    """Run the local API over the tables that the environment names."""
    port = free_port()
    command = [sys.executable, "-m", "local", "api"]
    with _running(command, {"PORT": str(port), "API_KEY": KEY}) as pid:
        target = Target(f"http://127.0.0.1:{port}", KEY, (pid,))
        _wait_for(target)
        yield target


@contextmanager
def _running_redis(program: str, folder: Path) -> Iterator[tuple[str, int]]:
    """Run redis-server without persistence, and yield its URL and process id."""
    port = free_port()
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "no"]
    with _running(command, {}) as pid:
        yield f"redis://127.0.0.1:{port}", pid


def _wait_for(target: Target) -> None:
    """Wait for the first answer.

    Raises:
        TimeoutError: the target does not answer in time.
    """
    request = single(f"sha256#{'0' * 64}")
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with connected(target) as connection:
            try:
                status, _ = connection.ask(request)
            except OSError:
                status = 0
        if status in (200, 404):
            return
        time.sleep(0.005)
    raise TimeoutError(f"{target.url} does not answer")
