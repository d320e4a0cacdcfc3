"""Applying many reports at once, each exactly once. docs/adr/0004 proves the protocol.

A report counts in an IOC if neither the ledger entry of the report holds the IOC, nor the
item of the IOC holds the report as pending. Items are read first and the ledger after them,
strongly; every write is on condition of the version that was read.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait
from dataclasses import dataclass, replace
from enum import StrEnum

from functions.ingest.store.ledger import NO_ENTRY, Ledger, LedgerEntry
from shared.domain.errors import InvalidRecord, StoreError
from shared.domain.indicator import Indicator
from shared.domain.reputation import Reputation, SightingSummary
from shared.formats.feed.report import Report
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from shared.store.keys import ioc_digest
from shared.store.search_index import SearchIndex

# Tries at one item against other writers: each failure means that another one succeeded.
_MAX_TRIES = 50
# More pending reports of unfinished runs than this in an item are looked up in the ledger.
_MANY_PENDING = 64
# Part of every content digest: raise it when a change to the reader finds more in old reports.
# 3: names of verdicts since sandbox 2.5, threatLevel, the vendor's layout of Atom.
_READER_VERSION = 3


def content_digest(raw: object, *, inherit_verdict: bool = False) -> bytes:
    """Digest of a raw report; equal content has an equal one, whatever format it came in.

    It covers what the reader makes of a report, too: a new version of the reader, or a switched
    `inherit_verdict`, reads reports again that the feed still shows. docs/adr/0020 has the reasons.

    Raises:
        InvalidRecord: nested too deep.
    """
    reading = [_READER_VERSION, "InheritVerdict"] if inherit_verdict else [_READER_VERSION]
    try:
        text = json.dumps([*reading, raw], sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise InvalidRecord("report is nested too deep") from None
    return hashlib.sha256(text.encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report of which the ledger does not hold this content."""

    flow: bytes
    content: bytes
    report: Report


class Change(StrEnum):
    """What applying reports did to one IOC."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What applying did.

    Attributes:
        changes: number of IOCs by what became of them.
        unapplied: reports that are not applied whole, because time ran out.
    """

    changes: Counter[Change]
    unapplied: int


@dataclass(slots=True)
class _Delta:
    """What the reports of a fold say about one IOC, and which reports they are."""

    summary: SightingSummary
    flows: set[bytes]


@dataclass(frozen=True, slots=True)
class BatchWriter:
    """Applies reports on behalf of one run.

    Attributes:
        now: clock of the run, milliseconds since the epoch.
        run: number of the run.
        complete_runs: runs of which every report they touched is in the ledger.
        pool: where the writes run.
        out_of_time: whether to stop before the next write.
        new_version: gives a version that no item ever had.
        index: where reports are entered for searches; None for nowhere.
    """

    iocs: IocTable
    ledger: Ledger
    now: int
    run: int
    complete_runs: frozenset[int]
    pool: Executor
    out_of_time: Callable[[], bool]
    new_version: Callable[[], bytes] = lambda: os.urandom(8)
    index: SearchIndex | None = None

    def apply(self, reports: Sequence[NewReport]) -> BatchResult:
        """Apply reports; safe to repeat, to interrupt and to run beside others.

        Raises:
            StoreError: the store failed; what was written stays right, and the same reports
                have to be applied again.
        """
        self._fix_dates_ahead(reports)
        deltas = _fold(reports)
        entries: dict[bytes, LedgerEntry] = {}
        changes: dict[Indicator, Change] = {}
        todo = list(deltas)
        for attempt in range(_MAX_TRIES):
            # Eventually consistent at first: an item that is stale fails its condition.
            sure = attempt > 0
            stored = self.iocs.read(todo, consistent=sure)
            flows = {flow for indicator in todo for flow in deltas[indicator].flows}
            # After the items, and strongly, every time: see the module's text.
            entries |= self.ledger.read(flows | self._doubtful(stored.values()), consistent=True)
            if attempt == 0 and any(entry.first_read for entry in entries.values()):
                reports = [self._with_effective_date(new, entries) for new in reports]
                deltas = _fold(reports)
            wanted = {one: deltas[one] for one in todo}
            results = self._write_all(wanted, stored, entries, sure=sure)
            changes |= {one: change for one, change in results.items() if change is not None}
            todo = [one for one in todo if one not in changes]
            if not todo or self.out_of_time():
                break
        else:
            raise StoreError("items changed faster than they could be written")
        whole = [
            new for new in reports if all(one.indicator in changes for one in new.report.sightings)
        ]
        if self.index:
            # Before the ledger: what is not in the ledger is applied again.
            self.index.add([(new.content, new.report.sightings) for new in whole], self.pool)
        entered = [
            self.pool.submit(self._enter, new, entries.get(new.flow, NO_ENTRY)) for new in whole
        ]
        for future in entered:
            future.result()
        return BatchResult(Counter(changes.values()), unapplied=len(reports) - len(whole))

    def _fix_dates_ahead(self, reports: Iterable[NewReport]) -> None:
        """Fix the dates that are ahead of the clock, before any item is written."""
        fixing = [
            self.pool.submit(self.ledger.fix_date_ahead, new.flow, new.report.seen_at, self.now)
            for new in reports
            if new.report.seen_at > self.now
        ]
        for future in fixing:
            future.result()

    def _with_effective_date(
        self, new: NewReport, entries: Mapping[bytes, LedgerEntry]
    ) -> NewReport:
        """The report with the date that its ledger entry gives to it."""
        entry = entries.get(new.flow, NO_ENTRY)
        date = entry.effective_date(new.report.seen_at, self.now)
        return new if date == new.report.seen_at else replace(new, report=new.report.dated(date))

    def _doubtful(self, stored: Iterable[IocItem]) -> set[bytes]:
        """Pending reports of unfinished runs, where they pile up: perhaps they can go."""
        return {
            flow
            for ioc in stored
            if len(ioc.pending) > _MANY_PENDING
            for flow, run in ioc.pending.items()
            if run not in self.complete_runs
        }

    def _enter(self, new: NewReport, known: LedgerEntry) -> None:
        iocs = frozenset(ioc_digest(sighting.indicator) for sighting in new.report.sightings)
        self.ledger.add(new.flow, new.content, iocs, known)

    def _write_all(
        self,
        deltas: Mapping[Indicator, _Delta],
        stored: Mapping[Indicator, IocItem],
        entries: Mapping[bytes, LedgerEntry],
        *,
        sure: bool,
    ) -> dict[Indicator, Change | None]:
        """Bring items up to date; None for one that has to be read and tried again."""

        def write(indicator: Indicator) -> Change | None:
            if self.out_of_time():
                return None
            before = stored.get(indicator)
            known = before is not None and before.reputation is not None
            after = self._after(indicator, deltas[indicator], before, entries)
            if after is None:
                # Counted, but not there: perhaps the read was too early to see it.
                return Change.UNCHANGED if known or sure else None
            if not self.iocs.write(after, before):
                return None
            return Change.CHANGED if known else Change.NEW

        return _results({self.pool.submit(write, one): one for one in deltas})

    def _after(
        self,
        indicator: Indicator,
        delta: _Delta,
        stored: IocItem | None,
        entries: Mapping[bytes, LedgerEntry],
    ) -> IocItem | None:
        """The item after `delta`; None when there is nothing to write."""
        digest = ioc_digest(indicator)
        pending = {} if stored is None else stored.pending
        entered = {
            flow
            for flow in delta.flows | pending.keys()
            if digest in entries.get(flow, NO_ENTRY).iocs
        }
        fresh = delta.flows - entered - pending.keys()
        summary = delta.summary
        counted = len(fresh)
        if stored is not None and stored.reputation is not None:
            summary = stored.reputation.summary.join(summary)
            counted += stored.reputation.counted
            if not fresh and summary == stored.reputation.summary:
                return None
        elif not fresh:
            return None
        kept = {
            flow: run
            for flow, run in pending.items()
            if flow not in entered and run not in self.complete_runs
        }
        return IocItem(
            Reputation(indicator, summary, counted),
            self.new_version(),
            kept | dict.fromkeys(delta.flows - entered, self.run),
            {} if stored is None else stored.other_providers,
        )


def _fold(reports: Iterable[NewReport]) -> dict[Indicator, _Delta]:
    deltas: dict[Indicator, _Delta] = {}
    for new in reports:
        for sighting in new.report.sightings:
            delta = deltas.get(sighting.indicator)
            if delta is None:
                deltas[sighting.indicator] = _Delta(sighting.summary, {new.flow})
            else:
                delta.summary = delta.summary.join(sighting.summary)
                delta.flows.add(new.flow)
    return deltas


def _results(futures: Mapping[Future[Change | None], Indicator]) -> dict[Indicator, Change | None]:
    """What became of each; the first error is raised when no write is under way any more."""
    _, left = wait(futures, return_when=FIRST_EXCEPTION)
    for future in left:
        future.cancel()
    wait(futures)
    for future in futures:
        if not future.cancelled() and (error := future.exception()):
            raise error
    return {indicator: future.result() for future, indicator in futures.items()}
