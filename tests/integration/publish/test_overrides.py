"""Reports about values with an override: no earlier verdict is handed on, the override counts."""

from typing import Any

import pytest

from functions.publish.app import _publisher
from functions.publish.scan import ScanReport
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.override import NEVER, Override
from shared.domain.verdict import Verdict
from shared.formats.feed.report import read_report
from shared.runtime.clock import now_ms
from shared.store.iocs import IocTable
from tests.conftest import Store
from tests.publishing import feed, scan_of
from tests.scans import digests, raw_file, read_one

NAME = "updates.customer.example"
DOMAIN = Indicator(IndicatorType.DOMAIN, NAME)
ANALYST = {"source": "analyst", "verdict": "BENIGN", "name": "Analyst"}


@pytest.fixture(autouse=True)
def _handlers(engine_store: Store, fresh_handlers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)


def override(store: Store, indicator: Indicator, *, expires: int = NEVER, number: int = 1) -> None:
    made = Override(number, number, Verdict.BENIGN, "ours", "Ann", indicator.value, expires)
    assert IocTable(store.client, store.table).override(indicator, made)


def published(store: Store, report: ScanReport) -> dict[str, Any]:
    """Publish a report; returns its IOCs in the feed by value."""
    _publisher().publish(report)
    newest = feed(store)[-1]
    return {ioc["data"]: ioc for iocs in newest["iocs"].values() for ioc in iocs}


def test_an_override_replaces_earlier_reports_as_long_as_it_holds(engine_store: Store) -> None:
    assert published(engine_store, scan_of("scan-1", {NAME: "MALICIOUS"}))[NAME]["verdict"] == (
        "MALICIOUS"
    )
    override(engine_store, DOMAIN)
    found = published(engine_store, scan_of("scan-2", {NAME: None}))[NAME]
    assert (found["verdict"], found["evidence"]) == ("BENIGN", [{**ANALYST, "decides": True}])
    # What a report states itself is published, without what earlier ones state.
    found = published(engine_store, scan_of("scan-3", {NAME: "SUSPICIOUS"}, day=4))[NAME]
    assert found["verdict"] == "SUSPICIOUS"
    assert [one["source"] for one in found["evidence"]] == ["report", "analyst"]
    override(engine_store, DOMAIN, expires=now_ms() - 1, number=2)
    found = published(engine_store, scan_of("scan-4", {NAME: None}, day=5))[NAME]
    assert found["verdict"] == "SUSPICIOUS"
    assert {one["source"] for one in found["evidence"]} == {"earlier_report"}


def test_a_verdict_of_the_analyst_alone_is_no_sighting(engine_store: Store) -> None:
    override(engine_store, DOMAIN)
    published(engine_store, scan_of("scan-1", {NAME: None, "other.example": "MALICIOUS"}))
    [item] = feed(engine_store)
    read = read_report(item, now_ms(), inherit_verdict=True)
    assert [one.indicator.value for one in read.sightings] == ["other.example"]
    assert (read.without_verdict, read.rejected) == (1, [])


def test_an_override_of_one_digest_is_no_evidence_for_another_one(engine_store: Store) -> None:
    # A report can name a digest wrongly.
    named = digests("b")
    override(engine_store, Indicator(IndicatorType.MD5, named["MD5"].upper()))
    first = read_one({}, files=raw_file("b", "MALICIOUS", digests=named), file=None)
    published(engine_store, first)
    again = read_one({}, flow_id="2", files=raw_file("b", "MALICIOUS", digests=named), file=None)
    found = published(engine_store, again)
    with_override = {
        value.lower()
        for value, ioc in found.items()
        if any(one["source"] == "analyst" for one in ioc["evidence"])
    }
    assert with_override == {named["MD5"]}
    assert {ioc["verdict"] for ioc in found.values()} == {"MALICIOUS"}
