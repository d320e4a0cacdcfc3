"""What a reader likes best, and what a sender may send."""

import gzip
import zlib

import pytest

from functions.publish.media import MAX_REPORT_BYTES, Media, choose_media, read_body
from shared.http.api_error import ApiError
from shared.http.web import Request

ATOM, JSON = "application/atom+xml", "application/json"


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", Media.ATOM),
        ("*/*", Media.ATOM),
        ("text/html", Media.ATOM),
        ("text/html, application/xml;q=0.9, */*;q=0.8", Media.ATOM),
        (ATOM, Media.ATOM),
        (JSON, Media.JSON),
        ("Application/JSON", Media.JSON),
        (f"{JSON}; charset=utf-8", Media.JSON),
        (f"{ATOM}, {JSON}", Media.ATOM),
        (f"{ATOM};q=0.5, {JSON}", Media.JSON),
        (f"{ATOM};q=0.5, {JSON};q=0.4", Media.ATOM),
        (f"{ATOM};q=0, */*", Media.JSON),
        (f"{ATOM};q=0.5, application/*", Media.JSON),
        (f"{JSON};q=0.2, */*;q=0.1", Media.JSON),
        (f"{JSON}, */*", Media.ATOM),
        (f"{JSON};q=0", Media.ATOM),
        (f"{JSON};q=much, {ATOM};q=0.1", Media.ATOM),
        (f"{JSON};q=nan", Media.ATOM),
        (";;,,q=1,=", Media.ATOM),
    ],
)
def test_the_form_of_the_feed(accept: str, media: Media) -> None:
    assert choose_media(accept) is media


def body(sent: bytes, **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_body(Request("POST", "/api/reports", "", named, sent))


@pytest.mark.parametrize(
    "kind", ["", JSON, "application/json; charset=utf-8", "Application/JSON", "application/x+json"]
)
def test_a_body_in_json(kind: str) -> None:
    assert body(b"{}", content_type=kind) == b"{}"


@pytest.mark.parametrize("coding", ["gzip", "GZIP "])
def test_a_compressed_body(coding: str) -> None:
    assert body(gzip.compress(b"{}" * 1000), content_encoding=coding) == b"{}" * 1000


def test_a_compressed_body_of_several_members_is_read_whole() -> None:
    members = gzip.compress(b"[1,") + gzip.compress(b"") + gzip.compress(b"2]") + bytes(9)
    assert body(members, content_encoding="gzip") == b"[1,2]"


@pytest.mark.parametrize(
    ("sent", "headers", "status"),
    [
        (b"{}", {"content_type": "text/plain"}, 415),
        (b"{}", {"content_type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"content_encoding": "br"}, 415),
        (b"{}", {"content_encoding": "gzip, gzip"}, 415),
        (b"{}", {"content_encoding": "gzip"}, 422),
        (b"", {"content_encoding": "gzip"}, 422),
        (gzip.compress(b"{}" * 1000, mtime=0)[:-5], {"content_encoding": "gzip"}, 422),
        (zlib.compress(b"{}"), {"content_encoding": "gzip"}, 422),
        (gzip.compress(b"{}", mtime=0) + b"{}", {"content_encoding": "gzip"}, 422),
    ],
)
def test_a_body_that_is_refused(sent: bytes, headers: dict[str, str], status: int) -> None:
    with pytest.raises(ApiError) as caught:
        body(sent, **headers)
    assert caught.value.error.status == status


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(MAX_REPORT_BYTES + 1), compresslevel=1)
    with pytest.raises(ApiError) as caught:
        body(bomb, content_encoding="gzip")
    assert caught.value.error.status == 413


def test_a_body_as_large_as_can_be_is_unpacked() -> None:
    largest = bytes(MAX_REPORT_BYTES)
    assert body(gzip.compress(largest, compresslevel=1), content_encoding="gzip") == largest
