"""Items as they are stored: what is written is read back, and nothing is written twice."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.reputation import Reputation, SightingSummary
from shared.domain.verdict import Verdict
from shared.store.items import IocItem, from_item, to_item
from tests.builders import sighting_summary
from tests.unit.domain.test_reputation import SUMMARY

MD5 = Indicator(IndicatorType.MD5, "C" * 32)
SHA256 = Indicator(IndicatorType.SHA256, "A" * 64)
OTHER = Indicator(IndicatorType.SHA256, "B" * 64)


def item(indicator: Indicator, summary: SightingSummary) -> dict[str, Any]:
    return to_item(IocItem(Reputation(indicator, summary, 3), b"12345678"))


@given(st.sampled_from([MD5, SHA256]), SUMMARY, SUMMARY)
def test_what_is_written_is_read_back(
    indicator: Indicator, one: SightingSummary, other: SightingSummary
) -> None:
    joined = one.join(other)
    read = from_item(item(indicator, joined)).reputation
    assert read == Reputation(indicator, joined, 3)


def test_what_follows_from_the_rest_is_not_stored() -> None:
    of_file = sighting_summary(sha256=SHA256.value, siblings=frozenset({SHA256}))
    assert item(MD5, of_file).keys().isdisjoint({"sha256", "worst", "seen"})
    own = sighting_summary(sha256=SHA256.value, siblings=frozenset({MD5}))
    assert item(SHA256, own).keys().isdisjoint({"sha256", "worst", "seen"})


def test_of_several_files_the_one_of_the_sighting_is_stored() -> None:
    both = sighting_summary(sha256=OTHER.value, siblings=frozenset({SHA256, OTHER}))
    assert item(MD5, both)["sha256"] == {"S": OTHER.value}


def test_an_item_of_an_earlier_version_is_read() -> None:
    old = {
        "pk": {"S": f"md5#{MD5.value}"},
        "ver": {"B": b"12345678"},
        "verdict": {"N": "4"},
        "flow": {"S": "flow"},
        "first": {"N": "1"},
        "last": {"N": "2"},
        "n": {"N": "1"},
    }
    read = from_item(old).reputation
    assert read
    assert read.summary.worst == read.summary.shown == read.summary.latest
    assert read.summary.latest.verdict is Verdict.MALICIOUS
    assert read.summary.siblings == frozenset()
