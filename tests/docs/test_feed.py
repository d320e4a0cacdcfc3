"""Compares docs/feed.md, docs/ingestion.md and docs/published-feed.md with the code."""

import json
from dataclasses import fields
from typing import Any

import pytest

from functions.ingest.batch import content_digest
from functions.ingest.summary import Summary
from functions.publish.intake import Status
from local.openapi_models import feed as feed_models
from shared.domain.errors import InvalidRecord
from shared.domain.verdict import Verdict, read_verdict
from shared.formats.feed.reader import read_page
from shared.formats.feed.report import (
    Report,
    read_report,
)
from tests.builders import raw_ioc, raw_report
from tests.docs.markdown import blocks, names, read, table

DOCUMENT = read("docs/feed.md") + read("docs/ingestion.md") + read("docs/published-feed.md")
# One line of text, however it is wrapped.
TEXT = " ".join(DOCUMENT.split())
NOW = 1_780_000_000_000


def test_the_page_that_is_shown_can_be_read() -> None:
    shown = blocks(DOCUMENT, "json")[0]
    page = read_page(shown.text.encode())
    assert page.next == json.loads(shown.text)["next"]
    [report] = [read_report(raw, NOW) for raw in page.reports]
    [sighting] = report.sightings
    assert sighting.summary.latest.origin == "VBA_EMULATION"
    assert sighting.summary.latest.report_id == "4c1a0000-0000-4000-8000-000000000020"
    assert sighting.summary.tags == {"peexe", "packed", "c2"}
    assert not report.rejected


def test_the_page_of_our_own_that_is_shown_is_one() -> None:
    shown = blocks(DOCUMENT, "json")[1]
    feed_models.FeedPage.model_validate_json(shown.text)
    [report] = [read_report(raw, NOW) for raw in read_page(shown.text.encode()).reports]
    [sighting] = report.sightings
    assert (sighting.summary.claimed_count, report.rejected) == (2, [])
    documented = [name for name, _ in table(DOCUMENT, "Key", "Holds")]
    assert documented == list(feed_models.FeedPage.model_fields)


def test_what_becomes_of_a_report_is_in_the_table() -> None:
    documented = [name for name, _ in table(DOCUMENT, "status", "The report")]
    assert documented == [*Status, "rejected", "postponed"]


def test_verdict_table_is_what_is_read() -> None:
    documented = dict(table(DOCUMENT, "In the feed, in any case", "Becomes"))
    assert documented.pop("missing or empty") == "not stored"
    assert read_verdict(None) is None
    assert read_verdict("") is None
    assert documented.pop("anything else") == "quarantine"
    with pytest.raises(InvalidRecord):
        read_verdict("DREADFUL")
    for spelling, becomes in documented.items():
        for text in (spelling, spelling.lower(), spelling.replace("_", " ")):
            verdict = read_verdict(text)
            assert ("not stored" if verdict is None else verdict.name) == becomes
    assert {verdict.name for verdict in Verdict} <= set(documented.values())


def test_level_table_is_what_is_read() -> None:
    for levels, becomes in table(DOCUMENT, "threatLevel", "Becomes"):
        bound = float(levels.removeprefix("below ").removeprefix("above ").split(" ", 1)[0])
        step = -0.1 if levels.startswith("below") else 0.1 if levels.startswith("above") else 0
        verdict = read_verdict(None, bound + step)
        assert ("not stored" if verdict is None else verdict.name) == becomes


def reason_of(raw: object) -> tuple[str, str]:
    """Why a record of a report is rejected, and what that costs."""
    try:
        content_digest(raw)
    except InvalidRecord as error:
        return str(error), "the report"
    report: Report = read_report(raw, NOW)
    [rejected] = report.rejected
    if not report.flow_id:
        return rejected.reason, "the report"
    assert len(report.sightings) == 1, "what stands beside it is kept"
    record: Any = rejected.record
    return rejected.reason, "the list" if "iocs" in record else "the IOC"


def nested() -> object:
    value: object = []
    for _ in range(100_000):
        value = [value]
    return value


def test_quarantine_table_has_every_reason() -> None:
    beside = raw_ioc("beside.example")
    broken = [
        "a text",
        nested(),
        raw_report(""),
        raw_report(date="2025-02-30"),
        raw_report(date="1999-12-31"),
        raw_report(date=NOW / 1000 + 90_000),
        {name: value for name, value in raw_report().items() if name != "iocs"},
        raw_report(iocs=[]) | {"iocs": [1]},
        raw_report(iocs={"domain": [beside], "ip": "192.0.2.1"}),
        raw_report(iocs={"domain": [beside, "evil.example"]}),
        raw_report(iocs={"domain": [beside, raw_ioc(verdict=1)]}),
        raw_report(iocs={"domain": [beside, raw_ioc(verdict="DREADFUL")]}),
    ]
    rows = table(DOCUMENT, "Reason", "Costs")
    assert [list(reason_of(raw)) for raw in broken] == rows


def test_kinds_of_fields_are_as_documented() -> None:
    rows = {row[0]: row[1] for row in table(DOCUMENT, "Field", "Kind", "What is read")}
    worst: object = ["not", {"what": "is expected"}]
    for field, kind in rows.items():
        for name in names(field.removeprefix("iocs.TYPE[].")):
            if field.startswith("iocs.TYPE"):
                iocs = [raw_ioc("beside.example"), raw_ioc() | {name: worst}]
                kept = read_report(raw_report(iocs={"domain": iocs}), NOW).sightings
            else:
                kept = read_report(raw_report() | {name: worst}, NOW).sightings
            left = {"hard, costs the report": 0, "hard, costs the IOC": 1}.get(kind)
            whole = 2 if field.startswith("iocs.TYPE") else 1
            assert len(kept) == (whole if left is None else left), name
            assert (kind == "soft") == (left is None), kind


def test_summary_table_has_every_field() -> None:
    rows = table(DOCUMENT, "Field", "Meaning")
    documented = [name for row in rows for name in names(row[0])]
    assert documented == [field.name for field in fields(Summary)]
