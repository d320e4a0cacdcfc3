"""Measures units and calls of look-ups through the real handler."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.feeds import Feed
from benchmarks.ingestion import Tables, ingest, new_tables
from benchmarks.metering import Usage
from benchmarks.questions import KEY, bulk, questions, single, unknown
from benchmarks.wire import metered_wire
from functions.lookup import app
from local.context import LocalContext
from local.events import Request, http_event
from shared.store.api_keys import ApiKeys

REPORTS = 300
LIMIT = 10_000_000
AMORTISED = 2000
BATCHES = 10  # of a bulk of 1,000


def filled_tables() -> Tables:
    """Create tables, ingest a feed into them, and configure the handler to use them."""
    tables = new_tables()
    assert ingest(tables.client, tables.iocs, tables.state, Feed("first", REPORTS)).complete
    configure_handler(tables)
    return tables


def configure_handler(tables: Tables) -> None:
    """Store the API key, and configure the handler to use these tables."""
    ApiKeys(tables.client, tables.state).put(KEY, "benchmark", now=0, daily_limit=LIMIT)
    os.environ["TABLE_NAME"], os.environ["STATE_TABLE_NAME"] = tables.iocs, tables.state


def event_of(request: Request) -> dict[str, Any]:
    """Return the event of a request."""
    return http_event(request, "benchmark", datetime.now(UTC))


def ask(event: dict[str, Any]) -> dict[str, Any]:
    """Invoke the handler and return its answer."""
    context: Any = LocalContext("lookup", 10)
    answer: dict[str, Any] = app.lambda_handler(event, context)
    assert answer["statusCode"] in (200, 404), answer
    return answer


@dataclass(frozen=True)
class Counted:
    """Usage of some requests.

    Attributes:
        requests: number of requests.
    """

    requests: int
    usage: Usage
    log_bytes: int
    answer_bytes: int


def count(keys: Sequence[str]) -> dict[str, Counted]:
    """Measure the units and calls of each kind of request."""
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
    with metered_wire() as wire:
        for name, requests in kinds.items():
            events = [event_of(request) for request in requests]
            wire.gather = BATCHES if name == "bulk of 1,000" else 1
            with captured_output() as output, wire.meter.section() as usage:
                answers = [ask(event) for event in events]
            size = sum(len(answer.get("body", "")) for answer in answers)
            found[name] = Counted(len(requests), usage, len(output()), size)
    app._service.cache_clear()
    return found


@contextmanager
def captured_output() -> Iterator[Callable[[], bytes]]:
    """Capture the stdout of the process within the `with` block; call the result after it."""
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


def tables_keys(tables: Tables) -> list[str]:
    """Return the keys of all IOCs."""
    pages = tables.client.get_paginator("scan").paginate(TableName=tables.iocs)
    return [item["pk"]["S"] for page in pages for item in page["Items"]]
