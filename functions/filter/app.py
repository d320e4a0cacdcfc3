"""Handler of the filter function: what the filter answers for, one build, its summary."""

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from functions.filter.build import answered_types, publish
from functions.filter.settings import FilterSettings
from shared.observability import failures_by_kind, logged, logger, metrics
from shared.store.client import dynamodb_client
from shared.store.filters import filter_bucket
from shared.store.providers import ProviderStates
from shared.store.stored_values import stored_values

# Parts that are read side by side: while a page is decoded, others are on their way.
SEGMENTS = 8
# What making and publishing the filter takes, with much to spare.
SPARE_S = 90.0


@logged
@failures_by_kind("filter not made")
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish a filter of everything that is stored, in place of the one before.

    Args:
        event: of the timer, of which nothing is used.
        context: tells the time that is left.

    Returns:
        What is told of the filter.

    Raises:
        SettingsError: the function is not configured.
        FilterNotBuilt: there was no time to read the whole table; what is published stays.
        StoreError: the store failed; what is published stays.
        Failed: whatever nobody expected.
    """
    published = False
    try:
        offer = _publish(context)
        published = True
    finally:
        # A run that fails tells so, too.
        metrics.add_metric(name="filter_published", unit=MetricUnit.Count, value=int(published))
        metrics.flush_metrics()
    logger.info("filter published", extra={"filter": offer})
    return offer


def _publish(context: LambdaContext) -> dict[str, Any]:
    settings = FilterSettings(os.environ)
    end = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SPARE_S
    built = time.time_ns() // 1_000_000
    states = ProviderStates(dynamodb_client(), settings.state_table_name).read(consistent=True)
    # Whole tables are read by this function only, so it is boto3 that does it.
    client = boto3.client(
        "dynamodb",
        config=Config(
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 10},
            max_pool_connections=SEGMENTS,
        ),
    )
    parts = [
        stored_values(client, settings.table_name, segment, SEGMENTS) for segment in range(SEGMENTS)
    ]
    with tempfile.TemporaryFile() as spool, ThreadPoolExecutor(SEGMENTS) as pool:
        return publish(
            parts,
            bucket=filter_bucket(settings.bucket, timeout_s=60, attempts=5),
            built=built,
            types=answered_types(states),
            pool=pool,
            spool=spool,
            left=lambda: end - time.monotonic(),
        )
