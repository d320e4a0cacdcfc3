"""`python -m local poll`: one timer invocation of the real publish handler."""

import json
import os
from typing import TextIO

from local import environment
from local.errors import LocalError
from local.handlers import run_timer
from shared.runtime.settings import SettingsError


def command(out: TextIO) -> int:
    """Poll the sandbox at SANDBOX_URL once for new reports, and print the summary as JSON.

    Returns:
        0 for a complete poll, else 1.
    """
    if not os.environ.get("SANDBOX_URL"):
        raise LocalError("SANDBOX_URL is not set: set it to the sandbox to poll")
    environment.engine_endpoint()
    try:
        summary = run_timer("publish", environment.run_budget_s())
    except SettingsError as error:
        raise LocalError(str(error)) from error
    print(json.dumps(summary, indent=2), file=out)
    return 0 if summary["complete"] else 1
