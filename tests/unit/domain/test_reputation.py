"""The laws of the join."""

import random

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.reputation import (
    MAX_SIBLINGS,
    MAX_TAGS,
    Sighting,
    SightingSummary,
    join_all,
)
from shared.domain.verdict import Verdict
from tests.builders import sighting, sighting_summary

SUMMARY = st.builds(
    sighting_summary,
    seen_at=st.integers(1, 5),
    verdict=st.sampled_from(Verdict),
    flow_id=st.sampled_from(["a", "b", "c"]),
    parent_verdict=st.sampled_from(["", "UNKNOWN", "MALICIOUS"]),
    origin=st.sampled_from(["", "INPUT_FILE", "VBA_EMULATION"]),
    report_id=st.sampled_from(["", "r-1", "r-2"]),
    tags=st.frozensets(st.integers(0, 60).map(str), max_size=MAX_TAGS),
    first_seen=st.one_of(st.none(), st.integers(1, 5)),
    last_seen=st.one_of(st.none(), st.integers(1, 5)),
    claimed_count=st.integers(0, 9),
    details=st.sampled_from(["", '{"n":"a"}', '{"n":"b"}']),
    sha256=st.sampled_from(["", "A" * 64, "B" * 64]),
    siblings=st.frozensets(
        st.builds(
            Indicator, st.just(IndicatorType.SHA256), st.integers(0, 60).map("{:064X}".format)
        ),
        max_size=MAX_SIBLINGS,
    ),
)
SIGHTING = SUMMARY.map(sighting)


@given(SUMMARY, SUMMARY)
def test_the_join_commutes(one: SightingSummary, other: SightingSummary) -> None:
    assert one.join(other) == other.join(one)


@given(SUMMARY, SUMMARY, SUMMARY)
def test_the_join_associates(
    one: SightingSummary, two: SightingSummary, three: SightingSummary
) -> None:
    assert one.join(two).join(three) == one.join(two.join(three))


@given(SUMMARY, SUMMARY)
def test_the_join_is_idempotent(one: SightingSummary, other: SightingSummary) -> None:
    assert one.join(one) == one
    joined = one.join(other)
    assert joined.join(other) == joined


@given(st.lists(SIGHTING, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(sightings: list[Sighting], rng: random.Random) -> None:
    again = sightings + rng.choices(sightings, k=5)
    rng.shuffle(again)
    assert join_all(again) == join_all(sightings)


def test_everything_that_is_shown_of_a_sighting_comes_from_the_winner() -> None:
    older = sighting(
        sighting_summary(
            seen_at=1,
            verdict=Verdict.MALICIOUS,
            flow_id="z",
            parent_verdict="MALICIOUS",
            origin="Z",
        )
    )
    newer = sighting(sighting_summary(seen_at=2, verdict=Verdict.BENIGN, flow_id="a", origin="A"))
    known = join_all([older, newer])
    assert known.summary.latest == newer.summary.latest
    assert known.scan_count == 2


def test_a_tie_in_date_goes_to_the_more_severe_and_then_to_the_greater_flow_id() -> None:
    mild = sighting(sighting_summary(seen_at=1, verdict=Verdict.NO_THREAT, flow_id="z"))
    severe = sighting(sighting_summary(seen_at=1, verdict=Verdict.SUSPICIOUS, flow_id="a"))
    assert join_all([mild, severe]).summary.latest.flow_id == "a"
    same = sighting(sighting_summary(seen_at=1, verdict=Verdict.SUSPICIOUS, flow_id="b"))
    assert join_all([same, severe]).summary.latest.flow_id == "b"


def test_a_report_id_decides_last() -> None:
    named = sighting(sighting_summary(origin="A", report_id="z"))
    other = sighting(sighting_summary(origin="B", report_id="a"))
    assert join_all([named, other]).summary.latest.report_id == "a"
    unnamed = sighting(sighting_summary(origin="B"))
    assert join_all([unnamed, other]).summary.latest.report_id == "a"


def test_the_totals_of_a_feed_raise_ours_and_never_lower_them() -> None:
    claims = sighting(sighting_summary(seen_at=5, first_seen=2, last_seen=9, claimed_count=7))
    plain = sighting(sighting_summary(seen_at=1, flow_id="other"))
    known = join_all([claims, plain])
    assert (known.summary.first_seen, known.summary.last_seen, known.scan_count) == (1, 9, 7)
    assert known.summary.latest.seen_at == 5


def test_the_same_flow_id_with_other_content_counts_once() -> None:
    first = sighting(sighting_summary(seen_at=1, flow_id="a"))
    revised = sighting(sighting_summary(seen_at=2, flow_id="a", verdict=Verdict.BENIGN))
    assert join_all([first, revised]).scan_count == 1


def test_the_worst_sighting_stays_known_and_the_latest_is_shown() -> None:
    bad = sighting(sighting_summary(seen_at=1, flow_id="bad"))
    worse_by_date = sighting(sighting_summary(seen_at=2, flow_id="also bad"))
    clean = sighting(sighting_summary(seen_at=3, verdict=Verdict.NO_THREAT, flow_id="clean"))
    known = join_all([bad, clean, worse_by_date]).summary
    assert known.worst == worse_by_date.summary.latest
    assert known.shown == known.latest == clean.summary.latest


def test_a_digest_of_several_files_shows_its_worst_sighting() -> None:
    first, second = (Indicator(IndicatorType.SHA256, one * 64) for one in "AB")
    md5 = Indicator(IndicatorType.MD5, "C" * 32)
    bad = sighting(sighting_summary(seen_at=1, siblings=frozenset({first})), md5)
    clean = sighting_summary(
        seen_at=2, verdict=Verdict.BENIGN, flow_id="z", siblings=frozenset({second})
    )
    known = join_all([bad, sighting(clean, md5)]).summary
    assert known.shown == bad.summary.latest
    assert known.siblings == {first, second}
