"""What more clients read: browser extensions, SOAR packs and tools that ask the sandbox's own API.

As in test_readers: each reader takes the keys that its client takes, by subscript where the client
would fail without the key.
"""

import re
from base64 import b64encode
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

import functions.lookup.app as lookup
from shared.domain.indicator import IndicatorType
from shared.domain.verdict import Verdict
from shared.store.api_keys import new_key
from tests.contract.support import Api, of_verdict

BAD = {Verdict.LIKELY_MALICIOUS, Verdict.MALICIOUS}
UNKNOWN_URL = "https://unseen.example/"
UNKNOWN_SHA256 = "f" * 64


# Osprey reads one row of a bulk answer, by the name of its provider.


def osprey(body: Any, provider: str) -> str:
    sources = body["data"][0]["lookup_results"]["sources"]
    row = next((one for one in sources if one["provider"] == provider), None)
    if row is None:
        return "allowed"
    if provider == "Webroot":
        return {"Malware Sites": "malicious"}.get(row.get("category"), "safe")
    if row["assessment"] in {"benign", "unknown", "suspicious"}:
        return "allowed"
    return "malicious" if row["assessment"] else "safe"


@pytest.mark.parametrize("provider", ["MetaDefender Reputation", "Offline Reputation", "Webroot"])
def test_osprey(api: Api, monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    urls = {of_verdict(IndicatorType.URL, one).value: one in BAD for one in Verdict}
    urls[UNKNOWN_URL] = False
    plain = api.ask("/v4/url", method="POST", body={"url": [next(iter(urls))]}).body
    assert osprey(plain, provider) == "allowed"
    service = replace(lookup._service(), summary_provider=provider)
    monkeypatch.setattr(lookup, "_service", lambda: service)
    for url, bad in urls.items():
        body = api.ask("/v4/url", method="POST", body={"url": [url]}).body
        assert (osprey(body, provider) == "malicious") is bad, url


# The vendor's browser extension and its Node client.


def extension(body: Any) -> list[str]:
    rows = body["lookup_results"]["sources"]
    return [row["assessment"] for row in rows if row["assessment"] != ""]


def test_the_browser_extension_shows_what_sources_state(api: Api) -> None:
    shown = {
        verdict: extension(
            api.look_up("domain", of_verdict(IndicatorType.DOMAIN, verdict).value).body
        )
        for verdict in Verdict
    }
    assert shown == {
        Verdict.BENIGN: ["trustworthy"],
        Verdict.NO_THREAT: [],
        Verdict.SUSPICIOUS: ["suspicious"],
        Verdict.LIKELY_MALICIOUS: ["high risk"],
        Verdict.MALICIOUS: ["high risk"],
    }


def test_node_metadefender_accepts_a_new_key() -> None:
    assert re.fullmatch("[a-z0-9]{32}", new_key())


# Google SecOps and XSOAR's OPSWAT-Metadefender: a connection test, and a hash.


def secops(api: Api, digest: str) -> tuple[int, int] | None:
    reply = api.ask(f"/v4/hash/{digest}")
    if reply.status == 404:
        return None
    results = reply.body["scan_results"]
    return results["total_detected_avs"], results["total_avs"]


def xsoar_score(found: tuple[int, int] | None) -> str:
    if found is None:
        return "unknown"
    detected, total = found
    return "bad" if total and detected / total > 0.5 else "suspicious" if detected else "good"


def test_soar_packs_judge_a_hash_by_its_ratio(api: Api) -> None:
    assert api.ask(f"/v4/apikey/{api.key}").status == 200
    for verdict in Verdict:
        found = secops(api, of_verdict(IndicatorType.MD5, verdict).value)
        bad = verdict >= Verdict.SUSPICIOUS
        assert found == (int(bad), 1)
        assert xsoar_score(found) == ("bad" if bad else "good")
    assert xsoar_score(secops(api, UNKNOWN_SHA256)) == "unknown"


# Requests of the vendor's Postman collection for version 5.


@pytest.mark.parametrize("scheme", ["apikey", "Authorization"])
def test_postman_asks_for_the_reputation_of_files(api: Api, scheme: str) -> None:
    key = {"apikey": api.key} if scheme == "apikey" else {"apikey": "", scheme: f"apikey {api.key}"}
    path = "/v5/threat-intel/av-file-reputation"
    digest = of_verdict(IndicatorType.SHA256, Verdict.MALICIOUS).value
    one = api.ask(f"{path}/{digest}", **key, extended="1").body
    assert (one["sha256"], one["reputation"]) == (digest, "malicious")
    assert one["confidence_level"] >= 50
    sent = {"hash": [digest, UNKNOWN_SHA256]}
    rows = api.ask(path, method="POST", body=sent, **key).body["data"]
    assert [row["reputation"] for row in rows] == ["malicious", "unknown"]


# The sandbox's own API: fsio-cli, IntelOwl, XSOAR's OPSWAT-Filescan, System Informer.


def search(api: Api, **query: str) -> Any:
    reply = api.ask(f"/api/reports/search?{urlencode(query)}", apikey="", **{"X-Api-Key": api.key})
    assert reply.status == 200
    return reply.body


def test_fsio_cli_shows_the_service_and_reports(api: Api) -> None:
    assert all(api.ask("/api/system/info", apikey="").body.values())
    for report in search(api, domain="evil.example")["items"]:
        shown = [report["id"], report["verdict"], report["updated_date"]]
        shown += [report["file"]["short_type"], report["file"]["name"], report["file"]["hash"]]
        assert all(isinstance(text, str) for text in shown)
        assert report["tags"] == []


def test_intelowl_searches_by_base64_and_shows_the_verdicts(api: Api) -> None:
    # A slash precedes the question mark in some of its versions.
    query = urlencode({"query": b64encode(b"evil.example").decode()})
    for path in ("/api/reports/search", "/api/reports/search/"):
        body = api.ask(f"{path}?{query}", apikey="", **{"X-Api-Key": api.key}).body
        assert {one["verdict"] for one in body["items"]} == {"malicious"}
    nothing = search(api, query=b64encode(b"unseen.example").decode())
    assert (nothing["items"], nothing["count"]) == ([], 0)


def test_xsoar_filescan_reads_pages_until_it_has_all(api: Api) -> None:
    account = api.ask("/api/users/me", apikey="", **{"X-Api-Key": api.key}).body
    assert "accountId" in account
    for size in ("5", "20"):
        items: list[Any] = []
        for page in range(1, 10):
            body = search(api, query="evil.example", page=str(page), page_size=size)
            if body["count"] == len(items):
                break
            items += body["items"]
        else:
            raise AssertionError("it would ask for ever")
        assert len(items) == 2
        for one in items:
            assert one["verdict"].upper() in Verdict.__members__
            assert {"name", "sha256", "mime_type", "short_type"} <= one["file"].keys()


def test_system_informer_links_to_the_latest_report(api: Api) -> None:
    query = urlencode({"sha256": of_verdict(IndicatorType.SHA256, Verdict.MALICIOUS).value})
    body = api.ask(f"/api/reputation/hash?{query}").body
    latest = max(body["filescan_reports"], key=lambda report: report["report_date"])
    assert latest["flow_id"]
    assert isinstance(latest["report_id"], str)
    # It shows the engines if there are any; no other provider is enabled here.
    assert body.get("mdcloud") is None
