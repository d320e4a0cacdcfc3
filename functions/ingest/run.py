"""One run of ingestion: it reads the pages of a feed as far as needed and applies new reports.

`functions.ingest.feed_reader` decides which pages are read, and `functions.ingest.batch` makes
every report count once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from functions.ingest.advice import with_advice
from functions.ingest.batch import BatchWriter, Change, NewReport, content_digest
from functions.ingest.feed_reader import LONG_FEED_PAGES, FeedReader, FeedState, ReadReport
from functions.ingest.resolve import Resolver
from functions.ingest.store.ledger import NO_ENTRY, Ledger
from functions.ingest.store.quarantine import Quarantine
from functions.ingest.store.runs import FeedStates, RunLog
from functions.ingest.summary import Summary
from shared.domain.errors import FeedError, InvalidRecord, StoreError
from shared.domain.moment import read_moment
from shared.formats.feed.info import info_url, read_count
from shared.formats.feed.page import FeedPage
from shared.formats.feed.privacy import is_private
from shared.formats.feed.reader import mentioned_next, read_page
from shared.formats.feed.report import Rejected, is_flow_id, read_report
from shared.http.fetch import Fetched, OutOfTime, next_url
from shared.runtime.observability import logger
from shared.store.feed_runs import FeedRun, FeedRuns, host_of
from shared.store.keys import flow_key

MAX_REQUESTS = 400
# A run that gets this far may not reach the end, and then reports how many reports are left.
LENGTH_READ_AT_PAGE = 10
# Large batches are cheap; memory and the size of a frequent IOC's item limit them.
BATCH_REPORTS = 500
BATCH_SIGHTINGS = 10_000
# Of a run, so many rejected records are stored, and the first of each reason; the rest is counted.
MAX_QUARANTINED = 1_000
# Records of a page that are looked up in the ledger together.
_READ_TOGETHER = 500
# The clock is read again after so many records or IOCs, a tenth of a second at most.
_CHECKED_EVERY = 500
# The longest time that one call can take if the store does not answer.
RECORDING_MAX_S = 60.0
# Limits for names from the feed in a message.
MAX_PATH_CHARS = 200
MAX_FIELDS = 6
MAX_FIELD_CHARS = 20


class Fetcher(Protocol):
    """Source of feed pages."""

    def get(self, url: str) -> Fetched:
        """Fetch a page; raises FeedError."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The parts of the store that a run uses."""

    ledger: Ledger
    run_log: RunLog
    feed_states: FeedStates
    feed_runs: FeedRuns
    quarantine: Quarantine


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of a run and its time limits.

    Attributes:
        now: start of the run, milliseconds since the epoch.
        seconds: returns the seconds since the run began.
        reading_left: returns the seconds left for reading pages.
        writing_left: returns the seconds left for writing, more than for reading.
    """

    now: int
    seconds: Callable[[], float]
    reading_left: Callable[[], float]
    writing_left: Callable[[], float]


_Record = TypeVar("_Record")

# Its arguments are the number of the run and the complete runs.
BatchWriterFactory = Callable[[int, frozenset[int]], BatchWriter]


class _WritingStopped(OutOfTime):
    """Time ran out before all reports that were read could be applied."""


@dataclass(slots=True)
class Run:
    """One run over one feed; use it once.

    Attributes:
        again_since: known reports from this date on are read again, milliseconds since the epoch;
            None for none. Their counts stay.
        inherit_verdict: whether IOCs without a verdict inherit that of their report.
        publish_private: whether reports of private scans are stored.
    """

    feed_url: str
    fetcher: Fetcher
    resolver: Resolver
    stores: Stores
    batch_writer_for: BatchWriterFactory
    clock: Clock
    batch_reports: int = BATCH_REPORTS
    batch_sightings: int = BATCH_SIGHTINGS
    again_since: int | None = None
    inherit_verdict: bool = False
    publish_private: bool = False
    summary: Summary = field(default_factory=Summary)
    _number: int = 0
    _complete_runs: frozenset[int] = frozenset()
    _batch_writer: BatchWriter | None = None
    _waiting: list[NewReport] = field(default_factory=list)
    _waiting_since: str = ""
    _waiting_sightings: int = 0
    _rejected: list[Rejected] = field(default_factory=list)
    _kept: int = 0
    _unchecked: int = 0
    _newest: int = 0
    _length: int | None = None
    _cursor_lost: bool = False
    _entries: int = 0
    _understood: int = 0
    _not_understood: Counter[str] = field(default_factory=Counter)
    _reasons: Counter[str] = field(default_factory=Counter)
    _fields: str = ""

    def execute(self) -> Summary:
        """Read and apply the feed to its end, to known reports or until time runs out.

        If the feed or the store fails, the run is incomplete and its summary states why; what was
        applied before stays.
        """
        store_failed = False
        try:
            state = self.stores.feed_states.read()
            self.summary.feed_failures = state.failures
            if self.again_since is not None:
                # Without its state, the feed is read as if for the first time.
                state = FeedState(open_runs=state.open_runs)
            reader = FeedReader(self.feed_url, state, self.clock.now)
            feed_failed = self._read_and_apply(reader)
            self._count_failures(feed_failed=feed_failed or not reader.pages)
            self._close(reader, feed_failed=feed_failed)
        except StoreError as error:
            self.summary.stopped = str(error)
            store_failed = True
        self.summary.complete = not self.summary.stopped
        if self._newest:
            self.summary.lag_s = round(max(0, self.clock.now - self._newest) / 1000, 3)
        self.summary.seconds = round(self.clock.seconds(), 3)
        # After a failure of the store, record the run only if there is time for another failure.
        if not store_failed or self.clock.writing_left() > RECORDING_MAX_S:
            self._record_run(left=None if store_failed else self.summary.left)
        return self.summary

    def _record_run(self, left: int | None) -> None:
        """Record the run for the status route, last of all, because this record may be lost."""
        summary = self.summary
        run = FeedRun(
            feed=host_of(self.feed_url),
            ended=self.clock.now + round(summary.seconds * 1000),
            complete=summary.complete,
            stopped=summary.stopped,
            failures=summary.feed_failures or 0,
            left=left,
            newest=self._newest,
            unresolved=summary.unresolved,
            without_verdict=(
                summary.without_verdict if summary.without_verdict or summary.sightings else None
            ),
        )
        try:
            self.stores.feed_runs.record(self.feed_url, run)
        except StoreError as error:
            logger.warning("run not recorded", extra={"reason": str(error)})

    def _read_and_apply(self, reader: FeedReader) -> bool:
        """Read and apply the feed; return whether it failed. Lack of time is not a failure."""
        feed_failed = False
        try:
            try:
                self._read(reader)
            except _WritingStopped:
                raise
            except FeedError as error:
                feed_failed = not isinstance(error, OutOfTime)
                self.summary.stopped = str(error)
            # Applied before links are resolved, because that may end the process.
            self._apply_waiting()
            self._resolve_links(reader)
        except _WritingStopped as error:
            self.summary.stopped = str(error)
        self.summary.unresolved = self.resolver.unresolved
        self.summary.unresolved_long = self.resolver.unresolved_long
        if self._entries and not self._understood:
            self.summary.stopped = "; ".join(
                filter(None, [self.summary.stopped, self._why_not_understood()])
            )
            return True
        return feed_failed

    def _why_not_understood(self) -> str:
        """Explain why no entry of the feed was understood, by the most frequent reason."""
        if self._not_understood:
            [(path, _)] = self._not_understood.most_common(1)
            reason = f"{path[:MAX_PATH_CHARS]} contains no list of IOCs in a known layout"
        elif self._reasons:
            [(reason, _)] = self._reasons.most_common(1)
            if self._fields:
                reason += f"; the first entry has the fields {self._fields}"
        elif not self.resolver.has_key:
            reason = "they only link to their reports, and fetching those needs a key of the feed"
        else:
            reason = "they only link to their reports, and those could not be fetched"
            if self.resolver.failure:
                reason += f": {self.resolver.failure}"
        return f"0 of {self._entries} entries of the feed were understood: {reason}"

    def _read(self, reader: FeedReader) -> None:
        broken: FeedError | None = None
        landed = False
        while reader.url:
            fetched: Fetched | None = None
            try:
                fetched = self._fetch(reader.url)
                page = read_page(fetched.body)
                following = next_url(fetched, page.next) if page.next else ""
            except OutOfTime:
                raise
            except FeedError as error:
                if not self.summary.pages:
                    # After the first page, address and key are known to be right.
                    body = fetched.body if fetched else b""
                    has_key = self.resolver.has_key
                    error = with_advice(error, body, self.feed_url, has_key=has_key)
                broken = broken or error
                # The page is refused whole, but must not hide the following pages for good.
                if not reader.skip(_mentioned(fetched)):
                    break
                continue
            self.summary.pages += 1
            self._add_links(page)
            seen = self._collect(page.reports, reader.url)
            self._entries += len(page.reports)
            self._understood += len(seen)
            if landed and not (page.reports or page.links or following):
                # The stored cursor pointed to reports: the feed has become shorter since.
                self._cursor_lost = True
            before = reader.jumped
            reader.advance(seen, following, len(page.reports), newest_first=page.newest_first)
            landed = reader.jumped and not before
            if reader.pages == LENGTH_READ_AT_PAGE:
                self._read_length()
        if broken:
            raise broken

    def _add_links(self, page: FeedPage) -> None:
        self.summary.not_understood += len(page.not_understood)
        self._not_understood.update(page.not_understood)
        self._entries += len(page.links)
        for links in _slices(page.links):
            self._pace(len(links))
            known, rejected = self.resolver.add_links(links)
            self._understood += known
            self._reject(rejected)
        self._store_rejected()

    def _resolve_links(self, reader: FeedReader) -> None:
        """Fetch the reports that the feed only links to, and apply each before the next."""
        for flow_id in self.resolver.scans():
            try:
                raws = self.resolver.fetch(flow_id, self._fetch)
                self._understood += bool(self._collect(raws, reader.last))
                self._apply_waiting()
            except (OutOfTime, StoreError) as error:
                # The process did not end, so the attempt must not count as a fatal one.
                self.resolver.end_try(applied=False)
                if isinstance(error, StoreError | _WritingStopped):
                    raise
                break
            self.resolver.end_try(applied=True)
        # All of them: nothing else remains of a report that was given up.
        self._reject(self.resolver.give_up(), limited=False)
        self._store_rejected()
        self.resolver.close()

    def _reject(
        self,
        rejected: Sequence[Rejected],
        reasons: Mapping[str, int] | None = None,
        *,
        limited: bool = True,
    ) -> None:
        """Count rejected records, and keep them for the quarantine.

        Args:
            reasons: number of records by reason, if `rejected` is only a part of them.
            limited: whether to keep only `MAX_QUARANTINED` in the run and one of each reason.
        """
        summary = self.summary
        counted = Counter(one.reason for one in rejected) if reasons is None else reasons
        kept = 0
        for one in rejected:
            first = one.reason not in summary.quarantine_reasons
            if first or not limited or self._kept + kept < MAX_QUARANTINED:
                summary.quarantine_reasons.setdefault(one.reason, 0)
                self._rejected.append(one)
                kept += 1
        self._kept += kept
        for reason, number in counted.items():
            summary.quarantine_reasons[reason] += number
            summary.quarantined += number
        summary.quarantine_left_out += sum(counted.values()) - kept

    def _store_rejected(self) -> None:
        self.stores.quarantine.put(self._rejected, self.clock.now)
        self._rejected.clear()

    def _pace(self, records: int = 1) -> None:
        """Count records that were read; raise OutOfTime if they took the time for reading."""
        self._unchecked += records
        if self._unchecked >= _CHECKED_EVERY:
            self._unchecked = 0
            self._check_time()

    def _check_time(self) -> None:
        if self.clock.reading_left() <= 0:
            raise OutOfTime("the time for reading is used up")

    def _fetch(self, url: str) -> Fetched:
        if self.summary.requests >= MAX_REQUESTS:
            raise OutOfTime("the limit of requests for one run is reached")
        self._check_time()
        self.summary.requests += 1
        return self.fetcher.get(url)

    def _collect(self, raws: Sequence[object], url: str) -> list[ReadReport]:
        """Add the new reports of a page to those that wait to be applied."""
        seen: list[ReadReport] = []
        for some in _slices(raws):
            seen += self._collect_some(some, url)
        # Before the reports are applied, because a known report is not read again.
        self._store_rejected()
        return seen

    def _collect_some(self, raws: Sequence[object], url: str) -> list[ReadReport]:
        self.summary.reports += len(raws)
        seen: list[ReadReport] = []
        named: list[tuple[object, _ReportKey | None]] = []
        for raw in map(self._hide_private, raws):
            try:
                named.append((raw, _report_key(raw, inherit_verdict=self.inherit_verdict)))
            except InvalidRecord as error:
                self._reject([Rejected(str(error), raw)])
                self._reasons[str(error)] += 1
        flows = {name.flow for _, name in named if name}
        entries = self.stores.ledger.read(flows, consistent=False)
        for raw, name in named:
            self._pace()
            if name and name.content in entries.get(name.flow, NO_ENTRY).contents:
                date = min(read_moment(name.date, self.clock.now), self.clock.now)
                if self.again_since is None or date < self.again_since:
                    self.summary.known += 1
                    seen.append(ReadReport(known=True, date=date))
                    continue
            report = read_report(
                raw,
                self.clock.now,
                inherit_verdict=self.inherit_verdict,
                check_time=self._pace,
            )
            self._reject(report.rejected, report.reasons)
            self.summary.sightings += len(report.sightings)
            self.summary.without_verdict += report.without_verdict
            self.summary.passed_over += report.passed_over
            if not report.flow_id:
                self._reasons.update(report.reasons)
                self._fields = self._fields or _fields(raw)
            if name and report.flow_id:
                seen.append(ReadReport(known=False, date=min(report.seen_at, self.clock.now)))
                report.rejected.clear()  # the raw records need not stay in memory
                self._wait(NewReport(name.flow, name.content, report), url)
        self._newest = max([self._newest, *(report.date for report in seen)])
        return seen

    def _hide_private(self, raw: object) -> object:
        """Reduce the report of a private scan to one without content, so that nothing is stored."""
        if self.publish_private or not isinstance(raw, Mapping) or not is_private(raw):
            return raw
        self.summary.private += 1
        return {name: raw[name] for name in ("flow_id", "date") if name in raw} | {"iocs": {}}

    def _wait(self, new: NewReport, url: str) -> None:
        """Add a report to the next batch; if it is full, apply it first."""
        sightings = len(new.report.sightings)
        if len(self._waiting) >= self.batch_reports or (
            self._waiting and self._waiting_sightings + sightings > self.batch_sightings
        ):
            self._apply_waiting()
        self._waiting.append(new)
        self._waiting_since = self._waiting_since or url
        self._waiting_sightings += sightings

    def _apply_waiting(self) -> None:
        # First, because a known report is not read again.
        self._store_rejected()
        if self._waiting:
            outcome = self._begin_batch().apply(self._waiting)
            self.summary.iocs_new += outcome.changes[Change.NEW]
            self.summary.iocs_changed += outcome.changes[Change.CHANGED]
            self.summary.iocs_unchanged += outcome.changes[Change.UNCHANGED]
            if outcome.unapplied:
                raise _WritingStopped("the time for writing is used up")
        self._waiting.clear()
        self._waiting_since = ""
        self._waiting_sightings = 0

    def _begin_batch(self) -> BatchWriter:
        if self._batch_writer is None:
            self._number, self._complete_runs = self.stores.run_log.begin()
            self._batch_writer = self.batch_writer_for(self._number, self._complete_runs)
        # For each batch, because a run that has read the whole feed may have closed this one.
        self.stores.feed_states.open_run(self._number)
        return self._batch_writer

    def _count_failures(self, *, feed_failed: bool) -> None:
        """Count the runs in a row in which the feed failed, in the store, across runs."""
        states, summary = self.stores.feed_states, self.summary
        summary.feed_failed = feed_failed
        if feed_failed:
            summary.feed_failures = (summary.feed_failures or 0) + 1
            states.failed()
        elif summary.feed_failures and not summary.stopped:
            summary.feed_failures = 0
            states.answered()

    def _close(self, reader: FeedReader, *, feed_failed: bool) -> None:
        """Store the state of the feed, after everything that was read is stored."""
        states, state = self.stores.feed_states, reader.state
        if self._number and not self._waiting:
            self.stores.run_log.complete(self._number, self._complete_runs)
        if self.summary.stopped:
            self.summary.left = self._left(reader)
        closed = state.open_runs | ({self._number} if self._number else set())
        if feed_failed or self._cursor_lost:
            # The next run must not continue at a cursor that cannot be read any more.
            if reader.jumped:
                states.stopped_at("")
        elif self.summary.stopped:
            states.stopped_at(self._waiting_since or reader.last or reader.url, reader.passed)
        elif reader.whole:
            tail = reader.tail()
            news = closed or state.backlog or (reader.pages, tail) != (state.pages, state.tail)
            if news or reader.pages > LONG_FEED_PAGES:
                states.read_whole(closed, reader.pages, self.clock.now, tail)
        elif closed or reader.tail() != state.tail:
            states.read_to_known(closed, reader.tail())

    def _read_length(self) -> None:
        """Read the length of a long feed from its own information."""
        try:
            self._length = read_count(self._fetch(info_url(self.feed_url)).body)
        except OutOfTime:
            raise
        except FeedError:
            self._length = None

    def _left(self, reader: FeedReader) -> int | None:
        return None if self._length is None else max(0, self._length - reader.passed)


def _mentioned(fetched: Fetched | None) -> str:
    """Return the next address that an invalid page names, "" for none."""
    following = mentioned_next(fetched.body) if fetched else ""
    return next_url(fetched, following) if fetched and following else ""


def _slices(records: Sequence[_Record]) -> Iterator[Sequence[_Record]]:
    for start in range(0, len(records), _READ_TOGETHER):
        yield records[start : start + _READ_TOGETHER]


def _fields(raw: object) -> str:
    """List the names of some fields of a record, for an error message."""
    names = list(raw)[:MAX_FIELDS] if isinstance(raw, Mapping) else []
    return ", ".join(str(name)[:MAX_FIELD_CHARS] for name in names)


@dataclass(frozen=True, slots=True)
class _ReportKey:
    """Identifies a raw report before it is read."""

    flow: bytes
    content: bytes
    date: object


def _report_key(raw: object, *, inherit_verdict: bool) -> _ReportKey | None:
    """Return the key of a raw report; None if it cannot be a report (`read_report` states why).

    Raises:
        InvalidRecord: the report is nested too deep.
    """
    if not isinstance(raw, Mapping) or not is_flow_id(raw.get("flow_id")):
        return None
    content = content_digest(raw, inherit_verdict=inherit_verdict)
    return _ReportKey(flow_key(raw["flow_id"]), content, raw.get("date"))
