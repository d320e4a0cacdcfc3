"""JSON from outside: each limit holds before the text is parsed, and what is within is read."""

import json
from pathlib import Path

import pytest

from shared.domain.errors import FeedError
from shared.formats import strict_json
from shared.formats.feed.json_page import LIMITS as PAGE
from shared.formats.strict_json import MAX_DEPTH, MAX_NUMBER_CHARS, MAX_STRING_BYTES, JsonLimits

LIMITS = JsonLimits(size=8 * MAX_STRING_BYTES, containers=600, parts=2_000)


NUMBERS = (b"9" * MAX_NUMBER_CHARS, b"9" * (MAX_NUMBER_CHARS + 1))


def reason(body: bytes) -> str:
    with pytest.raises(FeedError) as refused:
        strict_json.parse(body, "the text", LIMITS)
    return str(refused.value)


@pytest.mark.parametrize(
    ("most", "too_much", "why"),
    [
        (b"[" + b"[]," * 598 + b"[]]", b"[" + b"[]," * 599 + b"[]]", "too many objects"),
        (b"[" + b"1," * 1999 + b"1]", b"[" + b"1," * 2000 + b"1]", "too many values"),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, b"[" * 501 + b"]" * 501, "nested too deep"),
        (b"9" * MAX_NUMBER_CHARS, b"9" * (MAX_NUMBER_CHARS + 1), "a number longer than 100"),
        (b"0." + b"1" * 98, b"0." + b"1" * 99, "a number longer than 100"),
        (
            b'"' + b"a" * MAX_STRING_BYTES + b'"',
            b'"' + b"a" * (MAX_STRING_BYTES + 1) + b'"',
            "a text longer than 4194304 bytes",
        ),
    ],
)
def test_a_limit(most: bytes, too_much: bytes, why: str) -> None:
    assert strict_json.parse(most, "the text", LIMITS) == json.loads(most)
    assert why in reason(too_much)
    # The same inside an object with other content.
    around = b'{"a\\"": ["\\\\", %s]}'
    assert why in reason(around % too_much)


def test_a_text_that_is_too_large() -> None:
    assert "larger than 33554432 bytes" in reason(b" " * LIMITS.size + b"1")


@pytest.mark.parametrize(
    "text",
    [
        "{" * 700,
        "[," * 4_000,
        "9" * 400,
        '"' * 40,
        "\\" * 400,
        '\\"[{' * 300,
        "é😀" * 100,
    ],
)
def test_characters_inside_a_string_do_not_count(text: str) -> None:
    for value in (text, [text, {text: text + "\\"}], [text] * 50):
        for spelled in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
            assert strict_json.parse(spelled.encode(), "the text", LIMITS) == value
            assert strict_json.parse(spelled, "the text", LIMITS) == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"NaN", "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'["\xff"]', "not UTF-8"),
        (b"[1,]", "not valid JSON"),
        (b'["a', "not valid JSON"),
        (b'["a\\', "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[" * 501 + b'"' * 5_000, "too many values"),
    ],
)
def test_what_is_not_json(body: bytes, why: str) -> None:
    assert why in reason(body)


def test_the_message_does_not_repeat_the_text() -> None:
    assert "secret" not in reason(b'{"secret": secret}')


def test_a_text_or_number_across_parts_of_the_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "MAX_STRING_BYTES", 50)
    for size in (1, 2, 7, 64):
        monkeypatch.setattr(strict_json, "_SPLIT_BYTES", size)
        for most, too_much in ((b'"' + b"[" * 50 + b'"', b'"' + b"[" * 51 + b'"'), NUMBERS):
            for around in (b'["", %s]', b'[1, "a", %s, {"b": "c"}]'):
                strict_json.parse(around % most, "the text", LIMITS)
                assert "longer than" in reason(around % too_much)


def test_limits_of_a_page_are_far_above_reports_of_the_sandbox() -> None:
    """A page as large as the limit, full of such entries, exceeds no other limit."""
    ioc = (Path(__file__).parent / "data" / "page.json").read_bytes()
    times = PAGE.size // len(ioc)
    assert (ioc.count(b"{") + ioc.count(b"[")) * times < PAGE.containers
    parts = sum(ioc.count(sign) for sign in (b"{", b"[", b",", b":"))
    assert parts * times < PAGE.parts
