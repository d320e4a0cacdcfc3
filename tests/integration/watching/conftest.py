"""The real handlers of all functions, and every line that they write."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import functions.changes.app as changes
import functions.export.app as export
import functions.filter.app as filter_
import functions.ingest.app as ingest
import functions.lookup.app as lookup
import functions.providers.app as providers
import functions.publish.app as publish
import functions.webhook.app as webhook
from local.context import LocalContext
from local.events import Request, http_event, timer_event
from local.template import load_template
from shared.runtime.metrics import metrics
from shared.runtime.observability import logger
from shared.store.api_keys import ALL_RIGHTS, ApiKeys
from tests.cloudwatch import in_stack
from tests.conftest import Store
from tests.feed_server import FeedServer
from tests.served_providers import served_providers

STACK = "ioc-reputation-test"
KEY = "the-key-of-a-client"
SANDBOX_KEY, FEED_KEY = "the-key-of-the-sandbox", "the-key-of-the-feed"
PROVIDER_KEY = "the-key-of-a-provider"
EVENT_ID = "11111111-2222-3333-4444-555555555555"
REQUEST_ID = "JKJaXmPLvHcESHA="
CATALOG = """
[list]
name = "list.example"
types = ["domain"]
address = "BASE/list"
format = "lines"
every = "1h"
licence = "free"
assessment = "malware"
key = true

[asked]
name = "asked.example"
types = ["domain"]
address = "BASE/asked?q={value}"
format = "api"
every = "1h"
licence = "free"
assessment = "malware"
key = true
options = { listed = "bad", keep = "1h", budget_ms = 5000 }
"""
# Metrics of AWS by namespace, with the dimension by which the alarms read them.
PUBLISHED = {
    ("AWS/ApiGateway", "ApiName"): {
        "4XXError",
        "5XXError",
        "Count",
        "IntegrationLatency",
        "Latency",
    },
    ("AWS/DynamoDB", "TableName"): {
        "ConsumedReadCapacityUnits",
        "ConsumedWriteCapacityUnits",
        "ReadThrottleEvents",
        "WriteThrottleEvents",
    },
    ("AWS/Lambda", "FunctionName"): {
        "ConcurrentExecutions",
        "Duration",
        "Errors",
        "Invocations",
        "IteratorAge",
        "Throttles",
        "Url4xxCount",
        "Url5xxCount",
        "UrlRequestCount",
        "UrlRequestLatency",
    },
    ("AWS/SQS", "QueueName"): {"ApproximateNumberOfMessagesVisible"},
}

# Our own metrics, with the functions that write them.
OURS = {
    ("ingest", "ingest_complete"),
    ("ingest", "ingest_feed_failures"),
    ("ingest", "ingest_quarantined"),
    ("ingest", "ingest_lag_s"),
    ("ingest", "ingest_verdicts_missing"),
    ("ingest", "ingest_unresolved_long"),
    ("publish", "poll_complete"),
    ("providers", "providers_stale"),
    ("export", "exports_published"),
    ("filter", "filter_published"),
    ("lookup", "lookup_ms"),
    ("lookup", "lookup_cold_starts"),
    ("lookup", "lookup_quota_refused"),
}
HANDLERS: dict[str, Callable[[dict[str, Any], Any], Any]] = {
    "changes": changes.lambda_handler,
    "export": export.lambda_handler,
    "filter": filter_.lambda_handler,
    "ingest": ingest.lambda_handler,
    "lookup": lookup.lambda_handler,
    "providers": providers.lambda_handler,
    "publish": publish.lambda_handler,
    "webhook": webhook.lambda_handler,
}


def look_up(path: str, key: str = KEY) -> Request:
    """A look-up of the v4 API."""
    return Request("GET", f"/v4/{path}".encode(), headers=[(b"apikey", key.encode())])


class Functions:
    """Invokes the functions as the template configures them, and reads what they write.

    Attributes:
        lines: of the log, as they were written, since `read` was called last.
    """

    def __init__(
        self, patch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str], stack: str = STACK
    ) -> None:
        self._patch = patch
        self._output = output
        template = in_stack(load_template(), stack)
        self._resources = template["Resources"]
        self._common = template["Globals"]["Function"]["Environment"]["Variables"]
        self.lines: list[str] = []

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """One invocation; what it writes is added to `lines`."""
        resource = self._resources[f"{function.capitalize()}Function"]
        service = resource["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        namespace = self._common["POWERTOOLS_METRICS_NAMESPACE"]
        # Look-ups read these variables, and all others have read them in their start.
        self._patch.setenv("POWERTOOLS_METRICS_NAMESPACE", namespace)
        self._patch.setenv("POWERTOOLS_SERVICE_NAME", service)
        self._patch.setattr(metrics.provider, "namespace", namespace)
        self._patch.setattr(metrics.provider, "service", service)
        self._patch.setattr(metrics.provider, "dimension_set", {})
        context: Any = LocalContext(function, 300)
        self._output.readouterr()
        # The logger has kept what stdout was when it was made.
        self._patch.setattr(logger.registered_handler, "stream", sys.stdout)
        try:
            return HANDLERS[function](event, context)
        finally:
            said = self._output.readouterr()
            assert said.err == ""
            # Not splitlines(): of U+2028 and the like it would make two lines.
            self.lines += [line for line in said.out.split("\n") if line]

    def ask(self, request: Request, function: str = "lookup") -> dict[str, Any]:
        """What a function answers to a request."""
        event = http_event(request, REQUEST_ID, datetime.now(UTC))
        answer: dict[str, Any] = self.invoke(function, event)
        return answer

    def tick(self, function: str) -> Any:
        """What a function answers to its timer."""
        return self.invoke(function, timer_event(EVENT_ID, datetime.now(UTC)))

    def read(self) -> list[dict[str, Any]]:
        """The lines since the last time, each read as JSON."""
        read = [json.loads(line) for line in self.lines]
        self.lines = []
        return read

    def records(self) -> list[dict[str, Any]]:
        """The records with metrics since the last time."""
        return [one for one in self.read() if "_aws" in one]


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Functions:
    return Functions(monkeypatch, capsys)


@pytest.fixture
def outside(
    engine: str,
    engine_store: Store,
    fresh_handlers: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[FeedServer]:
    """Feed, sandbox and provider at one address, with a key for each; and a key for a client."""
    ApiKeys(engine_store.client, engine_store.state_table).put(KEY, "test", 0, rights=ALL_RIGHTS)
    monkeypatch.setattr("shared.runtime.provider_keys.get_parameter", lambda *_, **__: PROVIDER_KEY)
    with served_providers(CATALOG, {"/list": b"evil.example\n"}, tmp_path) as (server, settings):
        address = f"http://127.0.0.1:{server.port}"
        mine = {
            "FEED_URL": server.url,
            "FEED_API_KEY": FEED_KEY,
            "SANDBOX_URL": address,
            "SANDBOX_API_KEY": SANDBOX_KEY,
            "AWS_ENDPOINT_URL_S3": engine,
            "EXPORT_BUCKET": "export-bucket",
            "FILTER_BUCKET": "filter-bucket",
        }
        for name, value in (engine_store.env() | settings | mine).items():
            monkeypatch.setenv(name, value)
        yield server
