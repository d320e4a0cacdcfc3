"""One run: read the pages of a feed as far as needed, and apply what is new on them.

Nothing here decides whether a report counts, only how far a run reads: see
functions.ingest.batch and functions.ingest.feed_reader.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

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
from shared.formats.feed.reader import mentioned_next, read_page
from shared.formats.feed.report import Rejected, is_flow_id, read_report
from shared.http.fetch import Fetched, OutOfTime, next_url
from shared.runtime.observability import logger
from shared.store.feed_runs import FeedRun, FeedRuns, host_of
from shared.store.keys import flow_key

MAX_REQUESTS = 400
# A run that gets this far may not reach the end, and then should say how far that is.
LENGTH_ASKED_AT_PAGE = 10
# A fold is as large as memory and the size of a hot IOC's item allow: that is what makes it cheap.
FOLD_REPORTS = 500
FOLD_SIGHTINGS = 10_000
# As long as a store that does not answer may be tried for one call.
NOTING_MAX_S = 60.0
# Of the name of an element that the feed made up.
MAX_PATH_CHARS = 200
MAX_FIELDS = 6
MAX_FIELD_CHARS = 20


class Fetcher(Protocol):
    """Where pages come from."""

    def get(self, url: str) -> Fetched:
        """Fetch a page; raises FeedError."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What a run reads and writes."""

    ledger: Ledger
    run_log: RunLog
    feed_states: FeedStates
    feed_runs: FeedRuns
    quarantine: Quarantine


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as a run needs it.

    Attributes:
        now: milliseconds since the epoch, when the run began.
        seconds: seconds since the run began.
        reading_left: seconds that are left for reading pages.
        writing_left: seconds that are left for writing; more than for reading.
    """

    now: int
    seconds: Callable[[], float]
    reading_left: Callable[[], float]
    writing_left: Callable[[], float]


# Given the number of the run and the runs that are complete.
ApplierFactory = Callable[[int, frozenset[int]], BatchWriter]


class _WritingStopped(OutOfTime):
    """Time ran out before all that was read could be applied."""


@dataclass(slots=True)
class Run:
    """One run over one feed; use it once.

    Attributes:
        again_since: reports from this date on are read again although they are known,
            milliseconds since the epoch; None for none. Their counts stay.
        inherit_verdict: whether IOCs without a verdict take the one of their report.
    """

    feed_url: str
    fetcher: Fetcher
    resolver: Resolver
    stores: Stores
    applier_for: ApplierFactory
    clock: Clock
    fold_reports: int = FOLD_REPORTS
    fold_sightings: int = FOLD_SIGHTINGS
    again_since: int | None = None
    inherit_verdict: bool = False
    summary: Summary = field(default_factory=Summary)
    _number: int = 0
    _complete_runs: frozenset[int] = frozenset()
    _applier: BatchWriter | None = None
    _waiting: list[NewReport] = field(default_factory=list)
    _waiting_since: str = ""
    _newest: int = 0
    _length: int | None = None
    _lost_place: bool = False
    _entries: int = 0
    _understood: int = 0
    _not_understood: Counter[str] = field(default_factory=Counter)
    _reasons: Counter[str] = field(default_factory=Counter)
    _fields: str = ""

    def execute(self) -> Summary:
        """Run to the end, to what is known, or until time is up.

        A feed or a store that fails makes the run incomplete and is told in the summary; what
        was read before is kept.
        """
        store_failed = False
        try:
            state = self.stores.feed_states.read()
            self.summary.feed_failures = state.failures
            if self.again_since is not None:
                # Nothing is left out then: as if the feed had never been read.
                state = FeedState(open_runs=state.open_runs)
            walk = FeedReader(self.feed_url, state, self.clock.now)
            feed_failed = self._read_and_apply(walk)
            self._count_failures(feed_failed=feed_failed or not walk.pages)
            self._close(walk, feed_failed=feed_failed)
        except StoreError as error:
            self.summary.stopped = str(error)
            store_failed = True
        self.summary.complete = not self.summary.stopped
        if self._newest:
            self.summary.lag_s = round(max(0, self.clock.now - self._newest) / 1000, 3)
        self.summary.seconds = round(self.clock.seconds(), 3)
        # Whoever has just waited for the store in vain may have no time to do so again.
        if not store_failed or self.clock.writing_left() > NOTING_MAX_S:
            self._note(left=None if store_failed else self.summary.left)
        return self.summary

    def _note(self, left: int | None) -> None:
        """Tell people how the run went, after all that matters is stored: this may be lost."""
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
            logger.warning("run not noted", extra={"reason": str(error)})

    def _read_and_apply(self, walk: FeedReader) -> bool:
        """Whether the feed failed, which is more than that time ran out."""
        feed_failed = False
        try:
            try:
                self._read(walk)
            except _WritingStopped:
                raise
            except FeedError as error:
                feed_failed = not isinstance(error, OutOfTime)
                self.summary.stopped = str(error)
            # What was read is stored before anything is tried that may end the process.
            self._apply_waiting()
            self._resolve_links(walk)
        except _WritingStopped as error:
            self.summary.stopped = str(error)
        self.summary.unresolved = self.resolver.unresolved
        self.summary.unresolved_long = self.resolver.unresolved_long
        if self._entries and not self._understood:
            self.summary.stopped = "; ".join(filter(None, [self.summary.stopped, self._puzzle()]))
            return True
        return feed_failed

    def _puzzle(self) -> str:
        """Why not one entry of the feed was understood, by what stands for most of them."""
        if self._not_understood:
            [(path, _)] = self._not_understood.most_common(1)
            reason = f"{path[:MAX_PATH_CHARS]} gives no list of IOCs that is known here"
        elif self._reasons:
            [(reason, _)] = self._reasons.most_common(1)
            if self._fields:
                reason += f"; the first entry has the fields {self._fields}"
        elif not self.resolver.has_key:
            reason = "they only link to their reports, and fetching those takes a key of the feed"
        else:
            reason = "they only link to their reports, and those could not be fetched"
            if self.resolver.failure:
                reason += f": {self.resolver.failure}"
        return f"0 of {self._entries} entries of the feed were understood: {reason}"

    def _read(self, walk: FeedReader) -> None:
        broken: FeedError | None = None
        landed = False
        while walk.url:
            fetched: Fetched | None = None
            try:
                fetched = self._fetch(walk.url)
                page = read_page(fetched.body)
                following = next_url(fetched, page.next) if page.next else ""
            except OutOfTime:
                raise
            except FeedError as error:
                if not self.summary.pages:
                    # Where other pages come, address and key are right.
                    body = fetched.body if fetched else b""
                    has_key = self.resolver.has_key
                    error = with_advice(error, body, self.feed_url, has_key=has_key)
                broken = broken or error
                # Refused whole, but it must not hide the pages behind it for good.
                if not walk.skip(_mentioned(fetched)):
                    break
                continue
            self.summary.pages += 1
            self._note_links(page)
            seen = self._take(page.reports, walk.url)
            self._entries += len(page.reports)
            self._understood += len(seen)
            if landed and not (page.reports or page.links or following):
                # Where a run goes on there was something: the feed has become shorter than that.
                self._lost_place = True
            before = walk.jumped
            walk.advance(seen, following, len(page.reports), newest_first=page.newest_first)
            landed = walk.jumped and not before
            if len(self._waiting) >= self.fold_reports:
                self._apply_waiting()
            if walk.pages == LENGTH_ASKED_AT_PAGE:
                self._ask_length()
        if broken:
            raise broken

    def _note_links(self, page: FeedPage) -> None:
        known, rejected = self.resolver.note(page.links)
        self.summary.not_understood += len(page.not_understood)
        self._not_understood.update(page.not_understood)
        self._entries += len(page.links)
        self._understood += known
        self._reject(rejected)

    def _resolve_links(self, walk: FeedReader) -> None:
        """Fetch the reports that the feed only links to, and apply each before the next."""
        for flow_id in self.resolver.scans():
            try:
                raws = self.resolver.fetch(flow_id, self._fetch)
                self._understood += bool(self._take(raws, walk.last))
                self._apply_waiting()
            except (OutOfTime, StoreError) as error:
                # Whatever it was, the process lives: the try must not count as a fatal one.
                self.resolver.end_try(applied=False)
                if isinstance(error, StoreError | _WritingStopped):
                    raise
                break
            self.resolver.end_try(applied=True)
        self._reject(self.resolver.give_up())
        self.resolver.close()

    def _reject(self, rejected: Sequence[Rejected]) -> None:
        """Put records into quarantine."""
        self.summary.quarantined += len(rejected)
        self.stores.quarantine.put(rejected, self.clock.now)

    def _fetch(self, url: str) -> Fetched:
        if self.summary.requests >= MAX_REQUESTS:
            raise OutOfTime("the limit of requests for one run is reached")
        if self.clock.reading_left() <= 0:
            raise OutOfTime("the time for reading is used up")
        self.summary.requests += 1
        return self.fetcher.get(url)

    def _take(self, raws: Sequence[object], url: str) -> list[ReadReport]:
        """Put the new reports of a page with those that wait to be applied."""
        self.summary.reports += len(raws)
        seen: list[ReadReport] = []
        rejected: list[Rejected] = []
        named: list[tuple[object, _Name | None]] = []
        for raw in raws:
            try:
                named.append((raw, _name(raw, inherit_verdict=self.inherit_verdict)))
            except InvalidRecord as error:
                rejected.append(Rejected(str(error), raw))
                self._reasons[str(error)] += 1
        flows = {name.flow for _, name in named if name}
        entries = self.stores.ledger.read(flows, consistent=False)
        for raw, name in named:
            if name and name.content in entries.get(name.flow, NO_ENTRY).contents:
                date = min(read_moment(name.date, self.clock.now), self.clock.now)
                if self.again_since is None or date < self.again_since:
                    self.summary.known += 1
                    seen.append(ReadReport(known=True, date=date))
                    continue
            report = read_report(raw, self.clock.now, inherit_verdict=self.inherit_verdict)
            rejected += report.rejected
            self.summary.sightings += len(report.sightings)
            self.summary.without_verdict += report.without_verdict
            self.summary.passed_over += report.passed_over
            if not report.flow_id:
                self._reasons.update(one.reason for one in report.rejected)
                self._fields = self._fields or _fields(raw)
            if name and report.flow_id:
                seen.append(ReadReport(known=False, date=min(report.seen_at, self.clock.now)))
                self._waiting.append(NewReport(name.flow, name.content, report))
                self._waiting_since = self._waiting_since or url
        self._newest = max([self._newest, *(report.date for report in seen)])
        # Before the reports are applied: one that is known is never read again.
        self._reject(rejected)
        return seen

    def _apply_waiting(self) -> None:
        for fold in self._folds():
            outcome = self._begin_fold().apply(fold)
            self.summary.iocs_new += outcome.changes[Change.NEW]
            self.summary.iocs_changed += outcome.changes[Change.CHANGED]
            self.summary.iocs_unchanged += outcome.changes[Change.UNCHANGED]
            if outcome.unapplied:
                raise _WritingStopped("the time for writing is used up")
        self._waiting.clear()
        self._waiting_since = ""

    def _folds(self) -> Iterator[list[NewReport]]:
        """What waits, cut into folds; a single report is never cut, however large."""
        fold: list[NewReport] = []
        sightings = 0
        for new in self._waiting:
            sightings += len(new.report.sightings)
            if fold and (len(fold) >= self.fold_reports or sightings > self.fold_sightings):
                yield fold
                fold, sightings = [], len(new.report.sightings)
            fold.append(new)
        if fold:
            yield fold

    def _begin_fold(self) -> BatchWriter:
        if self._applier is None:
            self._number, self._complete_runs = self.stores.run_log.begin()
            self._applier = self.applier_for(self._number, self._complete_runs)
        # Each time: another run that has read the whole feed may have closed this one.
        self.stores.feed_states.open_run(self._number)
        return self._applier

    def _count_failures(self, *, feed_failed: bool) -> None:
        """Count the runs in a row in which the feed failed; kept, as alarms see single runs."""
        states, summary = self.stores.feed_states, self.summary
        summary.feed_failed = feed_failed
        if feed_failed:
            summary.feed_failures = (summary.feed_failures or 0) + 1
            states.failed()
        elif summary.feed_failures and not summary.stopped:
            summary.feed_failures = 0
            states.answered()

    def _close(self, walk: FeedReader, *, feed_failed: bool) -> None:
        """Remember where the feed stands, after everything that was read is stored."""
        states, state = self.stores.feed_states, walk.state
        if self._number and not self._waiting:
            self.stores.run_log.complete(self._number, self._complete_runs)
        if self.summary.stopped:
            self.summary.left = self._left(walk)
        closed = state.open_runs | ({self._number} if self._number else set())
        if feed_failed or self._lost_place:
            # A place that cannot be read any more must not be where every run goes on.
            if walk.jumped:
                states.stopped_at("")
        elif self.summary.stopped:
            states.stopped_at(self._waiting_since or walk.last or walk.url, walk.passed)
        elif walk.whole:
            tail = walk.tail()
            news = closed or state.backlog or (walk.pages, tail) != (state.pages, state.tail)
            if news or walk.pages > LONG_FEED_PAGES:
                states.read_whole(closed, walk.pages, self.clock.now, tail)
        elif closed or walk.tail() != state.tail:
            states.read_to_known(closed, walk.tail())

    def _ask_length(self) -> None:
        """Of a long feed, how many reports it holds, by what it says of itself."""
        try:
            self._length = read_count(self._fetch(info_url(self.feed_url)).body)
        except OutOfTime:
            raise
        except FeedError:
            self._length = None

    def _left(self, walk: FeedReader) -> int | None:
        return None if self._length is None else max(0, self._length - walk.passed)


def _mentioned(fetched: Fetched | None) -> str:
    """What a page that is not valid still calls its next one."""
    following = mentioned_next(fetched.body) if fetched else ""
    return next_url(fetched, following) if fetched and following else ""


def _fields(raw: object) -> str:
    """The names of some fields of a record, for a person who has to find out what it is."""
    names = list(raw)[:MAX_FIELDS] if isinstance(raw, Mapping) else []
    return ", ".join(str(name)[:MAX_FIELD_CHARS] for name in names)


@dataclass(frozen=True, slots=True)
class _Name:
    """By what a raw report is known before it is read."""

    flow: bytes
    content: bytes
    date: object


def _name(raw: object, *, inherit_verdict: bool) -> _Name | None:
    """None for what cannot be a report; `read_report` tells why.

    Raises:
        InvalidRecord: nested too deep to be told from others.
    """
    if not isinstance(raw, Mapping) or not is_flow_id(raw.get("flow_id")):
        return None
    content = content_digest(raw, inherit_verdict=inherit_verdict)
    return _Name(flow_key(raw["flow_id"]), content, raw.get("date"))
