"""The table of docs/indicators.md, asked line by line."""

import json
import re
from collections.abc import Iterator

import pytest

from shared.domain.errors import InvalidIndicator
from shared.domain.extract import extract
from shared.domain.indicator import Indicator, IndicatorType, parse_query
from shared.store.keys import Prefix, ioc_key
from tests.docs.markdown import ROOT, read, table

DOCUMENT = read("docs/indicators.md")
ASKED = table(DOCUMENT, "Asked", "Type", "Canonical value")


@pytest.mark.parametrize(("text", "kind", "expected"), ASKED)
def test_what_is_asked_becomes_what_is_documented(text: str, kind: str, expected: str) -> None:
    asked_kind = None if kind == "hash" else IndicatorType(kind)
    reason = expected.removeprefix("refused: ")
    if reason == expected:
        assert parse_query(asked_kind, text).indicator.value == expected
    else:
        with pytest.raises(InvalidIndicator) as refused:
            parse_query(asked_kind, text)
        assert str(refused.value) == reason


def test_every_type_has_a_row() -> None:
    rows = table(DOCUMENT, "Type", "Accepted", "Canonical", "Refused, among others")
    documented = [kind.strip() for row in rows for kind in row[0].split(",")]
    assert documented == [kind.value for kind in IndicatorType]


def _spellings(part: str) -> list[str]:
    # A blank at an end of a spelling counts, and the reader of tables strips the cell only.
    [row] = [line for line in DOCUMENT.splitlines() if line.startswith(f"| {part} | `")]
    return re.findall("`([^`]+)`", row)


def _defanged() -> Iterator[tuple[str, str]]:
    for scheme in _spellings("scheme"):
        letters = scheme.replace("[s]", "s")
        name = "ftp" if letters[0] == "f" else "https" if "ps" in letters else "http"
        yield f"{scheme}evil.example/a", f"{name}://evil.example/a"
    for dot in _spellings("dot"):
        yield f"hxxp://evil{dot}example/a", "http://evil.example/a"
    for colon in _spellings("colon"):
        yield f"http://evil.example{colon}8080/a", "http://evil.example:8080/a"
    for slash in _spellings("slash"):
        yield f"http://evil.example{slash}a", "http://evil.example/a"


@pytest.mark.parametrize(("text", "url"), list(_defanged()))
def test_documented_defanging_is_undone_by_look_ups_and_by_searches(text: str, url: str) -> None:
    assert parse_query(IndicatorType.URL, text).indicator.value == url
    assert [found.indicator.value for found in extract(f"see {text} .").found] == [url]


def test_keys_are_those_of_the_code() -> None:
    assert f"`{ioc_key(Indicator(IndicatorType.DOMAIN, 'evil.example'))}`" in DOCUMENT
    assert f"`{Prefix.LONG_URL}#`" in DOCUMENT


def test_every_reason_for_a_difference_to_the_standard_is_documented() -> None:
    rows = json.loads((ROOT / "tests/unit/domain/standard.json").read_text(encoding="utf-8"))
    documented = table(
        read("docs/indicators-differences.md"), "Reason", "The standard", "Here", "Why"
    )
    assert {row["reason"] for row in rows if "reason" in row} == {one[0] for one in documented}


def test_a_url_without_a_scheme_is_asked_for_with_both() -> None:
    question = parse_query(IndicatorType.URL, "evil.example/a")
    assert question.twin
    shown = [question.indicator.value, question.twin.indicator.value]
    assert " or ".join(f"`{value}`" for value in shown) in DOCUMENT
