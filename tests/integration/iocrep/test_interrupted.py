"""Runs that are killed at any moment and gone on with, against one that was left alone."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from iocrep.errors import Exit
from tests.command_line import TIMEOUT_S, command
from tests.integration.iocrep.conftest import Run
from tests.reputation_server import ReputationServer

LINES = 12_000
# So many runs are killed before one is left to end: each gets a little further or not at all.
KILLS = 6


def content() -> str:
    kinds = ("{}.example", "hxxp://{}[.]example/malicious", "# {}", "none-{}", "203.0.113.{}", "")
    return "".join(f"{kinds[n % 6].format(n % 200 if n % 6 == 4 else n)}\n" for n in range(LINES))


@pytest.mark.parametrize(
    ("form", "number"), [("--json", signal.SIGINT), ("--csv", signal.SIGKILL)], ids=["INT", "KILL"]
)
def test_no_line_is_lost_and_none_comes_twice(
    run: Run,
    server: ReputationServer,
    environ: dict[str, str],
    tmp_path: Path,
    form: str,
    number: signal.Signals,
) -> None:
    path, out = tmp_path / "list.txt", tmp_path / "out"
    path.write_text(content())
    whole = run("lookup", form, "-q", "-f", str(path))
    assert whole.exit_code == Exit.MALICIOUS
    server.delay_s = 0.02
    pauses = [7 * step % 40 / 100 for step in range(KILLS)]
    arguments = command(
        "lookup", form, "-f", str(path), "-o", str(out), "--resume", "--batch", "100"
    )
    ended = set()
    for pause in pauses:
        before = len(server.requests)
        with (
            (tmp_path / "stacks").open("wb") as stacks,
            subprocess.Popen(
                arguments,
                env=os.environ | environ | {"PYTHONFAULTHANDLER": "1"},
                stdout=subprocess.DEVNULL,
                stderr=stacks,
            ) as process,
        ):
            # The moment is any after its first request, however slow this machine is.
            deadline = time.monotonic() + TIMEOUT_S
            while len(server.requests) == before and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(pause)
            process.send_signal(number)
            try:
                ended.add(process.wait(TIMEOUT_S))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)
                process.wait(TIMEOUT_S)
                pytest.fail((tmp_path / "stacks").read_text())
        if out.exists():
            assert whole.stdout_bytes.startswith(complete_lines(out))
    assert ended & {Exit.INTERRUPTED, -signal.SIGKILL}, "no run was killed before its end"
    last = subprocess.run(arguments, env=os.environ | environ, capture_output=True, check=False)
    assert last.returncode == Exit.MALICIOUS
    assert out.read_bytes() == whole.stdout_bytes
    # Lines are counted over all runs: the last one reports what one run would have reported.
    assert last.stderr.decode().splitlines()[-1] == "2,000 MALICIOUS, 4,000 UNKNOWN, 2,000 invalid"


def complete_lines(out: Path) -> bytes:
    """What is in a file that may have been left in the middle of a line."""
    content, _, _ = out.read_bytes().rpartition(b"\n")
    return content
