"""Running ingestion against a store of a test, and the model that it has to agree with."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any

import pytest

from functions.ingest.batch import BatchWriter
from functions.ingest.resolve import Resolver
from functions.ingest.run import BATCH_REPORTS, BATCH_SIGHTINGS, Clock, Fetcher, Run, Stores
from functions.ingest.store.ledger import Ledger
from functions.ingest.store.quarantine import Quarantine
from functions.ingest.store.runs import FeedStates, RunLog
from functions.ingest.store.unresolved import UnresolvedReports
from functions.ingest.summary import Summary
from local.environment import DEFAULT_API_KEY
from local.feed import sample_feed
from local.handlers import run_timer
from shared.domain.indicator import Indicator
from shared.domain.moment import read_moment
from shared.domain.reputation import Reputation, Sighting, join_all
from shared.formats.feed.report import read_report
from shared.store.api_keys import ApiKeys
from shared.store.feed_runs import FeedRuns
from shared.store.iocs import IocTable
from shared.store.items import IocItem, reputation_from_item
from shared.store.search_index import SearchIndex
from tests.builders import reputation
from tests.conftest import Store
from tests.fakes import FEED_URL, InlineExecutor

NOW = read_moment("2026-01-05T10:00:00Z", now=2**60)


def fill(store: Store, monkeypatch: pytest.MonkeyPatch, *more: Indicator) -> None:
    """Have the real handlers use a store, with the sample feed, more IOCs, and an API key."""
    ApiKeys(store.client, store.state_table).put(DEFAULT_API_KEY, "test", now=0)
    iocs = IocTable(store.client, store.table)
    for indicator in more:
        assert iocs.write(IocItem(reputation(indicator), b"12345678"), None)
    with sample_feed() as feed:
        for name, value in (store.env() | {"FEED_URL": feed}).items():
            monkeypatch.setenv(name, value)
        assert run_timer("ingest", 300)["complete"]


def ingest(
    store: Store,
    fetcher: Fetcher,
    *,
    client: Any = None,
    pool: Executor | None = None,
    now: int = NOW,
    reading_left: Any = lambda: 100.0,
    writing_left: Any = lambda: 100.0,
    has_key: bool = False,
    again_since: int | None = None,
    batch_reports: int = BATCH_REPORTS,
    batch_sightings: int = BATCH_SIGHTINGS,
    indexed: bool = False,
    inherit_verdict: bool = False,
) -> Summary:
    """One run over the feed at `FEED_URL`; `indexed` for one that enters into the search index."""
    client = client or store.client
    ledger = Ledger(client, store.state_table)
    return Run(
        feed_url=FEED_URL,
        fetcher=fetcher,
        resolver=Resolver(
            FEED_URL,
            ledger,
            UnresolvedReports(client, store.state_table, FEED_URL),
            now,
            has_key=has_key,
            sleep=lambda _: None,
        ),
        stores=Stores(
            ledger=ledger,
            run_log=RunLog(client, store.state_table),
            feed_states=FeedStates(client, store.state_table, FEED_URL),
            feed_runs=FeedRuns(client, store.state_table),
            quarantine=Quarantine(client, store.state_table, FEED_URL),
        ),
        batch_writer_for=partial(
            BatchWriter,
            IocTable(client, store.table),
            ledger,
            now,
            pool=pool or InlineExecutor(),
            out_of_time=lambda: writing_left() <= 0,
            index=SearchIndex(client, store.search_table) if indexed else None,
        ),
        clock=Clock(
            now=now, seconds=lambda: 0.0, reading_left=reading_left, writing_left=writing_left
        ),
        again_since=again_since,
        inherit_verdict=inherit_verdict,
        batch_reports=batch_reports,
        batch_sightings=batch_sightings,
    ).execute()


def stored(store: Store) -> dict[Indicator, Reputation]:
    """Everything in the IOC table."""
    found = map(reputation_from_item, store.items())
    return {reputation.indicator: reputation for reputation in found if reputation}


def model(
    raws: Iterable[object], now: int = NOW, first_read: Mapping[str, int] | None = None
) -> dict[Indicator, Reputation]:
    """What the table has to hold after `raws`: the join of all their sightings.

    Args:
        first_read: by flow_id, the clock of the run that first read a report dated ahead of it.
    """
    sightings: defaultdict[Indicator, list[Sighting]] = defaultdict(list)
    for raw in raws:
        report = read_report(raw, now)
        latest = (first_read or {}).get(report.flow_id, now)
        if report.seen_at > latest:
            report = report.dated(latest)
        for sighting in report.sightings:
            sightings[sighting.indicator].append(sighting)
    return {indicator: join_all(known) for indicator, known in sightings.items()}
