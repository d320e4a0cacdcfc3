"""Handler of the changes function: records of the IOC table's stream in, events out."""

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
    """Tell the bus of the verdicts that changed.

    Args:
        event: of the IOC table's stream, with both images.
        context: of the invocation.

    Returns:
        The record from which on Lambda has to hand over again, if there is one.

    Raises:
        SettingsError: the function is not configured.
        Failed: whatever nobody expected. Nothing was told then.
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
    # The store's client brings its own; only this function speaks to the bus.
    import boto3  # noqa: PLC0415

    return boto3.client("events")
