"""Checks that the tests named by docs/security.md exist, and compares its lists with the code."""

import pytest

from shared.http.web import SECURITY_HEADERS
from tests.docs.markdown import ROOT, names, read, section, table
from tests.docs.test_reliability import defined_in

TEXT = read("docs/security.md")
WHO = table(TEXT, "Who", "Can", "What stops more", "Shown by")
RISKS = table(TEXT, "Risk", "Here", "Shown by")
PRACTICES = table(TEXT, "Practice", "Here", "Shown by")
ROWS = [*WHO, *RISKS, *PRACTICES]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].partition(" ")[0])
def test_every_line_is_shown_by_tests_that_are_there(row: list[str]) -> None:
    assert all(row), row
    for name in names(row[-1]):
        path, _, test = name.partition("::")
        assert path.startswith("tests/"), name
        assert (ROOT / path).is_file(), name
        assert test in defined_in(path), name


def test_the_ten_risks_are_all_there() -> None:
    assert [risk.partition(" ")[0] for risk, *_ in RISKS] == [f"API{n}" for n in range(1, 11)]


def test_headers_are_those_that_are_sent() -> None:
    said = {name: value for name, value, _ in table(TEXT, "Header", "Value", "Why")}
    assert said == SECURITY_HEADERS


def test_every_parameter_that_names_a_secret_is_told() -> None:
    template = read("template.yaml")
    told = section(TEXT, "## Secrets")
    for line in template.splitlines():
        name = line.strip().removesuffix(":")
        if line.startswith("  ") and name.endswith(("KeyParameter", "KeysPath")) and line[2] != " ":
            assert f"`{name}`" in told, name


def test_every_risk_that_is_left_says_what_bounds_it_and_what_can_be_done() -> None:
    left = table(TEXT, "Risk", "What bounds it", "What can be done")
    assert len(left) >= 8
    assert all(all(row) for row in left)
