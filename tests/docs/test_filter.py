"""Runs the examples of docs/filter.md against the API, and compares the document with the code."""

from pathlib import Path
from typing import Any

import pytest

from local.environment import DEFAULT_API_KEY
from local.feed import SAMPLE_HASH
from local.handlers import load_gateway
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.formats.bloom_filter import Facts
from tests.contract.support import serving
from tests.docs.markdown import blocks, read, table
from tests.docs.test_readme import LOCAL_API

DOCUMENT = read("docs/filter.md")
# One line of text, however it is wrapped.
TEXT = " ".join(DOCUMENT.split())


def test_the_example_prints_what_is_shown(
    published_filter: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    [example] = blocks(DOCUMENT, "python")
    [shown] = blocks(DOCUMENT, "text")
    assert LOCAL_API in example.text
    assert DEFAULT_API_KEY in example.text
    assert SAMPLE_HASH.lower() in example.text
    monkeypatch.chdir(tmp_path)
    with serving(load_gateway()) as api:
        code = example.text.replace(f"http://{LOCAL_API}", api.base)
        capsys.readouterr()
        exec(compile(code, "docs/filter.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out == shown.text


def test_every_field_of_the_facts_is_told() -> None:
    facts = Facts(0, 0, frozenset(INDICATOR_TYPES)).as_dict()
    rows = table(DOCUMENT, "Field", "Holds")
    assert [name for name, _ in rows] == [*facts, "digest"]
    said = [says.partition(":")[0] for _, says in rows[:3]]
    assert said == [str(facts[name]) for name in ("format", "format_version", "version")]


def test_what_is_offered_is_told(published_filter: dict[str, Any]) -> None:
    for name in published_filter:
        assert f"`{name}`" in DOCUMENT
