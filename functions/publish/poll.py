"""Polls the sandbox for new reports and publishes them; needs a key of the sandbox.

The sandbox lists its newest 200 reports. A report that is not published yet is fetched whole,
because the sandbox's own filters would omit the evidence. A report that fails does not affect the
others and is tried again in the next poll.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from functions.publish.intake import Publisher, Status
from functions.publish.scan import RejectedReport, ScanReport, read_scan
from functions.publish.store.feed_log import EntryTooLarge, FeedLog
from shared.domain.errors import FeedError, StoreError
from shared.formats import strict_json
from shared.formats.feed.privacy import is_private
from shared.formats.feed.report import is_flow_id
from shared.formats.feed.scan_report import ScanNotEnded, scan_url
from shared.formats.strict_json import JsonLimits
from shared.http.fetch import Fetched, OutOfTime

PAGE_SIZE = 20
# A page of the sandbox's list has some kilobytes for each of its reports.
LIST_LIMITS = JsonLimits(size=4 * 1024 * 1024, containers=100_000, parts=500_000)
MAX_PAGES = 10


class Fetcher(Protocol):
    """Fetches answers of the sandbox; `FeedClient` is one."""

    def get(self, url: str) -> Fetched:
        """Fetch a URL; raises FeedError."""


@dataclass(slots=True)
class Polled:
    """Summary of a poll.

    Attributes:
        complete: the whole list was read and every new report is published.
        stopped: why reading the list stopped early, "" if it did not.
        listed: reports in the list.
        known: listed reports that were published before.
        published: reports that this poll published.
        unfinished: scans that are still running.
        private: reports of private scans, which are not published.
        failed: scans that could not be fetched or read, or that have an unreadable report.
    """

    complete: bool = True
    stopped: str = ""
    listed: int = 0
    known: int = 0
    published: int = 0
    unfinished: int = 0
    private: int = 0
    failed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The summary for the log."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Poller:
    """Polls one sandbox.

    Attributes:
        sandbox_url: address of the sandbox.
        now: milliseconds since the epoch.
        remaining: returns the seconds left for the poll. A scan may have hundreds of reports; what
            is not published in time is left to the next poll.
    """

    sandbox_url: str
    fetcher: Fetcher
    log: FeedLog
    publisher: Publisher
    now: Callable[[], int]
    remaining: Callable[[], float]

    def poll(self) -> Polled:
        """Publish the new reports in the sandbox's list; the summary reports failures."""
        polled = Polled()
        try:
            for flow_id in self._new_scans(polled):
                self._publish_scan(flow_id, polled)
        except (FeedError, StoreError) as error:
            polled.stopped = str(error)
        polled.complete = not polled.stopped and not polled.failed
        return polled

    def _new_scans(self, polled: Polled) -> Iterator[str]:
        """The listed scans that have an unpublished report, each once."""
        seen: set[str] = set()
        for number in range(1, MAX_PAGES + 1):
            items = _items(self.fetcher.get(search_url(self.sandbox_url, number)).body)
            for item in items:
                if not (ids := _ids(item)):
                    continue
                polled.listed += 1
                if is_private(item) and not self.publisher.publish_private:
                    polled.private += 1
                    continue
                flow_id, report_id = ids
                if flow_id in seen:
                    continue  # all reports of a scan are published together
                if self.log.find(flow_id, report_id):
                    polled.known += 1
                else:
                    seen.add(flow_id)
                    yield flow_id
            if len(items) < PAGE_SIZE:
                return

    def _publish_scan(self, flow_id: str, polled: Polled) -> None:
        try:
            body = self.fetcher.get(scan_url(self.sandbox_url, flow_id)).body
            reports = read_scan(body, self.now())
        except OutOfTime:
            raise
        except ScanNotEnded:
            polled.unfinished += 1
            return
        except FeedError:
            reports = []
        published = [self._publish(one, flow_id, polled) for one in reports]
        polled.failed += not published or not all(published)

    def _publish(self, report: ScanReport | RejectedReport, flow_id: str, polled: Polled) -> bool:
        if isinstance(report, RejectedReport) or report.flow_id != flow_id:
            return False
        if self.remaining() <= 0:
            raise OutOfTime("the time for publishing is used up")
        try:
            status = self.publisher.publish(report, left=self.remaining).status
        except EntryTooLarge:
            return False
        polled.private += status is Status.PRIVATE
        polled.published += status in {Status.PUBLISHED, Status.REPLACED}
        return True


def search_url(sandbox_url: str, number: int) -> str:
    """URL of a page of the sandbox's list of reports, the newest first."""
    query = f"page={number}&page_size={PAGE_SIZE}"
    return urlsplit(sandbox_url)._replace(path="/api/reports/search", query=query).geturl()


def _items(body: bytes) -> list[Any]:
    found = strict_json.parse(body, "the list of reports", LIST_LIMITS)
    items = found.get("items") if isinstance(found, Mapping) else None
    if not isinstance(items, list):
        raise FeedError("the list of reports has no items")
    return items


def _ids(item: object) -> tuple[str, str] | None:
    """The flow_id and report_id of a finished report in the list, None for other items."""
    if not isinstance(item, Mapping):
        return None
    scan = item.get("scan_init")
    flow_id = scan.get("id") if isinstance(scan, Mapping) else None
    report_id = item.get("id")
    return (flow_id, report_id) if is_flow_id(flow_id) and is_flow_id(report_id) else None
