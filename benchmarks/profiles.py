"""Profiles the CPU time of an operation by layer: `python -m benchmarks.profiles`.

The profiler costs time for every function call, so its shares are applied to the CPU time of the
same operation without it. docs/profiles.md shows results before and after changes.
"""

import contextlib
import cProfile
import io
import os
import pstats
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from local.engine import running_engine
from local.environment import DEFAULT_REGION, DEFAULTS, ENDPOINT

ROUNDS = 5
_LAYERS = {
    "boto3 and botocore": ("/boto3/", "/botocore/", "/dateutil/", "/jmespath/"),
    "urllib3 and http.client": ("/urllib3/", "/http/client.py", "/email/", "/ssl.py", "/socket.py"),
    "JSON": ("/json/",),
    "Powertools and logging": ("/aws_lambda_powertools/", "/logging/"),
    "ours": ("/shared/", "/functions/"),
}
_SOCKET = ("method 'send", "method 'recv", "_socket", "select", "poll")
_WAITING = ("method 'acquire'", "lock")


def layer_of(file: str, function: str) -> str:
    """Return the layer of a function by its file; of a built-in one by its name."""
    for layer, parts in _LAYERS.items():
        if any(part in file for part in parts):
            return layer
    if any(part in function for part in _SOCKET):
        return "sockets (kernel)"
    if any(part in function for part in _WAITING):
        return "waiting"
    return "other"


def shares(operation: Callable[[], Any]) -> dict[str, float]:
    """Return the share of an operation's time in each layer, without waiting.

    The time of a built-in function counts for its callers, except on sockets.
    """
    profile = cProfile.Profile(time.process_time)
    profile.runcall(operation)
    spent: defaultdict[str, float] = defaultdict(float)
    # The type stubs of pstats do not declare `stats`.
    stats: Any = pstats.Stats(profile)
    for (file, _, name), (_, _, own, _, callers) in stats.stats.items():
        layer = layer_of(file, name)
        if layer != "other":
            spent[layer] += own
            continue
        for (from_file, _, from_name), (_, _, theirs, _) in callers.items():
            spent[layer_of(from_file, from_name)] += theirs
    spent.pop("waiting", None)
    whole = sum(spent.values())
    return {layer: part / whole for layer, part in spent.items()}


def cpu_us(operation: Callable[[], Any], parts: int) -> float:
    """Return the CPU microseconds of one of the `parts` of an operation, the best of all rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        before = time.process_time()
        operation()
        best = min(best, (time.process_time() - before) * 1e6 / parts)
    return best


def print_profile(title: str, operation: Callable[[], Any], parts: int) -> None:
    """Print the table of an operation."""
    # The handler writes its metrics to stdout, too.
    with contextlib.redirect_stdout(io.StringIO()):
        operation()
        whole, spent = cpu_us(operation, parts), shares(operation)
    print(f"\n{title}: {whole:.1f} us")
    for layer, share in sorted(spent.items(), key=lambda one: -one[1]):
        print(f"| {layer} | {share * whole:.1f} | {share:.0%} |")


def main() -> None:
    """Profile a look-up, a bulk of 1,000 and the ingestion of new sightings."""
    os.environ.update(DEFAULTS, AWS_DEFAULT_REGION=DEFAULT_REGION)
    os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "benchmark")
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "WARNING")
    with tempfile.TemporaryDirectory() as data, running_engine(data_dir=Path(data)) as endpoint:
        os.environ[ENDPOINT] = endpoint
        _profile()


def _profile() -> None:
    # They read the environment when they are imported.
    from benchmarks import ingestion, lookups  # noqa: PLC0415
    from benchmarks.feeds import Feed  # noqa: PLC0415
    from benchmarks.questions import bulk, single  # noqa: PLC0415
    from shared.store.direct import direct_client  # noqa: PLC0415

    tables = lookups.filled_tables()
    pages = tables.client.get_paginator("scan").paginate(TableName=tables.iocs)
    keys = [item["pk"]["S"] for page in pages for item in page["Items"]]
    hashes = [key for key in keys if key.startswith("sha256#")]
    asked = [
        one if at % 2 else f"sha256#{one[:6:-1]}" for at, one in enumerate((hashes * 9)[:1000])
    ]
    singles = [lookups.event_of(single(one)) for one in asked]
    many = lookups.event_of(bulk(asked))
    print_profile("single look-up", lambda: [lookups.ask(event) for event in singles], len(asked))
    print_profile("bulk, for each IOC", lambda: lookups.ask(many), len(asked))
    # One each for the warm-up, the profile and every round.
    fresh = [ingestion.new_tables() for _ in range(ROUNDS + 2)]
    client = direct_client()

    def ingest() -> None:
        one = fresh.pop()
        ingestion.ingest(client, one.iocs, one.state, Feed("first", 100), writers=Inline())

    print_profile("a new sighting, ingested", ingest, 1000)


class Inline(Executor):
    """Runs work at once in the caller's thread, because a profiler sees only that."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the work, and return its result as a future."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


if __name__ == "__main__":
    main()
