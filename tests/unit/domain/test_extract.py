"""What is found in a text, where, and what is not taken for an indicator."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.extract import (
    FILE_NAME,
    NETWORK,
    VERSION,
    Extraction,
    extract,
)
from shared.domain.indicator import parse
from shared.domain.indicator_types import NOT_A_HASH


def found(text: str) -> list[str]:
    return [f"{one.indicator.type} {one.indicator.value}" for one in extract(text).found]


def reasons(text: str) -> dict[str, str]:
    return {one.text: one.reason for one in extract(text).not_understood}


URL = "url http://evil.example/a"


@pytest.mark.parametrize(
    "text",
    [
        "http://evil.example/a",
        "hxxp://evil.example/a",
        "hXXp://evil[.]example/a",
        "hxxp[://]evil[.]example/a",
        "hxxp[:]//evil(.)example/a",
        "hxxp(:)//evil{.}example/a",
        "hxxp:\\\\evil.example/a",
        "h**p://evil[dot]example/a",
        "meow://evil(dot)example/a",
        "http://evil [.] example/a",
        "http://evil[[.]]example/a",
        "http://evil[.example/a",
        "http://evil.]example/a",
        "http://evil\\.example/a",
        "http:\\/\\/evil.example\\/a",
        "http://evil.example[/]a",
        "http://evil.example:80/a#top",
        "evil.example/a",
        "see http://evil.example/a.",
        "'http://evil.example/a', and",
        '"http://evil.example/a"',
        "(http://evil.example/a)",
        "[text](http://evil.example/a)",
        "<http://evil.example/a>",
        "<a href=http://evil.example/a>",
        "<http://evil.\r\n example/a>",
        "<hxxp://evil[.]example\n/a>",
        "**http://evil.example/a**",
        "http://evil.example/a,http://evil.example/a",
        "http://evil.example/a\u2026",
        "\u300chttp://evil.example/a\u300d",
        "http://evil.example/a\U0001f525",
    ],
)
def test_spellings_of_a_url(text: str) -> None:
    assert found(text) == [URL]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("evil dot example", ["domain evil.example"]),
        ("mail to a[@]evil[.]example", ["domain evil.example"]),
        ("a (at) evil.example", ["domain evil.example"]),
        ("first.last@evil.example", ["domain evil.example"]),
        ("tcp://evil.example:4444", ["domain evil.example"]),
        ("\\\\evil.example\\share", ["domain evil.example"]),
        ("evil.example:8080", ["domain evil.example"]),
        ("*.evil.example", ["domain evil.example"]),
        ("evil.example.", ["domain evil.example"]),
        ("b\u00fccher.example", ["domain xn--bcher-kva.example"]),
        ("evil[.]unheard", ["domain evil.unheard"]),
        ("www.evil.zip", ["domain www.evil.zip"]),
        ("drop[.]zip", ["domain drop.zip"]),
        ("https://drop.zip/", ["url https://drop.zip/"]),
        ("192.0.2[.]1", ["ip 192.0.2.1"]),
        ("192.0.2.1:443", ["ip 192.0.2.1"]),
        ("192.0.2.1-192.0.2.9", ["ip 192.0.2.1", "ip 192.0.2.9"]),
        ("192.0.2.1/x.sh", ["url http://192.0.2.1/x.sh"]),
        ("192.0.2.1/5353", ["ip 192.0.2.1"]),
        ("tcp/192.0.2.1", ["ip 192.0.2.1"]),
        ("2001[:]db8::1", ["ip 2001:db8::1"]),
        ("[2001:db8::1]:443", ["ip 2001:db8::1"]),
        ("src:2001:db8::1.", ["ip 2001:db8::1"]),
        ("::ffff:192.0.2.1", ["ip 192.0.2.1"]),
        ("4.3.2.1.in-addr.arpa", ["domain 4.3.2.1.in-addr.arpa"]),
        ("MD5=" + "0a" * 16, ["md5 " + "0A" * 16]),
        ("x_" + "0a" * 16 + ".exe", ["md5 " + "0A" * 16]),
        ("0a" * 16 + ".evil.example", [f"domain {'0a' * 16}.evil.example"]),
        ("http://evil.example/?a=1&amp;b=2", ["url http://evil.example/?a=1&b=2"]),
        ("http://evil.example/a_(b)", ["url http://evil.example/a_(b)"]),
        ('"http://evil.example/a,b"', ["url http://evil.example/a,b"]),
        ("http://[2001:db8::1]:80/", ["url http://[2001:db8::1]/"]),
        (
            'Content-Transfer-Encoding: quoted-printable\n\n=3D"http://evil.exa=\nmple/?a=3D1"',
            ["url http://evil.example/?a=1"],
        ),
        # A scheme right behind a word.
        ("URL:http://evil.example/x", ["url http://evil.example/x"]),
        ("url_https://evil.example/x", ["url https://evil.example/x"]),
        ("see:hxxp://evil[.]example/x", ["url http://evil.example/x"]),
        # Scripts without spaces, and scripts that join endings.
        (
            "\u53c2\u7167\u5148\u306fhttps://evil.example/a?b=c\u3067\u3059\u3002",
            ["url https://evil.example/a?b=c"],
        ),
        (
            "\u6076\u610f\u57df\u540devil.example\uff0cIP\u4e3a192.0.2.5",
            ["domain evil.example", "ip 192.0.2.5"],
        ),
        ("evil.example\uc5d0\uc11c", ["domain evil.example"]),
        ("\u4f8b\u3048.example", ["domain xn--r8jz45g.example"]),
        ("http://a.example/\u65e5\u672c", ["url http://a.example/%E6%97%A5%E6%9C%AC"]),
        # The text of JSON and of a program.
        (
            r"first\nhttp://evil.example/x\nb.example\r\nc.example\td.example",
            [
                "url http://evil.example/x",
                "domain b.example",
                "domain c.example",
                "domain d.example",
            ],
        ),
        (r'{"u":"http:\/\/evil.example\/a?b=c\u0026d=e"}', ["url http://evil.example/a?b=c&d=e"]),
        (r'{"p":"C:\\new.example","d":"\u0065vil.example"}', ["domain evil.example"]),
        # Characters that nobody sees.
        ("http://b\u200b.example/x", ["url http://b.example/x"]),
        ("192.0.2\u200b.1 and evil\u00ad.exam\u2060ple", ["ip 192.0.2.1", "domain evil.example"]),
        # Values of parameters.
        (
            "GET /r?u=http%3A%2F%2Fevil.example%2Fx%3Fy%3D1 HTTP/1.1",
            ["url http://evil.example/x?y=1"],
        ),
        ("u=https%253A%252F%252Fevil.example%252Fa&z", ["url https://evil.example/a"]),
        ("/r?u=%2F%2Fevil.example", ["domain evil.example"]),
        (
            "https://safe.example/?url=http%3A%2F%2Fevil.example%2Fx&data=05",
            [
                "url https://safe.example/?url=http%3A%2F%2Fevil.example%2Fx&data=05",
                "url http://evil.example/x",
            ],
        ),
        # A vertical bar between addresses.
        (
            "<http://evil.example/x|evil.example>",
            ["url http://evil.example/x", "domain evil.example"],
        ),
        ("<http://evil.example/x|see here>", ["url http://evil.example/x"]),
        (
            "http://a.example/x|http://b.example/y",
            ["url http://a.example/x", "url http://b.example/y"],
        ),
        ("http://a.example/?x=|3|", ["url http://a.example/?x=|3|"]),
        # Entities of HTML.
        ("http&#58;//evil.example/x?a&#x3D;1", ["url http://evil.example/x?a=1"]),
        ("hxxp&colon;//evil&period;example/x&nbsp;bad", ["url http://evil.example/x"]),
        # A hash in two lines, and two hashes.
        (f"{'ab' * 25}\n{'ab' * 7}", [f"sha256 {'AB' * 32}"]),
        (f"> {'ab' * 30}\r\n> {'ab' * 2}.", [f"sha256 {'AB' * 32}"]),
        (f"{'ab' * 16}\n{'cd' * 16}", [f"md5 {'AB' * 16}", f"md5 {'CD' * 16}"]),
        (f"{'ab' * 20}\n66b3763be7dbbbdfcd0a6a96", [f"sha1 {'AB' * 20}"]),
    ],
)
def test_what_is_found(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "setup.py",
        "invoice.pdf.exe",
        "C:\\Temp\\run.com",
        "/opt/app.cc/main.rs",
        "v1.2.3.4",
        "version 1.2.3.4",
        "Version: 1.2.3.4",
        "Chrome/120.0.0.0",
        "10.0.19041.1288",
        "1.3.6.1.4.1.311",
        "System.Net.WebClient",
        "com.example.banker.app",
        "self.name",
        "fetch.me(url)",
        "It ends.The next begins",
        "@handle.team",
        "00:1a:2b:3c:4d:5e at 08:15:22",
        "std::string abc::def",
        "123e4567-e89b-12d3-a456-426614174000",
        "0x" + "0a" * 20,
        "2001:db8::/32",
        "2001:db8::/32.",
        "198.51.100.0/24",
        "It is 198.51.100.0/24. Block it.",
        "(All of 198[.]51[.]100[.]0/24.)",
        "host-name%d.evil[.]example (mask)",
        "C:\\temp\\new.example",
        f"{'0f' * 8}\n{'1e' * 8}",
    ],
)
def test_what_is_no_indicator(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("300.1.1.1", {"300.1.1.1": "not an IPv4 or IPv6 address"}),
        ("198.51.100.0/24", {"198.51.100.0/24": NETWORK}),
        ("198.51.100.0/24.", {"198.51.100.0/24": NETWORK}),
        ("version 1.2.3.4", {"1.2.3.4": VERSION}),
        ("setup.py and setup.py", {"setup.py": FILE_NAME}),
        ("0a" * 64, {"0a" * 64: NOT_A_HASH}),
        ("fe80::1%eth0", {"fe80::1": "an IP address with a zone id"}),
        ("hxxp://-evil[.]example:x/", {"hxxp://-evil[.]example:x/": "invalid port number"}),
        ("-.example", {}),
        ("plain words", {}),
    ],
)
def test_what_is_not_understood(text: str, expected: dict[str, str]) -> None:
    assert reasons(text) == expected


def test_each_is_told_once_where_it_stands_first_as_it_is_written() -> None:
    text = "a EVIL[.]example b evil.example c hxxp://evil[.]example/ d evil.example."
    first, second = extract(text).found
    assert (first.text, first.offset, first.count) == ("EVIL[.]example", 2, 3)
    assert (second.text, second.count) == ("hxxp://evil[.]example/", 1)
    assert text[second.offset :].startswith(second.text)


def test_reading_stops_where_there_is_too_much() -> None:
    text = "a.example b.example a.example c.example d.example"
    extraction = extract(text, most=2)
    assert [one.indicator.value for one in extraction.found] == ["a.example", "b.example"]
    assert extraction.found[0].count == 2
    assert extraction.rest == text.index("c.example")
    assert found(text[extraction.rest :]) == ["domain c.example", "domain d.example"]
    assert extract(text, most=4).rest is None
    assert extract("300.1.1.1 300.1.1.2", most=1) == Extraction(
        [], extract("300.1.1.1").not_understood, 10
    )


@given(st.text() | st.text("ab.:/[]()hxtp@1\\\n <>&;=-", max_size=60))
def test_any_text_is_read_and_every_place_is_in_it(text: str) -> None:
    extraction = extract(text)
    for one in extraction.found:
        assert text[one.offset :].startswith(one.text)
        assert parse(one.indicator.type, one.indicator.value) == one.indicator
    for other in extraction.not_understood:
        assert text[other.offset :].startswith(other.text)
        assert other.reason


# Where a reader goes back over what it has read, these take days.
HOSTILE = """
import sys
from shared.domain.extract import extract
pieces = sys.argv[1:]
for prefix in ("", "quoted-printable "):
    for piece in pieces:
        extract(prefix + piece * (200_000 // len(piece)))
for piece in ("<http://a" + "\\na" * 100_000, "<http://a\\n" * 20_000 + "a>"):
    extract(piece)
"""
PIECES: list[Any] = [
    *("a.", "a.b.", "http://", "hxxp[:]//", "[.]", "a[.]b", "(", ")", "http://a(", "http://a)"),
    *("a.com/x,", "1.1.1.1-", "1:", "::", "a::", "1:2::", ".", "-", "@", "a@b.", "<http://"),
    *("&amp;", "=\n", "0", "f", "f" * 40 + " ", "a.com:", "\\", "\\.", "  ", "dot ", " dot"),
    *("a dot ", "v1.2.3.4 ", "x/1.2.3.4 ", "'http://a", "http://a'", "a.com/(", "{[(", "[ [ "),
    *(
        "%3A%2F%2F",
        "http%3A%2F%2Fa",
        "http://a?http%3A%2F%2F",
        "\\n",
        "\\u0041",
        "&#58;",
        "&a",
        "\u200b",
    ),
    *(
        "\u65e5a",
        "\u65e5",
        "http://a|",
        "http://a|b.com",
        "%a.",
        "ab" * 20 + "\n",
        "a\n",
        "http:",
        "xhttp://",
    ),
    *("h**p", "[[[", "1.1.1.1/24 ", "\u00fc.", "http://a.b/,"),
]


def test_hostile_texts_are_read_in_one_go() -> None:
    subprocess.run([sys.executable, "-c", HOSTILE, *PIECES], check=True, timeout=300)


def test_a_megabyte_of_different_indicators_are_read_in_one_go() -> None:
    text = "\n".join(f"hxxp://n{number}[.]evil[.]example/path/{number}" for number in range(25_000))
    assert len(text) > 1_000_000
    extraction = extract(text)
    assert len(extraction.found) == 25_000
    assert extraction.rest is None
