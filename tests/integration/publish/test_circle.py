"""The whole circle over HTTP: reports in, the feed, ingestion, look-ups."""

import hashlib
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
from tests.scans import (
    address_data,
    digests,
    hash_data,
    osint,
    osint_signals,
    raw_file,
    raw_scan,
    raw_scan_report,
    scan_ioc,
    yara_match,
)

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


URL = "https://phishing.example/login"
URL_DIGEST = hashlib.sha256(URL.encode()).hexdigest()


def sandbox_row(api: Api, kind: str, value: str) -> dict[str, Any]:
    """What a look-up answers for this service; empty for an unknown hash."""
    body = api.look_up(kind, value).body
    if kind != "hash":
        row: dict[str, Any] = body["lookup_results"]["sources"][0]
        return row
    found: dict[str, Any] = body.get("scan_results", {"scan_details": {}})["scan_details"]
    return dict(found.get(SANDBOX_PROVIDER, {}))


def test_a_scan_of_a_url_judges_the_url_and_its_digest_is_of_no_file(
    stack: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    pseudo_file = {"submitName": URL, "digests": {"SHA-256": URL_DIGEST, "MD5": "d" * 32}}
    listed = {"sha256": [scan_ioc(URL_DIGEST, "MALICIOUS")], "md5": [scan_ioc("d" * 32)]}
    file = {"name": URL, "hash": URL_DIGEST, "type": "other"}
    report = raw_scan_report(listed, files=pseudo_file, file=file)
    send(stack, raw_scan(report, flow_id="flow-url"))
    named = raw_scan_report({}, file={"name": "http://google.com/", "hash": "a" * 64})
    send(stack, raw_scan(named, flow_id="flow-file"))
    run(monkeypatch, f"{stack.base}/feed/reports")
    row = sandbox_row(stack, "url", URL)
    assert (row["verdict"], row["origin"], row["flow_id"]) == (
        "MALICIOUS",
        "INPUT_FILE",
        "flow-url",
    )
    assert sandbox_row(stack, "hash", URL_DIGEST) == sandbox_row(stack, "hash", "d" * 32) == {}
    assert sandbox_row(stack, "url", "http://google.com/")["status"] == 5
    assert sandbox_row(stack, "hash", "a" * 64)["verdict"] == "MALICIOUS"
    *_, item = stack.ask("/feed/reports.json").body["items"]
    assert (item["file"], list(item["iocs"])) == ({"name": URL, "type": "other"}, ["url"])


@pytest.mark.parametrize("stated", ["malicious", None])
def test_every_digest_of_a_source_archive_has_the_verdict_of_the_scan(
    stack: Api, monkeypatch: pytest.MonkeyPatch, stated: str | None
) -> None:
    letters = digests("c")
    context = {
        "contextType": "PARENT_FILE",
        "contextIdentifier": letters["SHA-256"],
        "metaData": {"name": "x.zip", "additionalHashes": letters},
    }
    inner = raw_scan_report({}, taskReference={"additionalInfo": {"context": context}})
    archive = {"sha256": letters["SHA-256"], "name": "x.zip", "verdict": stated}
    send(stack, raw_scan(inner, flow_id="flow-zip", sourceArchive=archive))
    run(monkeypatch, f"{stack.base}/feed/reports.json")
    for digest in letters.values():
        row = sandbox_row(stack, "hash", digest)
        assert (row["verdict"], row["origin"]) == ("MALICIOUS", "INPUT_FILE")
        assert (row["flow_id"], row["scan_count"]) == ("flow-zip", 1)


def test_a_verdict_rests_on_the_first_report_when_our_answer_comes_back_in_the_next(
    stack: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = raw_file("a", "MALICIOUS", yaraMatches=[yara_match("a rule", "MALICIOUS")])
    send(stack, raw_scan(raw_scan_report({}, files=judged), flow_id="flow-1"))
    ours = osint("FILE_HASH_SHA256", "a" * 64, "MALICIOUS", hash_data(us=1))
    again = raw_scan_report(
        {}, files=raw_file("a"), results=[ours], allSignalGroups=[osint_signals("a" * 64)]
    )
    again["created_date"] = "06/04/2025, 08:00:00"
    send(stack, raw_scan(again, flow_id="flow-2"))
    run(monkeypatch, f"{stack.base}/feed/reports")
    for digest in digests("a").values():
        row = sandbox_row(stack, "hash", digest)
        assert (row["verdict"], row["scan_count"]) == ("MALICIOUS", 2)
    newest = stack.ask("/feed/reports.json?limit=1").body["items"][0]["iocs"]["sha256"][0]
    deciding = [one for one in newest["evidence"] if one.get("decides")]
    assert deciding == [
        {"source": "earlier_report", "verdict": "MALICIOUS", "flow_id": "flow-1", "decides": True}
    ]
    assert {one["source"] for one in newest["evidence"] if one.get("echo")} == {
        "report",
        "signal",
        "osint",
    }
    # Corrected, the first report takes the verdict of the second with it.
    clean = raw_scan_report({}, files=raw_file("a"), finalVerdict={"verdict": "NO_THREAT"})
    clean["created_date"] = "06/03/2025, 09:00:00"
    send(stack, raw_scan(clean, flow_id="flow-1"))
    again["created_date"] = "06/04/2025, 08:01:00"
    send(stack, raw_scan(again, flow_id="flow-2"))
    run(monkeypatch, f"{stack.base}/feed/reports")
    assert sandbox_row(stack, "hash", "a" * 64)["verdict"] == "NO_THREAT"


@pytest.mark.parametrize(
    "rows",
    [
        [(SANDBOX_PROVIDER, 1, "high risk")],
        [(SANDBOX_PROVIDER, 1, "high risk"), ("MetaDefender Reputation", 1, "high risk")],
        [("Analyst", 1, "high risk"), (SANDBOX_PROVIDER, 5, "")],
    ],
    ids=["the sandbox", "a row that sums up", "an override"],
)
def test_the_verdict_of_a_name_rests_on_the_first_report_too(
    stack: Api, monkeypatch: pytest.MonkeyPatch, rows: Any
) -> None:
    send(stack, scan(1, {"domain": [scan_ioc("evil.example", "SUSPICIOUS")]}))
    ours = osint("DOMAIN", "evil.example", "MALICIOUS", address_data("evil.example", *rows))
    again = raw_scan_report({"domain": [scan_ioc("evil.example", "MALICIOUS")]}, results=[ours])
    again["created_date"] = "06/04/2025, 08:00:00"
    send(stack, raw_scan(again, flow_id="flow-002"))
    run(monkeypatch, f"{stack.base}/feed/reports.json")
    row = sandbox_row(stack, "domain", "evil.example")
    assert (row["verdict"], row["scan_count"]) == ("SUSPICIOUS", 2)


def test_a_clean_scan_with_signals_of_osint_origin_only_stays_no_threat(
    stack: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = osint("FILE_HASH_SHA256", "a" * 64, "NO_THREAT", hash_data(us=0))
    clean = raw_scan_report(
        {},
        files=raw_file("a", "NO_THREAT"),
        finalVerdict={"verdict": "NO_THREAT"},
        results=[ours],
        allSignalGroups=[osint_signals("a" * 64, verdict="NO_THREAT")],
    )
    send(stack, raw_scan(clean, flow_id="flow-1"))
    run(monkeypatch, f"{stack.base}/feed/reports")
    assert sandbox_row(stack, "hash", "a" * 64)["verdict"] == "NO_THREAT"


def test_the_feed_names_the_sender_of_a_report(stack: Api) -> None:
    send(stack, scan(1))
    [item] = stack.ask("/feed/reports.json").body["items"]
    assert item["sender"] == "all"


def test_every_digest_of_a_file_gets_the_same_answer(
    stack: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in sorted(SAMPLES.glob("*.json")):
        send(stack, json.loads(path.read_text()))
    items = stack.ask("/feed/reports.json?order=oldest_first").body["items"]
    files = {
        tuple(ioc["file"][kind] for kind in ("md5", "sha1", "sha256"))
        for item in items
        for kind in ("md5", "sha1", "sha256")
        for ioc in item["iocs"].get(kind, [])
        if {"md5", "sha1", "sha256"} <= ioc["file"].keys() and ioc["verdict"] != "UNKNOWN"
    }
    assert files
    assert run(monkeypatch, f"{stack.base}/feed/reports")["complete"]
    for file in files:
        first, *others = [stack.look_up("hash", digest).body for digest in file]
        assert others == [first, first]
        info = first["file_info"]
        assert tuple(info[kind].lower() for kind in ("md5", "sha1", "sha256")) == file
