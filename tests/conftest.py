"""What every layer shares: stores made from template.yaml, on moto and on the embedded engine."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import settings

from local.engine import running_engine
from local.environment import DEFAULT_REGION, DEFAULTS, ENDPOINT, OBJECTS
from local.tables import make_tables
from shared.store.client import DynamoDBClient, dynamodb_client
from shared.store.direct import direct_client

# Machines are shared and noisy: a slow example proves nothing.
settings.register_profile("default", deadline=None, print_blob=True)
settings.load_profile("default")

# Powertools reads some of these when a handler's module is imported, before any fixture runs.
os.environ.update(DEFAULTS)

_numbers = itertools.count()

_SETTINGS = (
    "AWS_",
    "FEED_",
    "INHERIT_",
    "FILTER_",
    "EXPORT_",
    "API_KEY",
    "TABLE_",
    "STATE_TABLE_",
    "REPORT_TABLE_",
    "SEARCH_TABLE_",
    "SANDBOX_",
    "REPUTATION_",
    "PROVIDER",
    "EVENT_BUS_",
    "WEBHOOK_",
)


@dataclass(frozen=True)
class Store:
    """Fresh tables and a client for them.

    Attributes:
        client: the one that is tested.
        boto3: one for what the tests themselves look at.
    """

    client: DynamoDBClient
    boto3: DynamoDBClient
    table: str
    state_table: str
    report_table: str
    search_table: str

    def items(self, table: str | None = None) -> list[dict[str, Any]]:
        """Everything in a table, the IOC table if none is named, by key."""
        pages = self.boto3.get_paginator("scan").paginate(TableName=table or self.table)
        found: list[dict[str, Any]] = [dict(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda item: (str(item["pk"]), str(item.get("sk"))))

    def empty(self, *tables: str) -> None:
        """Delete everything in tables, those of IOCs and of state if none is named."""
        for table in tables or (self.table, self.state_table):
            for item in self.items(table):
                key: dict[str, Any] = {one: item[one] for one in ("pk", "sk") if one in item}
                self.boto3.delete_item(TableName=table, Key=key)

    def env(self) -> dict[str, str]:
        """The settings that make a handler use these tables."""
        return {
            "TABLE_NAME": self.table,
            "STATE_TABLE_NAME": self.state_table,
            "REPORT_TABLE_NAME": self.report_table,
            "SEARCH_TABLE_NAME": self.search_table,
        }


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches a real account, or depends on whose machine it runs on."""
    for name in list(os.environ):
        if name.startswith(_SETTINGS):
            monkeypatch.delenv(name)
    for name, value in DEFAULTS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", DEFAULT_REGION)
    monkeypatch.setenv("AWS_REGION", DEFAULT_REGION)


@pytest.fixture
def fresh_handlers() -> Iterator[None]:
    """Handlers that read their settings anew: they keep their clients while a process lives."""
    import functions.annotate.app as annotate
    import functions.changes.app as changes
    import functions.ingest.app as ingest
    import functions.lookup.app as lookup
    import functions.providers.app as providers
    import functions.publish.app as publish

    kept = (
        annotate._service,
        changes._client,
        lookup._asker,
        providers._client,
        ingest._client,
        lookup._service,
        lookup._metrics,
        lookup._filters,
        lookup._exports,
        publish._settings,
        publish._client,
        publish._keys,
        publish._reputation_client,
    )
    for cached in kept:
        cached.cache_clear()
    yield
    for cached in kept:
        cached.cache_clear()


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """Endpoint of the embedded engine, which is safe for threads; moto is not."""
    with running_engine() as endpoint:
        yield endpoint


@pytest.fixture
def engine_store(engine: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store on the embedded engine."""
    monkeypatch.setenv(ENDPOINT, engine)
    monkeypatch.setenv(OBJECTS, engine)
    return new_store()


@pytest.fixture
def moto_store() -> Iterator[Store]:
    """A store on moto, in this process: quick, and for one thread only."""
    from moto import mock_aws

    with mock_aws():
        yield new_store()


@pytest.fixture
def direct_store(engine_store: Store) -> Store:
    """A store on the embedded engine, asked by the direct client."""
    return replace(engine_store, client=direct_client())


@pytest.fixture(params=["moto", "engine"])
def any_store(request: pytest.FixtureRequest) -> Store:
    """The same test on both: what they disagree on must not be relied upon."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    return store


@pytest.fixture(params=["moto", "engine", "direct"])
def every_store(request: pytest.FixtureRequest) -> Store:
    """The same for what look-ups and ingestion ask of the store, and with their own client."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    return store


def new_store() -> Store:
    """Fresh tables at the endpoint that the environment names."""
    number = next(_numbers)
    client = dynamodb_client()
    names = (f"{kind}-{number}" for kind in ("iocs", "state", "reports", "search"))
    store = Store(client, client, *names)
    tables = {
        "IocTable": store.table,
        "StateTable": store.state_table,
        "ReportTable": store.report_table,
        "SearchTable": store.search_table,
    }
    make_tables(store.client, tables)
    return store
