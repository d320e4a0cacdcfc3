"""Reports in, exports out: what other tools, and a second stack, make of them."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest

import functions.lookup.app as lookup
import functions.providers.app as providers
from functions.export import app
from local.buckets import make_bucket
from local.context import LocalContext
from local.environment import DEFAULT_API_KEY
from local.events import Request, http_event
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.verdict import Verdict
from shared.store.api_keys import ApiKeys
from shared.store.exports import export_bucket
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from tests.builders import reputation
from tests.conftest import Store, new_store
from tests.contract.support import reputations_of_all_verdicts
from tests.exports import ageless
from tests.fakes import json_feed
from tests.harmless import Group, values
from tests.ingestion import ingest
from tests.publishing import feed, publish
from tests.scans import read_one, scan_ioc
from tests.served_providers import served_providers

TIMER: Any = LocalContext("export", 300)
CATALOG = """
[first]
name = "first.example"
types = ["md5", "sha1", "sha256", "ip", "domain", "url"]
address = "BASE/stix"
format = "stix_bundle"
every = "1d"
assessment = "malware"
licence = "free"
"""


@pytest.fixture
def first(fresh_handlers: None, engine_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The stack that exports, with an empty bucket."""
    make_bucket(os.environ["EXPORT_BUCKET"])
    boto3.resource("s3").Bucket(os.environ["EXPORT_BUCKET"]).objects.delete()
    use(engine_store, monkeypatch)
    ageless(monkeypatch)
    return engine_store


def use(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in store.env().items():
        monkeypatch.setenv(name, value)


def exported() -> dict[str, str]:
    """All files of the exports, by name, as they are made now."""
    app.lambda_handler({}, TIMER)
    bucket = export_bucket(os.environ["EXPORT_BUCKET"], timeout_s=5, attempts=1)
    index = bucket.index()
    assert index
    contents = {name: bucket.read(index, name) for name in index.files}
    return {name: content.decode() for name, content in contents.items() if content is not None}


def misp_attributes(files: dict[str, str]) -> list[dict[str, Any]]:
    """The attributes of all MISP events."""
    events = [
        json.loads(files[f"misp/{one}.json"]) for one in json.loads(files["misp/manifest.json"])
    ]
    return [one for event in events for one in event["Event"]["Attribute"]]


def test_a_second_stack_detects_only_what_the_first_one_calls_malicious(
    first: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    iocs = IocTable(first.client, first.table)
    known = reputations_of_all_verdicts()
    cleared = parse(IndicatorType.DOMAIN, "cleared.example")
    harmless = dict.fromkeys(values(Group.ALWAYS))
    for number, one in enumerate([*known, *map(reputation, [cleared, *harmless])]):
        assert iocs.write(IocItem(one, b"%08d" % number), None)
    exported()
    # The second run revokes its indicator.
    item = iocs.read([cleared])[cleared]
    milder = reputation(cleared, seen_at=1_760_000_000_000, verdict=Verdict.BENIGN)
    assert iocs.write(IocItem(milder, b"87654321"), item)
    bundle = exported()["stix/0001.json"]

    second = new_store()
    use(second, monkeypatch)
    ApiKeys(second.client, second.state_table).put(DEFAULT_API_KEY, "test", now=0)
    with served_providers(CATALOG, {"/stix": bundle.encode()}, tmp_path) as (_, settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        assert providers.lambda_handler({}, TIMER)["first"]["complete"]
    bad = {one.indicator for one in known if one.summary.latest.verdict > Verdict.SUSPICIOUS}
    asked = {one.indicator for one in known} | {cleared, *harmless}
    assert {one for one in asked if is_detected(one)} == bad
    assert bad < asked


def is_detected(indicator: Indicator) -> bool:
    """Whether the stack that is in use calls an indicator bad."""
    path = f"/v4/{indicator.type.info.route}/{quote(indicator.value, safe='')}"
    request = Request("GET", path.encode(), headers=[(b"apikey", DEFAULT_API_KEY.encode())])
    answer = lookup.lambda_handler(http_event(request, "test", datetime.now(UTC)), TIMER)
    body = json.loads(answer["body"])
    if indicator.type.info.hash_digits:
        found = answer["statusCode"] == 200
        return found and bool(body["scan_results"]["total_detected_avs"])
    detected: int = body["lookup_results"]["detected_by"]
    return detected > 0


def test_special_purpose_addresses_of_a_report_are_in_no_export(first: Store) -> None:
    special = ["127.0.0.1", "10.0.0.1", "255.255.255.255", "224.0.0.1", "::1", "fe80::1"]
    iocs = [scan_ioc(one, "MALICIOUS") for one in (*special, "198.51.100.23")]
    publish(first, read_one({"ip": iocs}, resources={}, file=None))
    assert ingest(first, json_feed(feed(first))).complete
    files = exported()
    lists = [text.split() for name, text in files.items() if name.startswith("blocklist/ip-")]
    # Three verdicts, each with all scores and three steps.
    assert lists == [["198.51.100.23"]] * 12
    assert [one["value"] for one in misp_attributes(files)] == ["198.51.100.23"]
    stix = json.loads(files["stix/0001.json"])["objects"]
    assert [one["name"] for one in stix if one["type"] == "indicator"] == ["198.51.100.23"]
    assert len(files["iocs.csv"].splitlines()) == 2


def test_tags_of_a_report_set_neither_a_verdict_nor_a_marking(first: Store) -> None:
    tags = ["verdict:benign", "tlp:white", "PAP:WHITE", "packed"]
    ioc = scan_ioc("tags.example", "MALICIOUS", tags=tags)
    publish(first, read_one({"domain": [ioc]}, resources={}, file=None))
    assert ingest(first, json_feed(feed(first))).complete
    files = exported()
    [attribute] = misp_attributes(files)
    [indicator] = [
        one for one in json.loads(files["stix/0001.json"])["objects"] if one["type"] == "indicator"
    ]
    labels = [tag["name"] for tag in attribute["Tag"]]
    assert labels == indicator["labels"]
    assert [one for one in labels if ":" in one] == ["verdict:malicious"]
    assert "packed" in labels
    [marking] = indicator["object_marking_refs"]
    assert marking == "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
