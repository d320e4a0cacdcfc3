"""Digests grouped by file."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.siblings import group_by_file

LENGTHS = {IndicatorType.MD5: 32, IndicatorType.SHA1: 40, IndicatorType.SHA256: 64}
TYPES = {"M": IndicatorType.MD5, "S": IndicatorType.SHA1, "X": IndicatorType.SHA256}


def digests(names: str) -> list[Indicator]:
    """`M1 X2` is an MD5 and a SHA-256."""
    return [Indicator(TYPES[one[0]], one[1] * LENGTHS[TYPES[one[0]]]) for one in names.split()]


def grouped(*descriptions: str) -> set[frozenset[Indicator]]:
    return {frozenset(one) for one in group_by_file(map(digests, descriptions)).digests}


def files(*names: str) -> set[frozenset[Indicator]]:
    return {frozenset(digests(one)) for one in names}


def test_what_is_given_together_is_one_file() -> None:
    assert grouped("M1 S1 X1", "X1", "S1", "X2") == files("M1 S1 X1", "X2")


def test_digests_are_joined_over_several_descriptions() -> None:
    assert grouped("M1 S1", "S1 X1", "M2") == files("M1 S1 X1", "M2")


def test_two_sha256_with_one_md5_are_two_files() -> None:
    assert grouped("M1 X1", "M1 X2 S2") == files("M1 X1", "M1 X2 S2")
    found = group_by_file(map(digests, ["M1 X1", "M1 X2 S2"]))
    [md5] = digests("M1")
    [one] = digests("X1")
    assert found.siblings(md5) == frozenset(digests("X1 X2 S2"))
    assert found.siblings(one) == {md5}


def test_a_description_that_fits_two_files_joins_neither() -> None:
    assert grouped("M1 X1", "M1 X2", "M1 S1") == files("M1 X1", "M1 X2", "M1 S1")


def test_the_strongest_common_digest_decides() -> None:
    assert grouped("X1 M1", "X1 M2") == files("X1 M1 M2")
    assert grouped("S1 M1", "S2 M1") == files("S1 M1", "S2 M1")


@given(
    st.lists(
        st.lists(
            st.sampled_from([f"{kind}{number}" for kind in "MSX" for number in range(3)]),
            min_size=1,
            max_size=3,
        ),
        max_size=8,
    ),
)
def test_no_order_matters_and_every_digest_has_a_file(descriptions: Sequence[list[str]]) -> None:
    some = [" ".join(one) for one in descriptions]
    assert grouped(*some) == grouped(*reversed(some)) == grouped(*some, *some)
    found = group_by_file(map(digests, some))
    for description in map(digests, some):
        assert all(one in found.holders for one in description)
    for one, holders in found.holders.items():
        assert all(one in found.digests[holder] for holder in holders)
