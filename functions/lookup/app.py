"""Handler of the lookup function: builds the service from the settings and answers requests."""

import gc
import os
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from functions.lookup.cache import IocCache
from functions.lookup.geo_info import Locate, nowhere
from functions.lookup.metrics import LookupMetrics
from functions.lookup.providers import Asks, CachedProviders, NoProviders, Providers
from functions.lookup.routes import respond
from functions.lookup.service import Exports, Filters, Service, SightingIndex
from functions.lookup.settings import LookupSettings
from shared.domain.indicator import Indicator
from shared.domain.provider import Listing
from shared.http.authentication import KeyRing
from shared.http.quota import Quota
from shared.http.respond import guarded
from shared.runtime.clock import now_ms
from shared.runtime.observability import logged
from shared.store.api_keys import ApiKeys
from shared.store.direct import direct_client
from shared.store.iocs import IocTable
from shared.store.quotas import QuotaCounters

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from shared.store.feed_runs import FeedRun

# A client waits for the answer: an error within two seconds is better than a late answer.
STORE_TIMEOUT_S = 0.8
STORE_ATTEMPTS = 2


@logged
def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answer one request.

    Args:
        event: of the REST API or of the function URL.
        context: not used.

    Returns:
        The answer, errors included, in the shape that clients of the path read.
    """
    started = time.perf_counter()
    answer = guarded(event, lambda request: respond(_service(), request))
    _metrics().answered(answer["statusCode"], (time.perf_counter() - started) * 1000)
    return answer


@cache
def _metrics() -> LookupMetrics:
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
        quota=Quota(QuotaCounters(client, settings.state_table_name), now_ms),
        now=now_ms,
        providers=_providers(client, settings, keep),
        looked_up=_metrics().looked_up,
        filters=partial(_filters, settings.filter_bucket),
        index=_index(client, settings.search_table_name),
        exports=partial(_exports, settings.export_bucket),
        feed_runs=partial(_feed_runs, client, settings.state_table_name),
        sandbox_url=settings.sandbox_url,
        half_lives=settings.half_lives,
        summary_provider=settings.summary_provider,
        locate=_locate(settings.geoip_database),
        max_age_s=settings.max_age_s,
    )


def _locate(path: str) -> Locate:
    if not path:
        return nowhere
    # A stack without a database saves the time of the import.
    from functions.lookup.geoip import GeoIpDatabase  # noqa: PLC0415

    return GeoIpDatabase(path).locate


def _providers(
    client: Any, settings: LookupSettings, keep: Callable[[str, Indicator, Listing], None]
) -> Providers:
    if not settings.providers:
        return NoProviders()
    # A stack without providers saves the time of the import.
    from shared.store.providers import ProviderStates  # noqa: PLC0415

    return CachedProviders(
        ProviderStates(client, settings.state_table_name),
        time.monotonic,
        asker=_asker,
        keep=keep,
    )


@cache
def _asker() -> Asks:
    # Imported only when a provider is queried, to keep cold starts short.
    from functions.lookup.on_demand import make_asker  # noqa: PLC0415
    from shared.runtime.provider_settings import ProviderSettings  # noqa: PLC0415

    return make_asker(ProviderSettings(os.environ))


def _feed_runs(client: Any, state_table: str) -> "Sequence[FeedRun]":
    # Imported here because look-ups do not need it.
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
    # Imported here because look-ups do not need it.
    from shared.store.filters import filter_bucket  # noqa: PLC0415

    return filter_bucket(bucket, timeout_s=STORE_TIMEOUT_S, attempts=STORE_ATTEMPTS)


@cache
def _exports(bucket: str) -> Exports | None:
    if not bucket:
        return None
    # Imported here because look-ups do not need it.
    from functions.lookup.exports import CachedExports  # noqa: PLC0415
    from shared.store.exports import export_bucket  # noqa: PLC0415

    # A page of an export has up to two megabytes.
    kept = export_bucket(bucket, timeout_s=2 * STORE_TIMEOUT_S, attempts=STORE_ATTEMPTS)
    return CachedExports(kept, time.monotonic)


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    # Lambda gives a whole processor during the start: build the client now.
    _service()
    # Objects built so far stay. Exempting them from garbage collection saves a third of the time
    # of a bulk look-up of 1,000.
    gc.freeze()
