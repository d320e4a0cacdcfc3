"""One page of each format as it is published, and pages that must be refused."""

import json
from base64 import b64encode
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from shared.domain.errors import FeedError
from shared.formats.feed.json_page import LIMITS
from shared.formats.feed.page import ReportLink
from shared.formats.feed.reader import mentioned_next, read_page
from tests.builders import raw_report

DATA = Path(__file__).parent / "data"


def atom(*entries: str, links: str = "") -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>t</title><id>urn:x</id><updated>2025-06-01T08:00:00Z</updated>{links}"
        f"{''.join(entries)}</feed>"
    ).encode()


def entry(content: str = "") -> str:
    return (
        "<entry><id>urn:1</id><title>a</title><updated>2025-06-01T08:00:00Z</updated>"
        '<link href="https://sandbox.example/uploads/66b3763b/reports/4c1a/overview"/>'
        f'<category term="packed"/>{content}</entry>'
    )


def in_utf_7(hidden: str) -> bytes:
    """A page in UTF-8 that declares UTF-7, in which `hidden` is spelled in letters."""
    letters = b64encode(hidden.encode("utf-16-be")).decode().rstrip("=")
    reference = entry('<content type="application/json">{"flow_id": "&amp;a;"}</content>')
    text = atom(reference.replace("&amp;", "&")).decode()
    return text.replace('encoding="utf-8"?>', f'encoding="utf-7"?>+{letters}-').encode()


def test_a_json_page() -> None:
    page = read_page((DATA / "page.json").read_bytes())
    assert [report["flow_id"] for report in page.reports] == [  # type: ignore[index]
        "66b3763be7dbbbdfcd0a6a96",
        "64d1fb9c2a1db2a88ac17017",
    ]
    assert page.next == "?cursor=66b3763b"
    assert page.links == ()


def test_an_atom_page() -> None:
    page = read_page((DATA / "page.atom").read_bytes())
    assert [report["flow_id"] for report in page.reports] == [  # type: ignore[index]
        "66b3763be7dbbbdfcd0a6a96",
        "64d1fb9c2a1db2a88ac17017",
    ]
    assert page.next == "https://feed.example/feed/reports?page=2"
    assert page.links == [
        ReportLink(
            "6810b62e3be9346af4496cf5",
            "https://feed.example/uploads/6810b62e3be9346af4496cf5/reports/9f2c/overview",
        )
    ]


def test_where_newer_reports_will_be() -> None:
    for body in (
        b'{"items": [], "newer": "?cursor=a3"}',
        atom(links='<link rel="previous" href="?cursor=a3"/>'),
    ):
        assert read_page(body).newer == "?cursor=a3"
    for body in (
        b'{"items": []}',
        b'{"items": [], "newer": 7}',
        b'{"items": [], "newer": ""}',
        atom(),
    ):
        assert read_page(body).newer is None


def test_both_formats_hold_the_same_reports() -> None:
    pages = [read_page((DATA / name).read_bytes()) for name in ("page.json", "page.atom")]
    assert pages[0].reports == pages[1].reports


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html><body>busy</body></html>",
        b"<!DOCTYPE html><html></html>",
        b"busy",
        b"[]",
        b"null",
        b"{}",
        b'{"items": null}',
        b'{"items": {}}',
        b'{"items": [], "next": 5}',
        b'{"items": [NaN]}',
        b'{"items": [Infinity]}',
        b'{"items": [-Infinity]}',
        b'{"items": [' + b"9" * 6000 + b"]}",
        b'{"items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"items": [1,]}',
        b'{"items": [' + b"{}," * LIMITS.containers + b"{}]}",
        b'{"items": []} x',
        '{"items": []}'.encode("utf-16"),
        b'{"items": ["\xff"]}',
        b'{"items": ["\xed\xa0\x80"]}',
        atom() + b"x",
        atom()[:-3],
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry></feed>',
        b'<rss version="2.0"><channel><title>x</title></channel></rss>',
        b"<feed>no namespace</feed>",
        b'<!DOCTYPE f [<!ENTITY a "aaaa">]><feed xmlns="http://www.w3.org/2005/Atom"/>',
        b'<!DOCTYPE f SYSTEM "file:///etc/passwd"><feed xmlns="http://www.w3.org/2005/Atom"/>',
        b'<!DOCTYPE f [<!ENTITY % a SYSTEM "http://127.0.0.1:9/">%a;]>' + atom(),
        b"<!DOCTYPE lolz [<!ENTITY a0 'ha'>"
        + b"".join(b"<!ENTITY a%d '&a%d;&a%d;'>" % (n + 1, n, n) for n in range(40))
        + b']><feed xmlns="http://www.w3.org/2005/Atom"><title>&a40;</title></feed>',
        in_utf_7('<!DOCTYPE f [<!ENTITY a "aaaa">]>'),
        in_utf_7('<!DOCTYPE f [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
        b"\xef\xbb\xbf\xef\xbb\xbf" + atom(),
        atom().decode().encode("utf-16"),
    ],
)
def test_a_page_that_is_not_valid_is_refused_whole(body: bytes) -> None:
    with pytest.raises(FeedError) as refused:
        read_page(body)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("body", [atom(), b'{"items": []}'], ids=["Atom", "JSON"])
def test_one_byte_order_mark_is_skipped(body: bytes) -> None:
    assert read_page(b"\xef\xbb\xbf" + body) == read_page(body)


def test_a_refusal_does_not_repeat_the_page() -> None:
    with pytest.raises(FeedError) as refused:
        read_page(b'{"items": [secret]}')
    assert "secret" not in str(refused.value)


def test_unknown_elements_break_nothing() -> None:
    body = json.dumps({"items": [raw_report()], "count": "x", "odd": {}, "next": None})
    assert read_page(body.encode()).next is None
    page = read_page(atom(entry("<x:y xmlns:x='urn:x'>z</x:y>"), links="<odd/>"))
    assert [link.flow_id for link in page.links] == ["66b3763b"]


@pytest.mark.parametrize("wrap", [escape, lambda text: f"<![CDATA[{text}]]>"])
def test_json_content_in_the_open(wrap: object) -> None:
    text = json.dumps(raw_report(tags=["<&>é"]))
    content = f'<content type="application/json">{wrap(text)}</content>'  # type: ignore[operator]
    assert read_page(atom(entry(content))).reports == [raw_report(tags=["<&>é"])]


def test_json_content_in_base64_as_the_rfc_has_it() -> None:
    text = b64encode(json.dumps(raw_report()).encode()).decode()
    content = f'<content type="application/json">{text}</content>'
    assert read_page(atom(entry(content))).reports == [raw_report()]


def test_content_that_is_no_json_costs_the_report() -> None:
    bad = '<content type="application/json">{"flow_id": </content>'
    good = f'<content type="application/json">{escape(json.dumps(raw_report()))}</content>'
    page = read_page(atom(entry(bad), entry(good)))
    assert page.reports == ['{"flow_id":', raw_report()]


def test_an_empty_atom_feed_is_valid() -> None:
    assert read_page(atom()).reports == []


def test_half_a_surrogate_pair_costs_no_page() -> None:
    assert read_page(b'{"items": ["\\ud800"]}').reports == ["\ud800"]


@pytest.mark.parametrize(
    ("body", "mentioned"),
    [
        (b'{"items": [NaN], "next": "?page=3"}', "?page=3"),
        (b'{"next":"http://feed.example/?a=1&b=2", "items": [', "http://feed.example/?a=1&b=2"),
        (b'{"items": [{"next": "inner"}], "next": "outer", \xff', "outer"),
        (b'{"items": [NaN], "next": null}', ""),
        (b"<html>busy</html>", ""),
        (b"<link " * 5_000_000, ""),
        (b'"next"' + b" " * 5_000_000, ""),
        (b'{"items": [' + b"0," * 50_000 + b'NaN], "next": "?page=3"}', "?page=3"),
        (b"", ""),
        (atom(links='<link rel="next" href="?page=2&amp;x=1"/>')[:-5], "?page=2&x=1"),
        (atom(links='<link href="?page=2" rel="next"/>')[:-5], "?page=2"),
        (atom(links='<link rel="self" href="?page=1"/>')[:-5], ""),
    ],
)
def test_a_page_that_is_not_valid_may_still_name_its_next_one(body: bytes, mentioned: str) -> None:
    assert mentioned_next(body) == mentioned
