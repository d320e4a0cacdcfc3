"""Measures the costliest requests without a valid key: `python -m benchmarks.worst_requests`.

The CPU of each, event in to answer out through the real handler, against that of a plain 401. All
kinds take turns in each round, at both fronts. The runtime's reading of the event is not included.
"""

import itertools
import os
import statistics
import string
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local import environment

# Powertools reads some of it when a handler's module is imported.
environment.prepare()

from benchmarks.ingestion import new_tables  # noqa: E402
from benchmarks.lookups import captured_output, configure_handler  # noqa: E402
from functions.lookup import app  # noqa: E402
from local.context import LocalContext  # noqa: E402
from local.engine import running_engine  # noqa: E402
from local.events import FUNCTION_URL, REST, Request  # noqa: E402

PLAIN = "a look-up without a key"
# The only request without a valid key that asks the store.
UNKNOWN_KEY = "an unknown key"
ROUNDS = 15
REQUESTS = 20
FRONTS = {"REST API": REST, "function URL": FUNCTION_URL}
# API Gateway admits 10,240 bytes of request line, and as many of headers.
MOST = 10_000
_NAMES = ["".join(one).encode() for one in itertools.product(string.ascii_lowercase, repeat=3)]


def kinds() -> dict[str, Request]:
    """Return the requests by name; the plain one is `PLAIN`."""
    path = b"/v4/ip/192.0.2.1"
    paths = {
        "a path of slashes": b"/" * MOST + b"x",
        "slashes after /v4": b"/v4" + b"/" * MOST + b"x",
        "slashes after /v4/ip": b"/v4/ip" + b"/" * MOST,
        "many segments": b"/v4/ip" + b"/a" * (MOST // 2),
        "many endings of a route": b"/v4/ioc/url" + b"/sightings" * (MOST // 10),
        "percent signs": b"/v4/url/" + b"%" * MOST,
        "escapes": b"/v4/url/" + b"%25" * (MOST // 3),
        "bytes that are not ASCII": b"/v4/url/" + "é".encode() * (MOST // 2),
    }
    queries = {
        "many parameters": b"&".join(_NAMES[: MOST // 4]),
        "one parameter many times": b"a&" * (MOST // 2),
        "a query of escapes": b"a=" + b"%ff" * (MOST // 3),
    }
    headers = {
        "many headers": [(name, b"") for name in _NAMES[: MOST // 5]],
        "one header many times": [(b"a", b"")] * (MOST // 3),
        "commas in Accept-Encoding": [(b"accept-encoding", b"a," * (MOST // 2))],
        "semicolons in Accept-Encoding": [(b"accept-encoding", b"gzip" + b";" * MOST)],
        "a long password without a name": [(b"authorization", b"basic " + b"YWFh" * (MOST // 4))],
    }
    tags = [(b"if-none-match", b'"a",' * (MOST // 4))]
    return {
        PLAIN: Request("GET", path),
        UNKNOWN_KEY: Request("GET", path),
        **{name: Request("GET", one) for name, one in paths.items()},
        **{name: Request("GET", path, raw_query=one) for name, one in queries.items()},
        **{name: Request("GET", path, headers=one) for name, one in headers.items()},
        "the page with many ETags": Request("GET", b"/", headers=tags),
        "the OpenAPI document": Request("GET", b"/openapi.json"),
        "a body of 4.4 MB": Request("POST", b"/v4/hash", body=b"a" * 4_400_000),
    }


def measure(rounds: int = ROUNDS) -> dict[str, dict[str, list[float]]]:
    """Return the CPU microseconds of a request by front and kind, one number for each round."""
    configure_handler(new_tables())
    app._service.cache_clear()
    found: dict[str, dict[str, list[float]]] = {front: {} for front in FRONTS}
    now = datetime.now(UTC)
    events = {
        (front, name): make.event(request, "benchmark", now)
        for front, make in FRONTS.items()
        for name, request in kinds().items()
    }
    with captured_output():
        for number in range(rounds + 1):
            for (front, name), event in events.items():
                asked = [
                    _with_key(event, f"{number}-{one}") if name == UNKNOWN_KEY else event
                    for one in range(REQUESTS)
                ]
                took = _cpu_us(asked)
                if number:  # the first round fills caches
                    found[front].setdefault(name, []).append(took)
    app._service.cache_clear()
    return found


def _with_key(event: dict[str, Any], suffix: str) -> dict[str, Any]:
    """The event with a key that was never tried before."""
    key = f"unknown-{suffix}-{time.monotonic_ns()}"
    return {
        **event,
        "headers": {**(event["headers"] or {}), "apikey": key},
        "multiValueHeaders": {**(event.get("multiValueHeaders") or {}), "apikey": [key]},
    }


def _cpu_us(events: Sequence[dict[str, Any]]) -> float:
    context: Any = LocalContext("lookup", 10)
    started = time.thread_time()  # the engine has threads of its own
    for event in events:
        app.lambda_handler(event, context)
    return (time.thread_time() - started) * 1e6 / len(events)


def ratios(took: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the ratio of the medians to that of the plain request, by kind."""
    plain = statistics.median(took[PLAIN])
    return {name: statistics.median(each) / plain for name, each in took.items()}


def worst(found: Mapping[str, Mapping[str, Sequence[float]]]) -> tuple[float, str, float]:
    """Return the highest ratio without a key, its kind and front, and that of an unknown key."""
    without_store = [
        (ratio, f"{name}, {front}")
        for front, took in found.items()
        for name, ratio in ratios(took).items()
        if name != UNKNOWN_KEY
    ]
    unknown_key = max(ratios(took)[UNKNOWN_KEY] for took in found.values())
    return *max(without_store), unknown_key


def table(found: Mapping[str, Mapping[str, Sequence[float]]]) -> Iterator[str]:
    """Yield a line for each front and kind, the costliest first."""
    for front, took in found.items():
        ranked = sorted(ratios(took).items(), key=lambda one: -one[1])
        for name, ratio in ranked:
            yield (
                f"{front:12} {name:30} {ratio:6.2f} x  best {min(took[name]):8.1f} µs,"
                f" median {statistics.median(took[name]):8.1f} µs"
            )


def main() -> None:
    """Print the table."""
    with running_engine() as endpoint:
        os.environ[environment.ENDPOINT] = endpoint
        found = measure()
    print("\n".join(table(found)))
    print(worst(found))


if __name__ == "__main__":
    main()
