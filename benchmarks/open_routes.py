"""Measures what a client without an API key can cost: `python -m benchmarks.open_routes`.

It sends requests that need no key, or that are refused without one, through the real handler, and
measures the bytes of the answers without gzip, units, CPU and log lines.
"""

import json
import os
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from local import environment

# Powertools reads some of it when a handler's module is imported.
environment.prepare()

from benchmarks import cost  # noqa: E402
from benchmarks.cost import Work  # noqa: E402
from benchmarks.ingestion import new_tables  # noqa: E402
from benchmarks.lookups import captured_output, configure_handler, event_of  # noqa: E402
from benchmarks.wire import metered_wire  # noqa: E402
from functions.lookup import app  # noqa: E402
from functions.lookup.routes import ROUTES  # noqa: E402
from local.context import LocalContext  # noqa: E402
from local.engine import running_engine  # noqa: E402
from local.events import Request  # noqa: E402

REQUESTS = 200
# A body in base64 and its event fit into Lambda's 6 MB.
LARGEST_BODY = b"a" * 4_400_000
# Assumed: bytes of the headers that the front adds to an answer.
FRONT_HEADERS_BYTES = 300


def kinds() -> dict[str, Iterator[Request]]:
    """Return requests without a valid key, by name of the kind."""
    opened = [route.template for route in ROUTES if route.open]
    return {
        **{f"GET {path}": _repeated(Request("GET", path.encode())) for path in sorted(opened)},
        "a look-up without a key": _repeated(Request("GET", b"/v4/ip/192.0.2.1")),
        "a look-up with an unknown key": _with_unknown_keys(),
        "a body of 4.4 MB without a key": _repeated(
            Request("POST", b"/v4/hash", body=LARGEST_BODY), 20
        ),
    }


def _repeated(request: Request, times: int = REQUESTS) -> Iterator[Request]:
    return iter([request] * (times + 1))


def _with_unknown_keys() -> Iterator[Request]:
    """Yield requests with a different key each, because the function caches refused keys."""
    for number in range(REQUESTS + 1):
        key = f"unknown-{number}-{time.monotonic_ns()}".encode()
        yield Request("GET", b"/v4/ip/192.0.2.1", headers=[(b"apikey", key)])


def measure() -> dict[str, Work]:
    """Measure each kind by name, with the DynamoDB of the environment."""
    configure_handler(new_tables())
    app._service.cache_clear()
    with metered_wire() as wire:
        found = {}
        for name, requests in kinds().items():
            with wire.meter.section() as usage:
                work = _measured([json.dumps(event_of(one)) for one in requests])
            waits = usage.calls.total()
            found[name] = replace(work, read=usage.read, written=usage.written, waits=waits)
    app._service.cache_clear()
    return found


def _measured(events: list[str]) -> Work:
    """Measure events in the form that the runtime receives: as text."""
    context: Any = LocalContext("lookup", 10)
    first, *others = events
    app.lambda_handler(json.loads(first), context)  # fills the caches for later requests
    size = 0
    with captured_output() as output:
        started = time.thread_time()  # the engine's meter has a thread of its own
        for event in others:
            size += _sent(app.lambda_handler(json.loads(event), context))
        cpu_us = round((time.thread_time() - started) * 1e6)
    requests = len(others)
    return Work(requests, requests, cpu_us=cpu_us, log_bytes=len(output()), answer_bytes=size)


def _sent(answer: dict[str, Any]) -> int:
    """Return the bytes of an answer with its headers."""
    body = answer.get("body", "")
    size = len(b64decode(body) if answer.get("isBase64Encoded") else body.encode())
    headers = sum(len(name) + len(str(value)) + 4 for name, value in answer["headers"].items())
    return size + headers + FRONT_HEADERS_BYTES


def main() -> None:
    """Write the measurements to benchmarks/measured.json, and write docs/cost.md."""
    with running_engine() as endpoint:
        os.environ[environment.ENDPOINT] = endpoint
        found = measure()
    measured = cost.read_measured(cost.MEASURED.read_text(encoding="utf-8"))
    measured = replace(measured, without_key=found)
    cost.MEASURED.write_text(cost.write_measured(measured), encoding="utf-8")
    cost.main()


if __name__ == "__main__":
    main()
