"""`python -m local poll`: one timer invocation of the real publish handler."""

import json
import os
import uuid
from datetime import UTC, datetime
from typing import TextIO

from local import environment
from local.context import LocalContext
from local.errors import LocalError
from local.events import timer_event
from local.handlers import load
from shared.settings import SettingsError


def command(out: TextIO) -> int:
    """Ask the sandbox at SANDBOX_URL for new reports once, and print the summary as JSON.

    Returns:
        0 for a complete poll, 1 for one that was not.
    """
    if not os.environ.get("SANDBOX_URL"):
        raise LocalError("SANDBOX_URL is not set: name the sandbox to ask for its reports")
    environment.engine_endpoint()
    event = timer_event(str(uuid.uuid4()), datetime.now(UTC))
    try:
        summary = load("publish")(event, LocalContext("publish", environment.run_budget_s()))
    except SettingsError as error:
        raise LocalError(str(error)) from error
    print(json.dumps(summary, indent=2), file=out)
    return 0 if summary["complete"] else 1
