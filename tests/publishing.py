"""Publishing to the tables of a test, and what they have to hold after it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from functions.publish.external_reputation import no_external_reputation
from functions.publish.feed import Cursor, Order, PublishedPage, read_page
from functions.publish.history import History
from functions.publish.intake import ExternalReputation, Published, Publisher
from functions.publish.scan import ScanReport
from functions.publish.store.feed_log import FeedLog
from functions.publish.store.histories import Histories
from shared.domain.indicator import Indicator, IndicatorType
from tests.conftest import Store
from tests.ingestion import NOW
from tests.scans import read_one, scan_ioc


def scan_of(
    flow_id: str,
    domains: Mapping[str, str | None] | Iterable[str],
    *,
    report_id: str = "r1",
    day: int = 3,
) -> ScanReport:
    """A report that holds these domains, with their verdicts, and nothing else."""
    said = domains if isinstance(domains, Mapping) else dict.fromkeys(domains, "MALICIOUS")
    report = read_one(
        {"domain": [scan_ioc(name, verdict) for name, verdict in said.items()]},
        flow_id=flow_id,
        resources={},
        file=None,
        created_date=f"06/{day:02}/2025, 08:00:00",
    )
    report.report_id = report_id
    return report


def log_of(store: Store, client: Any = None) -> FeedLog:
    """The feed."""
    return FeedLog(client or store.client, store.report_table)


def histories_of(store: Store, client: Any = None) -> Histories:
    """The histories."""
    return Histories(client or store.client, store.report_table)


def publisher(
    store: Store,
    *,
    client: Any = None,
    ask: ExternalReputation = no_external_reputation,
    now: int = NOW,
) -> Publisher:
    """A publisher with a store."""
    return Publisher(histories_of(store, client), log_of(store, client), ask, lambda: now)


def publish(store: Store, *reports: ScanReport, **options: Any) -> list[Published]:
    """Publish reports, in this order."""
    made = publisher(store, **options)
    return [made.publish(report) for report in reports]


def domain(name: str) -> Indicator:
    """A domain."""
    return Indicator(IndicatorType.DOMAIN, name)


def history(store: Store, name: str) -> History:
    """The history of a domain."""
    return histories_of(store).read([domain(name)]).get(domain(name), History())


def scans(store: Store, names: Iterable[str]) -> dict[str, int]:
    """In how many scans domains were seen."""
    known = histories_of(store).read(map(domain, names))
    return {one.value: found.scans for one, found in known.items()}


def pages(log: FeedLog, cursor: Cursor | None) -> Iterator[PublishedPage]:
    """The pages from a cursor to the end of the feed, one after the other."""
    while cursor:
        page = read_page(log, log.info(), cursor)
        yield page
        cursor = page.next


def feed(store: Store) -> list[dict[str, Any]]:
    """All reports of the feed, the oldest first."""
    found = pages(log_of(store), Cursor(Order.OLDEST_FIRST, 0))
    return [json.loads(entry.body) for page in found for entry in page.entries]


def names(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which reports these are."""
    return [f"{item['flow_id']}/{item['report_id']}" for item in items]


def table(store: Store) -> list[dict[str, Any]]:
    """What publishing has stored, without the versions, which are drawn at random."""
    found = store.items(store.report_table)
    return [{key: value for key, value in item.items() if key != "ver"} for item in found]


def holders(reports: Iterable[ScanReport]) -> dict[str, int]:
    """Count the scans that contain each domain: the model of the histories."""
    flows: defaultdict[str, set[str]] = defaultdict(set)
    for report in reports:
        for one in report.iocs:
            flows[one.value].add(report.flow_id)
    return {name: len(found) for name, found in flows.items()}
