"""The table of infrastructure, called MALICIOUS through each door: what answers and exports hold.

The setting `SHOW_TABLE=1` prints the table.
"""

import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.buckets import make_bucket
from local.context import LocalContext
from local.handlers import load, load_gateway
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.indicator_types import HASH_TYPES
from shared.formats.exports.source import as_tools_write
from shared.store.api_keys import ALL_RIGHTS, ApiKeys
from tests.conftest import Store
from tests.contract.support import KEY, Api, serving
from tests.feed_server import FeedServer, page
from tests.harmless import Group, values
from tests.scans import raw_scan, raw_scan_report, scan_ioc
from tests.served_providers import served_providers

ALL = [one for group in Group for one in values(group)]
BAD_LIST = """
[bad-list]
name = "A list of bad things"
types = ["ip", "domain", "url", "md5", "sha1", "sha256"]
address = "BASE/bad"
format = "lines"
assessment = "malware"
every = "1d"
licence = "free"
"""
TRUSTED_LISTS = """
[resolvers]
name = "Resolvers"
types = ["ip"]
address = "BASE/resolvers"
format = "misp_warninglist"
stance = "trusted"
effect = "overrule"
every = "1d"
licence = "free"

[top-sites]
name = "Top sites"
types = ["domain"]
address = "BASE/top"
format = "csv"
stance = "trusted"
effect = "overrule"
every = "1d"
licence = "free"
options = { value = "domain", columns = ["rank", "domain"] }

[common-hosts]
name = "Common hosts"
types = ["domain"]
address = "BASE/hosts"
format = "misp_warninglist"
stance = "trusted"
effect = "overrule"
every = "1d"
licence = "free"

[clouds]
name = "Clouds"
types = ["ip", "domain"]
address = "BASE/clouds"
format = "misp_warninglist"
stance = "trusted"
effect = "note"
every = "1d"
licence = "free"
"""
# Names below these are trusted as well.
HOSTS = (
    *("microsoft.com", "digicert.com", "pki.goog", "lencr.org", "windowsupdate.com", "ntp.org"),
    *("time.apple.com", "time.windows.com"),
)
SITES = [
    one.value
    for one in values(Group.BY_CHOICE)
    if one.type is IndicatorType.DOMAIN and not one.value.startswith("www.")
]
# Anyone can register a name below these, so they must not clear their neighbours.
SHARED = ("github.io", "web.app", "duckdns.org", "s3.amazonaws.com")


def warninglist(kind: str, entries: Sequence[str]) -> bytes:
    return json.dumps({"name": kind, "type": kind, "list": entries}).encode()


def answers() -> dict[str, bytes]:
    """The documents of the lists, by path."""
    addresses = [one.value for one in values(Group.BY_CHOICE) if one.type is IndicatorType.IP]
    sites = "".join(f"{rank},{site}\n" for rank, site in enumerate([*SITES, *SHARED], 1))
    bad = [one.value for one in values(Group.BAD) if one.type is not IndicatorType.URL]
    return {
        "/bad": "".join(f"{one.value}\n" for one in ALL).encode(),
        "/resolvers": warninglist("cidr", [*addresses, "9.9.9.0/24"]),
        "/top": sites.encode(),
        "/hosts": warninglist("hostname", [*HOSTS, *SHARED]),
        "/clouds": warninglist("string", bad),
    }


@dataclass
class Stack:
    """All handlers on one set of tables, with an API and a server of feeds and lists."""

    api: Api
    server: FeedServer


@pytest.fixture(params=["without trusted lists", "with trusted lists"])
def trusting(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "with trusted lists")


@pytest.fixture
def stack(
    engine_store: Store,
    fresh_handlers: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    trusting: bool,
    door: str,
) -> Iterator[Stack]:
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    make_bucket(os.environ["EXPORT_BUCKET"])
    boto3.resource("s3").Bucket(os.environ["EXPORT_BUCKET"]).objects.delete()
    ApiKeys(engine_store.client, engine_store.state_table).put(KEY, "all", 0, rights=ALL_RIGHTS)
    catalog = (BAD_LIST if door == "list" else "") + (TRUSTED_LISTS if trusting else "")
    with served_providers(catalog, answers(), tmp_path) as (server, settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        if catalog:
            refreshed = load("providers")({}, LocalContext("providers", 60))
            assert all(one["complete"] for one in refreshed.values()), refreshed
        with serving(load_gateway()) as api:
            yield Stack(api, server)


def by_type(verdict: str) -> dict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in ALL:
        found[one.type.value].append(scan_ioc(one.value, verdict))
    return dict(found)


def fill(stack: Stack, door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Call every value of the table MALICIOUS."""
    if door == "list":
        return
    feed = f"http://127.0.0.1:{stack.server.port}/feed"
    if door == "report":
        report = raw_scan_report(by_type("MALICIOUS"), resources={}, file=None)
        sent = stack.api.ask("/api/reports", method="POST", body=raw_scan(report))
        assert sent.status == 200, sent.text
        feed = f"{stack.api.base}/feed/reports.json"
    else:
        item = {
            "flow_id": "66b3763be7dbbbdfcd0a6a96",
            "date": "2025-06-01T08:00:00.000Z",
            "verdict": "MALICIOUS",
            "tags": [],
            "iocs": by_type("MALICIOUS"),
        }
        stack.server.answer("/feed", page(json.dumps({"items": [item]}).encode()))
    ingest(feed, monkeypatch)


def ingest(feed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEED_URL", feed)
    monkeypatch.setenv("FEED_API_KEY", KEY)
    monkeypatch.setenv("FEED_ALLOW_PRIVATE", "true")
    assert load("ingest")({}, LocalContext("ingest", 300))["complete"]


@dataclass(frozen=True)
class Found:
    """What the service has to state about one value.

    Attributes:
        detected: in an answer to a single look-up.
        in_bulk: in an answer in bulk.
        overall: verdict of the sandbox's own API; "" for a type that it does not answer.
        rules: what overrules, by the rows of the single look-up.
        exported: number of exports that name the value.
    """

    detected: int
    in_bulk: int
    overall: str
    rules: frozenset[str]
    exported: int


FIELDS = {
    IndicatorType.IP: "address",
    IndicatorType.DOMAIN: "fqdn",
    IndicatorType.URL: "url",
}


def asked(api: Api, indicator: Indicator, exports: Mapping[str, str]) -> Found:
    kind = indicator.type
    if kind in HASH_TYPES:
        results = api.ask(f"/v4/hash/{indicator.value}").body["scan_results"]
        rows = list(results["scan_details"].values())
        detected = results["total_detected_avs"]
        assert (results["scan_all_result_i"] == 0) is (detected == 0)
        asked = api.ask("/v4/hash", method="POST", body={"hash": [indicator.value]})
        in_bulk = asked.body["data"][0]["total_detected_avs"]
    else:
        results = api.look_up(kind, indicator.value).body["lookup_results"]
        rows = results["sources"]
        detected = results["detected_by"]
        body = {FIELDS[kind]: [indicator.value]}
        asked = api.ask(f"/v4/{kind}", method="POST", body=body)
        in_bulk = asked.body["data"][0]["lookup_results"]["detected_by"]
    overall = ""
    if kind not in HASH_TYPES or kind is IndicatorType.SHA256:
        path = f"/api/reputation/{'hash' if kind in HASH_TYPES else kind}"
        overall = api.ask(path, method="POST", body=[indicator.value]).body[0]["overall_verdict"]
    rules = frozenset(row["overruled_by"] for row in rows if "overruled_by" in row)
    for row in rows:
        if "overruled_by" in row:
            assert row["overruled_verdict"] in {"MALICIOUS", "LIKELY_MALICIOUS"}
            assert row.get("verdict", "BENIGN") == "BENIGN"
    value = re.compile(rf"(?<![\w.:/-]){re.escape(as_tools_write(indicator))}(?![\w.:/-])")
    exported = sum(bool(value.search(text)) for text in exports.values())
    return Found(detected, in_bulk, overall, rules, exported)


def exported(api: Api) -> dict[str, str]:
    """The texts of all exports, by name."""
    load("export")({}, LocalContext("export", 300))
    bucket = boto3.resource("s3").Bucket(os.environ["EXPORT_BUCKET"])
    found = {
        one.key: one.get()["Body"].read().decode()
        for one in bucket.objects.all()
        # The index and the state of the export are for the service itself.
        if not one.key.endswith((".sqlite", "index.json"))
    }
    # The address that a hosts file gives to every name.
    return {name: re.sub("(?m)^0\\.0\\.0\\.0 ", "", text) for name, text in found.items()}


@pytest.mark.parametrize("door", ["report", "feed", "list"])
def test_infrastructure(
    stack: Stack,
    door: str,
    trusting: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(stack, door, monkeypatch)
    exports = exported(stack.api)
    wrong = []
    table = [f"{door}, trusted lists {'on' if trusting else 'off'}"]
    for group in Group:
        harmless = group is Group.ALWAYS or (group is Group.BY_CHOICE and trusting)
        for one in values(group):
            found = asked(stack.api, one, exports)
            table.append(
                f"{group:10} {one.type:7} {one.value:70.70} detected {found.detected} "
                f"exported {found.exported} {', '.join(found.rules)}"
            )
            if harmless:
                is_right = (found.detected, found.in_bulk, found.exported) == (0, 0, 0)
                is_right = is_right and found.overall in {"", "benign"} and len(found.rules) == 1
            else:
                is_right = found.detected >= 1 and found.in_bulk >= 1 and not found.rules
                is_right = is_right and found.overall in {"", "malicious", "likely_malicious"}
                # Exports hold what the sandbox's reports state.
                is_right = is_right and (found.exported > 0) is (door != "list")
            if not is_right:
                wrong.append((group, one, found))
    with capsys.disabled():
        if os.environ.get("SHOW_TABLE"):
            sys.stdout.write("\n".join(["", *table, ""]))
    assert not wrong


@pytest.mark.parametrize("door", ["report"])
def test_a_second_report_that_only_mentions_a_trusted_name(
    stack: Stack, trusting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, verdict in enumerate(("MALICIOUS", None), 1):
        iocs = {"domain": [scan_ioc("google.com", verdict)]}
        report = raw_scan_report(iocs, resources={}, file=None)
        sent = raw_scan(report, flow_id=f"flow-{number}")
        assert stack.api.ask("/api/reports", method="POST", body=sent).status == 200
    items = stack.api.ask("/feed/reports.json?order=oldest_first").body["items"]
    verdicts = [item["iocs"]["domain"][0]["verdict"] for item in items]
    assert verdicts == ["MALICIOUS", "UNKNOWN" if trusting else "MALICIOUS"]
    ingest(f"{stack.api.base}/feed/reports.json", monkeypatch)
    results = stack.api.look_up("domain", "google.com").body["lookup_results"]
    assert results["detected_by"] == (0 if trusting else 1)
