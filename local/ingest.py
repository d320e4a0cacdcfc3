"""`python -m local ingest`: one timer invocation of the real ingest handler."""

import json
from typing import Any, TextIO

from local import environment
from local.changes import notifying_webhook
from local.errors import LocalError
from local.handlers import run_timer
from shared.domain.errors import InvalidRecord
from shared.runtime.settings import SettingsError


def command(out: TextIO) -> int:
    """Run the handler once and print its summary as JSON.

    Returns:
        0 for a complete run, even with records in quarantine; 1 for one that stopped early.
    """
    environment.require_feed_url()
    environment.engine_endpoint()
    summary = run_once(environment.run_budget_s())
    print(json.dumps(summary, indent=2), file=out)
    return 0 if summary["complete"] else 1


def run_once(budget_s: float, reingest_since: str | None = None) -> dict[str, Any]:
    """Invoke the handler as the timer does and return its summary.

    Changed verdicts are sent to WEBHOOK_URL, if it is set.

    Args:
        budget_s: seconds until the run's deadline.
        reingest_since: read known reports from this date on again; None for new reports only.

    Raises:
        LocalError: a setting of ingestion or of the webhook is wrong.
    """
    by_hand = {} if reingest_since is None else {"reingest_since": reingest_since}
    try:
        with notifying_webhook():
            return run_timer("ingest", budget_s, **by_hand)
    except (SettingsError, InvalidRecord) as error:
        raise LocalError(str(error)) from error
