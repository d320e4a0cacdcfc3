"""`python -m local publish FILE…`: sends scan reports from files to the real publish handler."""

import argparse
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from local import environment
from local.api import register_api_key
from local.context import LocalContext
from local.errors import LocalError
from local.events import Request, http_event, http_response
from local.handlers import load

INTAKE = "/api/reports"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="scan report in the sandbox's JSON"
    )


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Send each file to the handler and print the answers as JSON.

    Returns:
        0 if every report is published, 1 if one was rejected or postponed.
    """
    environment.engine_endpoint()
    register_api_key()
    answers = {}
    left_out = False
    for path in arguments.files:
        try:
            body = path.read_bytes()
        except OSError as error:
            raise LocalError(f"cannot read {path}: {error.strerror}") from error
        status, answer = send(body)
        reports = answer.get("reports", [])
        left_out |= status != 200 or any(
            one["status"] in {"rejected", "postponed"} for one in reports
        )
        answers[str(path)] = answer
    print(json.dumps(answers, indent=2), file=out)
    return 1 if left_out else 0


def send(body: bytes) -> tuple[int, dict[str, Any]]:
    """Send a scan report to the handler, and return the status and the body of its answer."""
    headers = [
        (b"x-api-key", environment.api_key().encode()),
        (b"content-type", b"application/json"),
    ]
    request = Request("POST", INTAKE.encode(), headers=headers, body=body)
    event = http_event(request, str(uuid.uuid4()), datetime.now(UTC))
    context = LocalContext("publish", environment.run_budget_s())
    response = http_response(load("publish")(event, context))
    answer: dict[str, Any] = json.loads(response.body)
    return response.status, answer
