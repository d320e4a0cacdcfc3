"""`python -m local COMMAND`: the commands that need neither AWS nor Docker."""

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
# the module and name it here. One that takes arguments has `add_arguments(parser)` and
# `command(out, arguments)`, and is named in WITH_ARGUMENTS, too.
COMMANDS = {
    "tables": "create the tables at AWS_ENDPOINT_URL_DYNAMODB",
    "ingest": "run the ingest handler once over FEED_URL and print its summary as JSON",
    "reingest": "run the ingest handler once more over reports that are known already",
    "api": "serve the handlers of the REST API on 127.0.0.1:$PORT",
    "feed": "serve the sample feed, by itself",
    "publish": "publish scan reports from files through the publish handler",
    "providers": "run the providers handler once over the lists of PROVIDERS",
    "filter": "build the filter of everything that is stored, and publish it for the local API",
    "export": "write the exports of everything that is stored, for the local API",
    "poll": "run the publish handler once over the new reports of SANDBOX_URL",
    "keys": "make, list, disable, enable and delete API keys",
    "openapi": "write the description of the API anew, from its routes and models",
    "up": "start everything with a sample feed, and show an answer",
    "rekey": "move what is stored under old canonical forms to the present ones",
    "quarantine": "list, show, replay or drop the records that broke a rule",
}
WITH_ARGUMENTS = ("feed", "keys", "providers", "publish", "quarantine", "reingest", "rekey")

BAD_ENVIRONMENT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program; None takes that of the process.

    Returns:
        The exit status: that of the command, or 2 for an environment that does not fit.
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
    # Only a command's result goes to stdout. The functions log and print metrics there, as is
    # right on Lambda; here that goes to stderr, from their first import on.
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
    """Let a polite signal unwind the stack, so that what was started is stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


if __name__ == "__main__":
    sys.exit(main())
