"""Every fault of docs/reliability.md names tests that are there."""

import ast
from functools import cache
from pathlib import Path

from tests.docs.markdown import ROOT, names, read, table

ROWS = table(read("docs/reliability.md"), "Fault", "True afterwards", "Shown by")
THIS = str(Path(__file__).relative_to(ROOT))


@cache
def defined_in(path: str) -> frozenset[str]:
    """The tests of a file as pytest calls them, without the cases of parametrised ones."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = set(_functions(tree.body))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{name}" for name in _functions(node.body)}
    return frozenset(found)


def _functions(body: list[ast.stmt]) -> list[str]:
    return [
        node.name
        for node in body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def test_every_fault_is_shown_by_a_test() -> None:
    assert len(ROWS) >= 20
    for fault, afterwards, shown in ROWS:
        assert fault
        assert afterwards, fault
        assert names(shown), fault


def test_every_test_that_is_named_is_there() -> None:
    for fault, _, shown in ROWS:
        for name in names(shown):
            path, _, test = name.partition("::")
            assert path.startswith("tests/"), f"{fault}: {name}"
            assert (ROOT / path).is_file(), f"{fault}: {name}"
            assert test in defined_in(path), f"{fault}: {name}"


def test_a_test_that_is_not_there_would_be_told() -> None:
    assert "test_nothing_of_the_kind" not in defined_in(THIS)
    assert "test_every_fault_is_shown_by_a_test" in defined_in(THIS)
