"""Forms in which lists are really published: compressed, ranges, hosts files, pairs of hashes."""

import gzip
import io
import json
import zipfile

import pytest

from shared.formats.lists import decompress
from shared.formats.lists.errors import ListError
from tests.unit.providers.support import NOW, declare, only, read, values

LINES = declare("lines")


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return target.getvalue()


class TestCompressed:
    @pytest.mark.parametrize(
        "body",
        [
            gzip.compress(b"192.0.2.1\n198.51.100.1\n"),
            gzip.compress(b"192.0.2.1\n") + gzip.compress(b"198.51.100.1\n") + bytes(512),
            archive({"list.txt": b"192.0.2.1\n198.51.100.1\n"}),
            archive({"a/": b"", "a/list.txt": b"192.0.2.1\n198.51.100.1\n"}, zipfile.ZIP_STORED),
        ],
        ids=["gzip", "gzip of two members", "ZIP", "ZIP with a folder"],
    )
    def test_a_list_is_decompressed(self, body: bytes) -> None:
        assert values(read(LINES, body)) == ["192.0.2.1", "198.51.100.1"]

    def test_a_document_in_json_is_decompressed(self) -> None:
        body = gzip.compress(b'{"type": "string", "name": "N", "list": ["a.example"]}')
        assert values(read(declare("misp_warninglist"), body)) == ["a.example"]

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (gzip.compress(b"192.0.2.1\n")[:-9], "gzip that breaks off"),
            (b"\x1f\x8b\x08\x00\xff\xfe\xfd" * 100, "not valid gzip"),
            (archive({"a": b"192.0.2.1", "b": b""}), "has 2 files, not one"),
            (archive({}) + b"PK", "cannot be read"),
            (archive({"a": b"192.0.2.1"})[:-30], "not a ZIP archive that can be read"),
            (archive({str(n): b"" for n in range(20)}), "too many files"),
            (archive({"a": b"<html>"}), "markup instead of a list"),
        ],
        # The archives have a time in them, and every worker has to collect the same tests.
        ids=range(7),
    )
    def test_what_cannot_be_decompressed_is_refused_with_the_reason(
        self, body: bytes, reason: str
    ) -> None:
        with pytest.raises(ListError, match=reason):
            read(LINES, body)

    @pytest.mark.parametrize("kind", ["gzip", "ZIP"])
    def test_a_bomb_is_refused(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decompress, "MAX_BYTES", 1000)
        content = bytes(1_000_000)
        body = gzip.compress(content) if kind == "gzip" else archive({"a": content})
        with pytest.raises(ListError, match="decompressed, the document is larger than 1000 bytes"):
            read(LINES, body)


class TestLines:
    def test_a_hosts_file_has_many_names_in_a_line(self) -> None:
        hosts = declare("lines", 'separator = " ", column = 2')
        body = (
            b"0.0.0.0 a.example b.example # why\n127.0.0.1\tc.example\n::1 d.example  e.example\n"
        )
        assert values(read(hosts, body)) == [f"{letter}.example" for letter in "abcde"]

    def test_another_list_of_columns_has_one_value_in_a_line(self) -> None:
        columns = declare("lines", 'separator = " ", column = 2')
        assert values(read(columns, b"2025-05-01 a.example b.example\n")) == ["a.example"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("192.0.2.0-192.0.2.9", ["192.0.2.0/29", "192.0.2.8/31"]),
            ("192.0.2.1 - 192.0.2.1", ["192.0.2.1"]),
            ("2001:db8::-2001:db8::3", ["2001:db8::/126"]),
        ],
    )
    def test_a_range_is_the_networks_that_it_consists_of(
        self, text: str, expected: list[str]
    ) -> None:
        assert values(read(LINES, text.encode())) == expected

    def test_a_range_of_much_of_the_internet_is_refused_like_a_network(self) -> None:
        with pytest.raises(ListError, match="larger than a /8"):
            read(LINES, b"0.0.0.0-255.255.255.255\n192.0.2.1\n")


@pytest.mark.parametrize("date", ["1700000000000", "1700000000", "2023-11-14T22:13:20Z"])
def test_dates_in_seconds_and_milliseconds(date: str) -> None:
    listing = only(
        read(declare("csv", 'value = "v", date = "d"'), f"v,d\na.example,{date}\n".encode())
    )
    assert listing.detect_time == 1_700_000_000_000
    dated = declare("json_path", "items = 'i', value = 'v', date = 'd'")
    number = json.loads(date) if date.isdigit() else date
    body = json.dumps({"i": [{"v": "a.example", "d": number}]}).encode()
    assert only(read(dated, body)).detect_time == 1_700_000_000_000


def test_a_date_that_cannot_exist_costs_the_date_only() -> None:
    csv = declare("csv", 'value = "v", date = "d"')
    for date in ("9999999999999", str(NOW + 10**9), "12345678901"):
        assert only(read(csv, f"v,d\na.example,{date}\n".encode())).detect_time == 0


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("[file:hashes.MD5 = '{a}' AND file:hashes.'SHA-1' = '{b}']", 2),
        (
            "[file:hashes.MD5 = '{a}' AND file:hashes.'SHA-1' = '{b}']"
            " OR [file:hashes.MD5 = '{c}']",
            3,
        ),
        ("[file:hashes.MD5 = '{a}'] AND [file:hashes.MD5 = '{b}']", 0),
        ("[file:hashes.MD5 = '{a}' AND file:name = 'x.exe']", 0),
        ("[domain-name:value = 'a.example' AND file:hashes.MD5 = '{a}']", 0),
        ("[file:hashes.MD5 = '{a}' AND file:hashes.'SHA-1' = '{b}' OR file:hashes.MD5 = '{c}']", 0),
        ("[file:hashes.MD5 = '{a}' AND]", 0),
    ],
)
def test_stix_patterns_of_the_hashes_of_one_file(pattern: str, count: int) -> None:
    text = pattern.format(a="a" * 32, b="b" * 40, c="c" * 32)
    one = {"type": "indicator", "id": "indicator--1", "pattern": text}
    body = json.dumps({"type": "bundle", "objects": [one]}).encode()
    stix = declare("stix_bundle", min_entries=0)
    assert len(read(stix, body).entries) == count


def test_rows_behind_the_limit_are_not_read() -> None:
    top = declare("csv", 'value = "d", max_rows = 2', stance='"trusted"', effect='"overrule"')
    body = b"d\na.example\nb.example\nc.example\n"
    assert values(read(top, body)) == ["a.example", "b.example", "www.a.example", "www.b.example"]
