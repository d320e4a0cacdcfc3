"""`python -m local providers`: one timer invocation of the real providers handler."""

import argparse
import json
import os
from typing import TextIO

from local import environment
from local.errors import LocalError
from local.handlers import run_timer
from shared.runtime.settings import SettingsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="refresh this provider even if it is not due"
    )


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Refresh the providers of PROVIDERS that are due, and print the result of each as JSON.

    Returns:
        0 if every refresh is complete, else 1.
    """
    if not os.environ.get("PROVIDERS"):
        raise LocalError("PROVIDERS is not set: set it to provider ids, separated by commas")
    environment.engine_endpoint()
    try:
        results = run_timer("providers", environment.run_budget_s(), refresh=arguments.ids)
    except SettingsError as error:
        raise LocalError(str(error)) from error
    print(json.dumps(results, indent=2), file=out)
    return 0 if all(one.get("complete") for one in results.values()) else 1
