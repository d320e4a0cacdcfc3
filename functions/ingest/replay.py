"""Reading records in quarantine again, with the rules as they are now. A person's command runs it.

A replay is a run without a feed: it has a number, and applies reports by the same protocol. So a
record may be replayed twice, while a run is under way, or after the feed has delivered it in a
valid form, and counts once.

A report that was given up has left its name only. It is put back among those that wait, and the
next run fetches it.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from functions.ingest.batch import BatchWriter, NewReport, content_digest
from functions.ingest.resolve import GIVEN_UP_REASONS
from functions.ingest.store.ledger import Ledger
from functions.ingest.store.quarantine import Quarantine, QuarantineEntries, QuarantineEntry
from functions.ingest.store.runs import FeedStates, RunLog
from functions.ingest.store.unresolved import MAX_WAITING, UnresolvedReports, Waiting
from shared.domain.errors import InvalidRecord
from shared.formats.feed.report import Rejected, Report, is_flow_id, read_report
from shared.store.iocs import IocTable
from shared.store.keys import flow_key
from shared.store.search_index import SearchIndex

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Few enough that a report with many entries is not far over its limit in the ledger.
FOLD_ENTRIES = 100
_NO_ROOM = "too many reports wait to be fetched already"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of an entry.

    Attributes:
        entry: as it was.
        accepted: whether its report is applied or waits, and the entry is removed.
        waits: whether the report is still to be fetched, by the next run that has a key.
        iocs: IOCs of it with a valid verdict.
        refused: the reasons of what was rejected. When the report was accepted without them,
            they have entries of their own.
    """

    entry: QuarantineEntry
    accepted: bool
    iocs: int
    refused: Sequence[str]
    waits: bool = False


@dataclass(frozen=True, slots=True)
class _Reading:
    """An entry, read again; without `new` or `waiting` it is refused."""

    entry: QuarantineEntry
    new: NewReport | None
    rejected: Sequence[Rejected]
    waiting: Waiting | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay.

    Attributes:
        state_table: name of the table of everything that is not an IOC.
        pool: where the writes run.
        now: milliseconds since the epoch.
        index: where reports are entered for searches; None for nowhere.
        inherit_verdict: whether IOCs without a verdict take the one of their report.
    """

    client: "DynamoDBClient"
    state_table: str
    iocs: IocTable
    pool: Executor
    now: int
    index: SearchIndex | None = None
    inherit_verdict: bool = False

    def preview(self, entries: Iterable[QuarantineEntry]) -> Iterator[Replayed]:
        """What `execute` would do; nothing is written."""
        return (_told(self._read(entry)) for entry in entries)

    def execute(self, entries: Iterable[QuarantineEntry]) -> Iterator[Replayed]:
        """Replay entries; each is told when it is done.

        Raises:
            StoreError: the store failed; what was not told has to be replayed again.
        """
        run_log = RunLog(self.client, self.state_table)
        number, complete_runs = run_log.begin()
        applier = BatchWriter(
            self.iocs,
            Ledger(self.client, self.state_table),
            self.now,
            number,
            complete_runs,
            self.pool,
            out_of_time=lambda: False,
            index=self.index,
        )
        left = iter(entries)
        while fold := [self._read(entry) for entry in islice(left, FOLD_ENTRIES)]:
            fold = list(self._let_wait(fold))
            self._apply([reading for reading in fold if reading.new], applier)
            yield from map(_told, fold)
        run_log.complete(number, complete_runs)

    def _read(self, entry: QuarantineEntry) -> _Reading:
        if entry.reason in GIVEN_UP_REASONS and is_flow_id(entry.flow_id):
            # It waits since now, and so has another week.
            return _Reading(entry, None, [], Waiting(entry.flow_id, self.now))
        try:
            raw = entry.raw()
            content = content_digest(raw, inherit_verdict=self.inherit_verdict)
        except InvalidRecord as error:
            return _Reading(entry, None, [Rejected(str(error), None)])
        report = read_report(raw, self.now, inherit_verdict=self.inherit_verdict)
        if not _has_anything(report):
            return _Reading(entry, None, report.rejected)
        new = NewReport(flow_key(report.flow_id), content, report)
        return _Reading(entry, new, report.rejected)

    def _let_wait(self, fold: Sequence[_Reading]) -> Iterator[_Reading]:
        """Put back what is to be fetched; where there is no room for it, it is refused."""
        entries = QuarantineEntries(self.client, self.state_table)
        for reading in fold:
            if reading.waiting is None:
                yield reading
                continue
            feed_url = reading.entry.feed_url
            reports = UnresolvedReports(self.client, self.state_table, feed_url)
            if len(reports.read()) >= MAX_WAITING:
                yield _Reading(reading.entry, None, [Rejected(_NO_ROOM, None)])
                continue
            # Before its entry is removed: it may wait twice, but not get lost.
            reports.add([reading.waiting])
            entries.remove(reading.entry)
            yield reading

    def _apply(self, accepted: Sequence[_Reading], applier: BatchWriter) -> None:
        for feed_url in {reading.entry.feed_url for reading in accepted}:
            # What is known ends the way of a run through a long feed: what was replayed must
            # not end it before it has seen the reports beside it.
            FeedStates(self.client, self.state_table, feed_url).open_run(applier.run)
        for reading in accepted:
            # Before the report is applied, as in a run.
            quarantine = Quarantine(self.client, self.state_table, reading.entry.feed_url)
            quarantine.put(reading.rejected, self.now)
        applier.apply([reading.new for reading in accepted if reading.new])
        entries = QuarantineEntries(self.client, self.state_table)
        for reading in accepted:
            entries.remove(reading.entry)


def _has_anything(report: Report) -> bool:
    """Whether there is more in a report than what was rejected."""
    if not report.rejected:
        return True
    return bool(report.sightings or report.without_verdict or report.passed_over)


def _told(reading: _Reading) -> Replayed:
    return Replayed(
        reading.entry,
        accepted=reading.new is not None or reading.waiting is not None,
        iocs=len(reading.new.report.sightings) if reading.new else 0,
        refused=[rejected.reason for rejected in reading.rejected],
        waits=reading.waiting is not None,
    )
