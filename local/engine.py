"""The embedded DynamoDB: the roto-server program, run as a child process."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from local.errors import LocalError

PROGRAM = "roto-server"
LOOPBACK = "127.0.0.1"
READY = "listening on"
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
POLL_S = 0.02
LOG_BYTES = 65_536
# Another process can bind a free port before the engine does.
ATTEMPTS = 5

# The process and its endpoint.
Started = tuple[subprocess.Popen[bytes], str]


class PortTakenError(LocalError):
    """The engine's port is in use."""


@contextmanager
def running_engine(
    port: int | None = None, data_dir: Path | None = None, host: str = LOOPBACK
) -> Iterator[str]:
    """Run a DynamoDB engine for the duration of the `with` block.

    Args:
        port: port that it listens on; None for any free one.
        data_dir: directory of its data; None for memory.
        host: address of this machine that it listens on.

    Yields:
        Its endpoint, `http://HOST:PORT`, ready for requests.

    Raises:
        LocalError: the engine is not installed or does not start.
    """
    start = partial(_start, data_dir, host)
    process, endpoint = _on_free_port(start, host) if port is None else start(port)
    try:
        yield endpoint
    finally:
        _stop(process)


def _on_free_port(start: Callable[[int], Started], host: str) -> Started:
    for _ in range(ATTEMPTS - 1):
        try:
            return start(free_port(host))
        except PortTakenError:
            continue
    return start(free_port(host))


def _start(data_dir: Path | None, host: str, port: int) -> Started:
    storage = ["--ephemeral"] if data_dir is None else ["--data-dir", str(data_dir)]
    # The log is a file, because the engine would block on a full pipe.
    with tempfile.TemporaryFile() as log, ExitStack() as undo:
        process = subprocess.Popen(  # noqa: S603  # a fixed program with our own arguments
            [find_program(), "--host", host, "--port", str(port), *storage],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C goes to the whole process group. The engine has to run until open
            # requests are answered; then this module stops it.
            start_new_session=True,
        )
        undo.callback(_stop, process)
        _wait_until_ready(process, log)
        undo.pop_all()
    return process, f"http://{host}:{port}"


def _wait_until_ready(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        exited = process.poll() is not None
        # Not seek and read: the engine writes at the same file position.
        output = os.pread(log.fileno(), LOG_BYTES, 0).decode("utf-8", "replace")
        if exited:
            reason = (output.strip().splitlines() or [f"status {process.returncode}"])[-1]
            kind = PortTakenError if "in use" in reason else LocalError
            raise kind(f"{PROGRAM} did not start: {reason}")
        if READY in output:
            return
        time.sleep(POLL_S)
    raise LocalError(f"{PROGRAM} was not ready after {START_TIMEOUT_S:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def find_program() -> str:
    """Return the path of roto-server: in the directory of this Python, else on PATH.

    Raises:
        LocalError: it is in neither.
    """
    installed = Path(sys.executable).parent / PROGRAM
    found = str(installed) if installed.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise LocalError(f"{PROGRAM} is not installed: run `make setup` (PyPI name: roto-aws)")
    return found


def free_port(host: str = LOOPBACK) -> int:
    """Return a port that is free now on an address of this machine."""
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
