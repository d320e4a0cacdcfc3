"""The verdict of all providers together."""

from hypothesis import given
from hypothesis import strategies as st

from shared.client import Answer, ProviderRow, RowStatus
from shared.domain.verdict import Verdict
from tests.builders import DOMAIN


def answer(*said: tuple[str, Verdict | None]) -> Answer:
    rows = (ProviderRow(name, RowStatus.OTHER, verdict) for name, verdict in said)
    return Answer(DOMAIN, known=True, rows=tuple(rows))


def test_the_worst_one_counts() -> None:
    said = answer(("a", Verdict.NO_THREAT), ("b", Verdict.MALICIOUS), ("c", Verdict.SUSPICIOUS))
    assert said.verdict() is Verdict.MALICIOUS


def test_one_that_trusts_counts_more_than_a_suspicion_and_less_than_strong_evidence() -> None:
    weak = answer(("a", Verdict.SUSPICIOUS), ("b", Verdict.BENIGN))
    assert weak.verdict() is Verdict.BENIGN
    assert weak.verdict(excluding=["B"]) is Verdict.SUSPICIOUS
    strong = answer(("a", Verdict.MALICIOUS), ("b", Verdict.BENIGN))
    assert strong.verdict() is Verdict.MALICIOUS


def test_providers_are_left_out_by_name_in_any_case() -> None:
    said = answer(("MetaDefender Sandbox", Verdict.MALICIOUS), ("lists", Verdict.SUSPICIOUS))
    assert said.verdict(excluding={"metadefender SANDBOX"}) is Verdict.SUSPICIOUS
    assert said.verdict(excluding=("metadefender sandbox", "LISTS")) is None


def test_without_a_verdict_there_is_none() -> None:
    assert answer().verdict() is None
    assert answer(("a", None)).verdict() is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.sampled_from(Verdict))))
def test_what_is_left_out_might_as_well_not_be_there(
    said: list[tuple[str, Verdict | None]],
) -> None:
    others = [one for one in said if one[0] != "a"]
    assert answer(*said).verdict(excluding="A") == answer(*others).verdict()
