"""Handler of the changes function: turns records of the IOC table's stream into events."""

import json
import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.changes.bus import Event, put
from functions.changes.change import bad_indicator_in, change_in
from functions.changes.settings import ChangesSettings
from shared.domain.indicator import Indicator
from shared.runtime.clock import now_ms
from shared.runtime.observability import failures_by_kind, logged
from shared.store.client import dynamodb_client
from shared.store.trusted_lists import TrustedLists


@logged
@failures_by_kind("changes failed")
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Put an event on the bus for each verdict that changed.

    Args:
        event: records of the IOC table's stream, with old and new images.
        context: of the invocation.

    Returns:
        The first record that failed, if any; Lambda retries from there.

    Raises:
        SettingsError: the function is not configured.
        StoreError: the store failed; nothing was put on the bus.
        Failed: an unexpected error; nothing was put on the bus.
    """
    settings = ChangesSettings(os.environ)
    records = event["Records"]
    trusting = _trusting(settings, records) if settings.providers else {}
    changes = [
        Event(record["dynamodb"]["SequenceNumber"], json.dumps(change, separators=(",", ":")))
        for record in records
        if (change := change_in(record, trusting)) is not None
    ]
    failed = put(_client().put_events, settings.event_bus_name, changes) if changes else None
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


def _trusting(settings: ChangesSettings, records: list[dict[str, Any]]) -> dict[Indicator, str]:
    """By IOC the name of a provider that overrules and trusts it."""
    bad = {one for record in records if (one := bad_indicator_in(record)) is not None}
    if not bad:
        return {}
    return _lists(settings.table_name, settings.state_table_name).trusting(bad)


@cache
def _lists(table: str, state_table: str) -> TrustedLists:
    return TrustedLists(dynamodb_client(), table, state_table, now_ms)


@cache
def _client() -> Any:
    # Imported here because the other functions do not need boto3's own client.
    import boto3  # noqa: PLC0415

    return boto3.client("events")
