"""Input made to cost much: a run stays within its limits, and what is good beside it is stored."""

from typing import Any

import pytest

from functions.ingest import run
from functions.ingest.store.quarantine import QuarantineEntries
from functions.ingest.summary import Summary
from shared.formats.feed import report as report_reader
from shared.formats.feed.report import MAX_REJECTED, read_report
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.fakes import FEED_URL, FakeFeed, json_feed, json_page
from tests.ingestion import NOW, ingest, model, stored


def reasons_stored(store: Store) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in QuarantineEntries(store.client, store.state_table).find():
        found[entry.reason] = found.get(entry.reason, 0) + 1
    return found


def counts(summary: Summary) -> tuple[bool, int, int]:
    return summary.complete, summary.quarantined, summary.quarantine_left_out


def test_of_a_page_of_bad_records_the_first_and_one_of_each_reason_are_stored(
    moto_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MAX_QUARANTINED", 60)
    good = raw_report("good")
    bad: list[Any] = list(range(2_000))
    bad += [{"flow_id": f"flow-{n}", "date": "2025-02-30", "iocs": {}} for n in range(3)]
    for page in ([good, *bad], [*bad, good]):
        moto_store.empty()
        summary = ingest(moto_store, json_feed(page, page_size=len(page)))
        assert counts(summary) == (True, 2_003, 2_003 - 60 - 1)
        assert list(summary.quarantine_reasons.values()) == [2_000, 3]
        assert sorted(reasons_stored(moto_store).values()) == [1, 60]
        assert stored(moto_store) == model([good])


def test_of_a_report_of_bad_iocs_the_first_and_one_of_each_reason_are_stored(
    moto_store: Store,
) -> None:
    bad = [raw_ioc(f"not a name {n}") for n in range(1_000)]
    report = raw_report(iocs={"domain": [*bad, 7, raw_ioc()], "ip": {}})
    summary = ingest(moto_store, json_feed([report, raw_report("other", iocs={"domain": [1]})]))
    assert counts(summary) == (True, 1_003, 1_000 - MAX_REJECTED)
    assert sum(summary.quarantine_reasons.values()) == summary.quarantined
    assert sorted(reasons_stored(moto_store).values()) == [1, 2, MAX_REJECTED]
    assert stored(moto_store) == model([report])


def test_a_report_counts_for_a_limited_number_of_iocs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_reader, "MAX_SIGHTINGS", 10)
    iocs = {"domain": [raw_ioc(f"{n}.example") for n in range(30)]}
    report = read_report(raw_report(iocs=iocs), NOW)
    assert [one.indicator.value for one in report.sightings] == [f"{n}.example" for n in range(10)]
    assert report.reasons == {"the report has more than 10 IOCs": 20}


def test_a_run_that_runs_out_of_time_inside_a_page_goes_on_in_the_next(moto_store: Store) -> None:
    reports = [
        raw_report(f"flow-{n}", iocs={"domain": [raw_ioc(f"{n}-{m}.example") for m in range(10)]})
        for n in range(120)
    ]
    feed = FakeFeed({FEED_URL: json_page(reports)})
    found = 0
    for _ in range(8):
        left = iter([1.0] * 2 + [0.0] * 1000)
        summary = ingest(
            moto_store, feed, reading_left=lambda left=left: next(left), batch_reports=20
        )
        assert summary.complete or summary.stopped == "the time for reading is used up"
        assert summary.complete or len(stored(moto_store)) > found
        found = len(stored(moto_store))
        if summary.complete:
            break
    assert summary.complete
    assert stored(moto_store) == model(reports)
