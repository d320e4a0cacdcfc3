"""Reading records in quarantine again with the current rules, by an operator's command.

A replay is a run without a feed: it has a number and applies reports by the same protocol. So a
record counts once, even if it is replayed twice, during a run, or after the feed has delivered a
valid form of it.

Of a report that was given up, only the flow_id is known. It is added to the unresolved reports
again, and the next run fetches it.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice

from functions.ingest.batch import BatchWriter, NewReport, content_digest
from functions.ingest.resolve import GIVEN_UP_REASONS
from functions.ingest.store.ledger import Ledger
from functions.ingest.store.quarantine import Quarantine, QuarantineEntries, QuarantineEntry
from functions.ingest.store.runs import FeedStates, RunLog
from functions.ingest.store.unresolved import MAX_WAITING, UnresolvedReports, Waiting
from shared.domain.errors import InvalidRecord
from shared.formats.feed.report import Rejected, Report, is_flow_id, read_report
from shared.store.client import DynamoDBClient
from shared.store.iocs import IocTable
from shared.store.keys import flow_key
from shared.store.search_index import SearchIndex

# Small enough that a report with many entries does not exceed its limit in the ledger by much.
BATCH_ENTRIES = 100
_NO_ROOM = "too many reports wait to be fetched already"


@dataclass(frozen=True, slots=True)
class Replayed:
    """Result of replaying one entry.

    Attributes:
        entry: the entry as it was.
        accepted: whether its report was applied or is to be fetched, and the entry was removed.
        waits: whether the next run with a key has to fetch the report.
        iocs: number of its IOCs with a valid verdict.
        refused: reasons of rejected records. If the report was accepted without these records,
            they have entries of their own.
    """

    entry: QuarantineEntry
    accepted: bool
    iocs: int
    refused: Sequence[str]
    waits: bool = False


@dataclass(frozen=True, slots=True)
class _Reading:
    """An entry that was read again; it is refused if it has neither `new` nor `waiting`."""

    entry: QuarantineEntry
    new: NewReport | None
    rejected: Sequence[Rejected]
    waiting: Waiting | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay of entries in quarantine.

    Attributes:
        state_table: name of the state table.
        pool: runs the writes.
        now: milliseconds since the epoch.
        index: search index to add reports to; None for none.
        inherit_verdict: whether IOCs without a verdict inherit that of their report.
    """

    client: DynamoDBClient
    state_table: str
    iocs: IocTable
    pool: Executor
    now: int
    index: SearchIndex | None = None
    inherit_verdict: bool = False

    def preview(self, entries: Iterable[QuarantineEntry]) -> Iterator[Replayed]:
        """Return what `execute` would do, without writing."""
        return (_result(self._read(entry)) for entry in entries)

    def execute(self, entries: Iterable[QuarantineEntry]) -> Iterator[Replayed]:
        """Replay entries and yield the result of each.

        Raises:
            StoreError: the store failed; entries without a result have to be replayed again.
        """
        run_log = RunLog(self.client, self.state_table)
        number, complete_runs = run_log.begin()
        writer = BatchWriter(
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
        while batch := [self._read(entry) for entry in islice(left, BATCH_ENTRIES)]:
            batch = list(self._add_unresolved(batch))
            self._apply([reading for reading in batch if reading.new], writer)
            yield from map(_result, batch)
        run_log.complete(number, complete_runs)

    def _read(self, entry: QuarantineEntry) -> _Reading:
        if entry.reason in GIVEN_UP_REASONS and is_flow_id(entry.flow_id):
            # It waits from now on, so it has another week.
            return _Reading(entry, None, [], Waiting(entry.flow_id, self.now))
        try:
            raw = entry.raw()
            content = content_digest(raw, inherit_verdict=self.inherit_verdict)
        except InvalidRecord as error:
            return _Reading(entry, None, [Rejected(str(error), None)])
        report = read_report(raw, self.now, inherit_verdict=self.inherit_verdict)
        if not _has_content(report):
            return _Reading(entry, None, report.rejected)
        new = NewReport(flow_key(report.flow_id), content, report)
        return _Reading(entry, new, report.rejected)

    def _add_unresolved(self, batch: Sequence[_Reading]) -> Iterator[_Reading]:
        """Add reports to fetch to the unresolved reports; refuse them if too many wait."""
        entries = QuarantineEntries(self.client, self.state_table)
        for reading in batch:
            if reading.waiting is None:
                yield reading
                continue
            feed_url = reading.entry.feed_url
            reports = UnresolvedReports(self.client, self.state_table, feed_url)
            if len(reports.read()) >= MAX_WAITING:
                yield _Reading(reading.entry, None, [Rejected(_NO_ROOM, None)])
                continue
            # Added before its entry is removed: a failure may duplicate it, but not lose it.
            reports.add([reading.waiting])
            entries.remove(reading.entry)
            yield reading

    def _apply(self, accepted: Sequence[_Reading], writer: BatchWriter) -> None:
        for feed_url in {reading.entry.feed_url for reading in accepted}:
            # Known reports end the reading of a long feed. An open run prevents that, because
            # reports next to the replayed ones may be unknown.
            FeedStates(self.client, self.state_table, feed_url).open_run(writer.run)
        for reading in accepted:
            # Before the report is applied, as in a run.
            quarantine = Quarantine(self.client, self.state_table, reading.entry.feed_url)
            quarantine.put(reading.rejected, self.now)
        writer.apply([reading.new for reading in accepted if reading.new])
        entries = QuarantineEntries(self.client, self.state_table)
        for reading in accepted:
            entries.remove(reading.entry)


def _has_content(report: Report) -> bool:
    """Whether a report contains more than rejected records."""
    if not report.rejected:
        return True
    return bool(report.sightings or report.without_verdict or report.passed_over)


def _result(reading: _Reading) -> Replayed:
    return Replayed(
        reading.entry,
        accepted=reading.new is not None or reading.waiting is not None,
        iocs=len(reading.new.report.sightings) if reading.new else 0,
        refused=[rejected.reason for rejected in reading.rejected],
        waits=reading.waiting is not None,
    )
