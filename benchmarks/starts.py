"""What a first invoke imports: CPU of fresh processes, which take turns."""

import os
import subprocess
import sys

BARE = "bare handler"
OURS = "functions.lookup.app"
OTHER = "boto3 + Logger + Metrics + resolver + pydantic"
WITH_CLIENT = ", client made"
INGEST = "functions.ingest.app"
_OTHER = (
    "import boto3, pydantic\n"
    "from aws_lambda_powertools import Logger, Metrics\n"
    "from aws_lambda_powertools.event_handler import APIGatewayHttpResolver\n"
    "Logger(), Metrics(), APIGatewayHttpResolver()\n"
)
PROGRAMS = {
    BARE: "def lambda_handler(event, context): return {}",
    OURS: "import functions.lookup.app",
    OTHER: _OTHER,
    OURS + WITH_CLIENT: "import functions.lookup.app",
    OTHER + WITH_CLIENT: _OTHER + "boto3.client('dynamodb')",
    INGEST + WITH_CLIENT: "import functions.ingest.app as app; app._client()",
}


def cpu_ms(rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds of a process by what it imports, round by round, start included."""
    found: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for number in range(rounds + 1):
        for name, program in PROGRAMS.items():
            took = _run(program, init=name == OURS + WITH_CLIENT)
            if number:  # the first one leaves the bytecode behind
                found[name].append(took)
    return found


def _run(program: str, *, init: bool) -> float:
    environment = dict(os.environ)
    environment.pop("AWS_LAMBDA_INITIALIZATION_TYPE", None)
    # A bytecode that nobody writes would be compiled by each process anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if init:
        environment["AWS_LAMBDA_INITIALIZATION_TYPE"] = "on-demand"
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program], env=environment, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, program
    return (used.ru_utime + used.ru_stime) * 1000
