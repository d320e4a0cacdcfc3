"""Handler of the export function: one run over everything, its files, its summary."""

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.export.build import publish
from functions.export.settings import ExportSettings
from shared.exports.source import Options
from shared.observability import failures_by_kind, logged, logger, metrics
from shared.sandbox.links import report_link
from shared.store.client import dynamodb_client
from shared.store.exports import export_bucket
from shared.store.stored_iocs import stored_iocs

# Parts that are read side by side: while a page is decoded, others are on their way.
SEGMENTS = 8
# What writing the files takes is more than half of the work.
SPARE_S = 550.0


@logged
@failures_by_kind("exports not made")
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish exports of everything that is stored, in place of the ones before.

    Args:
        event: of the timer, of which nothing is used.
        context: tells the time that is left.

    Returns:
        What was done.

    Raises:
        SettingsError: the function is not configured.
        ExportsNotBuilt: there was no time to read the whole table; what is published stays.
        StoreError: the store failed; what is published stays.
        Failed: whatever nobody expected.
    """
    published = False
    try:
        done = _publish(context)
        published = True
    finally:
        # A run that fails tells so, too.
        metrics.add_metric(name="exports_published", unit=MetricUnit.Count, value=int(published))
        metrics.flush_metrics()
    logger.info("exports published", extra={"exports": done})
    return done


def _publish(context: LambdaContext) -> dict[str, Any]:
    settings = ExportSettings(os.environ)
    time_left_s = context.get_remaining_time_in_millis() / 1000
    end = time.monotonic() + time_left_s - min(SPARE_S, time_left_s / 2)
    client = dynamodb_client(read_timeout_s=10, attempts=10, connections=SEGMENTS)
    parts = [
        stored_iocs(client, settings.table_name, segment, SEGMENTS) for segment in range(SEGMENTS)
    ]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(SEGMENTS) as pool:
        return publish(
            parts,
            bucket=export_bucket(settings.bucket, timeout_s=60, attempts=5),
            options=Options(settings.tlp, report_link(settings.sandbox_url)),
            now=time.time_ns() // 1_000_000,
            pool=pool,
            folder=Path(folder),
            left=lambda: end - time.monotonic(),
        )
