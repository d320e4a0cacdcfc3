"""Fetching reports that a feed only links to, from the sandbox's report endpoint.

Every report is stored as unresolved before it is fetched, and removed only when it is applied. So
it is not lost if its entry leaves the feed or the run ends early. It may be fetched twice, which
the ledger makes harmless.

The size or form of a report may end the process. So reports are fetched after the pages are
applied, one at a time, each applied before the next, and each attempt is recorded before it
begins. A report whose attempts did not end is given up.
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
from shared.formats.strict_json import TooLarge
from shared.http.fetch import Fetched, OutOfTime
from shared.store.keys import flow_key

MAX_FETCHES = 100
FETCHES_A_SECOND = 5
# If the first ones all fail, the rest waits for the next run: an outage costs time.
FAILURES_OF_AN_OUTAGE = 10
# A report is given up after this many attempts that ended the process or found it too large.
MAX_FATAL_TRIES = 2
# A link that is unresolved in more runs than this needs an operator.
PATIENCE_RUNS = 3

_GIVEN_UP_AFTER_MS = int(timedelta(days=7).total_seconds() * 1000)
_GIVEN_UP = "the report could not be fetched for 7 days"
# Applies when unresolved reports leave no room for new ones.
_CROWDED_OUT_AFTER_MS = int(timedelta(days=1).total_seconds() * 1000)
_CROWDED_OUT = "the report could not be fetched for a day, and too many others wait"
_FATAL = f"the report was too large to be read {MAX_FATAL_TRIES} times"
# The reason that earlier versions gave.
_FATAL_BEFORE = f"reading the report ended the run {MAX_FATAL_TRIES} times"
# With these reasons, a record is not a report but only a flow_id.
GIVEN_UP_REASONS = frozenset({_GIVEN_UP, _CROWDED_OUT, _FATAL, _FATAL_BEFORE})
_UNNAMED = "the entry links to no scan"


@dataclass(slots=True)
class Resolver:
    """Fetches linked reports for one run; use it once.

    First call `add_links` for every page and apply the reports on the pages. Then `fetch` the
    report of each scan that `scans` yields, apply it, and call `end_try`. At the end, put the
    records that `give_up` returns into quarantine and call `close`.

    Attributes:
        now: time of the run, milliseconds since the epoch.
        has_key: whether the feed has an API key; without one, links are only stored.
        max_fetches: maximum number of reports to fetch in this run.
        fetches_a_second: maximum rate.
        unnamed: number of links without a flow_id; they cannot be followed.
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

    def add_links(self, links: Iterable[ReportLink]) -> tuple[int, list[Rejected]]:
        """Store the links of a page whose reports are unknown.

        Returns:
            The number of links to known reports, and the records for quarantine.

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
        # The oldest stay: they may have left the feed, while the newest are still on their page.
        taken = list(new)[: max(0, MAX_WAITING - len(remembered))]
        if taken:
            run = self._run_number()
            reports = [Waiting(flow_id, self.now, run) for flow_id in taken]
            self.store.add(reports)
            remembered.update(reports)
        self._no_room += len(new) - len(taken)
        return known, rejected

    def scans(self) -> Iterator[str]:
        """Yield the flow_ids of the reports to fetch, within the limits of a run.

        Raises:
            StoreError: the store failed.
        """
        waiting = self._since()
        if not waiting:
            return
        self._run_number()
        if not self.has_key:
            return
        self._tries = self.store.tries()
        flow_ids = sorted(one for one in waiting if self._tries.get(one, 0) < MAX_FATAL_TRIES)
        # In random order: reports that always fail must not always come first.
        chance = random.Random(self.now)  # noqa: S311
        chosen = chance.sample(flow_ids, min(len(flow_ids), self.max_fetches))
        for number, flow_id in enumerate(chosen):
            if len(self._failed) == number == FAILURES_OF_AN_OUTAGE:
                return
            if number:
                self.sleep(1 / self.fetches_a_second)
            yield flow_id

    def fetch(self, flow_id: str, get: Callable[[str], Fetched]) -> list[RawReport]:
        """Fetch the reports of a scan; empty if that failed.

        Args:
            get: fetches an address; raises FeedError.

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
            if isinstance(error, TooLarge):
                # It stays too large, so the attempt counts as one that ended the process.
                self._trying = None
            return []
        return raws

    def end_try(self, *, applied: bool) -> None:
        """Record that the last attempt ended without ending the process, successful or not.

        Args:
            applied: whether the report was fetched and completely stored.

        Raises:
            StoreError: the store failed; the attempt counts as one that ended the process.
        """
        if self._trying is None:
            return
        flow_id, number = self._trying
        self.store.end_tries(flow_id, number)
        self._trying = None
        if applied and flow_id not in self._failed:
            self._settled.add(flow_id)

    def give_up(self) -> list[Rejected]:
        """Give up the reports that failed for too long or ended too many runs.

        Returns:
            The records for quarantine, without reports that are known by now.

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
        """Remove applied and given up reports; call it after the quarantine is written.

        Raises:
            StoreError: the store failed; the next run repeats the work, which is harmless.
        """
        for flow_id in sorted(self._fatal):
            # Its entry may stay in the feed for long, and must not end more runs.
            self.ledger.give_up(flow_key(flow_id), self.now)
            self.store.end_tries(flow_id, self._tries[flow_id])
        if self._settled:
            self.store.remove(one for one in self._load() if one.flow_id in self._settled)

    @property
    def unresolved(self) -> int:
        """Number of links whose reports are missing; those with a flow_id are tried again."""
        return self.unnamed + self._no_room + len(self._left())

    @property
    def unresolved_long(self) -> int:
        """Number of links that were unresolved in more than `PATIENCE_RUNS` runs."""
        return sum(self._run - run >= PATIENCE_RUNS for run in self._left().values())

    def _left(self) -> dict[str, int]:
        """List the unresolved reports by flow_id, with the run that first had them."""
        left: dict[str, int] = {}
        for report in self._remembered or ():
            if report.flow_id not in self._settled:
                left[report.flow_id] = min(report.run, left.get(report.flow_id, report.run))
        return left

    def _load(self) -> set[Waiting]:
        if self._remembered is None:
            self._remembered = set(self.store.read())
        return self._remembered

    def _run_number(self) -> int:
        if not self._run:
            self._run = self.store.begin_run()
        return self._run

    def _since(self) -> dict[str, int]:
        since: dict[str, int] = {}
        for report in self._load():
            since[report.flow_id] = min(report.since, since.get(report.flow_id, report.since))
        return since


def _reports_of(flow_id: str, body: bytes) -> list[RawReport]:
    """Read the reports in an answer.

    Raises:
        FeedError: it contains no reports, or those of another scan.
    """
    raws = read_scan_report(body)
    if not raws or any(raw["flow_id"] != flow_id for raw in raws):
        raise FeedError("the answer does not hold the reports of the scan")
    return raws
