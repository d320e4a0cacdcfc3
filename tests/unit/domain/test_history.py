"""In which scans an IOC was seen: the laws that counting rests on."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from functions.publish.history import (
    MAX_RECENT,
    History,
    Membership,
    PastVerdict,
    ReportMention,
    forget,
    record,
)
from shared.domain.verdict import Verdict

SIGHTINGS = st.lists(
    st.builds(
        ReportMention,
        st.sampled_from([f"flow-{n}" for n in range(6)]),
        st.sampled_from(["r1", "r2", "r3"]),
        st.integers(1, 5),
        st.none() | st.sampled_from(Verdict),
    ),
    max_size=15,
    unique_by=lambda one: (one.flow_id, one.report_id),
)


class Both:
    """The history of one IOC, and its membership in each scan."""

    def __init__(self) -> None:
        self.history = History()
        self.memberships: dict[str, Membership] = {}

    def record(self, *sightings: ReportMention) -> "Both":
        for one in sightings:
            self.history, self.memberships[one.flow_id] = record(
                self.history, self.memberships.get(one.flow_id, Membership()), one
            )
        return self

    def forget(self, *sightings: ReportMention) -> "Both":
        for one in sightings:
            self.history, self.memberships[one.flow_id] = forget(
                self.history,
                self.memberships.get(one.flow_id, Membership()),
                one.flow_id,
                one.report_id,
            )
        return self


def recent(sightings: list[ReportMention]) -> list[PastVerdict]:
    said = [
        PastVerdict(one.seen_at, one.verdict, one.flow_id, one.report_id)
        for one in sightings
        if one.verdict is not None
    ]
    return sorted(said, reverse=True)


@given(SIGHTINGS)
def test_a_history_is_what_its_sightings_say(sightings: list[ReportMention]) -> None:
    history = Both().record(*sightings).history
    dates = [one.seen_at for one in sightings]
    assert history == History(
        scans=len({one.flow_id for one in sightings}),
        first_seen=min(dates, default=0),
        last_seen=max(dates, default=0),
        recent=tuple(recent(sightings)[:MAX_RECENT]),
    )


@given(SIGHTINGS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_reports_matters(
    sightings: list[ReportMention], random: Random
) -> None:
    known = Both().record(*sightings)
    again = [*sightings, *(random.choices(sightings, k=4) if sightings else [])]
    random.shuffle(again)
    other = Both().record(*again)
    assert (other.history, other.memberships) == (known.history, known.memberships)


@given(SIGHTINGS)
def test_the_same_sighting_again_changes_nothing(sightings: list[ReportMention]) -> None:
    known = Both().record(*sightings)
    before, members = known.history, dict(known.memberships)
    for one in sightings:
        known.record(one)
        assert (known.history, known.memberships) == (before, members)


@given(SIGHTINGS, st.data())
def test_what_is_forgotten_counts_no_longer(
    sightings: list[ReportMention], data: st.DataObject
) -> None:
    gone = [one for one in sightings if data.draw(st.booleans(), f"forget {one}")]
    left = [one for one in sightings if one not in gone]
    known = Both().record(*sightings).forget(*gone, *gone)
    assert known.history.scans == len({one.flow_id for one in left})
    for flow_id, membership in known.memberships.items():
        assert membership.reports == {
            one.report_id: one.seen_at for one in left if one.flow_id == flow_id
        }
    kept = recent(sightings)[:MAX_RECENT]
    assert list(known.history.recent) == [one for one in kept if one in recent(left)]


@given(SIGHTINGS)
def test_to_forget_what_was_never_held_changes_nothing(sightings: list[ReportMention]) -> None:
    known = Both().record(*sightings)
    before = known.history
    known.forget(ReportMention("flow-0", "never", 1, None), ReportMention("never", "r1", 1, None))
    assert known.history == before


@given(SIGHTINGS.filter(bool))
def test_forgetting_takes_back_the_count_and_the_word_of_a_report(
    sightings: list[ReportMention],
) -> None:
    *before, last = sightings
    known = Both().record(*before)
    scans, said = known.history.scans, known.history.recent
    known.record(last).forget(last)
    assert known.history.scans == scans
    # One that was pushed out of the list to make room stays out.
    assert set(known.history.recent) <= set(said)
    assert len(known.history.recent) >= min(len(said), MAX_RECENT - 1)


def test_a_report_that_comes_again_says_its_newest_word_only() -> None:
    known = Both().record(ReportMention("f", "r", 1, Verdict.MALICIOUS))
    known.record(ReportMention("f", "r", 2, Verdict.NO_THREAT))
    assert known.history.recent == (PastVerdict(2, Verdict.NO_THREAT, "f", "r"),)
    known.record(ReportMention("f", "r", 2, None))
    assert not known.history.recent
    assert known.history.scans == 1


def test_an_ioc_that_all_reports_have_lost_starts_anew() -> None:
    known = Both().record(ReportMention("f", "r", 1, None)).forget(ReportMention("f", "r", 1, None))
    assert known.history.scans == 0
    assert known.record(ReportMention("g", "r", 5, None)).history == History(1, 5, 5)
