"""One file, one answer: histories of files with collisions, against a model of their own.

The model knows which files each report is about. It shares no code with the reader: it computes
what each digest has to answer from the rules in docs/adr/0003.
"""

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.verdict import Verdict
from shared.store.search_index import SearchIndex
from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.fakes import Killed, failing_client, json_feed
from tests.ingestion import ingest, stored

HISTORIES = 60
START_S = 1_748_764_800
SHA256 = IndicatorType.SHA256
LENGTHS = {IndicatorType.MD5: 32, IndicatorType.SHA1: 40, SHA256: 64}


def digest(kind: IndicatorType, letter: str) -> Indicator:
    return Indicator(kind, letter * LENGTHS[kind])


# The first two files share their MD5, the second and the third their SHA-1.
LETTERS = {"p": "A A A", "q": "A B B", "r": "C B C", "s": "D D D"}
FILES = {
    name: {
        kind: digest(kind, letter) for kind, letter in zip(LENGTHS, letters.split(), strict=True)
    }
    for name, letters in LETTERS.items()
}


class Seen(NamedTuple):
    """One report about one file, with some of its digests."""

    file: str
    kinds: frozenset[IndicatorType]
    verdict: Verdict

    @property
    def digests(self) -> set[Indicator]:
        return {FILES[self.file][kind] for kind in self.kinds}


class Report(NamedTuple):
    flow: str
    minute: int
    seen: Sequence[Seen]

    def raw(self) -> dict[str, Any]:
        iocs: defaultdict[str, list[Any]] = defaultdict(list)
        for one in self.seen:
            file = {digest.type.value: digest.value.lower() for digest in one.digests}
            for digest in one.digests:
                entry = raw_ioc(digest.value, one.verdict.name, file=file)
                iocs[digest.type.value].append(entry)
        return raw_report(self.flow, date=START_S + 60 * self.minute, iocs=iocs)


class Answer(NamedTuple):
    """What a digest has to answer."""

    verdict: Verdict
    flow: str
    worst: Verdict
    worst_flow: str
    scans: int
    siblings: frozenset[Indicator]


def answers(reports: Sequence[Report]) -> dict[Indicator, Answer]:
    """The answers that follow from all reports; each file is given with its SHA-256."""
    of_digest: defaultdict[Indicator, list[tuple[int, Verdict, str]]] = defaultdict(list)
    siblings: defaultdict[Indicator, set[Indicator]] = defaultdict(set)
    for report in reports:
        worst: defaultdict[str, Verdict] = defaultdict(lambda: Verdict.BENIGN)
        given: defaultdict[str, set[Indicator]] = defaultdict(set)
        for seen in report.seen:
            worst[seen.file] = max(worst[seen.file], seen.verdict)
            given[seen.file] |= seen.digests
        for file, digests in given.items():
            for one in digests:
                of_digest[one].append((report.minute, worst[file], report.flow))
                siblings[one] |= digests - {one}
    found = {}
    for one, scans in of_digest.items():
        latest = max(scans)
        worst_scan = max(scans, key=lambda scan: (scan[1], scan[0], scan[2]))
        collides = sum(other.type is SHA256 for other in siblings[one]) > 1
        shown = worst_scan if collides else latest
        found[one] = Answer(
            shown[1],
            shown[2],
            worst_scan[1],
            worst_scan[2],
            len({flow for _, _, flow in scans}),
            frozenset(siblings[one]),
        )
    return found


def given_by(store: Store) -> dict[Indicator, Answer]:
    return {
        one: Answer(
            known.summary.shown.verdict,
            known.summary.shown.flow_id,
            known.summary.worst.verdict,
            known.summary.worst.flow_id,
            known.counted,
            known.summary.siblings,
        )
        for one, known in stored(store).items()
    }


SEEN = st.builds(
    Seen,
    st.sampled_from("pqrs"),
    st.sets(st.sampled_from([IndicatorType.MD5, IndicatorType.SHA1])).map(
        lambda kinds: frozenset(kinds) | {SHA256}
    ),
    st.sampled_from(Verdict),
)
REPORT = st.builds(
    Report, st.sampled_from("abcde"), st.integers(0, 3), st.lists(SEEN, min_size=1, max_size=4)
)


@settings(max_examples=HISTORIES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_digest_answers_as_the_model_says(engine_store: Store, data: st.DataObject) -> None:
    engine_store.empty(engine_store.table, engine_store.state_table, engine_store.search_table)
    reports: list[Report] = []
    for _ in range(data.draw(st.integers(1, 3), "runs")):
        page = data.draw(st.lists(REPORT, max_size=4), "page")
        reports += page
        kill = data.draw(st.integers(0, 40), "killed at call")
        failing = failing_client(engine_store.client, fail_at=kill, after=kill % 2 == 0)
        with contextlib.suppress(Killed):
            ingest(
                engine_store,
                json_feed([one.raw() for one in page], page_size=2),
                client=failing,
                indexed=kill % 3 == 0,
            )
    feed = json_feed([one.raw() for one in reports], page_size=3)
    assert ingest(engine_store, feed).complete
    expected = answers(reports)
    assert given_by(engine_store) == expected
    same_reports = defaultdict(list)
    for one, known in stored(engine_store).items():
        same_reports[
            frozenset(
                (number, seen.file)
                for number, report in enumerate(reports)
                for seen in report.seen
                if one in seen.digests
            )
        ].append(known)
    for group in same_reports.values():
        alike = {
            (known.summary.shown, known.summary.worst, known.summary.tags, known.scan_count)
            for known in group
            if known.indicator.type is not SHA256 or len(known.summary.siblings) > 0
        }
        assert len(alike) <= 1


def test_rows_of_all_digests_are_in_the_index_before_any_item(moto_store: Store) -> None:
    """Retraction relies on it: a sighting in an item is always in the index."""
    report = Report("a", 0, [Seen("p", frozenset(LENGTHS), Verdict.MALICIOUS)])
    index = SearchIndex(moto_store.client, moto_store.search_table)
    for call in range(1, 60):
        moto_store.empty(moto_store.table, moto_store.state_table, moto_store.search_table)
        failing = failing_client(moto_store.client, fail_at=call, after=True)
        died = True
        try:
            ingest(moto_store, json_feed([report.raw()]), client=failing, indexed=True)
            died = False
        except Killed:
            pass
        for one, known in stored(moto_store).items():
            assert known.summary.latest in index.sightings(one, 10).rows
        if not died:
            break
    assert not died
    assert len(stored(moto_store)) == len(LENGTHS)
