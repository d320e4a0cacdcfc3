"""A function may do what it does, and no more: its calls on a real run against its grants."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.client import BaseClient

from local.api import register_api_key
from local.context import LocalContext
from local.engine import running_engine
from local.feed import sample_feed
from local.handlers import load
from local.ingest import run_once
from local.tables import make_tables
from shared.store.client import dynamodb_client
from tests.infrastructure.support import ROOT
from tests.infrastructure.test_template import GRANTS

TABLES = {"IocTable": "iocs", "StateTable": "state"}

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
        monkeypatch.setenv("FEED_URL", feed_url)
        make_tables(dynamodb_client(), TABLES)
        register_api_key()
        yield


@pytest.fixture
def calls(stack: None, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The actions called from here on, by the logical id of their table."""
    seen: Calls = defaultdict(set)
    logical = {name: key for key, name in TABLES.items()}
    send = vars(BaseClient)["_make_api_call"]

    def record(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        for table in request.get("RequestItems", [request.get("TableName")]):
            seen[logical[table]].add(f"dynamodb:{operation}")
        return send(client, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    return seen


def granted(role: str) -> Calls:
    return {table: GRANTS[role][table] for table in TABLES}


def test_ingest_calls_what_it_is_granted(calls: Calls) -> None:
    summary = run_once(60)
    assert summary["complete"]
    assert summary["quarantined"], "the sample feed has to show what a bad record costs"
    run_once(60)
    assert calls == granted("IngestFunctionRole")


def test_lookup_calls_what_it_is_granted(calls: Calls) -> None:
    lookup = load("lookup")
    for path in sorted((ROOT / "events").glob("apigateway-http-api-proxy-*.json")):
        lookup(json.loads(path.read_text(encoding="utf-8")), LocalContext("lookup", 10))
    assert calls == granted("LookupFunctionRole")
