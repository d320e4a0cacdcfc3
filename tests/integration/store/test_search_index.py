"""The search index, read in pages, on both engines."""

import gzip
import json
from collections.abc import Sequence
from typing import Any

import pytest

from shared.domain.errors import StoreError
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.indicator import HASH_TYPES, Indicator, IndicatorType, parse
from shared.domain.reputation import OF_REPORT, ScanVerdict, Sighting
from shared.domain.sighting_details import Origin, SightingDetails
from shared.domain.verdict import Verdict
from shared.store.search_index import MAX_DAYS, MAX_READ, BadCursor, SearchIndex, SeenIoc
from tests.builders import DOMAIN, sighting, sighting_summary
from tests.conftest import Store
from tests.fakes import InlineExecutor

DAY_MS = 86_400_000
START = 1_748_736_000_000  # 2025-06-01


def index_of(store: Store, **settings: Any) -> SearchIndex:
    return SearchIndex(store.client, store.search_table, **settings)


def domain(number: int) -> Indicator:
    return parse(IndicatorType.DOMAIN, f"n{number}.example")


def enter(index: SearchIndex, *reports: Sequence[Sighting]) -> None:
    digests = [f"{number:016}".encode() for number in range(len(reports))]
    index.add(zip(digests, reports, strict=True), InlineExecutor())


def all_recent(index: SearchIndex, limit: int, **wanted: Any) -> list[SeenIoc]:
    rows: list[SeenIoc] = []
    cursor = ""
    while True:
        page = index.recent(limit, cursor, **wanted)
        rows += page.rows
        assert len(page.rows) <= limit
        if not page.cursor:
            return rows
        assert page.cursor != cursor
        cursor = page.cursor


def test_sightings_come_in_pages_the_newest_first(any_store: Store) -> None:
    index = index_of(any_store)
    everything = [
        sighting_summary(
            seen_at=START + number,
            flow_id=f"flow-{number}",
            verdict=Verdict(number % 5),
            parent_verdict="UNKNOWN" if number % 2 else "",
            origin="INPUT_FILE" if number % 3 else "",
            report_id=f"report-{number}",
        )
        for number in range(7)
    ]
    enter(index, *([sighting(one)] for one in everything))
    expected = [one.latest for one in reversed(everything)]
    for limit in (1, 2, 3, 6, 7, 8):
        rows: list[ScanVerdict] = []
        cursor, pages = "", 0
        while True:
            page = index.sightings(DOMAIN, limit, cursor)
            rows += page.rows
            pages += 1
            cursor = page.cursor
            if not cursor:
                break
        assert rows == expected
        assert pages == -(-7 // limit)
    assert index.sightings(domain(1), 5).rows == []


def test_the_same_again_changes_nothing_and_other_words_are_added(any_store: Store) -> None:
    index = index_of(any_store)
    first = [
        sighting(sighting_summary(verdict=Verdict.BENIGN)),
        sighting(sighting_summary(), domain(1)),
    ]
    enter(index, first)
    before = any_store.items(any_store.search_table)
    enter(index, first)
    enter(index, [first[1], first[0]], first)
    assert len([one for one in before if "verdict" in one]) == 2
    assert index.sightings(DOMAIN, 5).rows == [first[0].summary.latest]
    enter(index, [sighting(sighting_summary(verdict=Verdict.MALICIOUS))])
    assert {row.verdict for row in index.sightings(DOMAIN, 5).rows} == {
        Verdict.BENIGN,
        Verdict.MALICIOUS,
    }


def test_the_iocs_of_a_scan(any_store: Store) -> None:
    index = index_of(any_store)
    first = [sighting(sighting_summary(origin=f"O{n}"), domain(n)) for n in range(5)]
    other = [sighting(sighting_summary(flow_id="other"), domain(9))]
    enter(index, first, other)
    flow_id = first[0].flow_id
    rows: list[SeenIoc] = []
    cursor = ""
    for length in (2, 2, 1):
        page = index.of_scan(flow_id, 2, cursor)
        assert page
        assert len(page.rows) == length
        rows += page.rows
        cursor = page.cursor
    assert cursor == ""
    assert rows == [SeenIoc(one.indicator, one.summary.latest) for one in first]
    assert index.of_scan("flow", 2) is None


def test_every_list_holds_the_details_of_a_sighting(any_store: Store) -> None:
    index = index_of(any_store)
    details = SightingDetails(
        (Origin("INPUT_FILE", "ab" * 32), Origin("EMAIL_BODY")),
        (Evidence(EvidenceSource.YARA, Verdict.MALICIOUS, "rule", decides=True),),
        file_name="a.exe",
    )
    seen = sighting(sighting_summary(origin="INPUT_FILE", details=details.pack()))
    inherited = sighting(sighting_summary(source=OF_REPORT), domain(1))
    enter(index, [seen, inherited])
    page = index.of_scan(seen.flow_id, 5)
    assert page
    for rows in (page.rows, index.recent(5).rows):
        assert [one.latest for one in rows] == [seen.summary.latest, inherited.summary.latest]
    [latest] = index.sightings(DOMAIN, 5).rows
    assert latest.read_details() == details
    assert latest.read_evidence() == details.evidence
    [other] = index.sightings(domain(1), 5).rows
    assert other.read_evidence() == (Evidence(EvidenceSource.REPORT, other.verdict, decides=True),)


def test_a_row_of_an_earlier_version_has_no_details(any_store: Store) -> None:
    index = index_of(any_store)
    seen = sighting(sighting_summary(origin="INPUT_FILE", details='{"n":"a.exe"}'))
    enter(index, [seen])
    [row] = [one for one in any_store.items(any_store.search_table) if "body" in one]
    body = json.loads(gzip.decompress(bytes(row["body"]["B"])))
    row["body"] = {"B": gzip.compress(json.dumps([ioc[:4] for ioc in body]).encode())}
    any_store.client.put_item(TableName=any_store.search_table, Item=row)
    [found] = index.recent(5).rows
    assert found == SeenIoc(seen.indicator, seen.summary.latest._replace(details=""))
    assert found.latest.read_details().origins == (Origin("INPUT_FILE"),)


def test_a_report_as_large_as_a_feed_may_have_is_found_whole(any_store: Store) -> None:
    index = index_of(any_store)
    urls = [
        parse(IndicatorType.URL, f"http://evil.example/{n:04}" + f"{n:x}" * 2000)
        for n in range(300)
    ]
    enter(index, [sighting(sighting_summary(), url) for url in urls])
    flow_id = sighting_summary().latest.flow_id
    page = index.of_scan(flow_id, 1000)
    assert page
    assert {row.indicator for row in page.rows} == set(urls)
    assert len(all_recent(index, 70)) == 300
    assert len([i for i in any_store.items(any_store.search_table) if "body" in i]) > 1


def test_recent_iocs_by_verdict_and_type(any_store: Store) -> None:
    index = index_of(any_store)
    file = parse(IndicatorType.MD5, "a" * 32)
    enter(
        index,
        [
            sighting(sighting_summary(seen_at=START, verdict=Verdict.MALICIOUS), domain(1)),
            sighting(sighting_summary(seen_at=START, verdict=Verdict.BENIGN), file),
        ],
        [
            sighting(
                sighting_summary(seen_at=START + 5, flow_id="b", verdict=Verdict.BENIGN), domain(1)
            )
        ],
        [sighting(sighting_summary(seen_at=START - DAY_MS, flow_id="c"), domain(2))],
    )

    def named(**wanted: Any) -> list[str]:
        return [row.indicator.value for row in index.recent(10, **wanted).rows]

    assert named() == ["n1.example", file.value, "n2.example"]
    assert named(verdict=Verdict.MALICIOUS) == ["n1.example", "n2.example"]
    assert named(verdict=Verdict.BENIGN) == ["n1.example", file.value]
    assert named(kinds=HASH_TYPES) == [file.value]
    assert named(kinds=HASH_TYPES, verdict=Verdict.MALICIOUS) == []
    assert index.recent(1).rows[0].latest.verdict is Verdict.BENIGN


def test_recent_iocs_in_pages_over_days_and_shards(any_store: Store) -> None:
    index = index_of(any_store)
    reports = [
        [
            sighting(
                sighting_summary(
                    seen_at=START + (number % 5) * DAY_MS + number, flow_id=f"flow-{number}"
                ),
                domain(2 * number + which),
            )
            for which in range(2)
        ]
        for number in range(40)
    ]
    enter(index, *reports)
    for limit in (1, 3, 100):
        rows = all_recent(index, limit)
        assert len(rows) == 80
        assert len({row.indicator for row in rows}) == 80
        dates = [row.latest.seen_at for row in rows]
        assert dates == sorted(dates, reverse=True)


def test_what_arrives_while_pages_are_read_moves_none_of_them(any_store: Store) -> None:
    index = index_of(any_store)

    def report(number: int) -> list[Sighting]:
        return [
            sighting(sighting_summary(seen_at=START + number, flow_id=f"f{number}"), domain(number))
        ]

    enter(index, *(report(number) for number in range(4)))
    page = index.recent(2)
    index.add([(b"n" * 16, report(9))], InlineExecutor())
    following = index.recent(2, page.cursor)
    assert [row.indicator for row in (*page.rows, *following.rows)] == [
        domain(number) for number in (3, 2, 1, 0)
    ]


def test_a_request_reads_so_many_days_and_says_where_to_go_on(any_store: Store) -> None:
    index = index_of(any_store)
    days = MAX_DAYS + 5
    enter(
        index,
        *(
            [sighting(sighting_summary(seen_at=START - n * DAY_MS, flow_id=f"flow-{n}"), domain(n))]
            for n in range(days)
        ),
    )
    page = index.recent(100)
    assert len(page.rows) == MAX_DAYS
    assert page.cursor
    assert len(all_recent(index, 100)) == days
    # A page without a row is not the last one for that.
    assert index.recent(100, kinds=HASH_TYPES).rows == []
    assert index.recent(100, kinds=HASH_TYPES).cursor
    assert all_recent(index, 100, kinds=HASH_TYPES) == []


def test_a_request_reads_so_many_reports_and_says_where_to_go_on(engine_store: Store) -> None:
    index = index_of(engine_store)
    enter(
        index,
        *(
            [sighting(sighting_summary(seen_at=START + n, flow_id=f"flow-{n}"), domain(n))]
            for n in range(MAX_READ + 3)
        ),
    )
    page = index.recent(1000)
    assert len(page.rows) == MAX_READ
    assert len(all_recent(index, 1000)) == MAX_READ + 3


def test_entries_expire_with_the_retention_after_their_date(any_store: Store) -> None:
    enter(index_of(any_store, retention_s=60), [sighting(sighting_summary(seen_at=START + 1000))])
    ends = {
        item["pk"]["S"].partition("#")[0]: int(item["ttl"]["N"])
        for item in any_store.items(any_store.search_table)
    }
    end = START // 1000 + 61
    # The name of the day stays while a report of the day may.
    assert ends == {"sightings": end, "day": end, "scan": end, "days": START // 1000 + 86_460}


def test_without_a_retention_nothing_expires(any_store: Store) -> None:
    enter(index_of(any_store), [sighting(sighting_summary())])
    assert not [item for item in any_store.items(any_store.search_table) if "ttl" in item]


@pytest.mark.parametrize("cursor", ["x", "1", f"{1:013}.", "~", f"{1:013}.{'a' * 20}.{'b' * 32}"])
def test_what_is_no_cursor_is_refused(moto_store: Store, cursor: str) -> None:
    index = index_of(moto_store)
    with pytest.raises(BadCursor):
        index.sightings(DOMAIN, 1, cursor)
    with pytest.raises(BadCursor):
        index.recent(1, cursor)
    with pytest.raises(BadCursor):
        index.of_scan("flow", 1, cursor)


def test_a_store_that_fails_is_told(any_store: Store) -> None:
    index = SearchIndex(any_store.client, "no-such-table")
    with pytest.raises(StoreError):
        index.sightings(DOMAIN, 1)
    with pytest.raises(StoreError):
        index.of_scan("flow", 1)
    with pytest.raises(StoreError):
        index.recent(1)
    with pytest.raises(StoreError):
        enter(index, [sighting(sighting_summary())])


def test_an_entry_past_its_retention_is_not_listed_though_it_is_stored(any_store: Store) -> None:
    seen = sighting(sighting_summary(seen_at=START + 1000))
    end = START // 1000 + 61

    def index(now: float) -> SearchIndex:
        return SearchIndex(
            any_store.client, any_store.search_table, retention_s=60, clock=lambda: now
        )

    enter(index(end), [seen])
    for now, rows in ((end - 1, 1), (end, 0)):
        assert len(index(now).sightings(seen.indicator, 10).rows) == rows
        assert len(index(now).recent(10).rows) == rows
    assert index(end).of_scan(seen.flow_id, 10) is None
