"""`python -m local up`: starts the service on this machine and shows a first answer."""

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
    # People read this output, so the functions log only warnings.
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "WARNING")
    os.environ["SEARCH_TABLE_NAME"] = environment.search_table() or environment.SEARCH_TABLE
    budget_s = environment.run_budget_s()
    front = environment.front()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, ExitStack() as stack:
        # First, because a port in use is the likeliest failure.
        listener = stack.enter_context(closing(bind(environment.port())))
        _step(out, 1, f"DynamoDB engine at {_engine(stack)}")
        environment.set_objects_endpoint(os.environ[environment.ENDPOINT])
        tables = make_tables(dynamodb_client(), environment.table_names())
        _step(out, 2, f"tables {', '.join(tables)}")
        sampled = not os.environ.get("FEED_URL")
        if sampled:
            os.environ["FEED_URL"] = stack.enter_context(sample_feed())
        kind = "sample feed" if sampled else "feed"
        _step(out, 3, f"{kind} at {environment.require_feed_url()}")
        gateway = load_gateway()
        # From here on the functions write only metrics to stdout, and nothing collects them here.
        # Their logger keeps the stream that stdout was at import.
        stack.enter_context(redirect_stdout(nowhere))
        summary = run_once(budget_s)
        for line in _summary_lines(summary):
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


def _summary_lines(summary: dict[str, Any]) -> list[str]:
    """Return a run's summary as lines for people."""
    end = "complete" if summary["complete"] else f"stopped early: {summary['stopped']}"
    return [
        f"ingest: {summary['reports']} reports on {summary['pages']} pages, "
        f"{summary['seconds']:.1f} s, {end}",
        f"ingest: {summary['iocs_new']} IOCs new, {summary['iocs_changed']} changed, "
        f"{summary['without_verdict']} without verdict, "
        f"{summary['quarantined']} records in quarantine",
    ]


def _introduce(server: uvicorn.Server, base: str, sample_budget_s: float, out: TextIO) -> None:
    """When the API listens, print commands for look-ups and a first answer.

    Args:
        server: serves the API.
        base: address of the API.
        sample_budget_s: seconds for ingesting the sample reports; 0 without samples.
        out: receives the text.
    """
    while not server.started:
        time.sleep(0.02)
    _step(out, 5, f"API on {base}")
    if sample_budget_s:
        for line in publish_samples(base, sample_budget_s):
            _step(out, 6, line)
    key = environment.api_key()
    header = shlex.quote(f"apikey: {key}")
    print("\nLook-ups:", file=out)
    for kind, value in SAMPLES.items():
        print(f"  curl -s -H {header} {base}{_path(kind, value)}", file=out)
    if sample_budget_s:
        print("\nAnswer to the first:", file=out)
        print(_answer(base, _path("hash", SAMPLE_HASH), key), file=out)
    print(f"\nOr in a browser: {base}/ with the key {key}", file=out)
    print("Ctrl-C stops everything.", file=out, flush=True)


def publish_samples(base: str, budget_s: float) -> list[str]:
    """Publish the sample reports, ingest the feed of this API, and return lines that report it."""
    key = environment.api_key()
    reports = sorted(SAMPLE_REPORTS.glob("*.json"))
    answers = [json.loads(_request(base, INTAKE, key, report.read_bytes())) for report in reports]
    accepted = [report for answer in answers for report in answer.get("reports", [])]
    # Another feed, so this run is independent of that of the sample feed.
    os.environ["FEED_URL"], os.environ["FEED_API_KEY"] = f"{base}{FEED}", key
    summary = run_once(budget_s)
    answer = json.loads(_request(base, _path("domain", SAMPLE_PUBLISHED), key))
    source = answer["lookup_results"]["sources"][0]
    return [
        f"circle: {len(accepted)} scan reports accepted at {INTAKE}, {summary['reports']} came "
        f"back through {FEED}, {summary['iocs_new']} IOCs new",
        f"circle: {SAMPLE_PUBLISHED} is {source.get('verdict')}, "
        f"{source.get('scan_count')} scans, the latest {source.get('flow_id')}",
    ]


def _path(kind: str, value: str) -> str:
    return f"/v4/{kind}/{quote(value, safe='')}"


def _answer(base: str, path: str, key: str) -> str:
    """Return the API's answer, indented, or the reason for its absence."""
    try:
        body = _request(base, path, key)
    except (OSError, http.client.HTTPException) as error:
        return f"none: {error}"
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "replace")


def _request(base: str, path: str, key: str, body: bytes | None = None) -> bytes:
    """Send a request and return the body of the answer; a JSON body makes it a POST."""
    host = base.removeprefix("http://")
    with closing(http.client.HTTPConnection(host, timeout=ANSWER_TIMEOUT_S)) as connection:
        headers = {"apikey": key} | ({"Content-Type": "application/json"} if body else {})
        connection.request("POST" if body else "GET", path, body, headers)
        return connection.getresponse().read()
