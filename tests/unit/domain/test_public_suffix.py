"""Public suffixes, and the names above a domain that its owner has, too."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.indicator import IndicatorType, parse
from shared.domain.public_suffix import MAX_PARENTS, is_public_suffix, parents


def above(name: str) -> list[str]:
    return [one.value for one in parents(parse(IndicatorType.DOMAIN, name))]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("google.com", []),
        ("www.google.com", ["google.com"]),
        ("a.b.google.com", ["google.com", "b.google.com"]),
        ("a.b.c.google.com", ["google.com", "c.google.com", "b.c.google.com"]),
        ("a.b.c.d.e.google.com", ["google.com", "e.google.com", "d.e.google.com"]),
        ("a.example.co.uk", ["example.co.uk"]),
        ("example.co.uk", []),
        ("co.uk", []),
        # The private section.
        ("evil.github.io", []),
        ("a.evil.github.io", ["evil.github.io"]),
        ("x.s3.amazonaws.com", []),
        ("phish.web.app", []),
        ("bad.duckdns.org", []),
        # A top level that the list does not know.
        ("a.evil.example", ["evil.example"]),
        ("a.xn--bcher-kva.example", ["xn--bcher-kva.example"]),
        ("a.city.kawasaki.jp", ["city.kawasaki.jp"]),
        ("a.b.kawasaki.jp", []),
    ],
)
def test_names_above(name: str, expected: list[str]) -> None:
    assert above(name) == expected


@pytest.mark.parametrize("name", ["github.io", "co.uk", "s3.amazonaws.com", "web.app", "b.kobe.jp"])
def test_public_suffixes(name: str) -> None:
    assert is_public_suffix(name)
    assert not is_public_suffix(f"a.{name}")
    assert above(f"a.{name}") == []


@given(st.lists(st.sampled_from(["a", "b", "github", "io", "co", "uk", "com", "s3"]), min_size=2))
def test_parents_end_the_name_and_are_not_suffixes(labels: list[str]) -> None:
    name = ".".join([*labels[:20], "example"])
    found = above(name)
    assert len(found) <= MAX_PARENTS
    for one in found:
        assert name.endswith(f".{one}")
        assert not is_public_suffix(one)


def test_the_list_is_not_loaded_before_it_is_needed() -> None:
    program = "import functions.lookup.app, sys; print('publicsuffixlist' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"
