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
from local.handlers import load_gateway
from local.ingest import run_once
from local.publish import INTAKE
from local.server import HOST, bind, make_server, serve
from local.tables import make_tables
from shared.store.client import dynamodb_client

STEPS = 6
ANSWER_TIMEOUT_S = 20.0

SAMPLE_REPORTS = Path(__file__).parent / "sample_reports"
# A domain of the sample reports.
SAMPLE_PUBLISHED = "loader.example"
FEED = "/feed/reports"

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
    os.environ["SEARCH_TABLE_NAME"] = environment.search_table() or environment.SEARCH_TABLE
    budget_s = environment.run_budget_s()
    front = environment.front()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, ExitStack() as stack:
        # First of all, because a port that is taken is the likeliest thing to go wrong.
        listener = stack.enter_context(closing(bind(environment.port())))
        _step(out, 1, f"DynamoDB engine at {_engine(stack)}")
        environment.keep_objects(os.environ[environment.ENDPOINT])
        tables = make_tables(dynamodb_client(), environment.table_names())
        _step(out, 2, f"tables {', '.join(tables)}")
        sampled = not os.environ.get("FEED_URL")
        if sampled:
            os.environ["FEED_URL"] = stack.enter_context(sample_feed())
        kind = "sample feed" if sampled else "feed"
        _step(out, 3, f"{kind} at {environment.require_feed_url()}")
        gateway = load_gateway()
        # From here on the functions' stdout is metrics only, which nobody collects here: their
        # logger keeps the stream that stdout was when it was imported.
        stack.enter_context(redirect_stdout(nowhere))
        summary = run_once(budget_s)
        for line in _told(summary):
            _step(out, 4, line)
        register_api_key()
        server = make_server(gateway, "api", budget_s, front)
        base = f"http://{HOST}:{listener.getsockname()[1]}"
        Thread(
            target=_introduce, args=(server, base, budget_s if sampled else 0, out), daemon=True
        ).start()
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


def _introduce(server: uvicorn.Server, base: str, sample_budget_s: float, out: TextIO) -> None:
    """Once the API answers, say how to ask it, and show a first answer.

    Args:
        sample_budget_s: seconds for ingesting the sample reports, 0 for no samples.
    """
    while not server.started:
        time.sleep(0.02)
    _step(out, 5, f"API on {base}")
    if sample_budget_s:
        for line in _circle(base, sample_budget_s):
            _step(out, 6, line)
    key = environment.api_key()
    header = shlex.quote(f"apikey: {key}")
    print("\nAsk it:", file=out)
    for kind, value in SAMPLES.items():
        print(f"  curl -s -H {header} {base}{_path(kind, value)}", file=out)
    if sample_budget_s:
        print("\nIts answer to the first:", file=out)
        print(_answer(base, _path("hash", SAMPLE_HASH), key), file=out)
    print(f"\nOr in a browser: {base}/ with the key {key}", file=out)
    print("Ctrl-C stops everything.", file=out, flush=True)


def _circle(base: str, budget_s: float) -> list[str]:
    """Send the sample reports, and ingest the feed that comes of them."""
    key = environment.api_key()
    reports = sorted(SAMPLE_REPORTS.glob("*.json"))
    sent = [json.loads(_ask(base, INTAKE, key, report.read_bytes())) for report in reports]
    taken = [report for answer in sent for report in answer.get("reports", [])]
    # The feed is another one now, so this is a run beside that of the sample feed.
    os.environ["FEED_URL"], os.environ["FEED_API_KEY"] = f"{base}{FEED}", key
    summary = run_once(budget_s)
    answer = json.loads(_ask(base, _path("domain", SAMPLE_PUBLISHED), key))
    source = answer["lookup_results"]["sources"][0]
    return [
        f"circle: {len(taken)} scan reports taken at {INTAKE}, {summary['reports']} came back "
        f"through {FEED}, {summary['iocs_new']} IOCs new",
        f"circle: a look-up of {SAMPLE_PUBLISHED} says {source.get('verdict')}, "
        f"{source.get('scan_count')} scans, the last of them {source.get('flow_id')}",
    ]


def _path(kind: str, value: str) -> str:
    return f"/v4/{kind}/{quote(value, safe='')}"


def _answer(base: str, path: str, key: str) -> str:
    """Return the API's answer, indented, or why there is none."""
    try:
        body = _ask(base, path, key)
    except (OSError, http.client.HTTPException) as error:
        return f"none: {error}"
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "replace")


def _ask(base: str, path: str, key: str, body: bytes | None = None) -> bytes:
    """Return the body of the API's answer; with a body of JSON the request is a POST."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=ANSWER_TIMEOUT_S)
    try:
        headers = {"apikey": key} | ({"Content-Type": "application/json"} if body else {})
        connection.request("POST" if body else "GET", path, body, headers)
        return connection.getresponse().read()
    finally:
        connection.close()
