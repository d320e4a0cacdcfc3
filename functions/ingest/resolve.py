"""Reports that a feed only links to: fetched from the sandbox's report endpoint.

Every report is remembered before it is fetched, and forgotten only when it has been applied.
So it gets lost neither when its entry leaves the feed nor when a run dies, and it may well be
fetched twice, which the ledger makes harmless.

A report may be what a run dies of, by its size or its shape. So reports are fetched when the
pages are applied, one at a time, each applied before the next; and each try is recorded before
it begins. A report whose tries did not end is given up.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from functions.ingest.store.ledger import NO_ENTRY, Ledger
from functions.ingest.store.unresolved import MAX_WAITING, UnresolvedReports, Waiting
from shared.domain.errors import FeedError
from shared.formats.feed.page import ReportLink
from shared.formats.feed.report import RawReport, Rejected, is_flow_id
from shared.formats.feed.scan_report import read_scan_report, report_url
from shared.http.fetch import Fetched, OutOfTime
from shared.store.keys import flow_key

MAX_FETCHES = 100
FETCHES_A_SECOND = 5
# When the first ones all fail, the rest is left for the next run: an outage costs time.
FAILURES_OF_AN_OUTAGE = 10
# So many tries of a report may end the process.
MAX_FATAL_TRIES = 2
# A link that is unresolved in more runs than this needs a person.
PATIENCE_RUNS = 3

_GIVEN_UP_AFTER_MS = int(timedelta(days=7).total_seconds() * 1000)
_GIVEN_UP = "the report could not be fetched for 7 days"
# When what cannot be fetched leaves no room for what perhaps can.
_CROWDED_OUT_AFTER_MS = int(timedelta(days=1).total_seconds() * 1000)
_CROWDED_OUT = "the report could not be fetched for a day, and too many others wait"
_FATAL = f"reading the report ended the run {MAX_FATAL_TRIES} times"
# Reasons for which a record is no report, only the name of one.
GIVEN_UP_REASONS = frozenset({_GIVEN_UP, _CROWDED_OUT, _FATAL})
_UNNAMED = "the entry links to no scan"


@dataclass(slots=True)
class Resolver:
    """Fetches the reports of links on behalf of one run; use it once.

    First `note` the links of every page and apply the reports on them. Then `fetch` the report of
    each scan that `scans` gives, apply it, and call `end_try`. When all are done, put what
    `give_up` returns into quarantine and call `close`.

    Attributes:
        now: clock of the run, in milliseconds since the epoch.
        has_key: whether there is an API key; without one links are only remembered.
        max_fetches: reports to fetch in this run.
        fetches_a_second: how fast, at most.
        unnamed: links that name no scan; they cannot be followed.
        failure: why the last report could not be fetched, "" for none.
    """

    feed_url: str
    ledger: Ledger
    store: UnresolvedReports
    now: int
    has_key: bool
    max_fetches: int = MAX_FETCHES
    fetches_a_second: float = FETCHES_A_SECOND
    sleep: Callable[[float], None] = time.sleep
    unnamed: int = 0
    failure: str = ""
    _remembered: set[Waiting] | None = None
    _run: int = 0
    _no_room: int = 0
    _tries: Mapping[str, int] = field(default_factory=dict)
    _trying: tuple[str, int] | None = None
    _failed: list[str] = field(default_factory=list)
    _settled: set[str] = field(default_factory=set)
    _fatal: set[str] = field(default_factory=set)

    def note(self, links: Iterable[ReportLink]) -> tuple[int, list[Rejected]]:
        """Remember the links of a page whose reports are not known.

        Returns:
            How many links lead to reports that are known, and what goes to quarantine.

        Raises:
            StoreError: the store failed.
        """
        wanted: list[str] = []
        rejected: list[Rejected] = []
        for link in links:
            if is_flow_id(link.flow_id):
                wanted.append(link.flow_id)
            else:
                rejected.append(Rejected(_UNNAMED, {"link": link.url}))
        self.unnamed += len(rejected)
        if not wanted:
            return 0, rejected
        remembered = self._load()
        waiting = {report.flow_id for report in remembered}
        entries = self.ledger.read(
            {flow_key(flow_id) for flow_id in wanted if flow_id not in waiting}, consistent=False
        )
        known = 0
        new: dict[str, None] = {}
        for flow_id in wanted:
            entry = entries.get(flow_key(flow_id), NO_ENTRY)
            known += bool(entry.contents)
            if flow_id not in waiting and not entry.contents and not entry.given_up:
                new[flow_id] = None
        # The oldest stay: they are perhaps nowhere else, and the newest are still on their page.
        taken = list(new)[: max(0, MAX_WAITING - len(remembered))]
        if taken:
            run = self._number()
            reports = [Waiting(flow_id, self.now, run) for flow_id in taken]
            self.store.add(reports)
            remembered.update(reports)
        self._no_room += len(new) - len(taken)
        return known, rejected

    def scans(self) -> Iterator[str]:
        """The flow_ids of the reports to fetch, as far as the limits of a run go.

        Raises:
            StoreError: the store failed.
        """
        waiting = self._since()
        if not waiting:
            return
        self._number()
        if not self.has_key:
            return
        self._tries = self.store.tries()
        flow_ids = sorted(one for one in waiting if self._tries.get(one, 0) < MAX_FATAL_TRIES)
        # Others each time: what always fails must not always come first.
        chance = random.Random(self.now)  # noqa: S311
        chosen = chance.sample(flow_ids, min(len(flow_ids), self.max_fetches))
        for number, flow_id in enumerate(chosen):
            if len(self._failed) == number == FAILURES_OF_AN_OUTAGE:
                return
            if number:
                self.sleep(1 / self.fetches_a_second)
            yield flow_id

    def fetch(self, flow_id: str, get: Callable[[str], Fetched]) -> list[RawReport]:
        """The reports of a scan, none if they could not be had.

        Args:
            get: fetches an address and raises FeedError.

        Raises:
            OutOfTime: the time of the run is used up.
            StoreError: the store failed.
        """
        number = self._tries.get(flow_id, 0) + 1
        self.store.begin_try(flow_id, number)
        self._trying = flow_id, number
        try:
            raws = _reports_of(flow_id, get(report_url(self.feed_url, flow_id)).body)
        except OutOfTime:
            raise
        except FeedError as error:
            self.failure = str(error)
            self._failed.append(flow_id)
            return []
        return raws

    def end_try(self, *, applied: bool) -> None:
        """Record that the last try has ended, however it did, and the process lives.

        Args:
            applied: whether the report was fetched and all of it is stored.

        Raises:
            StoreError: the store failed; the try counts as one that ended the process.
        """
        if self._trying is None:
            return
        flow_id, number = self._trying
        self.store.end_tries(flow_id, number)
        self._trying = None
        if applied and flow_id not in self._failed:
            self._settled.add(flow_id)

    def give_up(self) -> list[Rejected]:
        """Settle what has failed for too long, or has ended too many runs.

        Returns:
            What goes to quarantine; a report that is known by now needs no fetching.

        Raises:
            StoreError: the store failed.
        """
        since = self._since()
        patience, reason = (
            (_CROWDED_OUT_AFTER_MS, _CROWDED_OUT)
            if self._no_room
            else (_GIVEN_UP_AFTER_MS, _GIVEN_UP)
        )
        self._fatal = {one for one in since if self._tries.get(one, 0) >= MAX_FATAL_TRIES}
        reasons = dict.fromkeys(self._fatal, _FATAL)
        reasons |= {one: reason for one in self._failed if self.now - since[one] >= patience}
        entries = self.ledger.read(map(flow_key, reasons), consistent=False)
        self._settled.update(reasons)
        return [
            Rejected(reasons[one], {"flow_id": one}, one)
            for one in reasons
            if not entries.get(flow_key(one), NO_ENTRY).contents
        ]

    def close(self) -> None:
        """Forget what was applied or given up; what was given up is in quarantine by now.

        Raises:
            StoreError: the store failed; the next run does it all again, which is harmless.
        """
        for flow_id in sorted(self._fatal):
            # Its entry may be on the page for long, and must not end more runs.
            self.ledger.give_up(flow_key(flow_id), self.now)
            self.store.end_tries(flow_id, self._tries[flow_id])
        if self._settled:
            self.store.remove(one for one in self._load() if one.flow_id in self._settled)

    @property
    def unresolved(self) -> int:
        """Links whose reports are not there; those that name a scan are tried again."""
        return self.unnamed + self._no_room + len(self._left())

    @property
    def unresolved_long(self) -> int:
        """Those of them that were unresolved in more than `PATIENCE_RUNS` runs."""
        return sum(self._run - run >= PATIENCE_RUNS for run in self._left().values())

    def _left(self) -> dict[str, int]:
        """The reports that still wait, with the run in which they began."""
        left: dict[str, int] = {}
        for report in self._remembered or ():
            if report.flow_id not in self._settled:
                left[report.flow_id] = min(report.run, left.get(report.flow_id, report.run))
        return left

    def _load(self) -> set[Waiting]:
        if self._remembered is None:
            self._remembered = set(self.store.read())
        return self._remembered

    def _number(self) -> int:
        if not self._run:
            self._run = self.store.begin_run()
        return self._run

    def _since(self) -> dict[str, int]:
        since: dict[str, int] = {}
        for report in self._load():
            since[report.flow_id] = min(report.since, since.get(report.flow_id, report.since))
        return since


def _reports_of(flow_id: str, body: bytes) -> list[RawReport]:
    """The reports in an answer.

    Raises:
        FeedError: it holds none, or those of another scan.
    """
    raws = read_scan_report(body)
    if not raws or any(raw["flow_id"] != flow_id for raw in raws):
        raise FeedError("the answer does not hold the reports of the scan")
    return raws
