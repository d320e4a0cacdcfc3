"""The whole circle over HTTP: reports in, the feed, ingestion, look-ups."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.ingest.app import lambda_handler as ingest
from functions.lookup.app import lambda_handler as look_up
from functions.publish.app import lambda_handler as publish
from local.context import LocalContext
from local.handlers import Handler, load_gateway
from shared.domain.provider import SANDBOX_PROVIDER
from shared.domain.verdict import Verdict
from shared.store.api_keys import ALL_RIGHTS, ApiKeys
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from tests.builders import DOMAIN, reputation
from tests.conftest import Store
from tests.contract.support import KEY, Api, serving
from tests.scans import raw_scan, raw_scan_report, scan_ioc

SAMPLES = Path(__file__).parents[3] / "local" / "sample_reports"


@pytest.fixture
def stack(
    engine_store: Store, fresh_handlers: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Api]:
    """All functions behind one address, on one set of tables."""
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    ApiKeys(engine_store.client, engine_store.state_table).put(KEY, "all", 0, rights=ALL_RIGHTS)
    with serving(load_gateway()) as served:
        yield served


def send(api: Api, raw: object) -> list[dict[str, Any]]:
    reply = api.ask("/api/reports", method="POST", body=raw)
    assert reply.status == 200, reply.text
    found: list[dict[str, Any]] = reply.body["reports"]
    return found


def run(monkeypatch: pytest.MonkeyPatch, feed_url: str) -> dict[str, Any]:
    """One run of the real ingest handler."""
    monkeypatch.setenv("FEED_URL", feed_url)
    monkeypatch.setenv("FEED_API_KEY", KEY)
    monkeypatch.setenv("FEED_ALLOW_PRIVATE", "true")
    context: Any = LocalContext("ingest", 300)
    summary: dict[str, Any] = ingest({}, context)
    return summary


def scan(number: int, iocs: Any = None) -> dict[str, Any]:
    shared = {"domain": [scan_ioc("evil.example", "MALICIOUS"), scan_ioc("nobody.example")]}
    report = raw_scan_report(iocs or shared, resources={}, file=None)
    return raw_scan(report, flow_id=f"flow-{number:03}")


@pytest.mark.parametrize("page", ["/feed/reports", "/feed/reports.json", "/api/feed/reports"])
@pytest.mark.parametrize("query", ["", "?order=oldest_first&limit=7"])
def test_our_own_ingestion_reads_our_own_feed(
    stack: Api, engine_store: Store, monkeypatch: pytest.MonkeyPatch, page: str, query: str
) -> None:
    for number in range(20):
        send(stack, scan(number))
    summary = run(monkeypatch, stack.base + page + query)
    assert (summary["complete"], summary["reports"], summary["quarantined"]) == (True, 20, 0)
    assert (summary["iocs_new"], summary["without_verdict"]) == (1, 20)
    source = stack.look_up("domain", "evil.example").body["lookup_results"]["sources"][0]
    assert (source["verdict"], source["scan_count"]) == ("MALICIOUS", 20)
    assert source["flow_id"] == "flow-019"
    nobody = stack.look_up("domain", "nobody.example").body["lookup_results"]["sources"][0]
    assert nobody["status"] == 5
    before = engine_store.items()
    again = run(monkeypatch, stack.base + page + query)
    assert again["complete"]
    assert (again["iocs_new"], again["iocs_changed"]) == (0, 0)
    assert engine_store.items() == before


def test_the_sample_reports_come_back_through_the_feed(
    stack: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in sorted(SAMPLES.glob("*.json")):
        send(stack, json.loads(path.read_text()))
    items = stack.ask("/feed/reports.json?order=oldest_first").body["items"]
    verdicts = {
        (item["file"]["name"], ioc["data"]): ioc["verdict"]
        for item in items
        for kind, iocs in item["iocs"].items()
        for ioc in iocs
        if kind in {"domain", "ip", "url"}
    }
    assert verdicts == {
        ("order.docm", "loader.example"): "LIKELY_MALICIOUS",
        ("order.docm", "www.cdn.example"): "BENIGN",
        ("order.docm", "198.51.100.23"): "LIKELY_MALICIOUS",
        ("order.docm", "http://loader.example/stage1.bin"): "MALICIOUS",
        ("order.docm", "https://www.cdn.example/logo.png"): "UNKNOWN",
        ("picture.png", "yl.example"): "UNKNOWN",
        ("update.exe", "loader.example"): "LIKELY_MALICIOUS",
        ("update.exe", "http://loader.example/stage1.bin"): "MALICIOUS",
    }
    assert run(monkeypatch, f"{stack.base}/feed/reports")["complete"]
    source = stack.look_up("domain", "loader.example").body["lookup_results"]["sources"][0]
    assert (source["flow_id"], source["scan_count"]) == ("66b3763be7dbbbdfcd0b0002", 2)


def test_to_ask_ourselves_adds_no_evidence(
    stack: Api, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = IocItem(reputation(verdict=Verdict.MALICIOUS), b"1")
    assert IocTable(engine_store.client, engine_store.table).write(known, None)
    answer = stack.look_up("domain", DOMAIN.value).body["lookup_results"]
    assert [one["provider"] for one in answer["sources"] if one["status"] == 1] == [
        SANDBOX_PROVIDER
    ]
    monkeypatch.setenv("REPUTATION_URL", stack.base)
    monkeypatch.setenv("REPUTATION_API_KEY", KEY)
    [sent] = send(stack, scan(1, {"domain": [scan_ioc(DOMAIN.value)]}))
    assert (sent["asked"], sent["verdicts"]) == (True, {"UNKNOWN": 1})
    [item] = stack.ask("/feed/reports.json").body["items"]
    assert item["iocs"]["domain"][0]["evidence"] == []


def listing(handler: Handler) -> Handler:
    """A look-up API with another provider next to this one."""

    def answer(event: dict[str, Any], context: Any) -> Any:
        result = handler(event, context)
        body = json.loads(result["body"])
        for row in body.get("data", [body]):
            row["lookup_results"]["sources"].append(
                {"provider": "lists.example", "status": 1, "assessment": "malware"}
            )
        return {**result, "body": json.dumps(body)}

    return answer


def test_what_another_provider_says_is_evidence(
    stack: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(listing(look_up)) as other:
        monkeypatch.setenv("REPUTATION_URL", other.base)
        monkeypatch.setenv("REPUTATION_API_KEY", KEY)
        [sent] = send(stack, scan(1, {"domain": [scan_ioc("evil.example")]}))
    assert (sent["asked"], sent["verdicts"]) == (True, {"LIKELY_MALICIOUS": 1})
    [item] = stack.ask("/feed/reports.json").body["items"]
    assert item["iocs"]["domain"][0]["evidence"] == [
        {
            "source": "reputation",
            "verdict": "LIKELY_MALICIOUS",
            "name": "lists.example",
            "decides": True,
        }
    ]


def test_a_reputation_service_that_is_away_holds_nothing_up(
    stack: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(publish) as gone:
        address = gone.base
    monkeypatch.setenv("REPUTATION_URL", address)
    monkeypatch.setenv("REPUTATION_API_KEY", KEY)
    [sent] = send(stack, scan(1))
    assert (sent["status"], sent["asked"]) == ("published", False)
