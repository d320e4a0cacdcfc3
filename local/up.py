"""`python -m local up`: everything on this machine, from an empty table to an answer."""

import http.client
import json
import os
import shlex
import time
from contextlib import ExitStack, closing, redirect_stdout
from pathlib import Path
from threading import Thread
from typing import Any, TextIO
from urllib.parse import quote

import uvicorn

from local import environment
from local.api import register_api_key
from local.engine import running_engine
from local.feed import SAMPLE_DOMAIN, SAMPLE_HASH, SAMPLE_IP, SAMPLE_URL, sample_feed
from local.handlers import load
from local.ingest import run_once
from local.server import HOST, bind, make_server, serve
from local.tables import make_tables
from shared.store.client import dynamodb_client

STEPS = 5
ANSWER_TIMEOUT_S = 20.0

SAMPLES = {
    "hash": SAMPLE_HASH,
    "ip": SAMPLE_IP,
    "domain": SAMPLE_DOMAIN,
    "url": SAMPLE_URL,
}


def command(out: TextIO) -> int:
    """Start the engine, the tables, the feed, one ingest run and the API; serve until a signal.

    An engine named by AWS_ENDPOINT_URL_DYNAMODB and a feed named by FEED_URL are used instead of
    the embedded ones.

    Returns:
        0: stopped by a signal.
    """
    # People read this, so of what the functions log only warnings.
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "WARNING")
    budget_s = environment.run_budget_s()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, ExitStack() as stack:
        # First of all, because a port that is taken is the likeliest thing to go wrong.
        listener = stack.enter_context(closing(bind(environment.port())))
        _step(out, 1, f"DynamoDB engine at {_engine(stack)}")
        tables = make_tables(dynamodb_client(), environment.table_names())
        _step(out, 2, f"tables {' and '.join(tables)}")
        sampled = not os.environ.get("FEED_URL")
        if sampled:
            os.environ["FEED_URL"] = stack.enter_context(sample_feed())
        kind = "sample feed" if sampled else "feed"
        _step(out, 3, f"{kind} at {environment.require_feed_url()}")
        lookup = load("lookup")
        # From here on the functions' stdout is metrics only, which nobody collects here: their
        # logger keeps the stream that stdout was when it was imported.
        stack.enter_context(redirect_stdout(nowhere))
        summary = run_once(budget_s)
        for line in _told(summary):
            _step(out, 4, line)
        register_api_key()
        server = make_server(lookup, "lookup", budget_s)
        base = f"http://{HOST}:{listener.getsockname()[1]}"
        Thread(target=_introduce, args=(server, base, sampled, out), daemon=True).start()
        serve(server, listener)
        print("stopped", file=out, flush=True)
    return 0


def _engine(stack: ExitStack) -> str:
    if os.environ.get(environment.ENDPOINT):
        return environment.engine_endpoint()
    endpoint = stack.enter_context(running_engine())
    os.environ[environment.ENDPOINT] = endpoint
    return f"{endpoint}, in memory"


def _step(out: TextIO, number: int, text: str) -> None:
    print(f"[{number}/{STEPS}] {text}", file=out, flush=True)


def _told(summary: dict[str, Any]) -> list[str]:
    """Return a run's summary in words."""
    end = "complete" if summary["complete"] else f"stopped early: {summary['stopped']}"
    return [
        f"ingest: {summary['reports']} reports on {summary['pages']} pages, "
        f"{summary['seconds']:.1f} s, {end}",
        f"ingest: {summary['iocs_new']} IOCs new, {summary['iocs_changed']} changed, "
        f"{summary['without_verdict']} without verdict, "
        f"{summary['quarantined']} records in quarantine",
    ]


def _introduce(server: uvicorn.Server, base: str, sampled: bool, out: TextIO) -> None:
    """Once the API answers, say how to ask it, and show a first answer."""
    while not server.started:
        time.sleep(0.02)
    _step(out, 5, f"API on {base}")
    key = environment.api_key()
    header = shlex.quote(f"apikey: {key}")
    print("\nAsk it:", file=out)
    for kind, value in SAMPLES.items():
        print(f"  curl -s -H {header} {base}{_path(kind, value)}", file=out)
    if sampled:
        print("\nIts answer to the first:", file=out)
        print(_answer(base, _path("hash", SAMPLE_HASH), key), file=out)
    print("\nCtrl-C stops everything.", file=out, flush=True)


def _path(kind: str, value: str) -> str:
    return f"/v4/{kind}/{quote(value, safe='')}"


def _answer(base: str, path: str, key: str) -> str:
    """Return the API's answer, indented, or why there is none."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"apikey": key})
        body = connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        return f"none: {error}"
    finally:
        connection.close()
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "replace")
