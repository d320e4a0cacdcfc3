"""The built functions under Lambda's own runtime: they start from the artifacts alone, and work."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.environment import DEFAULT_API_KEY, DEFAULTS, ENDPOINT
from local.errors import LocalError
from local.events import Request, Response, http_event, http_response, timer_event
from local.feed import SAMPLE_HASH, sample_feed
from local.runtime import FunctionError, Instance, running, running_function
from shared.store.api_keys import ALL_RIGHTS, ApiKeys
from tests.conftest import Store
from tests.feed_server import FeedServer, page
from tests.infrastructure.recorder import Call, recording
from tests.infrastructure.support import ROOT
from tests.served_providers import served_providers

LISTED = b"203.0.113.0/28\nevil.example\n"
CATALOG = """
[a-list]
name = "list.example"
types = ["ip", "domain"]
address = "BASE/list"
format = "lines"
every = "1h"
assessment = "malware"
licence = "free"
"""

Start = Callable[..., AbstractContextManager[Instance]]


@pytest.fixture
def start(runnable_build: Path, engine_store: Store, engine: str) -> Start:
    """Starts a function, by its name and with variables, on fresh tables with a key to ask with."""
    ApiKeys(engine_store.client, engine_store.state_table).put(
        DEFAULT_API_KEY, "test", now=0, rights=ALL_RIGHTS
    )
    tables = {
        "IocTable": engine_store.table,
        "StateTable": engine_store.state_table,
        "ReportTable": engine_store.report_table,
        "ChangesBus": "a-bus",
        "AWS::StackName": "a-stack",
    }

    def started(name: str, **variables: str) -> AbstractContextManager[Instance]:
        return running_function(runnable_build, name, tables, {ENDPOINT: engine, **variables})

    return started


def tick() -> dict[str, Any]:
    return timer_event("one", datetime.now(UTC))


def ask(
    function: Instance,
    path: str,
    method: str = "GET",
    body: bytes = b"",
    key: str = DEFAULT_API_KEY,
) -> tuple[int, Any]:
    """The answer to a request, as API Gateway would hand it over and pass it on."""
    headers = [(b"apikey", key.encode()), (b"content-type", b"application/json")]
    request = Request(method, path.encode(), headers=headers, body=body)
    event = http_event(request, "request-1", datetime.now(UTC))
    answer: Response = http_response(function.invoke(event))
    return answer.status, json.loads(answer.body)


def test_ingest_stores_the_sample_feed_once_and_lookup_answers_from_it(
    start: Start, engine_store: Store
) -> None:
    with (
        sample_feed() as feed,
        start("IngestFunction", FEED_URL=feed, FEED_ALLOW_PRIVATE="true") as ingest,
    ):
        first, again = ingest.invoke(tick()), ingest.invoke(tick())
        log = ingest.log()
    assert (first["complete"], first["pages"]) == (True, 3)
    assert first["iocs_new"] == len(engine_store.items()) > 30
    assert (again["complete"], again["iocs_new"], again["iocs_changed"]) == (True, 0, 0)
    metrics = next(json.loads(line) for line in log.splitlines() if "ingest_complete" in line)
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "a-stack"
    assert (metrics["service"], metrics["ingest_complete"]) == ("ingest", [1.0])

    with start("LookupFunction") as lookup:
        found = ask(lookup, f"/v4/hash/{SAMPLE_HASH}")
        assert (found[0], found[1]["file_info"]["sha256"]) == (200, SAMPLE_HASH)
        assert ask(lookup, f"/v4/hash/{SAMPLE_HASH}") == found
        assert ask(lookup, "/v4/hash/" + "0" * 64)[0] == 404
        assert ask(lookup, f"/v4/hash/{SAMPLE_HASH}", key="wrong")[0] == 401
        # The data files are there as well.
        assert ask(lookup, "/openapi.json")[1]["openapi"].startswith("3.")
        assert DEFAULT_API_KEY not in lookup.log()


def test_publish_takes_a_report_and_serves_the_feed_of_it(start: Start) -> None:
    report = (ROOT / "local" / "sample_reports" / "order.json").read_bytes()
    with start("PublishFunction") as publish:
        status, answer = ask(publish, "/api/reports", "POST", report)
        assert (status, answer["reports"][0]["status"]) == (200, "published")
        again = ask(publish, "/api/reports", "POST", report)
        assert again[1]["reports"][0]["status"] == "unchanged"
    # A new instance serves what the other one has stored.
    with start("PublishFunction") as publish:
        status, feed = ask(publish, "/feed/reports.json")
    assert (status, feed["count"]) == (200, 1)
    assert feed["items"][0]["flow_id"] == answer["reports"][0]["flow_id"]


def test_providers_brings_a_list_and_lookup_tells_of_it(start: Start, tmp_path: Path) -> None:
    with served_providers(CATALOG, {"/list": LISTED}, tmp_path) as (_, settings):
        with start("ProvidersFunction", **settings) as providers:
            result = providers.invoke(tick())
            assert result["a-list"]["complete"] is True
            assert providers.invoke(tick()) == {}
        with start("LookupFunction", **settings) as lookup:
            status, answer = ask(lookup, "/v4/ip/203.0.113.7")
    assert status == 200
    rows = {row["provider"]: row for row in answer["lookup_results"]["sources"]}
    assert rows["list.example"]["status"] == 1


def test_changes_reach_the_bus_and_the_webhook(start: Start, engine: str) -> None:
    stream, queue = (
        json.loads((ROOT / "events" / f"{name}.json").read_bytes())
        for name in ("dynamodb-stream-changes", "sqs-webhook")
    )
    with (
        recording(engine) as bus,
        start("ChangesFunction", AWS_ENDPOINT_URL_EVENTBRIDGE=bus.url) as changes,
    ):
        assert changes.invoke(stream) == {"batchItemFailures": []}
    assert bus.calls == {Call("events:PutEvents", "a-bus")}
    with FeedServer() as server:
        server.answer("/hook", page(b""))
        settings = {
            "WEBHOOK_URL": f"http://127.0.0.1:{server.port}/hook",
            "WEBHOOK_ALLOW_PRIVATE": "true",
            "WEBHOOK_SIGNING_KEY": DEFAULTS["WEBHOOK_SIGNING_KEY"],
        }
        with start("WebhookFunction", **settings) as webhook:
            assert webhook.invoke(queue) == {"batchItemFailures": []}
        assert server.asked() == ["/hook"]


def test_a_setting_that_is_missing_ends_the_start_and_names_it(start: Start) -> None:
    with (
        start("LookupFunction", TABLE_NAME="") as lookup,
        pytest.raises(FunctionError, match="SettingsError: TABLE_NAME is not set"),
    ):
        ask(lookup, "/health")


def test_a_handler_that_raises_is_told_and_the_instance_lives_on(start: Start) -> None:
    with (
        sample_feed() as feed,
        start("IngestFunction", FEED_URL=feed, FEED_ALLOW_PRIVATE="true") as ingest,
    ):
        with pytest.raises(FunctionError) as raised:
            ingest.invoke({"reingest_since": "yesterday"})
        assert raised.value.kind == "InvalidRecord"
        assert ingest.invoke(tick())["complete"] is True


def test_an_invocation_that_takes_too_long_is_ended_and_the_next_one_is_answered(
    runnable_build: Path, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\n\ndef handler(event, _):\n    time.sleep(event['s'])\n    return 'done'\n"
    )
    with running(tmp_path, runnable_build, "slow.handler", {}, timeout_s=1) as slow:
        with pytest.raises(FunctionError, match="timed out after 1"):
            slow.invoke({"s": 600})
        assert slow.invoke({"s": 0}) == "done"


def test_a_function_that_is_stopped_leaves_no_process(start: Start) -> None:
    with start("LookupFunction") as lookup:
        with pytest.raises(LocalError, match="not running"):
            lookup.pid()
        ask(lookup, "/health")
        runtime = Path(f"/proc/{lookup.pid()}")
        assert (runtime / "exe").readlink().name == "python3.13"
        assert lookup.cpu_s() > 0
    assert not runtime.exists()
    with pytest.raises(OSError, match="refused"):
        lookup.invoke({})
