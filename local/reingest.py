"""`python -m local reingest --since DATE`: one run that reads known reports again, too."""

import argparse
import json
from typing import TextIO

from local import environment
from local.ingest import run_once


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--since",
        required=True,
        metavar="DATE",
        help="read reports from this date on again, such as 2025-06-01; counts do not change",
    )


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Run the handler once over the feed from that date on, and print its summary as JSON.

    Returns:
        0 for a complete run, 1 for one that stopped early.
    """
    environment.require_feed_url()
    environment.engine_endpoint()
    summary = run_once(environment.run_budget_s(), reingest_since=arguments.since)
    print(json.dumps(summary, indent=2), file=out)
    return 0 if summary["complete"] else 1
