"""Every shipped list, read from a sample of our own in the format in which it is published."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.moment import format_millis
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import ListContent
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import FORMATS
from shared.formats.lists.read import read_snapshot
from tests.unit.providers.support import CATALOG, NOW, documents, serving

GOLDEN = Path(__file__).parent / "golden.json"
SHIPPED = [pytest.param(one, id=one.id) for one in CATALOG.values()]
HTML = (
    b"<!DOCTYPE html>\n<html><head><title>Maintenance</title></head><body>Back soon</body></html>"
)


def told(snapshot: ListContent) -> dict[str, object]:
    """A snapshot as the golden file has it."""
    entries = {
        subject.value: [
            one.assessment,
            one.category,
            format_millis(one.detect_time) if one.detect_time else "",
            one.source_list,
        ]
        for subject, one in sorted(snapshot.entries.items(), key=lambda item: item[0].value)
    }
    return {"entries": entries, "rejected": dict(sorted(snapshot.rejected.items()))}


def small(declaration: Declaration) -> Declaration:
    """The declaration for a sample, which is shorter than the list."""
    return replace(declaration, min_entries=min(declaration.min_entries, 1))


@pytest.mark.parametrize("declaration", SHIPPED)
def test_sample_is_read_as_golden(declaration: Declaration) -> None:
    snapshot = read_snapshot(small(declaration), serving(documents(declaration)), NOW)
    assert told(snapshot) == json.loads(GOLDEN.read_text(encoding="utf-8"))[declaration.id]
    assert {one.status for one in snapshot.entries.values()} == {declaration.listing_status}


@pytest.mark.parametrize("declaration", SHIPPED)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "BOM"])
def test_ends_of_lines_and_a_mark_change_nothing(
    declaration: Declaration, ending: str, mark: str
) -> None:
    bodies = documents(declaration)
    expected = read_snapshot(small(declaration), serving(bodies), NOW)
    for address, body in bodies.items():
        text = body.decode().replace("\r\n", "\n").replace("\n", ending)
        bodies[address] = (mark + text).encode()
    assert read_snapshot(small(declaration), serving(bodies), NOW) == expected


@pytest.mark.parametrize("declaration", SHIPPED)
@pytest.mark.parametrize(
    "body",
    [
        HTML,
        b"\r\n  " + HTML,
        HTML.removeprefix(b"<!DOCTYPE html>"),
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        b"Service temporarily unavailable\nPlease try again later\n",
        b'{"error": {"code": 429, "message": "slow down"}}',
        b'["slow", "down"]',
        b"null",
        b"\x00" * 1000,
        b"\x1f\x8b\x08\x00\xff\xfe\xfd" * 100,
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"a" * 10_000_000,
        b"192.0.2.1 " * 1_000_000,
        b'"' * 1_000_001,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_the_list_is_refused(declaration: Declaration, body: bytes) -> None:
    with pytest.raises(ListError) as refused:
        read_snapshot(declaration, lambda _: body, NOW)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("declaration", SHIPPED)
def test_html_in_the_place_of_any_one_document_is_refused(declaration: Declaration) -> None:
    bodies = documents(declaration)
    for address in bodies:
        with pytest.raises(ListError):
            read_snapshot(small(declaration), serving({**bodies, address: HTML}), NOW)


@pytest.mark.parametrize("declaration", SHIPPED)
@pytest.mark.parametrize("body", [b"", b"\n", b"\xef\xbb\xbf", b"# nothing here\n"])
def test_an_empty_document_is_refused(declaration: Declaration, body: bytes) -> None:
    with pytest.raises(ListError):
        read_snapshot(declaration, lambda _: body, NOW)


@pytest.mark.parametrize("declaration", SHIPPED)
def test_a_truncated_document_is_refused_or_adds_nothing(declaration: Declaration) -> None:
    bodies = documents(declaration)
    whole = read_snapshot(small(declaration), serving(bodies), NOW)
    in_json = declaration.format not in {"lines", "csv"}
    for address, body in bodies.items():
        stripped = body.rstrip()
        for end in range(0, len(stripped), max(1, len(stripped) // 50)):
            cut = serving({**bodies, address: stripped[:end]})
            try:
                snapshot = read_snapshot(small(declaration), cut, NOW)
            except ListError:
                continue
            assert not in_json, "a document in JSON has an end of its own"
            # The last line may be cut short and still be an address; no other is touched.
            added = snapshot.entries.keys() - whole.entries.keys()
            assert len({one.value.removeprefix("www.") for one in added}) <= 1


def test_every_format_is_tried() -> None:
    shipped = {one.format for one in CATALOG.values()}
    # The others are in test_formats.py.
    assert FORMATS.keys() - shipped == {"json_path", "stix_bundle"}
