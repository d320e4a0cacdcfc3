"""The file of a filter: it forgets nothing, others can read it, and what is broken is refused."""

import json
import struct
from io import BytesIO
from typing import Any

import flor
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import FilterNotValid, InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.formats.bloom_filter import MIN_CAPACITY, Facts, entry, make_file, read_file

ALL = frozenset(INDICATOR_TYPES)
BUILT = 1_767_607_200_000
HEADER = struct.Struct("<QQdQQQ")
SAMPLES = [
    parse(IndicatorType.MD5, "ab" * 16),
    parse(IndicatorType.SHA1, "ab" * 20),
    parse(IndicatorType.SHA256, "ab" * 32),
    parse(IndicatorType.IP, "2001:db8::7"),
    parse(IndicatorType.DOMAIN, "bücher.example"),
    parse(IndicatorType.URL, "http://evil.example/ü?q=%0A" + "a" * 5000),
]


def made(indicators: list[Indicator], types: frozenset[IndicatorType] = ALL) -> bytes:
    return make_file(map(entry, indicators), Facts(BUILT, len(indicators), types))


def numbered(first: int, count: int) -> list[Indicator]:
    return [Indicator(IndicatorType.MD5, f"{n:032X}") for n in range(first, first + count)]


def spelled(kind: IndicatorType, text: str) -> Indicator | None:
    try:
        return parse(kind, text)
    except InvalidIndicator:
        return None


@st.composite
def indicators(draw: st.DrawFn) -> Indicator:
    number = draw(st.integers(0, 2**128 - 1))
    text = draw(st.text(max_size=20))
    return draw(
        st.sampled_from(
            [
                found
                for found in (
                    spelled(IndicatorType.MD5, f"{number:032x}"),
                    spelled(IndicatorType.SHA256, f"{number:064x}"),
                    spelled(IndicatorType.IP, f"2001:db8::{number % 2**16:x}"),
                    spelled(IndicatorType.DOMAIN, f"{text}.example"),
                    spelled(IndicatorType.URL, f"https://evil.example/{text}"),
                )
                if found
            ]
        )
    )


@given(st.lists(indicators(), unique=True, max_size=60))
def test_what_is_in_it_is_always_found(stored: list[Indicator]) -> None:
    known = read_file(made(stored))
    assert known.facts.entries == len(stored)
    assert all(map(known.holds, stored))


@given(indicators(), indicators())
def test_no_two_indicators_are_the_same_entry(one: Indicator, other: Indicator) -> None:
    assert (entry(one) == entry(other)) == (one == other)


@pytest.mark.parametrize("count", [0, 1, MIN_CAPACITY - 1, MIN_CAPACITY, 3 * MIN_CAPACITY])
def test_there_is_room_for_exactly_what_is_stored(count: int) -> None:
    stored = numbered(0, count)
    known = read_file(made(stored))
    assert all(map(known.holds, stored))
    # In a thousand one, so of ten thousand ten; these are the same ones every time.
    assert sum(map(known.holds, numbered(count, 10_000))) < 25


def test_it_says_what_it_is() -> None:
    facts = Facts(BUILT, 6, frozenset({IndicatorType.MD5, IndicatorType.URL}))
    assert read_file(made(SAMPLES, facts.types)).facts == facts
    assert facts.as_dict() == {
        "format": "DCSO bloom filter",
        "format_version": 1,
        "version": 2,
        "built": "2026-01-05T10:00:00.000Z",
        "entries": 6,
        "false_positive_rate": 0.001,
        "types": ["md5", "url"],
    }


def test_of_types_that_it_does_not_answer_for_it_holds_everything() -> None:
    known = read_file(made([], frozenset({IndicatorType.DOMAIN})))
    assert [one.type for one in SAMPLES if not known.holds(one)] == ["domain"]


def test_another_reader_of_the_format_finds_the_same() -> None:
    stored, others = SAMPLES + numbered(0, 2000), numbered(2000, 5000)
    content = made(stored)
    theirs = flor.BloomFilter()
    theirs.read(BytesIO(content))
    ours = read_file(content)
    assert (theirs.n, theirs.p, theirs.N) == (2006, 0.001, 2006)
    assert all(entry(one) in theirs for one in stored)
    assert [entry(one) in theirs for one in others] == [ours.holds(one) for one in others]
    assert json.loads(theirs.data)["built"] == "2026-01-05T10:00:00.000Z"


@given(st.integers(min_value=0), st.integers(0, 7))
def test_no_bit_of_it_may_change(place: int, bit: int) -> None:
    content = bytearray(made(SAMPLES))
    content[place % len(content)] ^= 1 << bit
    with pytest.raises(FilterNotValid):
        read_file(bytes(content))


@given(st.integers(min_value=0))
def test_no_part_of_it_may_be_missing(size: int) -> None:
    content = made(SAMPLES)
    with pytest.raises(FilterNotValid):
        read_file(content[: size % len(content)])


def with_header(**changed: Any) -> bytes:
    content = made(SAMPLES)
    names = ("version", "n", "p", "k", "m", "N")
    header = dict(zip(names, HEADER.unpack_from(content), strict=True)) | changed
    return HEADER.pack(*header.values()) + content[HEADER.size :]


def with_facts(**changed: Any) -> bytes:
    content = made(SAMPLES)
    start = content.rindex(b'{"format"')
    return content[:start] + json.dumps(json.loads(content[start:]) | changed).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "shorter than the header"),
        (b"<html>not found</html>" * 100, "not a filter in version 1"),
        (with_header(version=2), "not a filter in version 1"),
        # It would take more memory than there is.
        (with_header(m=2**60), "truncated before the end of the bits"),
        (with_header(m=0), "impossible"),
        (with_header(k=0), "impossible"),
        (with_header(k=2**60), "impossible"),
        (with_header(n=0), "impossible"),
        (with_header(p=5.0), "impossible"),
        (with_header(p=float("nan")), "impossible"),
        (made(SAMPLES).partition(b'{"format"')[0], "truncated, or has no metadata"),
        (with_facts(version=1), "of another version than this reader"),
        (with_facts(built="yesterday"), "cannot be read"),
        (with_facts(types=["email"]), "cannot be read"),
        (with_facts(types=None), "cannot be read"),
        (with_facts(digest="0" * 64), "digest of the filter does not match"),
        (with_facts(entries=7), "digest of the filter does not match"),
        (made(SAMPLES).partition(b'{"format"')[0] + b"[]", "has no metadata"),
    ],
)
def test_what_is_no_filter_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(FilterNotValid, match=reason):
        read_file(content)
