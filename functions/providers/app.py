"""Handler of the providers function: it refreshes the providers that are due."""

import os
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.providers.refresh import Refresh
from functions.providers.snapshots import Snapshots
from shared.domain.errors import FeedError, StoreError
from shared.domain.provider import Provider
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import FORMATS
from shared.formats.lists.read import read_snapshot
from shared.http.fetch import FeedClient
from shared.runtime.clock import now_ms
from shared.runtime.deadline import Deadline
from shared.runtime.declared_providers import declared
from shared.runtime.metrics import metrics
from shared.runtime.observability import (
    failures_by_kind,
    log_failure,
    logged,
    logger,
)
from shared.runtime.provider_keys import KeyNotReadable, provider_key
from shared.runtime.provider_settings import ProviderSettings
from shared.store.client import dynamodb_client
from shared.store.iocs import IocTable
from shared.store.providers import ProviderState, ProviderStates

# Reserved at the end of an invocation, to finish running writes and record the progress.
SPARE_S = 15.0
# Limit for the download of one provider.
DOWNLOAD_MAX_S = 120.0
WRITERS = 16
# A list older than this many of its intervals counts as stale.
STALE_INTERVALS = 4
RETRY_AFTER_S = 900.0


@logged
@failures_by_kind("refresh failed")
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Refresh the providers that are due; a failure of one does not affect the others.

    Args:
        event: event of the timer, which is ignored; or by hand `{"refresh": [ID, ...]}`, to
            refresh these providers although they are not due.
        context: contains the remaining time.

    Returns:
        The result of each refresh, by provider id.

    Raises:
        SettingsError: a setting is missing, or a provider has no declaration.
        StoreError: the store failed before the first refresh.
        Failed: an unexpected error.
    """
    settings = ProviderSettings(os.environ)
    left = Deadline(context.get_remaining_time_in_millis() / 1000 - SPARE_S).left
    chosen = declared(settings)
    states = ProviderStates(_client(), settings.state_table_name)
    now = now_ms()
    known = register(states, chosen)
    results: dict[str, Any] = {}
    for declaration in due(chosen, known, now, event.get("refresh") or ()):
        if left() <= 0:
            break
        results[declaration.id] = _refresh(settings, declaration, known[declaration.id], left)
    stale = [one for one in chosen.values() if is_stale(one, known[one.id], results, now)]
    metrics.add_metric(name="providers_stale", unit=MetricUnit.Count, value=len(stale))
    metrics.flush_metrics()
    log = logger.error if any("error" in one for one in results.values()) else logger.info
    log("refresh ended", extra={"providers": results, "stale": [one.id for one in stale]})
    return results


def register(
    states: ProviderStates, declared: Mapping[str, Declaration]
) -> dict[str, ProviderState]:
    """Store the states of the enabled providers and remove all others.

    Returns:
        The states of the enabled providers, by id.

    Raises:
        StoreError: the store failed.
    """
    known = {state.provider.id: state for state in states.read(consistent=True)}
    for name in known.keys() - declared.keys():
        states.remove(name)
    registered = {}
    for order, declaration in enumerate(declared.values()):
        before = known.get(declaration.id)
        state = _state(declaration, order, before)
        if state != before:
            states.write(state)
        registered[declaration.id] = state
    return registered


def due(
    declared: Mapping[str, Declaration],
    known: Mapping[str, ProviderState],
    now: int,
    asked: Any = (),
) -> list[Declaration]:
    """List the providers to refresh now, in the order of their last refresh, oldest first.

    Args:
        now: milliseconds since the epoch.
        asked: ids of providers to refresh although they are not due.
    """
    lists = [one for one in declared.values() if not one.on_demand]
    found = [
        one for one in lists if one.id in asked or now - known[one.id].tried >= one.every_s * 1000
    ]
    return sorted(found, key=lambda one: known[one.id].tried)


def is_stale(
    declaration: Declaration, state: ProviderState, results: Mapping[str, Any], now: int
) -> bool:
    """Whether the last complete list of a provider is older than `STALE_INTERVALS` intervals."""
    if declaration.on_demand or results.get(declaration.id, {}).get("complete"):
        return False
    # The time of enabling is not stored; a provider that only ever failed counts as stale.
    updated = state.provider.updated or (0 if state.error else now)
    return bool(now - updated > STALE_INTERVALS * declaration.every_s * 1000)


def _state(declaration: Declaration, order: int, before: ProviderState | None) -> ProviderState:
    provider = Provider(
        declaration.id,
        declaration.name,
        frozenset(declaration.types),
        before.provider.updated if before else 0,
        on_demand=declaration.on_demand,
        overrules=declaration.effect == "overrule",
        notes=declaration.effect == "note",
    )
    state = before or ProviderState(provider)
    return replace(state, provider=provider, order=order, licence=declaration.licence)


def _refresh(
    settings: ProviderSettings,
    declaration: Declaration,
    state: ProviderState,
    left: Callable[[], float],
) -> dict[str, Any]:
    now = now_ms()
    states = ProviderStates(_client(), settings.state_table_name)
    # Recorded first: a provider whose refresh ends the process is then not the next one again.
    state = replace(state, tried=now)
    states.write(state)
    try:
        refreshed = _run(settings, declaration, left, now).execute(state)
    except (FeedError, ListError, StoreError, KeyNotReadable) as error:
        reason = str(error)
    except Exception as error:
        # An unexpected error must not keep the other providers from their refresh.
        log_failure("refresh failed", error, provider=declaration.id)
        reason = "the refresh failed"
    else:
        if not refreshed.complete and not refreshed.busy:
            # Changes are left to write: the provider is due again at once.
            states.write(_again_in(state, declaration, 0))
        return asdict(refreshed)
    states.write(replace(_again_in(state, declaration, RETRY_AFTER_S), error=reason))
    return {"error": reason}


def _again_in(state: ProviderState, declaration: Declaration, seconds: float) -> ProviderState:
    """Return the state of a provider that is due again after `seconds`, or after its interval."""
    early_s = max(0.0, declaration.every_s - seconds)
    return replace(state, tried=state.tried - int(early_s * 1000))


def _run(
    settings: ProviderSettings, declaration: Declaration, left: Callable[[], float], now: int
) -> Refresh:
    client = FeedClient(
        declaration.address,
        provider_key(settings.key_path, declaration),
        Deadline(DOWNLOAD_MAX_S, within=left).left,
        allow_private=settings.allow_private,
        accept=FORMATS[declaration.format].ACCEPT,
        key_header=declaration.key_header,
        only_whole=True,
    )
    return Refresh(
        declaration,
        download=lambda: read_snapshot(
            declaration, lambda url: client.get(url).body, now, lambda: left() <= 0
        ),
        iocs=IocTable(_client(), settings.table_name),
        snapshots=Snapshots(_client(), settings.state_table_name, declaration.id, uuid.uuid4().hex),
        states=ProviderStates(_client(), settings.state_table_name),
        pool=_pool(),
        now=now,
        until=now + int((left() + SPARE_S) * 1000),
        out_of_time=lambda: left() <= 0,
    )


@cache
def _client() -> Any:
    return dynamodb_client()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WRITERS, thread_name_prefix="write")
