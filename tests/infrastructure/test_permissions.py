"""A function may do what it does, and no more: its calls on a real run against its grants."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from aws_lambda_powertools.utilities.parameters.constants import DEFAULT_PROVIDERS
from botocore.client import BaseClient

from local.api import register_api_key
from local.context import LocalContext
from local.engine import running_engine
from local.feed import sample_feed
from local.handlers import load
from local.ingest import run_once
from local.publish import send
from local.tables import make_tables
from local.template import http_routes
from local.up import SAMPLE_REPORTS
from shared.store.client import dynamodb_client
from tests.feed_server import FeedServer, page
from tests.infrastructure.support import ROOT
from tests.infrastructure.test_template import GRANTS, PROVIDER_KEYS_ARN
from tests.served_providers import served_providers

TABLES = {
    "IocTable": "iocs",
    "StateTable": "state",
    "ReportTable": "reports",
    "SearchTable": "search",
}

# The sample feed knows an address in this network.
LISTED = b"203.0.113.0/28\n192.0.2.1\n"
CATALOG = """
[a-list]
name = "list.example"
types = ["ip"]
address = "BASE/list"
format = "lines"
key = true
every = "1h"
assessment = "malware"
licence = "free"

[an-api]
name = "api.example"
types = ["md5", "sha1", "sha256", "ip", "domain", "url"]
address = "BASE/api/{value}"
format = "api"
key = true
every = "1h"
assessment = "malware"
licence = "free"
options = { listed = "bad" }
"""

Calls = dict[str, set[str]]


@pytest.fixture
def stack(fresh_handlers: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Engine, tables, feed and an API key, for this process."""
    with running_engine() as endpoint, sample_feed() as feed_url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "IocReputation")
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
        monkeypatch.setenv("TABLE_NAME", TABLES["IocTable"])
        monkeypatch.setenv("STATE_TABLE_NAME", TABLES["StateTable"])
        monkeypatch.setenv("REPORT_TABLE_NAME", TABLES["ReportTable"])
        monkeypatch.setenv("SEARCH_TABLE_NAME", TABLES["SearchTable"])
        monkeypatch.setenv("FEED_URL", feed_url)
        make_tables(dynamodb_client(), TABLES)
        register_api_key()
        yield


@pytest.fixture
def lists(stack: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FeedServer]:
    """Two providers, one with a list and one without; both need a key."""
    DEFAULT_PROVIDERS.clear()
    with served_providers(CATALOG, {"/list": LISTED}, tmp_path) as (server, settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def calls(stack: None, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The actions called from here on, by the logical id of their table, or by what they read."""
    seen: Calls = defaultdict(set)
    logical = {name: key for key, name in TABLES.items()}
    send = vars(BaseClient)["_make_api_call"]

    def record(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        if operation == "GetParameter":
            assert request["Name"] in {"/keys/a-list", "/keys/an-api"}
            seen[PROVIDER_KEYS_ARN].add("ssm:GetParameter")
            return {"Parameter": {"Name": request["Name"], "Value": "the-key"}}
        # A transaction asks for the permissions of what it does.
        for part in request.get("TransactItems", []):
            ((action, does),) = part.items()
            seen[logical[does["TableName"]]].add(f"dynamodb:{action}Item")
        if "TransactItems" not in request:
            for table in request.get("RequestItems", [request.get("TableName")]):
                seen[logical[table]].add(f"dynamodb:{operation}")
        return send(client, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    return seen


def granted(role: str) -> Calls:
    asked = (*TABLES, PROVIDER_KEYS_ARN)
    return {name: GRANTS[role][name] for name in asked if name in GRANTS[role]}


def test_ingest_calls_what_it_is_granted(calls: Calls) -> None:
    summary = run_once(60)
    assert summary["complete"]
    assert summary["quarantined"], "the sample feed has to show what a bad record costs"
    run_once(60)
    assert calls == granted("IngestFunctionRole")


def test_without_a_search_index_nothing_reaches_for_it(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEARCH_TABLE_NAME")
    assert run_once(60)["complete"]
    ask("lookup")
    assert calls.keys() == {"IocTable", "StateTable"}


def test_providers_call_what_they_are_granted(calls: Calls, lists: FeedServer) -> None:
    refreshed = refresh()
    assert refreshed == {"a-list": refreshed["a-list"] | {"complete": True, "changes": 2}}
    lists.answer("/list", page(LISTED + b"192.0.2.2\n"))
    assert refresh("a-list")["a-list"]["changes"] == 1
    assert {request.headers["x-api-key"] for request in lists.requests} == {"the-key"}
    assert calls == granted("ProvidersFunctionRole")


def test_lookup_calls_what_it_is_granted(calls: Calls, lists: FeedServer) -> None:
    refresh()
    DEFAULT_PROVIDERS.clear()
    calls.clear()
    ask("lookup")
    assert "/api/203.0.113.7" in lists.asked()
    assert calls == granted("LookupFunctionRole")


def test_without_providers_look_ups_neither_write_items_nor_read_keys(calls: Calls) -> None:
    ask("lookup")
    everything = granted("LookupFunctionRole")
    everything.pop(PROVIDER_KEYS_ARN)
    everything["IocTable"] = everything["IocTable"] - {"dynamodb:UpdateItem"}
    assert calls == everything


def test_publish_calls_what_it_is_granted(calls: Calls) -> None:
    for report in SAMPLE_REPORTS.glob("*.json"):
        assert send(report.read_bytes())[1]["reports"][0]["status"] == "published"
    # One that comes again with other content replaces what the feed has.
    again = json.loads((SAMPLE_REPORTS / "picture.json").read_bytes())
    for report in again["reports"].values():
        report["iocs"]["domain"] = []
    assert send(json.dumps(again).encode())[1]["reports"][0]["status"] == "replaced"
    ask("publish")
    assert calls == granted("PublishFunctionRole")


def ask(function: Literal["lookup", "publish"]) -> None:
    """Hand every request of the event files that is for a function to it."""
    for path in sorted((ROOT / "events").glob("apigateway-http-api-proxy-*.json")):
        event = json.loads(path.read_text(encoding="utf-8"))
        if http_routes()[event["routeKey"].rpartition(" ")[2]].split(".")[1] == function:
            answer = load(function)(event, LocalContext(function, 10))
            assert answer["statusCode"] < 500, path.name


def refresh(*ids: str) -> Any:
    """Run the providers handler once; it may refresh these although they are not due."""
    return load("providers")({"refresh": list(ids)}, LocalContext("providers", 60))
