"""Our own feed, ingested as JSON and as Atom: one and the same store comes of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from functions.publish.feed import Cursor, PublishedPage, as_atom, as_json
from functions.publish.scan import ScanReport, read_scan
from local.up import SAMPLE_REPORTS
from shared.formats.feed.reader import read_page
from tests.conftest import Store, new_store
from tests.fakes import FEED_URL, FakeFeed
from tests.ingestion import NOW, ingest
from tests.publishing import log_of, pages, publish
from tests.scans import read_one, scan_ioc

VENDOR_PAGE = Path(__file__).parents[2] / "unit" / "feed" / "data" / "vendor.atom"
# A version is made by chance for every write.
VERSION = "ver"


def reports() -> Iterator[ScanReport]:
    """The samples, and one with everything in it that is hard to spell."""
    for path in sorted(SAMPLE_REPORTS.glob("*.json")):
        for one in read_scan(path.read_bytes(), NOW):
            assert isinstance(one, ScanReport)
            yield one
    yield read_one(
        {
            "domain": [
                scan_ioc("evil.example", "MALICIOUS", tags=["<&>", " ü\t", "\x1f", "a\x00"])
            ],
            "ip": [scan_ioc("2001:db8::1", "SUSPICIOUS"), scan_ioc("192.0.2.1", "BENIGN")],
            "url": [
                scan_ioc("http://evil.example/?a=1&b=]]>", "Confirmed Threat"),
                scan_ioc("http://evil.example/" + "x" * 3000, "NO_THREAT"),
            ],
        },
        flow_id="<&'\"%2F \u2028é",
        file={"name": " a\r\n\ufffe.exe ", "type": "pe", "hash": "a" * 64},
    )


def feed_of(read: list[PublishedPage], *, atom: bool) -> FakeFeed:
    url, bodies = FEED_URL, {}
    for page in read:
        text = as_atom(page, report_link="https://x.example/") if atom else as_json(page)
        bodies[url] = text.encode()
        if page.next:
            url = urljoin(FEED_URL, page.next.query())
    return FakeFeed(bodies)


def without_versions(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: item[name] for name in item if name != VERSION} for item in items]


def test_a_feed_fills_the_store_alike_in_both_formats(moto_store: Store) -> None:
    publish(moto_store, *reports())
    read = list(pages(log_of(moto_store), Cursor(limit=2)))
    assert len(read) > 1
    found = []
    for atom in (False, True):
        store = new_store()
        summary = ingest(store, feed_of(read, atom=atom))
        assert summary.complete
        assert summary.quarantined == 0
        ledger = [
            one for one in store.items(store.state_table) if one["pk"]["S"].startswith("report")
        ]
        found.append((without_versions(store.items()), ledger))
    assert len(found[0][0]) > 20
    assert found[0] == found[1]


def test_a_report_that_is_known_from_json_is_known_in_atom(moto_store: Store) -> None:
    publish(moto_store, *reports())
    read = list(pages(log_of(moto_store), Cursor()))
    first = ingest(moto_store, feed_of(read, atom=False))
    again = ingest(moto_store, feed_of(read, atom=True))
    assert (again.known, again.iocs_changed) == (first.reports, 0)


@pytest.mark.parametrize("inherit", [False, True])
def test_the_vendors_page_is_ingested(moto_store: Store, *, inherit: bool) -> None:
    summary = ingest(
        moto_store, FakeFeed({FEED_URL: VENDOR_PAGE.read_bytes()}), inherit_verdict=inherit
    )
    assert summary.complete
    assert summary.passed_over == 1
    assert (summary.iocs_new, summary.without_verdict) == ((7, 0) if inherit else (2, 5))


def test_the_raw_reports_are_equal(moto_store: Store) -> None:
    publish(moto_store, *reports())
    [page] = pages(log_of(moto_store), Cursor())
    from_json = read_page(as_json(page).encode())
    from_atom = read_page(as_atom(page, report_link="").encode())
    assert from_json.reports == from_atom.reports
