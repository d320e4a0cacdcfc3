"""`python -m local COMMAND`: commands that need neither AWS nor Docker."""

import argparse
import contextlib
import importlib
import signal
import sys
from collections.abc import Sequence
from typing import Any

from local import environment
from local.errors import LocalError

# A command is a module of this package with `command(out) -> exit status`. To add one, write
# the module and list it here. A command with arguments has `add_arguments(parser)` and
# `command(out, arguments)`, and is listed in WITH_ARGUMENTS, too.
COMMANDS = {
    "tables": "create the tables at AWS_ENDPOINT_URL_DYNAMODB",
    "ingest": "run the ingest handler once over FEED_URL and print its summary as JSON",
    "reingest": "run the ingest handler once, and read known reports again",
    "api": "serve the handlers of the REST API on 127.0.0.1:$PORT",
    "feed": "serve only the sample feed",
    "publish": "publish scan reports from files through the publish handler",
    "providers": "run the providers handler once over the lists of PROVIDERS",
    "filter": "build the filter of all stored indicators and publish it for the local API",
    "export": "write the exports of all stored IOCs for the local API",
    "poll": "run the publish handler once over the new reports of SANDBOX_URL",
    "keys": "create, list, disable, enable and delete API keys",
    "docs": "write the parts of the documents that repeat the code, or check them",
    "openapi": "generate the OpenAPI document from the routes and models",
    "web": "put the pages of the lookup function together from their parts",
    "up": "start everything with a sample feed, and show an answer",
    "rekey": "move stored items from old canonical forms to the present ones",
    "verdict": "set, take back and list the verdicts that analysts set by hand",
    "quarantine": "list, show, replay or drop records that could not be read",
}
WITH_ARGUMENTS = (
    "docs",
    "feed",
    "keys",
    "providers",
    "publish",
    "quarantine",
    "reingest",
    "rekey",
    "verdict",
)

BAD_ENVIRONMENT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program; None for that of the process.

    Returns:
        The exit status of the command, or 2 if the environment is wrong.
    """
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, description in COMMANDS.items():
        command = commands.add_parser(name, help=description, description=description)
        if name in WITH_ARGUMENTS:
            _module(name).add_arguments(command)
    chosen = parser.parse_args(arguments)

    _stop_like_ctrl_c()
    if not getattr(chosen, "aws", False):
        environment.prepare()
    out = sys.stdout
    # Only a command's result goes to stdout. The functions log and print metrics to stdout, as
    # Lambda expects; here that goes to stderr, from their first import on.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            if chosen.command in WITH_ARGUMENTS:
                status: int = _module(chosen.command).command(out, chosen)
            else:
                status = _module(chosen.command).command(out)
        except LocalError as error:
            print(f"error: {error}", file=sys.stderr)
            return BAD_ENVIRONMENT
        except KeyboardInterrupt:
            return INTERRUPTED
    return status


def _module(name: str) -> Any:
    return importlib.import_module(f"local.{name}")


def _stop_like_ctrl_c() -> None:
    """Make SIGTERM and SIGHUP raise KeyboardInterrupt, so that child processes are stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


if __name__ == "__main__":
    sys.exit(main())
