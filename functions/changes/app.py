"""Handler of the changes function: turns records of the IOC table's stream into events."""

import json
import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.changes.bus import Event, put
from functions.changes.change import change_in
from functions.changes.settings import ChangesSettings
from shared.runtime.observability import failures_by_kind, logged


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
        Failed: an unexpected error; nothing was put on the bus.
    """
    settings = ChangesSettings(os.environ)
    changes = [
        Event(record["dynamodb"]["SequenceNumber"], json.dumps(change, separators=(",", ":")))
        for record in event["Records"]
        if (change := change_in(record)) is not None
    ]
    failed = put(_client().put_events, settings.event_bus_name, changes) if changes else None
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


@cache
def _client() -> Any:
    # Imported here because the other functions do not need boto3's own client.
    import boto3  # noqa: PLC0415

    return boto3.client("events")
