"""Handler of the export function: reads all IOCs and publishes the exports."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.export.build import publish
from functions.export.settings import ExportSettings
from functions.export.stored_iocs import read_iocs
from functions.export.trust import Trust, read_trust
from shared.domain.indicator import Indicator
from shared.domain.links import report_link
from shared.formats.exports.source import Options
from shared.runtime.clock import now_ms
from shared.runtime.deadline import Deadline
from shared.runtime.metrics import success_counted
from shared.runtime.observability import failures_by_kind, logged, logger
from shared.store.exports import export_bucket
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from shared.store.whole_table import scan_client

# Time for writing the files, which is more than half of the work.
SPARE_S = 550.0
WRITERS = 8


@logged
@failures_by_kind("exports not made")
@success_counted("exports_published")
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish exports of all stored IOCs, which replace the ones before.

    The run also ends overrides that have expired: look-ups and exports pass over them anyway, but
    only a write makes a change event.

    Args:
        event: of the timer; not used.
        context: of the invocation; limits the time for reading.

    Returns:
        A summary for the log.

    Raises:
        SettingsError: the function is not configured.
        NotAllRead: there was no time to read the whole table; the published exports stay.
        StoreError: the store failed; the published exports stay, or expired overrides have not
            been ended.
        Failed: an unexpected error.
    """
    settings = ExportSettings(os.environ)
    budget_s = context.get_remaining_time_in_millis() / 1000
    left = Deadline(budget_s - min(SPARE_S, budget_s / 2)).left
    client = scan_client()
    now = now_ms()
    trust = (
        read_trust(client, settings.state_table_name, now) if settings.providers else Trust(now=now)
    )
    expired: list[tuple[Indicator, IocItem]] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WRITERS) as pool:
        summary = publish(
            partial(
                read_iocs,
                client,
                settings.table_name,
                trust,
                take_expired=expired.append,
                left=left,
                now=now,
            ),
            bucket=export_bucket(settings.bucket, timeout_s=60, attempts=5),
            options=Options(
                settings.tlp, report_link(settings.sandbox_url), settings.least_verdict
            ),
            now=now,
            pool=pool,
            folder=Path(folder),
            half_lives=settings.half_lives,
        )
    # After the exports, so that a failure here does not hold them up; the next run ends the rest.
    iocs = IocTable(client, settings.table_name, retention_s=settings.retention_s)
    summary["overrides_ended"] = sum(iocs.end_override(one, stored) for one, stored in expired)
    logger.info("exports published", extra={"exports": summary})
    return summary
