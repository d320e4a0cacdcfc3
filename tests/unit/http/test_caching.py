"""Answers that clients keep."""

import pytest

from shared.http.caching import knows


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"a"', True),
        ('"b", "a"', True),
        ("*", True),
        # A proxy that compresses an answer makes its tag a weak one.
        ('W/"a"', True),
        ('"b"', False),
        ("a", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("tag", ['"a"', 'W/"a"'])
def test_a_tag_is_known_whether_weak_or_strong(tag: str, header: str, known: bool) -> None:
    assert knows({"if-none-match": header}, tag) is known


def test_a_client_without_a_tag_knows_nothing() -> None:
    assert not knows({}, '"a"')
