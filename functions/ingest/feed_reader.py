"""Reading order of a feed: which page is next, and when a run stops (docs/adr/0005)."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from shared.domain.errors import FeedError

# Reading stops after this many known reports in a row, to find late ones below the first.
KNOWN_STREAK = 64
# Shorter feeds are read whole each time, so that no order of pages can hide a report.
LONG_FEED_PAGES = 50
# A feed that is down fails on every page; after three, the run stops.
MAX_SKIPPED = 3
_MAX_DIGITS = 18
SWEEP_EVERY_MS = int(timedelta(days=1).total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class FeedState:
    """What ingestion remembers of a feed between runs; `functions.ingest.store.runs` stores it.

    Attributes:
        open_runs: numbers of the runs that may have left a hole below the known reports.
        pages: length of the feed when a run last read it whole.
        swept_at: when that was, milliseconds since the epoch.
        backlog: address of the page at which an unfinished run stopped, "" for none.
        tail: address at which to continue a long feed that lists the oldest first, "" for none.
        passed: reports before `backlog`.
        failures: consecutive runs in which the feed failed.
    """

    open_runs: frozenset[int] = frozenset()
    pages: int = 0
    swept_at: int = 0
    backlog: str = ""
    tail: str = ""
    passed: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A report on a page, as far as the reading order depends on it.

    Attributes:
        known: whether the ledger contains this content.
        date: date of the report, milliseconds since the epoch.
    """

    known: bool
    date: int


@dataclass(slots=True)
class FeedReader:
    """Decides which pages of a feed a run reads; `url` is its cursor.

    Attributes:
        url: cursor: address of the page to read next, "" at the end.
        state: state of the feed after the previous run.
        now: time of the run, milliseconds since the epoch.
        pages: number of pages read.
        last: address of the last page read, "" before the first.
        whole: whether the end was reached and no page was left out.
        jumped: whether known pages were left out.
        skipped: number of unreadable pages that were skipped.
        passed: number of reports before the cursor, including those that earlier runs read.
    """

    url: str
    state: FeedState
    now: int
    pages: int = 0
    last: str = ""
    whole: bool = False
    jumped: bool = False
    skipped: int = 0
    passed: int = 0
    _visited: set[str] = field(default_factory=set)
    _trail: deque[tuple[str, int]] = field(default_factory=deque)
    _streak: int = 0
    _first_date: int | None = None
    _last_date: int | None = None
    _never_rises: bool = True
    _never_falls: bool = True
    _declared_newest_first: bool = True

    def advance(
        self,
        seen: Sequence[ReadReport],
        following: str,
        reports: int,
        *,
        newest_first: bool = False,
    ) -> None:
        """Record the current page and move the cursor to the next one.

        Args:
            seen: reports of the page in its order, without rejected ones.
            following: address of the following page, "" at the end.
            reports: number of all reports on the page.
            newest_first: whether the page declares that the feed lists the newest reports first.

        Raises:
            FeedError: the pages form a loop.
        """
        self._record_page(seen)
        self._declared_newest_first &= newest_first
        self.passed += reports
        if not following:
            self.url = ""
            self.whole = not self.skipped and (not self.jumped or bool(self.state.backlog))
        elif self._rest_is_known():
            self.url = ""
        else:
            wholly_known = bool(seen) and all(report.known for report in seen)
            self.url = (wholly_known and self._jump()) or following
            if self.url in self._visited:
                raise FeedError("the pages of the feed form a loop")

    def skip(self, mentioned: str) -> bool:
        """Move the cursor past an unreadable page; the run stays incomplete.

        Args:
            mentioned: address of the next page as the unreadable page names it, "" for none; then
                the page number in the last two addresses is counted on.

        Returns:
            False if the next page is unknown or too many pages were skipped.
        """
        following = mentioned or _counted_on(self.last, self.url)
        self._visited.add(self.url)
        if not following or following in self._visited or self.skipped >= MAX_SKIPPED:
            return False
        self.skipped += 1
        self.url = following
        return True

    def tail(self) -> str:
        """Return the cursor for the next run, if the feed is long and lists the oldest first."""
        long = self.pages > LONG_FEED_PAGES or self.jumped
        if not (long and self._never_falls and self._rises()):
            return ""
        reports = 0
        for url, count in reversed(self._trail):
            reports += count
            if reports >= KNOWN_STREAK:
                return url
        return self._trail[0][0]

    def _record_page(self, seen: Sequence[ReadReport]) -> None:
        self.pages += 1
        self.last = self.url
        self._visited.add(self.url)
        self._trail.append((self.url, len(seen)))
        for report in seen:
            self._streak = self._streak + 1 if report.known else 0
            if self._last_date is None:
                self._first_date = report.date
            else:
                self._never_rises &= report.date <= self._last_date
                self._never_falls &= report.date >= self._last_date
            self._last_date = report.date

    def _rises(self) -> bool:
        return self._first_date != self._last_date

    def _may_skip(self) -> bool:
        """Whether known reports may be left unread."""
        return (
            self.state.pages > LONG_FEED_PAGES
            and not self.state.open_runs
            and self.now - self.state.swept_at < SWEEP_EVERY_MS
        )

    def _rest_is_known(self) -> bool:
        newest_first = self._declared_newest_first or (self._never_rises and self._rises())
        return (
            self._may_skip()
            and not self.state.backlog
            and newest_first
            and self._streak >= KNOWN_STREAK
        )

    def _jump(self) -> str:
        """Return the page to jump to after a known page, "" to continue with the following one."""
        target = self.state.backlog or (self.state.tail if self._may_skip() else "")
        if self.jumped or not target or target in self._visited:
            return ""
        self.jumped = True
        self.passed = max(self.passed, self.state.passed)
        self._trail.clear()
        return target


def _counted_on(before: str, url: str) -> str:
    """Return the next address if pages are numbered by one parameter of the query, else ""."""
    if urlsplit(before)._replace(query="") != urlsplit(url)._replace(query=""):
        return ""
    old, new = dict(parse_qsl(urlsplit(before).query)), dict(parse_qsl(urlsplit(url).query))
    changed = {name for name in old | new if old.get(name) != new.get(name)}
    if len(changed) != 1:
        return ""
    name = changed.pop()
    # A first page without a number is page 1.
    here, step = new.get(name, ""), old.get(name, "1" if name == "page" else "")
    if not (here.isdecimal() and step.isdecimal() and max(len(here), len(step)) <= _MAX_DIGITS):
        return ""
    new[name] = str(2 * int(here) - int(step))
    return urlsplit(url)._replace(query=urlencode(new)).geturl()
