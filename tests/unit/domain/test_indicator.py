"""Canonical forms: frozen vectors, properties, and a second WHATWG parser as oracle."""

import ipaddress
import json
import re
from contextlib import suppress
from pathlib import Path
from time import process_time
from typing import Any
from urllib.parse import unquote

import can_ada
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import (
    HASH_TYPES,
    MAX_URL_BYTES,
    IndicatorType,
    parse,
    parse_hash,
    parse_path_query,
    parse_query,
    refang,
)
from tests.spellings import fault_of, texts

STANDARD: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "standard.json").read_text(encoding="utf-8")
)
VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "vectors.json").read_text(encoding="utf-8")
)
NOT_A_CONTROL = st.characters(exclude_categories=["Cs"])
HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet=st.sampled_from("aZ09.-_:/?#@[]%\\ \t\n~&=+;,!'\"<>{}|^`xnüß。①İ\u200d")),
    st.from_regex(r"(?i)(https?|ftp)://[a-z0-9.%@:\[\]-]{0,30}(/[^#]{0,20})?(\?.{0,9})?(#.{0,9})?"),
)


def text_of(vector: dict[str, Any]) -> str:
    text = str(vector["text"])
    return text + "a" * (vector["padded_to"] - len(text)) if "padded_to" in vector else text


@pytest.mark.parametrize(
    "vector", VECTORS, ids=[f"{vector['type']}-{n}" for n, vector in enumerate(VECTORS)]
)
def test_golden_vector(vector: dict[str, Any]) -> None:
    text = text_of(vector)
    kind = IndicatorType(vector["type"])
    if "invalid" in vector:
        with pytest.raises(InvalidIndicator) as refused:
            parse(kind, text)
        assert str(refused.value) == vector["invalid"]
    else:
        expected = text if vector["canonical"] == "as given" else vector["canonical"]
        assert parse(kind, text).value == expected


def test_enough_vectors_are_frozen() -> None:
    assert len(VECTORS) >= 150
    assert {vector["type"] for vector in VECTORS} == {kind.value for kind in IndicatorType}


@given(kind=st.sampled_from(IndicatorType), text=HOSTILE)
def test_any_text_gives_an_indicator_or_the_one_error_and_canonicalisation_is_idempotent(
    kind: IndicatorType, text: str
) -> None:
    try:
        first = parse(kind, text)
    except InvalidIndicator:
        return
    assert parse(kind, first.value) == first
    assert first.value.isascii()
    assert len(first.value) <= MAX_URL_BYTES


@given(kind=st.sampled_from([None, *IndicatorType]), text=HOSTILE)
def test_any_question_is_understood_or_refused(kind: IndicatorType | None, text: str) -> None:
    try:
        question = parse_query(kind, text)
    except InvalidIndicator:
        return
    assert parse(question.indicator.type, question.indicator.value) == question.indicator


@pytest.mark.parametrize("value", [None, 5, 1.5, True, b"a", [], {}, "", "\ud800", "a" * 70_000])
@pytest.mark.parametrize("kind", IndicatorType)
def test_what_is_no_usable_text_is_refused(kind: IndicatorType, value: object) -> None:
    with pytest.raises(InvalidIndicator):
        parse(kind, value)


@pytest.mark.parametrize("row", STANDARD, ids=lambda row: ascii(row["text"]))
def test_a_url_is_what_the_standard_makes_of_it_or_its_difference_is_listed(
    row: dict[str, Any],
) -> None:
    try:
        ours = parse(IndicatorType.URL, row["text"]).value
    except InvalidIndicator:
        ours = None
    assert ours == row.get("ours", row["standard"])
    assert ("reason" in row) == (ours != row["standard"])


def test_enough_of_the_standard_is_compared() -> None:
    assert len(STANDARD) >= 290
    assert sum(row["standard"] is None for row in STANDARD) >= 60


@given(st.from_regex(r"\A(https?|ftp)://[a-z0-9.-]{1,20}(:[0-9]{1,5})?(/[!-~é]{0,20})?\Z"))
def test_urls_agree_with_another_whatwg_parser(text: str) -> None:
    try:
        ours = parse(IndicatorType.URL, text).value
    except InvalidIndicator:
        ours = ""
    try:
        href = can_ada.parse(text).href.partition("#")[0]
    except ValueError:
        href = ""
    host = can_ada_host(href)
    if host.endswith("."):
        return  # ours goes on where the standard stops
    if not href and "xn--" in text:
        return  # ours follows the standard of a later date
    # What is escaped is spelled in one way, and means the same.
    assert unquote(ours) == unquote(href)
    assert escapes_are_normal(ours)


def escapes_are_normal(url: str) -> bool:
    escapes = re.findall("%(.?.?)", url)
    return all(
        re.fullmatch("[0-9A-F]{2}", one) and not re.fullmatch("[A-Za-z0-9._~-]", chr(int(one, 16)))
        for one in escapes
    )


@pytest.mark.parametrize(
    "host", ["xn--a.example", "a.xn--0.example", "-foo-.example", "xn--board-ngr.evil.example"]
)
@pytest.mark.parametrize("form", ["{}", "{}.", "%78n--a.{}", "u:p@{}"])
def test_an_ascii_host_is_taken_as_it_is(host: str, form: str) -> None:
    written = form.format(host.upper())
    url = parse(IndicatorType.URL, f"http://{written}:8080/%7e").value
    assert url == f"http://{written.lower().replace('%78', 'x').removesuffix('.')}:8080/~"


def test_random_spellings_have_a_form_that_stays() -> None:
    found = list(texts(20_000, seed=2))
    faults = [(kind, text, fault) for kind, text in found if (fault := fault_of(kind, text))]
    assert not faults
    assert sum(map(is_indicator, found)) > 2_000


def is_indicator(one: tuple[IndicatorType, str]) -> bool:
    try:
        parse(*one)
    except InvalidIndicator:
        return False
    return True


def can_ada_host(href: str) -> str:
    return str(can_ada.parse(href).hostname) if href else ""


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_the_ipv4_address(address: ipaddress.IPv4Address) -> None:
    assert parse(IndicatorType.IP, f"::ffff:{address}").value == str(address)


@pytest.mark.parametrize(
    ("digits", "kind"),
    [(32, IndicatorType.MD5), (40, IndicatorType.SHA1), (64, IndicatorType.SHA256)],
)
def test_the_type_of_a_hash_follows_from_its_length(digits: int, kind: IndicatorType) -> None:
    assert kind in HASH_TYPES
    assert parse_hash("a" * digits) == parse(kind, "A" * digits)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("hxxp://evil[.]example", "http://evil.example"),
        ("HXXPS://evil(.)example", "https://evil.example"),
        ("hXXp[://]evil[dot]example", "http://evil.example"),
        ("http[:]//evil[DOT]example[:]8080/", "http://evil.example:8080/"),
        ("ftp[://]evil[.]example", "ftp://evil.example"),
        ("evil[.]example/a[.]b", "evil.example/a[.]b"),
        ("http://evil.example/?q=[.]#(.)", "http://evil.example/?q=[.]#(.)"),
        ("2001[:]db8[:][:]1", "2001:db8::1"),
        ("192[.]0(.)2[dot]1", "192.0.2.1"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]/"),
        ("h**ps://evil{dot}example", "https://evil.example"),
        ("evil [.] example/a [.] b", "evil.example/a [.] b"),
        ("evil dot example", "evil.example"),
        ("http:\\/\\/evil.example\\/a\\/b?c=\\/", "http://evil.example/a/b?c=/"),
        ("http://evil.example/a\\/b", "http://evil.example/a\\/b"),
        ("http://us[.]er@evil[.]example/", "http://us[.]er@evil.example/"),
    ],
)
def test_refang(text: str, plain: str) -> None:
    assert refang(text) == plain
    assert refang(plain) == plain


@pytest.mark.parametrize(
    ("asked", "value", "shown"),
    [
        ("http%3A%2F%2Fevil.example%2Fa%2520b", "http://evil.example/a%20b", None),
        ("http%253A%252F%252Fevil.example%252Fa", "http://evil.example/a", None),
        ("http://evil.example/a?q=1%2B2", "http://evil.example/a?q=1%2B2", None),
        ("http%3A%2F%2Fevil.example%2F%3Fq%3D1", "http://evil.example/?q=1", None),
        ("evil.example%2Fa", "http://evil.example/a", None),
        ("evil.example/a%2Fb", "http://evil.example/a%2Fb", None),
        ("http:/evil.example/a", "http://evil.example/a", None),
        ("evil.example:8080/a", "http://evil.example:8080/a", None),
        ("http://%5B2001:db8::1%5D:8080/a", "http://[2001:db8::1]:8080/a", None),
        ("http:/%5b2001:db8::1%5d/a", "http://[2001:db8::1]/a", None),
        ("[2001:db8::1]/a", "http://[2001:db8::1]/a", None),
        ("HXXP://evil[.]example", "http://evil.example/", "http://evil.example"),
        ("evil.example", "http://evil.example/", "http://evil.example"),
        ("http://evil.example/", "http://evil.example/", None),
        ("http://evil.example?q", "http://evil.example/?q", "http://evil.example?q"),
        ("http://evil.example#f", "http://evil.example/", "http://evil.example"),
        ("https://b%C3%BCcher.example/x", "https://xn--bcher-kva.example/x", None),
    ],
)
def test_a_url_is_found_however_it_was_wrapped(asked: str, value: str, shown: str | None) -> None:
    question = parse_query(IndicatorType.URL, asked)
    assert question.indicator.value == value
    assert question.shown == (shown or value)


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ("evil.example/a", "https://evil.example/a"),
        ("evil[.]example:8080", "https://evil.example:8080/"),
        ("evil.example:443/a", "https://evil.example/a"),
        ("[2001:db8::1]/a", "https://[2001:db8::1]/a"),
        ("evil.example%2Fa%3Fb", "https://evil.example/a?b"),
    ],
)
def test_a_url_without_a_scheme_has_a_twin(asked: str, value: str) -> None:
    question = parse_query(IndicatorType.URL, asked)
    assert question.indicator.value.startswith("http://")
    assert question.twin is not None
    assert question.twin.indicator.value == value


@pytest.mark.parametrize(
    "asked", ["http://evil.example/a", "hxxp://evil.example", "http:/a.example"]
)
def test_a_url_with_a_scheme_has_no_twin(asked: str) -> None:
    assert parse_query(IndicatorType.URL, asked).twin is None


@pytest.mark.parametrize(
    "asked",
    [
        "\ufeffhttp://evil.example/",
        "%EF%BB%BFhttp://evil.example/",
        "\u200bhttp://ev\u00adil.ex\u2060ample/\u200b\u200d",
        '"http://evil.example/"',
        "%22http%3A%2F%2Fevil.example%2F%22",
        "'http://evil.example/',",
        "\u201chttp://evil.example/\u201d",
        "\u00abhxxp://evil.example/\u00bb",
        "<http://evil.example/>",
        "(<http://evil.example/>);",
        "[http://evil.example/]",
        "`http://evil.example/`",
    ],
)
def test_what_stands_around_a_url_is_no_part_of_it(asked: str) -> None:
    assert parse_query(IndicatorType.URL, asked).indicator.value == "http://evil.example/"


def test_what_may_belong_to_a_url_stays() -> None:
    assert (
        parse_query(IndicatorType.URL, "http://evil.example/(a)").shown == "http://evil.example/(a)"
    )
    assert parse_query(IndicatorType.URL, "http://evil.example/a\u200cb").shown.endswith(
        "/a%E2%80%8Cb"
    )
    assert (
        parse_query(IndicatorType.URL, "[2001:db8::1]").indicator.value == "http://[2001:db8::1]/"
    )


@pytest.mark.parametrize(
    "asked",
    [
        *("mailto:a@evil.example", "a@evil.example", "javascript:alert(1)", "a b", "%FF", "%0a"),
        *("ldap://evil.example:389/a", "ldap:/evil.example/a", "hxtp://evil.example/a"),
        *("file:///etc/passwd", "ht tp://evil.example/", "htt://evil.example", "://evil.example"),
        *(
            '"http://evil.example/',
            "http://evil(d0t)example/",
            "http://evil[.example[/",
            "evil,example",
        ),
        *(
            "http://*.evil.example/",
            "evil.example:/a",
            "evil.example:99999/a",
            "x-y+z://evil.example",
        ),
    ],
)
def test_what_is_no_url_is_refused_at_the_api_too(asked: str) -> None:
    with pytest.raises(InvalidIndicator):
        parse_query(IndicatorType.URL, asked)


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ("http%3A%2F%2Fevil.example%2Fa%253B%25E9", "http://evil.example/a%3B%E9"),
        ("http%3A//evil.example/a%253B%3Fq", "http://evil.example/a%3B?q"),
        ("http://evil.example/a%253B%E9", "http://evil.example/a%253B%E9"),
        ("http:b%C3%BCcher.example/a%253B", "http://xn--bcher-kva.example/a%253B"),
        ("hxxp[://]evil.example/a%253B", "http://evil.example/a%253B"),
        ("evil.example%2Fa%253B", "http://evil.example/a%3B"),
        ("evil.example%252Fa%25253B", "http://evil.example/a%3B"),
        ("b%C3%BCcher.example/x", "http://xn--bcher-kva.example/x"),
        ("[2001:db8::7]/a[]", "http://[2001:db8::7]/a[]"),
        ("b%C3%BCcher.example/%3B?q", "http://xn--bcher-kva.example/%3B?q"),
        ("evil.example/caf%C3%A9", "http://evil.example/caf%C3%A9"),
        ("evil.example/caf%E9", "http://evil.example/caf%E9"),
        ("evil.example/a?q=%26", "http://evil.example/a?q=%26"),
        ("evil.example%2Fa%253B?q=%26", "http://evil.example/a%3B?q=%26"),
    ],
)
def test_a_path_shows_how_a_url_was_encoded(asked: str, value: str) -> None:
    assert parse_path_query(IndicatorType.URL, asked).indicator.value == value


@pytest.mark.parametrize(
    "asked", ["evil.example/a%253B", "evil.example/a%3Fq=1", "b%C3%BCcher.example/a%252F"]
)
def test_a_url_without_a_scheme_that_reads_as_two_is_refused(asked: str) -> None:
    with pytest.raises(InvalidIndicator, match="can be read as two URLs"):
        parse_path_query(IndicatorType.URL, asked)


@pytest.mark.parametrize(
    ("kind", "asked", "value"),
    [
        (IndicatorType.IP, "2001%3Adb8%3A%3A7", "2001:db8::7"),
        (IndicatorType.IP, "2001%253Adb8%253A%253A7", "2001:db8::7"),
        (IndicatorType.IP, "192[.]0[.]2[.]7", "192.0.2.7"),
        (IndicatorType.DOMAIN, "b%C3%BCcher.example", "xn--bcher-kva.example"),
        (IndicatorType.DOMAIN, "evil[dot]Example", "evil.example"),
        (None, "d41d8cd98f00b204e9800998ecf8427e", "D41D8CD98F00B204E9800998ECF8427E"),
        (None, '"d41d8cd98f00b204e9800998ecf8427e"', "D41D8CD98F00B204E9800998ECF8427E"),
        (IndicatorType.IP, "192.0.2.7:443", "192.0.2.7"),
        (IndicatorType.IP, "192[.]0[.]2[.]7[:]443", "192.0.2.7"),
        (IndicatorType.IP, "[2001:db8::7]:443", "2001:db8::7"),
        (IndicatorType.IP, "[2001:db8::7]", "2001:db8::7"),
        (IndicatorType.IP, "<192.0.2.7>", "192.0.2.7"),
        (IndicatorType.DOMAIN, "evil{.}example:443", "evil.example"),
        (IndicatorType.DOMAIN, "\ufeff\u200bevil.example", "evil.example"),
        (IndicatorType.DOMAIN, "'evil dot example'", "evil.example"),
    ],
)
def test_other_indicators_are_found_however_they_were_wrapped(
    kind: IndicatorType | None, asked: str, value: str
) -> None:
    assert parse_query(kind, asked).shown == value


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (IndicatorType.IP, "192.0.2.7:65536"),
        (IndicatorType.IP, "192.0.2.0/24"),
        (IndicatorType.DOMAIN, "evil.example:port"),
        (IndicatorType.DOMAIN, "http://evil.example"),
        *(
            (None, text.format("a" * 32))
            for text in ("{}\n", " {}", "0x{}", "md5:{}", "{0}{0}{0}{0}")
        ),
    ],
)
def test_what_is_another_thing_is_refused(kind: IndicatorType | None, asked: str) -> None:
    with pytest.raises(InvalidIndicator):
        parse_query(kind, asked)


@pytest.mark.parametrize(
    "piece",
    ["@", "[.]", "(", "a.", "%41", "%", "xn--.", "\\/", '"', "dot ", "[:]", "\u200b", "%78"],
)
def test_reading_takes_time_in_proportion_to_the_text(piece: str) -> None:
    def cpu(length: int) -> float:
        started = process_time()
        for kind in (None, IndicatorType.IP, IndicatorType.DOMAIN, IndicatorType.URL):
            for start in ("", "http://", "http://evil.example/"):
                with suppress(InvalidIndicator):
                    parse_query(kind, (start + piece * length)[:length])
        return process_time() - started

    ratio = min(cpu(60_000) / cpu(15_000) for _ in range(5))
    assert ratio < 9, "four times the text takes more than four times as long, with some to spare"
