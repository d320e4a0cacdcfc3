"""Pages of the feed: where they begin and end, and what readers of JSON and Atom find in them."""

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ingest.batch import content_digest
from functions.publish.feed import (
    DEFAULT_LIMIT,
    MAX_ATOM_BYTES,
    MAX_LIMIT,
    MAX_PAGE_BYTES,
    Cursor,
    InvalidCursor,
    Order,
    PublishedPage,
    as_atom,
    as_json,
    read_page,
)
from functions.publish.store.feed_log import FeedEntry, FeedInfo
from local.openapi_models import feed as feed_models
from local.openapi_models.v4 import Evidence
from shared.domain.links import report_link
from shared.formats.feed import atom, json_page

NEWEST, OLDEST = Order.NEWEST_FIRST, Order.OLDEST_FIRST
ATOM = "{http://www.w3.org/2005/Atom}"


def item(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "flow_id": f"flow-{number}",
        "report_id": "r1",
        "date": "2025-06-03T08:00:00.000Z",
        "verdict": "MALICIOUS",
        "tags": ["peexe"],
        "file": {"name": f"{number}.exe"},
        "iocs": {},
        **fields,
    }


class FakeLog:
    """Entries in memory, as FeedLog has them.

    Attributes:
        reads: how many batches were read.
    """

    def __init__(self, bodies: dict[int, bytes], tail: int) -> None:
        self.bodies = bodies
        self.tail = tail
        self.reads = 0

    def info(self) -> FeedInfo:
        return FeedInfo(tail=self.tail, count=len(self.bodies), updated=1_748_937_600_000)

    def entries(self, numbers: Sequence[int]) -> Iterator[FeedEntry]:
        self.reads += 1
        for number in numbers:
            if number in self.bodies:
                yield FeedEntry(number, self.bodies[number])


def log(tail: int, *, replaced: Iterable[int] = (), size: int = 0) -> Any:
    gone = set(replaced)
    bodies = {
        n: json.dumps(item(n, pad="x" * size)).encode() for n in range(1, tail + 1) if n not in gone
    }
    return FakeLog(bodies, tail)


def read(source: Any, cursor: Cursor) -> PublishedPage:
    return read_page(source, source.info(), cursor)


def numbers(page: PublishedPage) -> list[int]:
    return [entry.number for entry in page.entries]


def follow(source: Any, cursor: Cursor | None) -> list[list[int]]:
    """The numbers on each page from a cursor to the end."""
    pages = []
    while cursor:
        page = read(source, cursor)
        pages.append(numbers(page))
        cursor = page.next
    return pages


def asked(query: str) -> Cursor:
    said = dict(parse_qsl(query.lstrip("?")))
    return Cursor.parse(said.get("cursor", ""), said.get("order", ""), said.get("limit", ""))


def test_the_newest_come_first_unless_asked_otherwise() -> None:
    assert follow(log(7), Cursor(limit=3)) == [[7, 6, 5], [4, 3, 2], [1]]
    assert follow(log(7), Cursor(OLDEST, 0, 3)) == [[1, 2, 3], [4, 5, 6], [7]]


@pytest.mark.parametrize("order", Order)
def test_a_page_that_ends_with_the_feed_has_none_after_it(order: Order) -> None:
    assert len(follow(log(6), Cursor.parse("", order, "3"))) == 2
    assert follow(log(0), Cursor.parse("", order, "")) == [[]]


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("limit", [3, 30, 100])
def test_replaced_entries_are_passed_over_and_pages_are_full_all_the_same(
    order: Order, limit: int
) -> None:
    replaced = {1, 2, 10, *range(20, 90), 120}
    pages = follow(log(120, replaced=replaced), Cursor.parse("", order, str(limit)))
    whole = list(itertools.chain(*pages))
    left = [n for n in range(1, 121) if n not in replaced]
    assert whole == (left if order is OLDEST else left[::-1])
    assert {len(page) for page in pages[:-1]} <= {limit}


def test_a_long_row_of_replaced_entries_does_not_make_a_page_endless() -> None:
    source = log(5000, replaced=range(2, 5000))
    page = read(source, Cursor())
    assert (numbers(page), page.next is not None, source.reads) == ([5000], True, 40)
    assert list(itertools.chain(*follow(source, Cursor()))) == [5000, 1]


def test_a_page_ends_before_it_gets_too_large() -> None:
    source = log(20, size=MAX_PAGE_BYTES // 4)
    pages = follow(source, Cursor(OLDEST, 0, 100))
    assert list(itertools.chain(*pages)) == list(range(1, 21))
    assert {len(page) for page in pages[:-1]} == {3}
    for cursor in (Cursor(limit=100), Cursor(OLDEST, 5, 100)):
        assert len(as_json(read(source, cursor))) < MAX_PAGE_BYTES + 1000


def test_an_entry_larger_than_a_page_is_a_page_of_its_own() -> None:
    assert follow(log(3, size=MAX_PAGE_BYTES + 1), Cursor(limit=5)) == [[3], [2], [1]]


@pytest.mark.parametrize("order", Order)
def test_who_reads_on_where_newer_says_finds_what_came_after_and_nothing_else(
    order: Order,
) -> None:
    first = read(log(5), Cursor.parse("", order, ""))
    assert first.newer == Cursor(OLDEST, 5)
    assert follow(log(5), first.newer) == [[]]
    assert read(log(5), first.newer).newer == first.newer
    assert follow(log(8), first.newer) == [[6, 7, 8]]


def test_pages_stay_what_they_were_while_the_feed_grows() -> None:
    first = read(log(10), Cursor(limit=4))
    assert first.next is not None
    assert follow(log(25), first.next) == [[6, 5, 4, 3], [2, 1]]


@pytest.mark.parametrize("cursor", ["a6", "b7", "a999999999999999999", "b8"])
def test_a_cursor_of_another_feed_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        read(log(5), Cursor.parse(cursor, "", ""))


def test_what_a_request_leaves_out() -> None:
    assert Cursor.parse("", "", "") == Cursor(NEWEST, None, DEFAULT_LIMIT)
    assert Cursor.parse("", "oldest_first", "7") == Cursor(OLDEST, 0, 7)
    assert Cursor.parse("b5", "oldest_first", "") == Cursor(NEWEST, 5)
    assert Cursor.parse("", "", str(MAX_LIMIT)).limit == MAX_LIMIT


@pytest.mark.parametrize(
    ("cursor", "order", "limit"),
    [
        ("5", "", ""),
        ("c5", "", ""),
        ("a", "", ""),
        ("a-1", "", ""),
        ("a+1", "", ""),
        ("a 1", "", ""),
        ("a1_0", "", ""),
        ("a٣", "", ""),
        ("a1\n", "", ""),
        ("a1.0", "", ""),
        ("aNone", "", ""),
        ("b" + "9" * 19, "", ""),
        ("b" + "9" * 10_000, "", ""),
        ("", "newest", ""),
        ("", "NEWEST_FIRST", ""),
        ("", "", "0"),
        ("", "", "-1"),
        ("", "", str(MAX_LIMIT + 1)),
        ("", "", "ten"),
        ("", "", "٣"),
        ("", "", "9" * 10_000),
    ],
)
def test_what_nobody_understands_is_refused(cursor: str, order: str, limit: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursor.parse(cursor, order, limit)


@given(st.text(), st.text(), st.text())
def test_any_text_is_a_cursor_or_refused(cursor: str, order: str, limit: str) -> None:
    with contextlib.suppress(InvalidCursor):
        Cursor.parse(cursor, order, limit)


@given(st.sampled_from(Order), st.integers(0, 10**18 - 1), st.integers(1, MAX_LIMIT))
def test_a_query_asks_for_the_page_that_it_is_made_from(
    order: Order, number: int, limit: int
) -> None:
    cursor = Cursor(order, number, limit)
    assert asked(cursor.query()) == cursor


def test_a_page_in_json() -> None:
    page = json.loads(as_json(read(log(7), Cursor(limit=3))))
    assert [one["flow_id"] for one in page.pop("items")] == ["flow-7", "flow-6", "flow-5"]
    assert page == {
        "count": 3,
        "order": "newest_first",
        "next": "?cursor=b5&limit=3",
        "newer": "?cursor=a7&limit=3",
    }


def test_an_empty_page_in_json() -> None:
    assert json.loads(as_json(read(log(0), Cursor()))) == {
        "items": [],
        "count": 0,
        "order": "newest_first",
        "next": None,
        "newer": "?cursor=a0",
    }


FULL: dict[str, Any] = {
    "tags": ["packed", " c2\n", "<&>"],
    "file": {"name": " a ]]>.exe", "type": "pe", "md5": "a" * 32, "sha256": "b" * 64},
    "iocs": {
        "md5": [{"data": "A" * 32, "verdict": "UNKNOWN", "origins": [], "tags": []}],
        "sha256": [{"data": "B" * 64}, {"data": "C" * 64}],
        "ip": [{"data": "192.0.2.1"}, {"data": "2001:db8::1", "verdict": "BENIGN"}],
        "domain": [
            {
                "data": "evil.example",
                "verdict": "MALICIOUS",
                "origins": [
                    {"type": "VBA_EMULATION", "identifier": "a" * 64},
                    {"type": "INPUT_FILE"},
                ],
                "tags": ["c2", "ü"],
                "first_seen": "2025-06-03T08:00:00.000Z",
                "last_seen": "2025-06-04T08:00:00.000Z",
                "scan_count": 2,
                "evidence": [
                    {"source": "ioc", "verdict": "MALICIOUS", "decides": True},
                    {"source": "osint", "verdict": "BENIGN", "name": "a", "echo": True},
                ],
            }
        ],
        "url": [{"data": "http://evil.example/?a=1&b=<2>"}],
    },
}


def test_both_forms_hold_the_same_reports() -> None:
    full = {4: item(4, **FULL), 5: item(5, verdict="UNKNOWN", file={}, tags=[])}
    bodies = {n: json.dumps(one).encode() for n, one in full.items()}
    page = read(FakeLog(bodies, 5), Cursor(OLDEST, 0))
    from_json = json_page.read(as_json(page).encode())
    from_atom = atom.read(as_atom(page, report_link="").encode())
    assert from_json.reports == from_atom.reports == list(full.values())
    assert content_digest(from_json.reports[0]) == content_digest(from_atom.reports[0])


def test_both_forms_are_paged_alike() -> None:
    page = read(log(7), Cursor(limit=3))
    from_json = json_page.read(as_json(page).encode())
    from_atom = atom.read(as_atom(page, report_link="").encode())
    assert from_json.next == from_atom.next == "?cursor=b5&limit=3"
    assert from_json.newer == from_atom.newer
    assert (from_atom.links, from_atom.not_understood) == ([], [])


@pytest.mark.parametrize("order", Order)
def test_reports_that_are_large_in_xml_are_cut_into_more_pages(order: Order) -> None:
    """An ampersand is one byte in JSON and five in XML."""
    name = "&" * 100_000
    bodies = {one: json.dumps(item(one, file={"name": name})).encode() for one in range(1, 11)}
    source = FakeLog(bodies, 10)
    seen: list[str] = []
    pages = 0
    cursor: Cursor | None = Cursor(order, 0 if order is OLDEST else None)
    while cursor:
        text = as_atom(read(source, cursor), report_link="")
        assert len(text.encode()) <= MAX_ATOM_BYTES
        pages += 1
        found = atom.read(text.encode())
        reports: list[Any] = list(found.reports)
        seen += [report["flow_id"] for report in reports]
        cursor = asked(found.next) if found.next else None
    names = [f"flow-{number}" for number in range(1, 11)]
    assert 2 < pages < 6
    assert seen == (names if order is OLDEST else names[::-1])


def test_every_number_and_truth_of_a_report_is_one_in_atom() -> None:
    """A field that the model of the feed gets is read from XML as from JSON."""
    kinds = {
        name: field.annotation
        for model in (feed_models.FeedReport, feed_models.FeedIoc, Evidence)
        for name, field in model.model_fields.items()
    }
    for name, kind in kinds.items():
        value: Any = {int: 7, float: 0.5, bool: True}.get(kind) if isinstance(kind, type) else None
        if value is None:
            continue
        iocs = {"domain": [{"data": "evil.example", name: value}]}
        page = read(FakeLog({1: json.dumps(item(1, iocs=iocs)).encode()}, 1), Cursor())
        assert atom.read(as_atom(page, report_link="").encode()).reports == [item(1, iocs=iocs)]


LINK = report_link("https://sandbox.example/{flow_id}%?q")

HOSTILE = [
    item(1, file={"name": 'a<b>&"]]>\ufffd\U0001f600'}, tags=["<&>", "ü", " ", "a\n\tb "]),
    item(2, file={}, tags=["<!DOCTYPE x>", "]]>"], flow_id="../<&'\"{}%20?"),
    item(3, report_id="{0.__class__}", verdict="UNKNOWN"),
    item(4, tags=["a=="] * 3, iocs={"url": [{"data": "http://a.example/?<x>&\u2028\x7f"}]}),
]


def hostile_page(reports: Sequence[dict[str, Any]] = HOSTILE) -> PublishedPage:
    bodies = {n: json.dumps(one).encode() for n, one in enumerate(reports, 1)}
    return read(FakeLog(bodies, len(bodies)), Cursor(OLDEST, 0, 3))


@pytest.mark.parametrize("link", ["", LINK])
def test_nothing_in_a_report_breaks_the_page(link: str) -> None:
    text = as_atom(hostile_page(), report_link=link)
    assert len(ElementTree.fromstring(text).findall(f"{ATOM}entry")) == 3  # noqa: S314
    assert atom.read(text.encode()).reports == HOSTILE[:3]
    assert json_page.read(as_json(hostile_page()).encode()).reports == HOSTILE[:3]


def test_what_xml_cannot_spell_breaks_no_page() -> None:
    """Publishing leaves it out; an entry from before that may have it."""
    old = item(1, file={"name": "a\x00\x0b\ud800\ufffe\r.exe"}, tags=["\x1f"])
    text = as_atom(hostile_page([old]), report_link=LINK)
    [read_back] = atom.read(text.encode()).reports
    assert read_back == item(1, file={"name": "a.exe"}, tags=[""])


def texts(parent: ElementTree.Element, name: str) -> list[str]:
    return [element.text or "" for element in parent.findall(ATOM + name)]


@pytest.mark.parametrize("page", [hostile_page(), read(log(7), Cursor()), read(log(0), Cursor())])
def test_a_page_has_what_rfc_4287_demands(page: PublishedPage) -> None:
    feed = ElementTree.fromstring(as_atom(page, report_link=LINK))  # noqa: S314
    assert feed.tag == f"{ATOM}feed"
    [_], [title], [updated] = texts(feed, "id"), texts(feed, "title"), texts(feed, "updated")
    assert title
    assert datetime.fromisoformat(updated).tzinfo
    [author] = feed.findall(f"{ATOM}author")
    assert texts(author, "name") != [""]
    entries = feed.findall(f"{ATOM}entry")
    ids = [texts(entry, "id") for entry in entries]
    assert len({one for [one] in ids}) == len(entries) == len(page.entries)
    for [one] in [texts(feed, "id"), *ids]:
        assert one.startswith("urn:uuid:")
    for entry in entries:
        [when], [name] = texts(entry, "updated"), texts(entry, "title")
        assert datetime.fromisoformat(when).tzinfo
        assert name
        [link] = entry.findall(f"{ATOM}link")
        assert link.get("rel") == "alternate"
        address = link.get("href", "")
        assert address.startswith("https://sandbox.example/uploads/")
        assert address.isascii()
        assert not set(address) & set(' <>"{}|\\^`')
        assert all(category.get("term") for category in entry.findall(f"{ATOM}category"))
        assert len(entry.findall(f"{ATOM}content")) == 1
    relations = [link.get("rel") for link in feed.findall(f"{ATOM}link")]
    assert relations == (["next"] if page.next else []) + ["previous"]


def test_an_entry_keeps_its_id_when_its_report_is_replaced() -> None:
    def id_of(number: int, body: dict[str, Any]) -> list[str]:
        page = read(FakeLog({number: json.dumps(body).encode()}, number), Cursor())
        feed = ElementTree.fromstring(as_atom(page, report_link=""))  # noqa: S314
        return texts(feed.findall(f"{ATOM}entry")[0], "id")

    first = id_of(1, item(1))
    assert id_of(9, item(1, verdict="BENIGN")) == first
    assert id_of(1, item(1, report_id="r2")) != first
    assert id_of(1, item(2)) != first


def test_a_report_that_is_too_large_in_xml_is_written_as_json() -> None:
    iocs = {"domain": [{"data": f"{n}.example", "tags": list("abcdefgh")} for n in range(30_000)]}
    large = item(2, iocs=iocs)
    bodies = {1: json.dumps(item(1)).encode(), 2: json.dumps(large).encode()}
    source: Any = FakeLog(bodies, 2)
    assert len(bodies[2]) < MAX_PAGE_BYTES
    text = as_atom(read_page(source, source.info(), Cursor()), report_link="")
    assert len(text.encode()) <= MAX_ATOM_BYTES
    assert atom.read(text.encode()).reports[0] == large
