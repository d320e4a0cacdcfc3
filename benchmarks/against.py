"""Measures any service with the v4 API under load: `python -m benchmarks against URL`."""

import argparse
import http.client
import itertools
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from benchmarks.feeds import digest, stock
from benchmarks.questions import bulk, single, unknown
from local.events import Request

T = TypeVar("T")
TIMEOUT_S = 30.0
KNOWN = 2000
SINGLES, HUNDREDS, THOUSANDS = 1000, 100, 20


@dataclass(frozen=True)
class Target:
    """A service to measure.

    Attributes:
        url: base URL, without the path of the API.
        key: its API key.
        pids: processes whose CPU is counted.
    """

    url: str
    key: str
    pids: tuple[int, ...] = ()

    def cpu_s(self) -> float:
        """Return the CPU seconds of its processes so far."""
        return sum(map(process_cpu_s, self.pids))


def process_cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process of this machine, all threads included.

    Raises:
        OSError: the process does not exist.
    """
    # The clock id of clock_getcpuclockid(3) on Linux: it counts nanoseconds, /proc only ticks.
    return time.clock_gettime((~pid << 3) | 2)


class Connection:
    """A persistent connection to a target."""

    def __init__(self, target: Target) -> None:
        parts = urlsplit(target.url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        assert parts.hostname, target.url
        self._base = parts.path.rstrip("/")
        self._http = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._headers = {"apikey": target.key, "content-type": "application/json"}

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Send a request, and return status and body of the answer.

        Raises:
            OSError, HTTPException: the connection failed; the next request opens a new one.
        """
        path = self._base + request.raw_path.decode()
        try:
            self._http.request(request.method, path, request.body or None, self._headers)
            response = self._http.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self._http.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


@contextmanager
def connected(target: Target) -> Iterator[Connection]:
    """Open a connection for the duration of the `with` block."""
    connection = Connection(target)
    try:
        yield connection
    finally:
        connection.close()


@dataclass
class Outcome:
    """Results of a series of requests.

    Attributes:
        answered: for each answer with 200 or 404, when its request was due and the seconds from
            then to the answer.
        found: answers with 200.
        refused: answers with 429.
        errors: other answers, and requests without one.
        seconds: from the first request to the last answer.
        cpu_s: of the target's processes.
    """

    answered: list[tuple[float, float]] = field(default_factory=list)
    found: int = 0
    refused: int = 0
    errors: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0

    def took_s(self) -> list[float]:
        """Return the seconds of each answer."""
        return [took for _, took in self.answered]


def drive(
    target: Target, requests: Sequence[Request], connections: int, rate: float | None = None
) -> Outcome:
    """Send requests over parallel connections.

    Args:
        target: service to send them to.
        requests: requests to send.
        connections: number of connections.
        rate: requests a second, due even if earlier ones are not answered, so that queueing time
            counts; None for each connection to send as soon as it has its answer.
    """
    outcome = Outcome()
    lock = threading.Lock()
    numbers = itertools.count()
    before = target.cpu_s()
    started = time.perf_counter()

    def work() -> None:
        with connected(target) as connection:
            while (number := next(numbers)) < len(requests):
                due = time.perf_counter() - started if rate is None else number / rate
                time.sleep(max(0.0, due - (time.perf_counter() - started)))
                try:
                    status, _ = connection.ask(requests[number])
                except (OSError, http.client.HTTPException):
                    status = 0
                took = time.perf_counter() - started - due
                with lock:
                    if status in (200, 404):
                        outcome.answered.append((due, took))
                    outcome.found += status == 200
                    outcome.refused += status == 429
                    outcome.errors += status not in (200, 404, 429)

    with ThreadPoolExecutor(connections) as pool:
        for future in [pool.submit(work) for _ in range(connections)]:
            future.result()
    outcome.seconds = time.perf_counter() - started
    outcome.cpu_s = target.cpu_s() - before
    return outcome


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that this share of all values does not exceed; 0 without values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def known_keys(file: Path | None) -> list[str]:
    """Read keys of IOCs that the target knows, such as `sha256#...`; without a file our own."""
    if file is None:
        return stock(KNOWN)
    return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `main`."""
    parser.add_argument("url", help="base URL, such as http://127.0.0.1:3000")
    parser.add_argument("--key", default="", help="the API key")
    parser.add_argument("--pid", type=int, action="append", default=[], help="count its CPU")
    parser.add_argument("--known", type=Path, help="file of IOCs it knows, as sha256#... a line")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)


def main(arguments: argparse.Namespace) -> None:
    """Measure one target, and print a table.

    Raises:
        SystemExit: an argument is wrong.
    """
    target = Target(arguments.url, arguments.key, tuple(arguments.pid))
    keys = known_keys(arguments.known)
    hashes = [key for key in keys if key.startswith("sha256#")]
    if urlsplit(target.url).scheme not in ("http", "https") or not urlsplit(target.url).hostname:
        raise SystemExit(f"error: {target.url} is not an http or https address")
    if not hashes:
        raise SystemExit(f"error: {arguments.known} has no line sha256#...")
    try:
        target.cpu_s()
    except OSError as error:
        raise SystemExit(f"error: a process does not exist: {arguments.pid}") from error
    absent = [unknown(key) for key in keys]
    no_hashes = [f"sha256#{digest(f'absent {number}')}" for number in range(1000)]
    kinds: dict[str, tuple[int, list[Request]]] = {
        "single, hit": (1, _cycle([single(key) for key in keys], SINGLES)),
        "single, miss": (1, _cycle([single(key) for key in absent], SINGLES)),
    }
    for size, count in ((100, HUNDREDS), (1000, THOUSANDS)):
        for name, of in (("hit", hashes), ("miss", no_hashes)):
            kinds[f"bulk of {size:,}, {name}"] = size, [bulk(_cycle(of, size))] * count
    rounds: dict[str, list[Outcome]] = {name: [] for name in kinds}
    for _ in range(arguments.rounds):
        for name, (_, requests) in kinds.items():
            rounds[name].append(drive(target, requests, arguments.connections))
    print(f"{target.url}, {arguments.connections} connections, {arguments.rounds} rounds\n")
    print("\n".join(table(rounds, {name: size for name, (size, _) in kinds.items()})))


def table(rounds: Mapping[str, Sequence[Outcome]], sizes: Mapping[str, int]) -> Iterator[str]:
    """Return the lines of a table with the results of all rounds.

    Args:
        rounds: results by kind of request.
        sizes: IOCs in a request, by kind.
    """
    yield "| What | Requests | 200 | 429 | Errors | p50 ms | p95 ms | p99 ms | IOC/s | CPU µs/IOC |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for name, outcomes in rounds.items():
        took = [one for outcome in outcomes for one in outcome.took_s()]
        p50, p95, p99 = (percentile(took, share) * 1000 for share in (0.5, 0.95, 0.99))
        iocs = len(took) * sizes[name]
        seconds, cpu = (
            sum(getattr(outcome, what) for outcome in outcomes) for what in ("seconds", "cpu_s")
        )
        sent, found, refused, errors = (
            sum(values)
            for values in zip(
                *(
                    (len(o.took_s()) + o.refused + o.errors, o.found, o.refused, o.errors)
                    for o in outcomes
                ),
                strict=True,
            )
        )
        spent = f"{cpu * 1e6 / iocs:.1f}" if cpu and iocs else "-"
        yield (
            f"| {name} | {sent:,} | {found:,} | {refused:,} | {errors:,} | {p50:.2f} | {p95:.2f} |"
            f" {p99:.2f} | {iocs / seconds:,.0f} | {spent} |"
        )


def _cycle(values: Sequence[T], count: int) -> list[T]:
    return list(itertools.islice(itertools.cycle(values), count))
