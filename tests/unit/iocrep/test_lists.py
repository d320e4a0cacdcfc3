import io
from collections import Counter

import pytest

from iocrep.lists import MAX_CHUNK_LINES, MAX_LINE_BYTES, Line, Lines, in_chunks, parse_any
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import IndicatorType


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("d41d8cd98f00b204e9800998ecf8427e", "md5", "D41D8CD98F00B204E9800998ECF8427E"),
        ("ab" * 20, "sha1", "AB" * 20),
        ("AB" * 32, "sha256", "AB" * 32),
        ("203.0.113.7", "ip", "203.0.113.7"),
        ("203[.]0[.]113[.]7", "ip", "203.0.113.7"),
        ("2001:DB8::1", "ip", "2001:db8::1"),
        ("2001[:]db8[:][:]1", "ip", "2001:db8::1"),
        ("evil.example", "domain", "evil.example"),
        ("Evil[.]Example.", "domain", "evil.example"),
        ("bücher.example", "domain", "xn--bcher-kva.example"),
        ("hxxps://evil[.]example/A?b=c", "url", "https://evil.example/A?b=c"),
        ("evil.example/path", "url", "http://evil.example/path"),
        ("evil[.]example:8080", "domain", "evil.example"),
        ("evil.example:8080/a", "url", "http://evil.example:8080/a"),
        ("evil.example?q=1", "url", "http://evil.example/?q=1"),
        ("203.0.113.7:443", "ip", "203.0.113.7"),
        ("203[.]0[.]113[.]7:443", "ip", "203.0.113.7"),
        ("203.0.113.7:443/a", "url", "http://203.0.113.7:443/a"),
        ("[2001:db8::1]:443", "ip", "2001:db8::1"),
        (f"'{'ab' * 20}'", "sha1", "AB" * 20),
        ('"http://evil.example/"', "url", "http://evil.example/"),
        ("http://[2001:db8::1]/", "url", "http://[2001:db8::1]/"),
        ("ftp://evil.example/", "url", "ftp://evil.example/"),
    ],
)
def test_the_type_is_found(text: str, kind: str, value: str) -> None:
    found = parse_any(text).indicator
    assert (found.type, found.value) == (IndicatorType(kind), value)
    assert parse_any(value).indicator == found


def test_a_url_without_a_scheme_is_looked_up_with_both() -> None:
    [line] = read(b"evil.example/a")
    assert [one.value for one in line.indicators] == [
        "http://evil.example/a",
        "https://evil.example/a",
    ]
    assert [len(line.indicators) for line in read(b"http://evil.example/a\nevil.example\n#\n")] == [
        *(1, 1, 0)
    ]


@pytest.mark.parametrize(
    "text",
    ["hello", "two words", "12:30", "me@evil.example", "a/b", "ab" * 21, "mailto:me", "x" * 70_000],
)
def test_what_is_none_is_told_with_a_reason_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(
        InvalidIndicator, match=r"^not a hash, IP address, domain or URL: \w"
    ) as error:
        parse_any(text)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("text", ["203.0.113.0/24", "203.0.113[.]7/32", "2001:db8::/32"])
def test_a_network_is_no_url(text: str) -> None:
    with pytest.raises(InvalidIndicator, match="only single addresses are looked up"):
        parse_any(text)
    assert parse_any("203.0.113.7/24a").indicator.type == IndicatorType.URL


def read(raw: bytes) -> list[Line]:
    return list(Lines(io.BytesIO(raw)))


LIST = b"\xef\xbb\xbfone.example\r\n\n  # a comment\n\t two.example \nnone\nlast.example"


def test_blank_lines_and_comments_are_passed_over_and_counted() -> None:
    lines = read(LIST)
    assert [(one.number, one.text) for one in lines if one.query] == [
        (1, "one.example"),
        (4, "two.example"),
        (6, "last.example"),
    ]
    assert [one.number for one in lines if one.reason] == [5]
    assert sum(one.size for one in lines) == len(LIST)


def test_bytes_that_are_no_text_cost_their_line() -> None:
    lines = read(b"\xfe\x00\none.example\n")
    assert [bool(one.reason) for one in lines] == [True, False]


def test_an_endless_line_is_refused_without_being_kept() -> None:
    size = 3 * MAX_LINE_BYTES
    long, after = read(b"a" * size + b"\none.example\n")
    assert (long.size, len(long.text)) == (size + 1, MAX_LINE_BYTES)
    assert "too long" in long.reason
    assert after.number == 2


def test_what_was_skipped_is_known_by_its_content_and_not_by_its_line_ends() -> None:
    whole, rest = Lines(io.BytesIO(b"a\nb\nc\n")), Lines(io.BytesIO(b"a\r\nb\r\nc"))
    assert rest.skip(2) == 6
    assert [one.text for one in rest] == ["c"]
    assert len(list(whole)) == 3
    assert whole.digest == rest.digest
    short = Lines(io.BytesIO(b"a\n"))
    assert short.skip(5) == 2
    assert short.done == 1


def test_a_chunk_has_no_more_than_a_request_of_each_kind() -> None:
    mixed = "".join(
        f"{n}.example\n203.0.113.{n}\n{n:064x}\n{n:040x}\n" for n in range(100)
    ).encode()
    chunks = list(in_chunks(Lines(io.BytesIO(mixed)), 30))
    assert [line for chunk in chunks for line in chunk] == read(mixed)
    for chunk in chunks[:-1]:
        kinds = Counter(each.type for one in chunk for each in one.indicators)
        assert kinds[IndicatorType.SHA1] + kinds[IndicatorType.SHA256] == 30
        assert kinds[IndicatorType.DOMAIN] <= 30


def test_lines_that_are_none_fill_a_chunk_too() -> None:
    chunks = list(in_chunks(Lines(io.BytesIO(b"#\n" * (MAX_CHUNK_LINES + 1))), 30))
    assert [len(chunk) for chunk in chunks] == [MAX_CHUNK_LINES, 1]
