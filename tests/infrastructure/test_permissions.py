"""A function may do what it does, and no more: its calls on the wire against its grants."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
import trustme
from aws_lambda_powertools.utilities.parameters.constants import DEFAULT_PROVIDERS

from local.api import register_api_key
from local.buckets import make_bucket
from local.changes import stream_records
from local.context import LocalContext
from local.engine import running_engine
from local.environment import DEFAULTS, ENDPOINT
from local.feed import SAMPLE_HASH, sample_feed
from local.handlers import load
from local.ingest import run_once
from local.publish import send
from local.tables import make_tables
from local.template import http_routes
from local.up import SAMPLE_REPORTS
from shared.domain.indicator import IndicatorType, parse
from shared.domain.override import Override
from shared.domain.verdict import Verdict
from shared.store.api_keys import ApiKeys, digest_of
from shared.store.client import dynamodb_client
from shared.store.iocs import IocTable
from shared.store.items import IocItem, to_item
from shared.store.keys import api_key_key
from shared.store.quotas import DAY_S, QuotaCounters, Window
from tests.builders import reputation
from tests.feed_server import FeedServer, page
from tests.infrastructure.policies import Grant, grants, not_called, not_granted
from tests.infrastructure.recorder import Call, Recorder, calls_of, recording
from tests.infrastructure.support import ROOT, Template
from tests.scans import body_of, raw_scan, raw_scan_report, scan_ioc
from tests.served_providers import served_providers

# The tables are called by their logical ids, so that calls and grants speak of the same.
TABLES = {name: name for name in ("IocTable", "StateTable", "ReportTable", "SearchTable")}
PARAMETERS = {
    "FeedApiKeyParameter": "/keys/feed",
    "FeedCaParameter": "/certificates/feed",
    "SandboxApiKeyParameter": "/keys/sandbox",
    "ReputationApiKeyParameter": "/keys/reputation",
    "ProviderKeysPath": "/keys/providers",
    "WebhookSigningKeyParameter": "/keys/webhook",
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
options = { listed = "bad", budget_ms = 5000 }
"""
# What a provider that overrules trusts: a network, and names with those below them.
TRUSTED = """
[trusted]
name = "trusted.example"
types = ["ip", "domain"]
address = "BASE/trusted"
format = "misp_warninglist"
every = "1d"
stance = "trusted"
effect = "overrule"
licence = "free"
"""
TRUSTED_LIST = {
    "type": "hostname",
    "list": ["198.51.100.0/28", "evil.example"],
}

Function = Literal[
    "annotate",
    "changes",
    "export",
    "filter",
    "ingest",
    "lookup",
    "providers",
    "publish",
    "webhook",
]
FUNCTIONS: tuple[Function, ...] = get_args(Function)


@pytest.fixture
def aws(fresh_handlers: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """Engine, tables, feed and an API key for this process; the functions' calls are recorded."""
    settings = {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "POWERTOOLS_SERVICE_NAME": "test",
        "TABLE_NAME": "IocTable",
        "STATE_TABLE_NAME": "StateTable",
        "REPORT_TABLE_NAME": "ReportTable",
        "SEARCH_TABLE_NAME": "SearchTable",
        "FILTER_BUCKET": "FilterBucket",
        "EXPORT_BUCKET": "ExportBucket",
    }
    DEFAULT_PROVIDERS.clear()
    with running_engine() as engine, sample_feed() as feed_url, recording(engine) as recorder:
        for name, value in (settings | {ENDPOINT: engine, "FEED_URL": feed_url}).items():
            monkeypatch.setenv(name, value)
        make_tables(dynamodb_client(), TABLES)
        register_api_key()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", engine)
        make_bucket()
        make_bucket("ExportBucket")
        monkeypatch.setenv(ENDPOINT, recorder.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", recorder.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", recorder.url)
        yield recorder
        assert recorder.unknown == []
    DEFAULT_PROVIDERS.clear()


@pytest.fixture
def lists(aws: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FeedServer]:
    """Two providers, one with a list and one without; both need a key."""
    path = PARAMETERS["ProviderKeysPath"]
    aws.parameters |= {f"{path}/a-list": "the-key", f"{path}/an-api": "the-key"}
    with served_providers(CATALOG, {"/list": LISTED}, tmp_path) as (server, settings):
        for name, value in (settings | {"PROVIDER_KEYS_PATH": path}).items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def trusted_lists(aws: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A provider that overrules, with its list in the tables."""
    answers = {"/trusted": json.dumps(TRUSTED_LIST).encode()}
    with served_providers(TRUSTED, answers, tmp_path) as (_, settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        assert refresh()["trusted"]["complete"]
        aws.calls.clear()
        yield


@pytest.fixture
def neighbours(aws: Recorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    """A sandbox with an empty list of reports and a reputation API that knows nothing."""
    with FeedServer() as server:
        server.answer("/api/reports/search?page=1&page_size=20", page(b'{"items": []}'))
        address = f"http://127.0.0.1:{server.port}"
        for name, parameter in (("SANDBOX", "/keys/sandbox"), ("REPUTATION", "/keys/reputation")):
            aws.parameters[parameter] = f"key of {name}"
            monkeypatch.setenv(f"{name}_URL", address)
            monkeypatch.setenv(f"{name}_API_KEY_PARAMETER", parameter)
        aws.parameters["/certificates/feed"] = certificate()
        monkeypatch.setenv("FEED_CA_PARAMETER", "/certificates/feed")
        monkeypatch.setenv("SANDBOX_ALLOW_PRIVATE", "true")
        monkeypatch.setenv("REPUTATION_ALLOW_PRIVATE", "true")
        yield server


def certificate() -> str:
    return trustme.CA().cert_pem.bytes().decode()


def held_by(template: Template, function: Function) -> list[Grant]:
    return grants(template, f"{function.capitalize()}FunctionRole", PARAMETERS)


def assert_equal(held: list[Grant], calls: set[Call]) -> None:
    assert calls
    assert not_granted(held, calls) == set(), "called, and AWS would refuse it"
    assert not_called(held, calls) == set(), "granted, and nothing calls it"


def test_ingest_calls_what_it_is_granted(
    template: Template, aws: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.parameters["/keys/feed"] = "the-key"
    monkeypatch.setenv("FEED_API_KEY_PARAMETER", "/keys/feed")
    aws.parameters["/certificates/feed"] = certificate()
    monkeypatch.setenv("FEED_CA_PARAMETER", "/certificates/feed")
    summary = run_once(60)
    assert summary["complete"]
    assert summary["quarantined"], "the sample feed has to show what a bad record costs"
    run_once(60)
    # The override of one digest of a file, which ingestion copies to the others.
    called = set(aws.calls)
    digest = parse(IndicatorType.SHA256, SAMPLE_HASH)
    override = Override(1, 1, Verdict.BENIGN, "reason", "Ann", digest.value)
    assert IocTable(dynamodb_client(), "IocTable").override(digest, override)
    aws.calls.clear()
    aws.calls |= called
    run_once(60, "2020-01-01")
    assert_equal(held_by(template, "ingest"), aws.calls)


def test_without_a_search_index_nothing_reaches_for_it(
    aws: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEARCH_TABLE_NAME")
    assert run_once(60)["complete"]
    ask("lookup")
    assert not any(call.resource == "SearchTable" for call in aws.calls)


def test_providers_call_what_they_are_granted(
    template: Template, aws: Recorder, lists: FeedServer
) -> None:
    refreshed = refresh()
    assert refreshed == {"a-list": refreshed["a-list"] | {"complete": True, "changes": 2}}
    lists.answer("/list", page(LISTED + b"192.0.2.2\n"))
    assert refresh("a-list")["a-list"]["changes"] == 1
    assert {request.headers["x-api-key"] for request in lists.requests} == {"the-key"}
    assert_equal(held_by(template, "providers"), aws.calls)


def test_lookup_calls_what_it_is_granted(
    template: Template, aws: Recorder, lists: FeedServer
) -> None:
    refresh()
    DEFAULT_PROVIDERS.clear()
    aws.calls.clear()
    # Without a filter and exports, and with them.
    ask("lookup")
    seen = set(aws.calls)
    load("filter")({}, LocalContext("filter", 300))
    load("export")({}, LocalContext("export", 300))
    aws.calls = seen
    ask("lookup")
    assert "/api/203.0.113.7" in lists.asked()
    assert_equal(held_by(template, "lookup"), aws.calls)


def test_filter_calls_what_it_is_granted(template: Template, aws: Recorder) -> None:
    assert run_once(60)["complete"]
    aws.calls.clear()
    assert load("filter")({}, LocalContext("filter", 300))["entries"] > 0
    assert_equal(held_by(template, "filter"), aws.calls)


def test_export_calls_what_it_is_granted(
    template: Template, aws: Recorder, trusted_lists: None
) -> None:
    assert run_once(60)["complete"]
    expired = Override(1, 1, Verdict.BENIGN, "reason", "Ann", "evil.example", expires=2)
    domain = parse(IndicatorType.DOMAIN, "evil.example")
    assert IocTable(dynamodb_client(), "IocTable").override(domain, expired)
    aws.calls.clear()
    # The first run finds nothing of one before.
    for _ in range(2):
        assert load("export")({}, LocalContext("export", 300))["iocs"] > 0
    assert_equal(held_by(template, "export"), aws.calls)


def test_without_providers_look_ups_neither_write_items_nor_read_keys(
    template: Template, aws: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FILTER_BUCKET")
    monkeypatch.delenv("EXPORT_BUCKET")
    monkeypatch.delenv("SEARCH_TABLE_NAME")
    ask("lookup")
    always = [one for one in held_by(template, "lookup") if not one.condition]
    assert_equal(always, aws.calls)
    assert not any(one.action.startswith("ssm:") for one in always)


def test_annotate_calls_what_it_is_granted(template: Template, aws: Recorder) -> None:
    ask("annotate")
    # A key at its limit: the counter is read, too.
    ApiKeys(dynamodb_client(), "StateTable").put("b" * 32, "limited", 0, daily_limit=1)
    aws.calls.discard(
        Call("dynamodb:PutItem", "StateTable", frozenset([api_key_key(digest_of("b" * 32))]))
    )
    path = ROOT / "events" / "apigateway-aws-proxy-report-fp-ip.json"
    event = json.loads(path.read_text(encoding="utf-8"))
    event["headers"]["apikey"] = "b" * 32
    event["multiValueHeaders"]["apikey"] = ["b" * 32]
    # Another instance has used the limit up.
    now_s = time.time_ns() // 1_000_000_000
    window = Window(digest_of("b" * 32), DAY_S, now_s // DAY_S * DAY_S)
    QuotaCounters(dynamodb_client(), "StateTable").lease(window, 1, 1)
    answer = load("annotate")(event, LocalContext("annotate", 10))
    assert answer["statusCode"] == 429
    assert_equal(held_by(template, "annotate"), aws.calls)


def test_publish_calls_what_it_is_granted(
    template: Template, aws: Recorder, trusted_lists: None, neighbours: FeedServer
) -> None:
    # The second scan asks whether a trusted list overrules what the first one states.
    for flow_id, verdict in (("scan-1", "MALICIOUS"), ("scan-2", None)):
        iocs = {"ip": [scan_ioc("198.51.100.7", verdict)]}
        assert send(body_of(raw_scan(raw_scan_report(iocs), flow_id=flow_id)))[0] == 200
    for report in SAMPLE_REPORTS.glob("*.json"):
        assert send(report.read_bytes())[1]["reports"][0]["status"] == "published"
    # One that comes again with other content replaces what the feed has.
    again = json.loads((SAMPLE_REPORTS / "picture.json").read_bytes())
    for report in again["reports"].values():
        report["iocs"]["domain"] = []
    assert send(json.dumps(again).encode())[1]["reports"][0]["status"] == "replaced"
    ask("publish")
    assert load("publish")({}, LocalContext("publish", 60))["complete"]
    assert_equal(held_by(template, "publish"), aws.calls)


def test_changes_and_webhook_call_what_they_are_granted(
    template: Template, aws: Recorder, trusted_lists: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", aws.url)
    monkeypatch.setenv("EVENT_BUS_NAME", "ChangesBus")
    event = json.loads((ROOT / "events" / "dynamodb-stream-changes.json").read_bytes())
    # An address that is bad, because trusted networks are read only for such a one.
    item = to_item(IocItem(reputation(parse(IndicatorType.IP, "198.51.100.7")), b"00000001"))
    event["Records"] += stream_records({}, {item["pk"]["S"]: item})
    assert load("changes")(event, LocalContext("changes", 60)) == {"batchItemFailures": []}
    assert_equal(held_by(template, "changes"), aws.calls)
    aws.calls.clear()
    aws.parameters["/keys/webhook"] = DEFAULTS["WEBHOOK_SIGNING_KEY"]
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY_PARAMETER", "/keys/webhook")
    monkeypatch.setenv("WEBHOOK_ALLOW_PRIVATE", "true")
    aws.parameters["/certificates/feed"] = certificate()
    monkeypatch.setenv("FEED_CA_PARAMETER", "/certificates/feed")
    with FeedServer() as server:
        server.answer("/hook", page(b""))
        monkeypatch.setenv("WEBHOOK_URL", f"http://127.0.0.1:{server.port}/hook")
        message = json.loads((ROOT / "events" / "sqs-webhook.json").read_bytes())
        delivered = load("webhook")(message, LocalContext("webhook", 30))
        assert delivered == {"batchItemFailures": []}
        assert server.asked() == ["/hook"]
    assert_equal(held_by(template, "webhook"), aws.calls)


def test_no_function_can_make_an_api_key(template: Template) -> None:
    for function in FUNCTIONS:
        for action in ("Put", "Update", "Delete", "BatchWrite"):
            call = Call(f"dynamodb:{action}Item", "StateTable", frozenset(["key#of-a-stranger"]))
            assert not_granted(held_by(template, function), [call]) == {call}


@pytest.mark.parametrize(
    "function", ["changes", "export", "filter", "ingest", "providers", "webhook"]
)
def test_who_lets_nobody_in_cannot_read_an_api_key(template: Template, function: Function) -> None:
    for action in ("Get", "BatchGet"):
        call = Call(f"dynamodb:{action}Item", "StateTable", frozenset(["key#of-a-stranger"]))
        assert not_granted(held_by(template, function), [call]) == {call}


class TestTheComparison:
    """Fails in each direction, so that a pass is meaningful."""

    HELD = (Grant("dynamodb:GetItem", "StateTable", frozenset(["key#*", "quota#*"])),)
    CALLS = (
        Call("dynamodb:GetItem", "StateTable", frozenset(["key#1"])),
        Call("dynamodb:GetItem", "StateTable", frozenset(["quota#1#2"])),
    )

    def test_equal_sets_pass(self) -> None:
        assert_equal(list(self.HELD), set(self.CALLS))

    @pytest.mark.parametrize(
        "call",
        [
            Call("dynamodb:PutItem", "StateTable", frozenset(["key#1"])),
            Call("dynamodb:GetItem", "IocTable", frozenset(["key#1"])),
            Call("dynamodb:GetItem", "StateTable", frozenset(["runs#"])),
            Call("dynamodb:GetItem", "StateTable", frozenset(["key#1", "runs#"])),
            Call("ssm:GetParameter", "/keys/feed"),
        ],
    )
    def test_a_call_that_is_not_granted_is_told(self, call: Call) -> None:
        assert not_granted(self.HELD, {*self.CALLS, call}) == {call}

    @pytest.mark.parametrize(
        "grant",
        [
            Grant("dynamodb:PutItem", "StateTable"),
            Grant("dynamodb:GetItem", "IocTable"),
            Grant("dynamodb:*", "*"),
            Grant("ssm:GetParameter", "/keys/*"),
        ],
    )
    def test_a_grant_that_nothing_calls_is_told(self, grant: Grant) -> None:
        assert not_called([*self.HELD, grant], self.CALLS) == {
            f"{grant.action} on {grant.resource}"
        }

    def test_keys_that_nothing_touches_are_told(self) -> None:
        wider = replace(self.HELD[0], keys=self.HELD[0].keys | {"runs#*"})
        assert not_called([wider], self.CALLS) == {"keys runs#* of StateTable"}

    def test_a_transaction_asks_for_the_actions_of_its_parts(self) -> None:
        parts = [
            {"Put": {"TableName": "t", "Item": {"pk": {"S": "a"}, "n": {"N": "1"}}}},
            {"ConditionCheck": {"TableName": "t", "Key": {"pk": {"S": "b"}}}},
        ]
        assert set(calls_of("TransactWriteItems", {"TransactItems": parts})) == {
            Call("dynamodb:PutItem", "t", frozenset(["a"])),
            Call("dynamodb:ConditionCheckItem", "t", frozenset(["b"])),
        }

    def test_what_cannot_be_read_is_not_passed_over(self) -> None:
        with pytest.raises(LookupError):
            list(calls_of("ExecuteStatement", {"Statement": "t"}))


def ask(function: Literal["annotate", "lookup", "publish"]) -> None:
    """Hand every request of the event files that is for a function to it."""
    routes = http_routes()
    for path in sorted((ROOT / "events").glob("apigateway-aws-proxy-*.json")):
        event = json.loads(path.read_text(encoding="utf-8"))
        route = event["resource"], event["httpMethod"]
        chosen = routes.get(route) or routes[event["resource"], "ANY"]
        if chosen.split(".")[1] == function:
            answer = load(function)(event, LocalContext(function, 10))
            assert answer["statusCode"] < 500, path.name


def refresh(*ids: str) -> Any:
    """Run the providers handler once; it may refresh these although they are not due."""
    return load("providers")({"refresh": list(ids)}, LocalContext("providers", 60))
