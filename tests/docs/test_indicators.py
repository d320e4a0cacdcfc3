"""The table of docs/indicators.md, asked line by line."""

import pytest

from shared.domain import indicator
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType, ask
from shared.store.keys import MAX_KEY_BYTES, Prefix, ioc_key
from tests.docs.markdown import read, table

DOCUMENT = read("docs/indicators.md")
ASKED = table(DOCUMENT, "Asked", "Type", "Canonical value")


@pytest.mark.parametrize(("text", "kind", "expected"), ASKED)
def test_what_is_asked_becomes_what_is_documented(text: str, kind: str, expected: str) -> None:
    asked_kind = None if kind == "hash" else IndicatorType(kind)
    reason = expected.removeprefix("refused: ")
    if reason == expected:
        assert ask(asked_kind, text).indicator.value == expected
    else:
        with pytest.raises(InvalidIndicator) as refused:
            ask(asked_kind, text)
        assert str(refused.value) == reason


def test_every_type_has_a_row() -> None:
    rows = table(DOCUMENT, "Type", "Accepted", "Canonical", "Refused, among others")
    documented = [kind.strip() for row in rows for kind in row[0].split(",")]
    assert documented == [kind.value for kind in IndicatorType]


def test_limits_are_those_of_the_code() -> None:
    assert f"more than {indicator.MAX_URL_BYTES:,} bytes" in DOCUMENT
    assert f"more than {indicator.MAX_DOMAIN_BYTES} bytes" in DOCUMENT
    assert f"labels over {indicator.MAX_LABEL_BYTES} characters" in DOCUMENT
    assert f"A DynamoDB key holds {MAX_KEY_BYTES:,} bytes" in DOCUMENT


def test_defanging_that_is_documented_is_undone() -> None:
    host = Indicator(IndicatorType.URL, "https://evil.example/")
    for scheme in ("hxxps://", "hxxps[:]//", "hxxps[://]"):
        for dot in ("[.]", "(.)", "[dot]"):
            assert ask(IndicatorType.URL, f"{scheme}evil{dot}example/").indicator == host
            assert dot.strip("[]()") in DOCUMENT


def test_keys_are_those_of_the_code() -> None:
    assert f"`{ioc_key(Indicator(IndicatorType.DOMAIN, 'evil.example'))}`" in DOCUMENT
    assert f"`{Prefix.LONG_URL}#`" in DOCUMENT
