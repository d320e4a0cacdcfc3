"""Handler of the ingest function: it wires and executes one run and reports its summary."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest.batch import BatchWriter
from functions.ingest.resolve import Resolver
from functions.ingest.run import Clock, Run, Stores
from functions.ingest.settings import IngestSettings
from functions.ingest.store.ledger import Ledger
from functions.ingest.store.meter import MeteredClient
from functions.ingest.store.quarantine import Quarantine
from functions.ingest.store.runs import FeedStates, RunLog
from functions.ingest.store.unresolved import UnresolvedReports
from functions.ingest.summary import Summary
from shared.domain.moment import read_moment
from shared.http.fetch import FeedClient
from shared.runtime.clock import now_ms
from shared.runtime.deadline import Deadline
from shared.runtime.metrics import metrics
from shared.runtime.observability import failures_by_kind, logged, logger
from shared.store.direct import direct_client
from shared.store.feed_runs import FeedRuns
from shared.store.iocs import IocTable
from shared.store.search_index import SearchIndex

# Reserved at the end of an invocation, to finish running writes and record the cursor.
SPARE_S = 7.0
# Of the rest, this share, at most a minute, is reserved for applying what was read.
WRITING_SHARE = 0.25
WRITING_MAX_S = 60.0
WRITERS = 16
# Metrics cost money by the month, so only those with an alarm or on the dashboard are published;
# the log line contains the whole summary.
METRICS = {
    "complete": MetricUnit.Count,
    "feed_failures": MetricUnit.Count,
    "quarantined": MetricUnit.Count,
    "lag_s": MetricUnit.Seconds,
}


@logged
@failures_by_kind("run failed")
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Ingest the feed once.

    Args:
        event: event of the timer, which is ignored; or by hand `{"reingest_since": DATE}`, to
            read reports from that date on again although they are known.
        context: contains the remaining time.

    Returns:
        The summary of the run; `complete` is false if it failed or stopped early.

    Raises:
        SettingsError: a setting is missing or not valid.
        InvalidRecord: `reingest_since` is not a date.
        Failed: an unexpected error.
    """
    settings = IngestSettings(os.environ)
    budget_s = context.get_remaining_time_in_millis() / 1000
    summary = _run(settings, budget_s, event.get("reingest_since")).execute()
    summary.units_read, summary.units_written = _client().read_units()
    _report(summary)
    return summary.as_dict()


def _run(settings: IngestSettings, budget_s: float, again_since: object) -> Run:
    client = _client()
    client.read_units()
    clock = _clock(budget_s)
    state = settings.state_table_name
    ledger = Ledger(client, state)
    feed_key = settings.feed_api_key.read()
    return Run(
        feed_url=settings.feed_url,
        fetcher=FeedClient(
            settings.feed_url,
            feed_key,
            clock.reading_left,
            allow_private=settings.feed_allow_private,
            private_ca=settings.feed_ca.read(),
        ),
        resolver=Resolver(
            settings.feed_url,
            ledger,
            UnresolvedReports(client, state, settings.feed_url),
            clock.now,
            has_key=bool(feed_key),
        ),
        stores=Stores(
            ledger=ledger,
            run_log=RunLog(client, state),
            feed_states=FeedStates(client, state, settings.feed_url),
            feed_runs=FeedRuns(client, state),
            quarantine=Quarantine(client, state, settings.feed_url),
        ),
        batch_writer_for=partial(
            BatchWriter,
            IocTable(client, settings.table_name, retention_s=settings.retention_s),
            ledger,
            clock.now,
            pool=_pool(),
            out_of_time=lambda: clock.writing_left() <= 0,
            index=_index(settings),
        ),
        clock=clock,
        again_since=None if again_since is None else read_moment(again_since, clock.now),
        inherit_verdict=settings.inherit_verdict,
        publish_private=settings.publish_private,
    )


def _clock(budget_s: float) -> Clock:
    start = time.monotonic()
    writing_s = budget_s - SPARE_S
    reading_s = writing_s - min(WRITING_MAX_S, WRITING_SHARE * writing_s)
    return Clock(
        now=now_ms(),
        seconds=lambda: time.monotonic() - start,
        reading_left=Deadline(reading_s).left,
        writing_left=Deadline(writing_s).left,
    )


def _index(settings: IngestSettings) -> SearchIndex | None:
    if not settings.search_table_name:
        return None
    return SearchIndex(_client(), settings.search_table_name, retention_s=settings.retention_s)


@cache
def _client() -> Any:
    return MeteredClient(direct_client())


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WRITERS, thread_name_prefix="write")


def _report(summary: Summary) -> None:
    fields = summary.as_dict()
    for name, unit in METRICS.items():
        if fields[name] is not None:
            metrics.add_metric(name=f"ingest_{name}", unit=unit, value=fields[name])
    # Published only if needed: a metric costs by the hours in which it has values.
    if summary.sightings or summary.without_verdict:
        metrics.add_metric(
            name="ingest_verdicts_missing", unit=MetricUnit.Count, value=int(not summary.sightings)
        )
    if summary.private:
        metrics.add_metric(name="ingest_private", unit=MetricUnit.Count, value=summary.private)
    if summary.unresolved_long:
        metrics.add_metric(
            name="ingest_unresolved_long", unit=MetricUnit.Count, value=summary.unresolved_long
        )
    if summary.quarantine_left_out:
        metrics.add_metric(
            name="ingest_quarantine_left_out",
            unit=MetricUnit.Count,
            value=summary.quarantine_left_out,
        )
    metrics.flush_metrics()
    log = logger.info if summary.complete else logger.error
    log("run ended", extra={"summary": fields})
