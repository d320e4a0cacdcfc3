"""Handler of the lookup function: wiring, one answer, and what becomes of errors."""

import os
import time
from functools import cache, partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.lookup.providers import Asks, NoProviders, Providers, RememberedProviders
from functions.lookup.quota import Quota
from functions.lookup.routes import respond
from functions.lookup.service import Service
from shared.http.authentication import KeyRing
from shared.http.guard import guarded
from shared.observability import logger
from shared.settings import LookupSettings, ProviderSettings
from shared.store.api_keys import ApiKeys
from shared.store.client import dynamodb_client
from shared.store.iocs import IocTable
from shared.store.providers import ProviderStates
from shared.store.quotas import QuotaCounters
from shared.store.search_index import SearchIndex

# A caller waits: better an honest refusal within two seconds than an answer late.
STORE_TIMEOUT_S = 0.8
STORE_ATTEMPTS = 2


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request.

    Args:
        event: of an HTTP API, payload format 2.0.
        context: not used.

    Returns:
        The answer in the shape of the API that was asked, errors included.
    """
    return guarded(event, lambda request: respond(_service(), request))


@cache
def _service() -> Service:
    settings = LookupSettings.from_env(os.environ)
    client = dynamodb_client(read_timeout_s=STORE_TIMEOUT_S, attempts=STORE_ATTEMPTS, patient=False)
    return Service(
        iocs=IocTable(client, settings.table_name),
        keys=KeyRing(ApiKeys(client, settings.state_table_name), time.monotonic),
        quota=Quota(QuotaCounters(client, settings.state_table_name), _now_ms),
        now=_now_ms,
        providers=_providers(client, settings),
        index=SearchIndex(client, settings.search_table_name)
        if settings.search_table_name
        else None,
    )


def _providers(client: Any, settings: LookupSettings) -> Providers:
    if settings.providers is None:
        return NoProviders()
    return RememberedProviders(
        ProviderStates(client, settings.state_table_name),
        time.monotonic,
        asker=partial(_asker, settings.providers),
        keep=IocTable(client, settings.table_name).list_subject,
    )


@cache
def _asker(settings: ProviderSettings) -> Asks:
    # What it takes to ask is imported by those who do ask.
    from shared.providers.ask import make_asker  # noqa: PLC0415

    return make_asker(settings)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    # On Lambda the start is the time with a whole processor: make the client then.
    _service()
