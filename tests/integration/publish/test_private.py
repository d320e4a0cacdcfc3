"""A private scan ends in no feed, no answer, no export and no search, and is counted."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from functions.export.app import lambda_handler as export
from functions.ingest.app import lambda_handler as ingest
from local.buckets import make_bucket
from local.context import LocalContext
from local.handlers import load_gateway
from shared.store.api_keys import ALL_RIGHTS, ApiKeys
from tests.conftest import Store
from tests.contract.support import KEY, Api, serving
from tests.exports import ageless
from tests.feed_server import PATH, FeedServer, page
from tests.scans import body_of, raw_scan, raw_scan_report, scan_ioc

SECRET, OPEN = "secret.example", "open.example"


@pytest.fixture
def stack(
    engine_store: Store, fresh_handlers: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Api]:
    """All functions behind one address, with the search index and exports."""
    variables = {
        **engine_store.env(),
        "FEED_API_KEY": KEY,
        "FEED_ALLOW_PRIVATE": "true",
        "EXPORT_BUCKET": "exports-without-private-scans",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ageless(monkeypatch)
    make_bucket(os.environ["EXPORT_BUCKET"])
    ApiKeys(engine_store.client, engine_store.state_table).put(KEY, "sender", 0, rights=ALL_RIGHTS)
    with serving(load_gateway()) as served:
        yield served


def scan(flow_id: str, domain: str, **fields: Any) -> dict[str, Any]:
    iocs = {"domain": [scan_ioc(domain, "MALICIOUS")]}
    return raw_scan(raw_scan_report(iocs, files={}, file=None, **fields), flow_id=flow_id)


def entry(flow_id: str, domain: str, **fields: Any) -> dict[str, Any]:
    iocs = {"domain": [{"data": domain, "verdict": "MALICIOUS"}]}
    return {"flow_id": flow_id, "date": "2025-06-03T08:00:00Z", "iocs": iocs, **fields}


def run(monkeypatch: pytest.MonkeyPatch, feed_url: str) -> dict[str, Any]:
    """One run of the ingest handler, then one of the export handler."""
    monkeypatch.setenv("FEED_URL", feed_url)
    context: Any = LocalContext("ingest", 300)
    summary: dict[str, Any] = ingest({}, context)
    export({}, context)
    return summary


def places(api: Api, store: Store, flow_id: str, domain: str) -> dict[str, bool]:
    """Where a scan or its IOC can be seen."""
    answer = api.look_up("domain", domain).body["lookup_results"]
    return {
        "feed": domain in api.ask("/feed/reports.json").text,
        "answer": answer["sources"][0]["status"] != 5,
        "export": domain in api.ask("/v4/exports/iocs.csv").text,
        "sightings": bool(api.ask(f"/v4/ioc/domain/{domain}/sightings").body["data"]),
        "report": api.ask(f"/v4/report/{flow_id}/iocs").status == 200,
        "recent": domain in api.ask("/v4/iocs/recent").text,
        "quarantine": domain in str(store.items(store.state_table)),
        "any table": any(
            domain in str(store.items(table))
            for table in (store.table, store.state_table, store.report_table, store.search_table)
        ),
    }


SEEN = {"feed", "answer", "export", "sightings", "report", "recent", "any table"}


def test_what_is_sent_to_be_published(
    stack: Api,
    engine_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent = [
        stack.ask("/api/reports", method="POST", body=body).body["reports"][0]
        for body in (scan("flow-1", SECRET, private=True), scan("flow-2", OPEN))
    ]
    assert [one["status"] for one in sent] == ["private", "published"]
    assert (sent[0]["flow_id"], sent[0]["verdicts"]) == ("flow-1", {})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "{" in line]
    assert [line["publish_private"] for line in lines if "publish_private" in line] == [[1.0]]
    taken = [vars(one) for one in caplog.records if one.message == "scan report taken"]
    assert [(one["status"], one["sender"]) for one in taken] == [
        ("private", "sender"),
        ("published", "sender"),
    ]
    assert all(KEY not in str(one) for one in taken)
    [item] = stack.ask("/feed/reports.json").body["items"]
    assert item["sender"] == "sender"
    summary = run(monkeypatch, f"{stack.base}/feed/reports")
    assert (summary["complete"], summary["reports"], summary["private"]) == (True, 1, 0)
    assert not any(places(stack, engine_store, "flow-1", SECRET).values())
    found = places(stack, engine_store, "flow-2", OPEN)
    assert {name for name, shown in found.items() if shown} == SEEN


def test_what_a_feed_shows(
    stack: Api, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [
        entry("flow-1", SECRET, private=True),
        entry("flow-2", OPEN),
        # Nothing of it may end up in quarantine either.
        entry("flow-3", SECRET, file={"private": True}, date="never"),
        entry("flow-4", SECRET, file={"private": True}) | {"iocs": {"domain": ["no object"]}},
    ]
    with FeedServer() as feed:
        feed.answer(PATH, page(json.dumps({"items": entries}).encode()))
        summary = run(monkeypatch, feed.url)
        assert (summary["complete"], summary["reports"], summary["private"]) == (True, 4, 3)
        assert (summary["iocs_new"], summary["quarantined"]) == (1, 1)
        assert not any(places(stack, engine_store, "flow-1", SECRET).values())
        found = places(stack, engine_store, "flow-2", OPEN)
        assert {name for name, shown in found.items() if shown} == SEEN - {"feed"}
        again = run(monkeypatch, feed.url)
        assert (again["complete"], again["private"], again["iocs_new"]) == (True, 3, 0)
        # Switched on, the next run reads what the feed still shows.
        monkeypatch.setenv("PUBLISH_PRIVATE", "true")
        stored = run(monkeypatch, feed.url)
        assert (stored["complete"], stored["private"], stored["iocs_new"]) == (True, 0, 1)
    assert places(stack, engine_store, "flow-1", SECRET)["answer"]


def test_what_an_entry_links_to(
    stack: Api, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id>'
        '<link href="https://sandbox.example/uploads/flow-1/reports/report-1"/></entry></feed>'
    )
    linked = scan("flow-1", SECRET, private=True)
    filters = "filter=general&filter=finalVerdict&filter=allTags&filter=iocs"
    with FeedServer() as feed:
        feed.answer(PATH, page(atom.encode()))
        feed.answer(f"/api/scan/flow-1/report?{filters}", page(body_of(linked)))
        summary = run(monkeypatch, feed.url)
    assert (summary["private"], summary["iocs_new"], summary["unresolved"]) == (1, 0, 0)
    assert not any(places(stack, engine_store, "flow-1", SECRET).values())


def test_a_setting_publishes_them_like_all_others(
    stack: Api, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLISH_PRIVATE", "true")
    sent = stack.ask("/api/reports", method="POST", body=scan("flow-1", SECRET, private=True))
    assert sent.body["reports"][0]["status"] == "published"
    run(monkeypatch, f"{stack.base}/feed/reports")
    found = places(stack, engine_store, "flow-1", SECRET)
    assert {name for name, shown in found.items() if shown} == SEEN
