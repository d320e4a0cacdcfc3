"""Handler of the lookup function: wiring, one answer, and what becomes of errors."""

import gc
import os
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.lookup.cache import IocCache
from functions.lookup.metrics import LookupMetrics
from functions.lookup.providers import Asks, CachedProviders, NoProviders, Providers
from functions.lookup.quota import Quota
from functions.lookup.quotas import QuotaCounters
from functions.lookup.routes import respond
from functions.lookup.service import Exports, Filters, Service, SightingIndex
from functions.lookup.settings import LookupSettings
from shared.domain.indicator import Indicator
from shared.domain.provider import Listing
from shared.http.authentication import KeyRing
from shared.http.respond import guarded
from shared.runtime.observability import logged
from shared.store.api_keys import ApiKeys
from shared.store.direct import direct_client
from shared.store.iocs import IocTable

if TYPE_CHECKING:
    from shared.store.feed_runs import FeedRun

# A caller waits: better an honest refusal within two seconds than an answer late.
STORE_TIMEOUT_S = 0.8
STORE_ATTEMPTS = 2


@logged
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request.

    Args:
        event: of the REST API or of the function URL.
        context: not used.

    Returns:
        The answer in the shape of the API that was asked, errors included.
    """
    started = time.perf_counter()
    answer = guarded(event, lambda request: respond(_service(), request))
    _tally().answered(answer["statusCode"], (time.perf_counter() - started) * 1000)
    return answer


@cache
def _tally() -> LookupMetrics:
    return LookupMetrics(time.monotonic)


@cache
def _service() -> Service:
    settings = LookupSettings(os.environ)
    client = direct_client(read_timeout_s=STORE_TIMEOUT_S, attempts=STORE_ATTEMPTS, patient=False)
    table = IocTable(client, settings.table_name)
    hot = IocCache(table, settings.cache_ttl_s, time.monotonic) if settings.cache_ttl_s else None

    def keep(provider: str, indicator: Indicator, listing: Listing) -> None:
        table.list_subject(provider, indicator, listing)
        if hot:
            hot.forget(indicator)

    return Service(
        iocs=hot or table,
        keys=KeyRing(ApiKeys(client, settings.state_table_name), time.monotonic),
        quota=Quota(QuotaCounters(client, settings.state_table_name), _now_ms),
        now=_now_ms,
        providers=_providers(client, settings, keep),
        looked_up=_tally().looked_up,
        filters=partial(_filters, settings.filter_bucket),
        index=_index(client, settings.search_table_name),
        exports=partial(_exports, settings.export_bucket),
        feed_runs=partial(_feed_runs, client, settings.state_table_name),
        sandbox_url=settings.sandbox_url,
    )


def _providers(
    client: Any, settings: LookupSettings, keep: Callable[[str, Indicator, Listing], None]
) -> Providers:
    if not settings.providers:
        return NoProviders()
    # A stack without providers does not wait for the import.
    from shared.store.providers import ProviderStates  # noqa: PLC0415

    return CachedProviders(
        ProviderStates(client, settings.state_table_name),
        time.monotonic,
        asker=_asker,
        keep=keep,
    )


@cache
def _asker() -> Asks:
    # What it takes to ask is imported by those who do ask.
    from functions.lookup.on_demand import make_asker  # noqa: PLC0415
    from shared.runtime.provider_settings import ProviderSettings  # noqa: PLC0415

    return make_asker(ProviderSettings(os.environ))


def _feed_runs(client: Any, state_table: str) -> "Sequence[FeedRun]":
    # A look-up needs none of this.
    from shared.store.feed_runs import FeedRuns  # noqa: PLC0415

    return FeedRuns(client, state_table).read()


def _index(client: Any, table: str) -> SightingIndex | None:
    if not table:
        return None
    from shared.store.search_index import SearchIndex  # noqa: PLC0415

    return SearchIndex(client, table)


@cache
def _filters(bucket: str) -> Filters | None:
    if not bucket:
        return None
    # A look-up needs none of this.
    from shared.store.filters import filter_bucket  # noqa: PLC0415

    return filter_bucket(bucket, timeout_s=STORE_TIMEOUT_S, attempts=STORE_ATTEMPTS)


@cache
def _exports(bucket: str) -> Exports | None:
    if not bucket:
        return None
    # A look-up needs none of this.
    from functions.lookup.exports import CachedExports  # noqa: PLC0415
    from shared.store.exports import export_bucket  # noqa: PLC0415

    # A page has two megabytes.
    kept = export_bucket(bucket, timeout_s=2 * STORE_TIMEOUT_S, attempts=STORE_ATTEMPTS)
    return CachedExports(kept, time.monotonic)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    # On Lambda the start is the time with a whole processor: make the client then.
    _service()
    # What the start has made stays. The collector would look through all of it again and again:
    # a third of what bulks of 1,000 take.
    gc.freeze()
