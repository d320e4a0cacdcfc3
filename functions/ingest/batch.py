"""Applying reports in batches, each report exactly once. docs/adr/0004 proves the protocol.

A report is counted in an IOC unless its ledger entry contains the IOC, or the item of the IOC
contains the report as pending. Items are read first, and the ledger after them with consistent
reads; a write fails if the version of the item has changed.
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
from shared.domain.override import files_of, join, may_pass
from shared.domain.reputation import Reputation, SightingSummary
from shared.formats.feed.report import Report
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from shared.store.keys import ioc_digest
from shared.store.search_index import SearchIndex

# Attempts at one item: each failure means that another writer succeeded.
_MAX_TRIES = 50
# If an item has more pending reports of unfinished runs, they are looked up in the ledger.
_MANY_PENDING = 64
# Part of every content digest; increase it when the reader learns to find more in old reports.
# 3: names of verdicts since sandbox 2.5, threatLevel, the vendor's layout of Atom.
# 4: all origins, evidence, files and their other digests, families, scans of URLs.
_READER_VERSION = 4


def content_digest(raw: object, *, inherit_verdict: bool = False) -> bytes:
    """Return the digest of a raw report; it does not depend on the format of the feed.

    It includes the version of the reader and `inherit_verdict`, so that a change of either makes
    runs read again the reports that the feed still shows. docs/adr/0020 explains why.

    Raises:
        InvalidRecord: the report is nested too deep.
    """
    reading = [_READER_VERSION, "InheritVerdict"] if inherit_verdict else [_READER_VERSION]
    try:
        text = json.dumps([*reading, raw], sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise InvalidRecord("report is nested too deep") from None
    return hashlib.sha256(text.encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report whose content is not in the ledger yet."""

    flow: bytes
    content: bytes
    report: Report


class Change(StrEnum):
    """The effect of a batch on one IOC."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Result of applying a batch.

    Attributes:
        changes: number of IOCs by effect.
        unapplied: number of reports not applied completely, because time ran out.
    """

    changes: Counter[Change]
    unapplied: int


@dataclass(slots=True)
class _Delta:
    """The summary of one IOC in a batch, and the reports that contain it."""

    summary: SightingSummary
    flows: set[bytes]


@dataclass(frozen=True, slots=True)
class BatchWriter:
    """Applies batches of reports for one run.

    Attributes:
        now: time of the run, milliseconds since the epoch.
        run: number of the run.
        complete_runs: runs whose reports are all in the ledger.
        pool: runs the writes.
        out_of_time: returns whether to stop before the next write.
        new_version: returns a version that no item ever had.
        index: search index to add reports to; None for none.
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
        """Apply a batch; safe to repeat, to interrupt and to run concurrently.

        Raises:
            StoreError: the store failed; the items stay correct, and the caller has to apply the
                same reports again.
        """
        self._fix_dates_ahead(reports)
        if self.index:
            reports = self._with_effective_dates(reports)
            # Before items and ledger are read: every sighting in an item is in the index, too.
            self.index.add([(new.content, new.report.sightings) for new in reports], self.pool)
        deltas = _group_by_indicator(reports)
        entries: dict[bytes, LedgerEntry] = {}
        changes: dict[Indicator, Change] = {}
        last: dict[Indicator, IocItem] = {}
        todo = list(deltas)
        for attempt in range(_MAX_TRIES):
            # The first read need not be consistent: a write to a stale item fails its condition.
            consistent = attempt > 0
            stored = self.iocs.read(todo, consistent=consistent)
            flows = {flow for indicator in todo for flow in deltas[indicator].flows}
            # Always after the items and consistent: see the docstring of the module.
            entries |= self.ledger.read(flows | self._doubtful(stored.values()), consistent=True)
            if attempt == 0 and not self.index and any(one.first_read for one in entries.values()):
                reports = [self._with_effective_date(new, entries) for new in reports]
                deltas = _group_by_indicator(reports)
            wanted = {one: deltas[one] for one in todo}
            results = self._write_all(wanted, stored, entries, last, consistent=consistent)
            changes |= {one: change for one, change in results.items() if change is not None}
            todo = [one for one in todo if one not in changes]
            if not todo or self.out_of_time():
                break
        else:
            raise StoreError("items changed faster than they could be written")
        self._pass_overrides_on(deltas, last)
        whole = [
            new for new in reports if all(one.indicator in changes for one in new.report.sightings)
        ]
        entered = [
            self.pool.submit(self._add_to_ledger, new, entries.get(new.flow, NO_ENTRY))
            for new in whole
        ]
        for future in entered:
            future.result()
        return BatchResult(Counter(changes.values()), unapplied=len(reports) - len(whole))

    def _fix_dates_ahead(self, reports: Iterable[NewReport]) -> None:
        """Fix dates that are ahead of the clock, before any item is written."""
        fixing = [
            self.pool.submit(self.ledger.fix_date_ahead, new.flow, new.report.seen_at, self.now)
            for new in reports
            if new.report.seen_at > self.now
        ]
        for future in fixing:
            future.result()

    def _with_effective_dates(self, reports: Sequence[NewReport]) -> Sequence[NewReport]:
        entries = self.ledger.read({new.flow for new in reports}, consistent=True)
        return [self._with_effective_date(new, entries) for new in reports]

    def _with_effective_date(
        self, new: NewReport, entries: Mapping[bytes, LedgerEntry]
    ) -> NewReport:
        """Return the report with the effective date from its ledger entry."""
        entry = entries.get(new.flow, NO_ENTRY)
        date = entry.effective_date(new.report.seen_at, self.now)
        return new if date == new.report.seen_at else replace(new, report=new.report.dated(date))

    def _doubtful(self, stored: Iterable[IocItem]) -> set[bytes]:
        """List pending reports of unfinished runs in items with many: the ledger may have them."""
        return {
            flow
            for ioc in stored
            if len(ioc.pending) > _MANY_PENDING
            for flow, run in ioc.pending.items()
            if run not in self.complete_runs
        }

    def _add_to_ledger(self, new: NewReport, known: LedgerEntry) -> None:
        iocs = frozenset(ioc_digest(sighting.indicator) for sighting in new.report.sightings)
        self.ledger.add(new.flow, new.content, iocs, known)

    def _write_all(
        self,
        deltas: Mapping[Indicator, _Delta],
        stored: Mapping[Indicator, IocItem],
        entries: Mapping[bytes, LedgerEntry],
        last: dict[Indicator, IocItem],
        *,
        consistent: bool,
    ) -> dict[Indicator, Change | None]:
        """Write items; the result is None for an item that has to be read and tried again.

        Args:
            last: gets the state in which each item was written, or read if it does not change.
        """

        def write(indicator: Indicator) -> Change | None:
            if self.out_of_time():
                return None
            before = stored.get(indicator)
            known = before is not None and before.reputation is not None
            after = self._after(indicator, deltas[indicator], before, entries)
            if after is None:
                if before is not None:
                    last[indicator] = before
                # Counted before, but the item is missing: the read may have been too early.
                return Change.UNCHANGED if known or consistent else None
            if not self.iocs.write(after, before):
                return None
            last[indicator] = after
            return Change.CHANGED if known else Change.NEW

        return _results({self.pool.submit(write, one): one for one in deltas})

    def _pass_overrides_on(
        self, deltas: Mapping[Indicator, _Delta], last: Mapping[Indicator, IocItem]
    ) -> None:
        """Copy overrides to the digests of the same file that reports of this batch add.

        An override that is set after an item was written is copied by the analyst's request, which
        reads the digests of the file after its own write.
        """
        for digest, stored in last.items():
            if stored.override is None:
                continue
            for sibling in deltas[digest].summary.siblings:
                known = last.get(sibling)
                if (
                    known is not None
                    and join([known.override, stored.override]) != known.override
                    and may_pass(_files(digest, stored), _files(sibling, known))
                ):
                    self.iocs.override(sibling, stored.override)

    def _after(
        self,
        indicator: Indicator,
        delta: _Delta,
        stored: IocItem | None,
        entries: Mapping[bytes, LedgerEntry],
    ) -> IocItem | None:
        """Return the item after `delta`; None if it does not change."""
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
            # An override that has expired ends here, so that its end is a change of the item.
            None if stored is None or stored.override is None else stored.override.at(self.now),
        )


def _files(digest: Indicator, stored: IocItem) -> frozenset[str]:
    known = stored.reputation
    return files_of(digest, frozenset() if known is None else known.summary.siblings)


def _group_by_indicator(reports: Iterable[NewReport]) -> dict[Indicator, _Delta]:
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
    """Collect the results of all writes; once all have ended, raise the first error."""
    _, left = wait(futures, return_when=FIRST_EXCEPTION)
    if left:
        for future in left:
            future.cancel()
        wait(left)
        errors = (future.exception() for future in futures if not future.cancelled())
        raise next(filter(None, errors))
    return {indicator: future.result() for future, indicator in futures.items()}
