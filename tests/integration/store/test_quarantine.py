"""Quarantine: what is kept of a rejected record, and finding it again."""

import json
from typing import Any

import pytest

from functions.ingest.store.quarantine import (
    KEPT_FOR,
    MAX_RECORD_CHARS,
    Quarantine,
    QuarantineEntries,
    QuarantineEntry,
)
from functions.ingest.store.runs import RunLog
from shared.domain.errors import InvalidRecord
from shared.formats.feed.report import Rejected, read_report
from shared.store.keys import runs_key
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.ingestion import NOW

FEED = "http://feed.example/"


def put(store: Store, *rejected: Rejected, now: int = NOW) -> None:
    Quarantine(store.client, store.state_table, FEED).put(rejected, now)


def found(store: Store, beginning: str = "") -> list[QuarantineEntry]:
    entries = QuarantineEntries(store.client, store.state_table)
    return sorted(entries.find(beginning), key=lambda entry: (entry.at, entry.key))


def test_a_record_is_kept_once_with_its_reason(any_store: Store) -> None:
    bad = Rejected("date is before 2000", {"flow_id": "a", "x": "\ud800"}, "a")
    put(any_store, bad, bad, now=1000)
    put(any_store, bad, Rejected("report is not an object", 5), now=2000)
    assert {(entry.reason, entry.at, entry.flow_id) for entry in found(any_store)} == {
        ("date is before 2000", 2000, "a"),
        ("report is not an object", 2000, ""),
    }


def test_more_than_one_call_takes(any_store: Store) -> None:
    put(any_store, *(Rejected("no", n) for n in range(60)))
    assert len(found(any_store)) == 60


@pytest.mark.parametrize(
    "raw",
    [
        None,
        5,
        "\ud800",
        [{}],
        raw_report(date="2001-02-30"),
        raw_report(""),
        raw_report("a\ud800b", tags=["\udfff"]),
        raw_report(iocs=[]),
    ],
)
def test_a_report_comes_back_as_the_feed_had_it(moto_store: Store, raw: object) -> None:
    put(moto_store, *read_report(raw, NOW).rejected)
    [entry] = found(moto_store)
    assert entry.raw() == raw
    assert entry.feed_url == FEED
    assert not entry.cut


def test_a_report_with_a_bad_date_keeps_its_flow_id(moto_store: Store) -> None:
    put(moto_store, *read_report(raw_report("flow-1", date="no"), NOW).rejected)
    assert [entry.flow_id for entry in found(moto_store)] == ["flow-1"]


@pytest.mark.parametrize(
    "iocs",
    [
        {"domain": [raw_ioc(verdict="EVIL", tags=["c2"], origins=[{"type": "VBA"}])]},
        {"domain": [raw_ioc("\ud800.example")]},
        {"URL": [None]},
        {"ip": "192.0.2.1"},
    ],
)
def test_of_an_ioc_as_much_of_its_report_is_kept_as_reading_it_again_needs(
    moto_store: Store, iocs: dict[str, Any]
) -> None:
    good = {"sha256": [raw_ioc("a" * 64)]}
    raw = raw_report("flow-1", verdict="EVIL", tags=["packed", "\ud800", 5], iocs=good | iocs)
    put(moto_store, *read_report(raw, NOW).rejected)
    [entry] = found(moto_store)
    kind, value = next(iter(iocs.items()))
    assert entry.raw() == {
        "flow_id": "flow-1",
        "date": "2025-06-01T08:00:00.000Z",
        "verdict": "EVIL",
        "tags": ["packed"],
        "iocs": {kind: value} if kind == "URL" else iocs,
    }
    assert entry.flow_id == "flow-1"
    # Read again it is the same rejection.
    again = read_report(entry.raw(), NOW).rejected
    assert [one.reason for one in again] == [entry.reason]
    put(moto_store, *again)
    assert found(moto_store) == [entry]


def test_the_same_bad_ioc_of_two_reports_is_two_entries(moto_store: Store) -> None:
    for flow_id in ("flow-1", "flow-2"):
        raw = raw_report(flow_id, iocs={"domain": [raw_ioc(verdict="EVIL")]})
        put(moto_store, *read_report(raw, NOW).rejected)
    assert {entry.flow_id for entry in found(moto_store)} == {"flow-1", "flow-2"}


def test_a_report_does_not_make_its_bad_iocs_large() -> None:
    raw = raw_report(
        tags=[f"{n:064}" for n in range(5000)],
        verdict="x" * 100_000,
        iocs={"domain": [raw_ioc("not a domain")]},
    )
    [rejected] = read_report(raw, NOW).rejected
    assert len(json.dumps(rejected.as_report())) < 5000


def test_what_is_too_large_is_cut_and_says_so(any_store: Store) -> None:
    longest = "x" * (MAX_RECORD_CHARS - 2)
    put(any_store, Rejected("fits", longest), now=1000)
    put(any_store, Rejected("does not", longest + "x"), now=2000)
    fits, cut = found(any_store)
    assert fits.raw() == longest
    assert cut.cut
    assert len(cut.record) == MAX_RECORD_CHARS
    with pytest.raises(InvalidRecord, match="too large"):
        cut.raw()


def test_what_is_nested_too_deep_is_marked_as_cut(moto_store: Store) -> None:
    deep: object = 0
    for _ in range(100_000):
        deep = [deep]
    put(moto_store, Rejected("report is nested too deep", deep))
    assert [entry.cut for entry in found(moto_store)] == [True]


@pytest.mark.parametrize("record", ["{", "", "[" * 100_000, "1" * 5000])
def test_a_record_that_somebody_broke_is_told(record: str) -> None:
    entry = QuarantineEntry(
        "quarantine#0", "no", record, cut=False, flow_id="", feed_url=FEED, at=0
    )
    with pytest.raises(InvalidRecord):
        entry.raw()


def test_an_entry_ends_by_itself(moto_store: Store) -> None:
    put(moto_store, Rejected("no", 5))
    [item] = moto_store.items(moto_store.state_table)
    assert int(item["ttl"]["N"]) == NOW // 1000 + KEPT_FOR.total_seconds()


def test_entries_are_found_by_how_their_key_begins_and_among_other_items(
    any_store: Store,
) -> None:
    RunLog(any_store.client, any_store.state_table).begin()
    put(any_store, *(Rejected("no", n) for n in range(40)))
    everything = found(any_store)
    assert len(everything) == 40
    one = everything[7]
    assert found(any_store, one.key) == [one]
    digest = one.key.partition("#")[2]
    assert one in found(any_store, digest[:6])
    assert found(any_store, "x") == found(any_store, runs_key()) == []


def test_a_scan_of_many_pages_goes_on_while_its_entries_are_removed(any_store: Store) -> None:
    text = "x" * 90_000
    put(any_store, *(Rejected("no", f"{n}{text}") for n in range(40)))
    entries = QuarantineEntries(any_store.client, any_store.state_table)
    removed = []
    for entry in entries.find():
        entries.remove(entry)
        entries.remove(entry)
        removed.append(entry.key)
    assert len(set(removed)) == 40
    assert found(any_store) == []
