"""From entries to a snapshot: canonical forms, joining, dates, texts, and what is refused."""

import json
from itertools import permutations

import pytest

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import Network
from shared.domain.provider import Listing, ListingStatus
from shared.formats.lists import read as reading
from shared.formats.lists.errors import ListError
from shared.formats.lists.read import read_snapshot
from tests.unit.providers.support import NOW, declare, only, read, values

LINES = declare("lines")
CSV = declare("csv", 'value = "v", date = "d", assessment = "a", category = "c"')
HEADER = "v,d,a,c\n"
DATE = "2025-05-01T00:00:00Z"
MILLIS = 1_746_057_600_000


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("ab" * 16, "md5", "AB" * 16),
        ("ab" * 20, "sha1", "AB" * 20),
        ("1" * 64, "sha256", "1" * 64),
        ("192.0.2.1", "ip", "192.0.2.1"),
        ("192.0.2.1/32", "ip", "192.0.2.1"),
        ("192[.]0[.]2[.]1", "ip", "192.0.2.1"),
        ("192.0.2.1:443", "ip", "192.0.2.1"),
        ("2001:DB8:0::1", "ip", "2001:db8::1"),
        ("abcd:ef01::1", "ip", "abcd:ef01::1"),
        ("[2001:db8::1]:443", "ip", "2001:db8::1"),
        ("::ffff:192.0.2.1", "ip", "192.0.2.1"),
        ("evil.example.", "domain", "evil.example"),
        ("evil[.]example", "domain", "evil.example"),
        ("abc.de", "domain", "abc.de"),
        ("hxxps://evil[.]example/A", "url", "https://evil.example/A"),
        ("evil.example:8080", "domain", "evil.example"),
        ("evil.example/A?b", "url", "http://evil.example/A?b"),
        ("evil[.]example:8080/A", "url", "http://evil.example:8080/A"),
        (".evil.example", "domain", "evil.example"),
        ("*.evil.example", "domain", "evil.example"),
        ("||evil.example^", "domain", "evil.example"),
        ("HTTP://Evil.example", "url", "http://evil.example/"),
    ],
)
def test_every_spelling_becomes_the_one_of_look_ups(text: str, kind: str, value: str) -> None:
    [subject] = read(LINES, text.encode()).entries
    assert subject == Indicator(IndicatorType(kind), value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("192.0.2.9/24", "192.0.2.0/24"),
        ("2001:DB8::1/32", "2001:db8::/32"),
        ("192[.]0[.]2[.]0/24", "192.0.2.0/24"),
    ],
)
def test_networks(text: str, value: str) -> None:
    assert list(read(LINES, text.encode()).entries) == [Network(value)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("192.0.2.256", "not an IPv4 or IPv6 network"),
        ("192.0.2.1/33", "not an IPv4 or IPv6 network"),
        ("ab" * 17, "not 32, 40 or 64 hexadecimal digits"),
        ("localhost", "fewer than two labels"),
        ("*evil.example", "a character that a domain name cannot contain"),
        ("@@||good.example^", "a character that a domain name cannot contain"),
        ("evil_example/path", "a character that a domain name cannot contain"),
        ("192.0.2.9-192.0.2.1", "not a range of IPv4 or IPv6 addresses"),
        ("192.0.2.9-2001:db8::1", "not a range of IPv4 or IPv6 addresses"),
        ("javascript://evil.example", "the scheme is not http, https or ftp"),
        ("http://evil.example/a b", "a control character or a space"),
        ("a\x00b.example", "a control character or a space"),
        ("http://evil.example/" + "a" * 9000, "longer than 8192 bytes"),
        ("a" * 100_000, "too long"),
        ("http://evil.example/\ufffd", "not UTF-8"),
    ],
)
def test_what_cannot_be_read_costs_itself_only(text: str, reason: str) -> None:
    snapshot = read(LINES, f"192.0.2.1\n{text}\n".encode())
    assert values(snapshot) == ["192.0.2.1"]
    assert snapshot.rejected == {reason: 1}


def test_bytes_that_are_not_utf_8_cost_their_entry() -> None:
    assert values(read(LINES, b"192.0.2.1\nhttp://evil.example/\xff\n")) == ["192.0.2.1"]


def test_types_that_are_not_declared_are_passed_over() -> None:
    some = declare("lines", types='["ip"]')
    snapshot = read(some, b"192.0.2.1\nevil.example\nhttp://evil.example/\nother.example\n")
    assert values(snapshot) == ["192.0.2.1"]
    assert snapshot.rejected == {"a type that the provider is not declared for": 3}
    with pytest.raises(ListError, match="0 entries"):
        read(some, b"evil.example\n")


def test_a_listing() -> None:
    body = f"{HEADER}evil.example,{DATE},botnet,Bot\n".encode()
    assert only(read(CSV, body)) == Listing(ListingStatus.LISTED, "botnet", "Bot", MILLIS)


def test_the_declaration_says_what_an_entry_does_not() -> None:
    trusting = declare("lines", stance='"trusted"', assessment='"fine"', category='"resolver"')
    assert only(read(trusting, b"192.0.2.1")) == Listing(ListingStatus.TRUSTED, "fine", "resolver")


@pytest.mark.parametrize(
    ("date", "millis"),
    [
        (DATE, MILLIS),
        ("2025-05-01 00:00:00", MILLIS),
        ("2025-05-01 00:00:00 UTC", MILLIS),
        ("2025-05-01", MILLIS),
        ("1746057600", MILLIS),
        ("1999-12-31", 0),
        ("2025-06-03", 0),
        ("2025-02-30", 0),
        ("20250501000000", 0),
        ("soon", 0),
        ("", 0),
    ],
)
def test_an_impossible_date_costs_the_date_only(date: str, millis: int) -> None:
    assert only(read(CSV, f"{HEADER}evil.example,{date},,\n".encode())).detect_time == millis


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 100, "a" * 64),
        ("é" * 40, "é" * 32),
        ("a\x1b[31m\u2028b", "a [31m b"),
        ("N/A", ""),
        ("None", ""),
        (" x ", "x"),
    ],
)
def test_texts_are_short_and_of_one_line(text: str, shown: str) -> None:
    assert only(read(CSV, f"{HEADER}evil.example,,,{text}\n".encode())).category == shown


def test_duplicates_are_joined_whatever_their_order() -> None:
    rows = [
        "evil.example,2025-05-03,new,z",
        "EVIL.example,2025-05-01,old,z",
        "evil.example,,none,z",
        "evil.example.,2025-05-03,new,a",
    ]
    found = {only(read(CSV, (HEADER + "\n".join(order)).encode())) for order in permutations(rows)}
    assert found == {Listing(ListingStatus.LISTED, "new", "z", MILLIS)}


def test_half_of_a_list_may_be_broken_and_no_more() -> None:
    assert len(read(LINES, b"192.0.2.1\nbroken\n").entries) == 1
    with pytest.raises(ListError, match="2 entries cannot be read, 1 can"):
        read(LINES, b"192.0.2.1\nbroken\nbroken\n")


def test_each_document_answers_for_itself() -> None:
    two = declare("lines", more='["https://list.example/b"]')
    bodies = {two.address: b"192.0.2.1\n192.0.2.2\n192.0.2.3\n", two.more[0]: b"192.0.2.4\n"}
    assert len(read_snapshot(two, bodies.__getitem__, NOW).entries) == 4
    bodies[two.more[0]] = b"busy\n"
    with pytest.raises(ListError):
        read_snapshot(two, bodies.__getitem__, NOW)


def test_a_list_that_is_too_short_is_refused() -> None:
    with pytest.raises(ListError, match="2 entries, too few"):
        read(declare("lines", min_entries="3"), b"192.0.2.1\n192.0.2.2\n192.0.2.2\n")
    assert read(declare("lines", min_entries="0"), b"# none today\n").entries == {}


def test_a_list_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ENTRIES", 3)
    assert len(read(LINES, b"192.0.2.1\n192.0.2.2\n192.0.2.3\n").entries) == 3
    with pytest.raises(ListError, match="more than 3 entries"):
        read(LINES, b"192.0.2.1\n192.0.2.2\n192.0.2.3\n192.0.2.4\n")


def test_a_failure_of_the_network_goes_through() -> None:
    def get(_: str) -> bytes:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        read_snapshot(LINES, get, NOW)


def test_values_that_are_no_text_are_broken() -> None:
    listed = declare("json_path", "items = '@', value = 'v'")
    body = json.dumps([{"v": "192.0.2.1"}, {"v": 3}, {"v": "192.0.2.2"}, {"v": {}}, {"v": "a.b"}])
    snapshot = read(listed, body.encode())
    assert snapshot.rejected == {"not a text": 2}


def test_reading_stops_when_the_time_is_used_up() -> None:
    body = b"".join(b"%d.example\n" % n for n in range(5_000))
    left = iter([False, False, True])
    with pytest.raises(ListError, match="time for reading the list is used up"):
        read_snapshot(LINES, lambda _: body, NOW, lambda: next(left))
    assert len(read_snapshot(LINES, lambda _: body, NOW, lambda: False).entries) == 5_000
