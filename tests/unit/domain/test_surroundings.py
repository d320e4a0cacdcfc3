"""What is around an indicator, against vectors written from Safe Browsing's description."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import IndicatorType, parse
from shared.domain.surroundings import MAX_SURROUNDINGS, surroundings


def around(kind: IndicatorType, value: str) -> list[str]:
    return [one.value for one in surroundings(parse(kind, value))]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "http://a.b.com/1/2.html?param=1",
            ["http://a.b.com/1/2.html", "http://a.b.com/1/", "http://a.b.com/", "a.b.com", "b.com"],
        ),
        (
            "http://a.b.c.d.e.f.com/1.html",
            [
                "http://a.b.c.d.e.f.com/",
                "a.b.c.d.e.f.com",
                "c.d.e.f.com",
                "d.e.f.com",
                "e.f.com",
                "f.com",
            ],
        ),
        ("http://1.2.3.4/1/", ["http://1.2.3.4/", "1.2.3.4"]),
        ("https://example.co.uk/1", ["https://example.co.uk/", "example.co.uk"]),
        ("http://co.uk/1/", ["http://co.uk/"]),
        ("https://github.io/a", ["https://github.io/"]),
        ("http://b.com/", ["b.com"]),
        ("http://b.com/?", ["http://b.com/", "b.com"]),
        (
            "http://b.com:8080/1/2/3/4/5",
            [
                "http://b.com:8080/1/2/3/",
                "http://b.com:8080/1/2/",
                "http://b.com:8080/1/",
                "http://b.com:8080/",
                "b.com",
            ],
        ),
        (
            "http://[2001:db8::1]/a//b/",
            [
                "http://[2001:db8::1]/a//",
                "http://[2001:db8::1]/a/",
                "http://[2001:db8::1]/",
                "2001:db8::1",
            ],
        ),
    ],
)
def test_around_a_url(url: str, expected: list[str]) -> None:
    assert around(IndicatorType.URL, url) == expected


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("a.b.example.co.uk", ["b.example.co.uk", "example.co.uk"]),
        ("example.co.uk", []),
        ("evil.github.io", []),
        ("a.evil.github.io", ["evil.github.io"]),
        ("b.com", []),
    ],
)
def test_the_domains_above_end_at_the_registrable_one(domain: str, expected: list[str]) -> None:
    assert around(IndicatorType.DOMAIN, domain) == expected


@pytest.mark.parametrize(
    ("kind", "value"), [(IndicatorType.IP, "192.0.2.1"), (IndicatorType.MD5, "0" * 32)]
)
def test_nothing_is_around_an_address_or_a_hash(kind: IndicatorType, value: str) -> None:
    assert around(kind, value) == []


PARTS = st.lists(st.sampled_from(["a", "b", "%2F", "", "co", "uk", "com", "xn--p1ai"]), max_size=12)


@given(PARTS, PARTS, st.sampled_from(["", "?", "?x=/y/"]))
def test_each_is_in_canonical_form_and_there_are_few(
    labels: list[str], path: list[str], query: str
) -> None:
    try:
        url = parse(IndicatorType.URL, f"http://{'.'.join(labels)}/{'/'.join(path)}{query}")
    except InvalidIndicator:
        return
    found = surroundings(url)
    assert len(found) <= MAX_SURROUNDINGS
    assert len(set(found)) == len(found)
    assert url not in found
    for one in found:
        assert parse(one.type, one.value) == one
