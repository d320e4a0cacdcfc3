"""Reports that a feed only links to: fetched from the sandbox's report endpoint.

Every report is remembered before it is fetched, and forgotten only when it has been applied.
So it gets lost neither when its entry leaves the feed nor when a run dies, and it may well be
fetched twice, which the ledger makes harmless.
"""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.errors import FeedError
from shared.feed.fetch import Fetched, OutOfTime
from shared.feed.page import ReportLink
from shared.feed.report import RawReport, Rejected, is_flow_id
from shared.feed.scan_report import read_scan_report, report_url
from shared.store.keys import flow_key
from shared.store.ledger import Ledger
from shared.store.unresolved import MAX_WAITING, UnresolvedReports, Waiting

MAX_FETCHES = 100
FETCHES_A_SECOND = 5
# Together the reports of a run may be as large as one page, and the last one of them, too.
MAX_BYTES = 32 * 1024 * 1024
# When the first ones all fail, the rest is left for the next run: an outage costs time.
FAILURES_OF_AN_OUTAGE = 10

_GIVEN_UP_AFTER_MS = int(timedelta(days=7).total_seconds() * 1000)
_GIVEN_UP = "the report could not be fetched for 7 days"
# When what cannot be fetched leaves no room for what perhaps can.
_CROWDED_OUT_AFTER_MS = int(timedelta(days=1).total_seconds() * 1000)
_CROWDED_OUT = "the report could not be fetched for a day, and too many others wait"
# Reasons for which a record is no report, only the name of one.
GIVEN_UP_REASONS = frozenset({_GIVEN_UP, _CROWDED_OUT})


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of the reports that were only linked to.

    Attributes:
        raws: those that were fetched, like those of a page.
        rejected: those that are given up.
        unresolved: how many could not be had; all but those that found no room, or of which
            the link does not tell the flow_id, are tried again.
    """

    raws: Sequence[RawReport]
    rejected: Sequence[Rejected]
    unresolved: int


@dataclass(slots=True)
class Resolver:
    """Fetches the reports of links on behalf of one run; use it once.

    First `note` the links of every page, then `resolve`; when what that gave is applied and in
    quarantine, call `applied`.

    Attributes:
        now: the time of the run, in milliseconds since the epoch.
        has_key: whether there is an API key; without one nothing is fetched or remembered.
        max_fetches: reports to fetch in this run.
        fetches_a_second: how fast, at most.
    """

    feed_url: str
    ledger: Ledger
    store: UnresolvedReports
    now: int
    has_key: bool
    max_fetches: int = MAX_FETCHES
    fetches_a_second: float = FETCHES_A_SECOND
    sleep: Callable[[float], None] = time.sleep
    _remembered: set[Waiting] | None = None
    _not_remembered: int = 0
    _crowded: bool = False
    _settled: set[str] = field(default_factory=set)

    def note(self, links: Iterable[ReportLink]) -> None:
        """Remember the links of a page whose reports are not known.

        Raises:
            StoreError: the store failed.
        """
        wanted: dict[str, None] = {}
        for link in links:
            if self.has_key and is_flow_id(link.flow_id):
                wanted[link.flow_id] = None
            else:
                self._not_remembered += 1
        if not wanted:
            return
        remembered = self._load()
        waiting = {report.flow_id for report in remembered}
        entries = self.ledger.read(
            [flow_key(flow_id) for flow_id in wanted if flow_id not in waiting], consistent=False
        )
        new = [
            Waiting(flow_id, self.now)
            for flow_id in wanted
            if flow_id not in waiting and flow_key(flow_id) not in entries
        ]
        # The oldest stay: they are perhaps nowhere else, and the newest are still on their page.
        taken = new[: max(0, MAX_WAITING - len(remembered))]
        self.store.add(taken)
        remembered.update(taken)
        self._not_remembered += len(new) - len(taken)
        self._crowded |= len(taken) < len(new)

    def resolve(self, fetch: Callable[[str], Fetched]) -> Resolved:
        """Fetch reports as far as the limits and the time of the run go.

        Args:
            fetch: fetches an address and raises FeedError; with OutOfTime it ends this.

        Raises:
            StoreError: the store failed.
        """
        if not self.has_key:
            return Resolved([], [], self._not_remembered)
        since = self._since()
        raws: list[RawReport] = []
        failed: list[str] = []
        size = 0
        for number, flow_id in enumerate(self._chosen(since)):
            if size >= MAX_BYTES or len(failed) == number == FAILURES_OF_AN_OUTAGE:
                break
            if number:
                self.sleep(1 / self.fetches_a_second)
            try:
                body = fetch(report_url(self.feed_url, flow_id)).body
                size += len(body)
                raws += _reports_of(flow_id, body)
            except OutOfTime:
                break
            except FeedError:
                failed.append(flow_id)
            else:
                self._settled.add(flow_id)
        rejected = self._give_up(failed, since)
        unresolved = self._not_remembered + len(since.keys() - self._settled)
        return Resolved(raws, rejected, unresolved)

    def applied(self) -> None:
        """Forget what `resolve` fetched or gave up.

        Raises:
            StoreError: the store failed; the next run does it all again, which is harmless.
        """
        if self._settled:
            self.store.remove(one for one in self._load() if one.flow_id in self._settled)

    def _load(self) -> set[Waiting]:
        if self._remembered is None:
            self._remembered = set(self.store.read())
        return self._remembered

    def _since(self) -> dict[str, int]:
        since: dict[str, int] = {}
        for report in self._load():
            since[report.flow_id] = min(report.since, since.get(report.flow_id, report.since))
        return since

    def _chosen(self, waiting: Iterable[str]) -> list[str]:
        flow_ids = sorted(waiting)
        # Others each time: what always fails must not always come first.
        chance = random.Random(self.now)  # noqa: S311
        return chance.sample(flow_ids, min(len(flow_ids), self.max_fetches))

    def _give_up(self, failed: Iterable[str], since: dict[str, int]) -> list[Rejected]:
        """Settle what has failed for too long; what is known by now needs no fetching."""
        patience, reason = (
            (_CROWDED_OUT_AFTER_MS, _CROWDED_OUT)
            if self._crowded
            else (_GIVEN_UP_AFTER_MS, _GIVEN_UP)
        )
        given_up = [flow_id for flow_id in failed if self.now - since[flow_id] >= patience]
        self._settled.update(given_up)
        known = self.ledger.read(map(flow_key, given_up), consistent=False)
        return [
            Rejected(reason, {"flow_id": flow_id}, flow_id)
            for flow_id in given_up
            if flow_key(flow_id) not in known
        ]


def _reports_of(flow_id: str, body: bytes) -> list[RawReport]:
    """The reports in an answer.

    Raises:
        FeedError: it holds none, or those of another scan.
    """
    raws = read_scan_report(body)
    if not raws or any(raw["flow_id"] != flow_id for raw in raws):
        raise FeedError("the answer does not hold the reports of the scan")
    return raws
