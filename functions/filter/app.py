"""Handler of the filter function: builds and publishes one filter."""

import os
import tempfile
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.filter.build import answered_types, publish
from functions.filter.settings import FilterSettings
from functions.filter.stored_values import read_values
from shared.runtime.clock import now_ms
from shared.runtime.deadline import Deadline
from shared.runtime.metrics import success_counted
from shared.runtime.observability import failures_by_kind, logged, logger
from shared.store.filters import filter_bucket
from shared.store.providers import ProviderStates
from shared.store.whole_table import scan_client

# Time for building and publishing the filter, with a wide margin.
SPARE_S = 90.0


@logged
@failures_by_kind("filter not made")
@success_counted("filter_published")
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish a filter of all stored indicators, which replaces the one before.

    Args:
        event: of the timer; not used.
        context: of the invocation; limits the time for reading.

    Returns:
        The metadata of the filter.

    Raises:
        SettingsError: the function is not configured.
        NotAllRead: there was no time to read the whole table; the published filter stays.
        StoreError: the store failed; the published filter stays.
        Failed: an unexpected error.
    """
    settings = FilterSettings(os.environ)
    left = Deadline(context.get_remaining_time_in_millis() / 1000 - SPARE_S).left
    built = now_ms()
    client = scan_client()
    states = ProviderStates(client, settings.state_table_name).read(consistent=True)
    with tempfile.TemporaryFile() as spool:
        metadata = publish(
            partial(read_values, client, settings.table_name, left=left),
            bucket=filter_bucket(settings.bucket, timeout_s=60, attempts=5),
            built=built,
            types=answered_types(states),
            spool=spool,
        )
    logger.info("filter published", extra={"filter": metadata})
    return metadata
