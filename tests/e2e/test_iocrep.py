"""`iocrep lookup` over a long list and the real API, as an analyst runs it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import requests

from local.engine import running_engine
from local.environment import DEFAULT_API_KEY
from local.feed import SAMPLE_HASH, sample_feed
from local.up import SAMPLE_REPORTS
from tests.command_line import ROOT, TIMEOUT_S, environment, measured, memory_kb, run_local
from tests.e2e.support import Up

IOCREP = Path(sys.executable).with_name("iocrep")
MALICIOUS = 20
INTERRUPTED = 130
# Peak memory with four times the lines may be this much greater; both lists have several chunks.
FLAT_KB = 4 * 1024
KINDS = ("{:x}.list.example", "http://list.example/{:x}", "2001:db8::{:x}", "{:064x}")


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    """`python -m local api` with the sample feed ingested."""
    with running_engine() as engine, sample_feed() as feed:
        variables = {"AWS_ENDPOINT_URL_DYNAMODB": engine, "FEED_URL": feed}
        assert run_local("tables", **variables).returncode == 0
        assert run_local("ingest", **variables).returncode == 0
        with subprocess.Popen(
            [sys.executable, "-m", "local", "api"],
            cwd=ROOT,
            env=environment(PORT="0", AWS_ENDPOINT_URL_DYNAMODB=engine),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            yield process.stdout.readline().split()[2]
            process.terminate()


def list_of(lines: int, path: Path) -> Path:
    """Indicators of every type that are unknown, and one that is not."""
    content = [KINDS[number % len(KINDS)].format(number) for number in range(1, lines)]
    path.write_text("\n".join([*content, SAMPLE_HASH]) + "\n")
    return path


def start(
    api: str, *arguments: str, command: Sequence[str | Path] = (IOCREP,)
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*command, "lookup", *arguments],
        env=environment(
            IOCREP_URL=api, IOCREP_API_KEY=DEFAULT_API_KEY, IOCREP_CONFIG="/nowhere/config.toml"
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """Return what a look-up writes to standard error."""
    _, told = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == MALICIOUS, told
    return told


def test_memory_is_flat_however_long_the_list_is(api: str, tmp_path: Path) -> None:
    peaks = []
    for lines in (10_000, 40_000):
        path, out = list_of(lines, tmp_path / f"{lines}.txt"), tmp_path / f"{lines}.jsonl"
        told = ended(start(api, "--json", "-f", str(path), "-o", str(out), command=measured()))
        peaks.append(memory_kb(told))
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert [row["line"] for row in rows] == list(range(1, lines + 1))
        assert {row["verdict"] for row in rows[:-1]} == {None}
        assert rows[-1]["verdict"] == "MALICIOUS"
    assert peaks[1] - peaks[0] < FLAT_KB, peaks


def test_what_ctrl_c_stopped_is_gone_on_with(api: str, tmp_path: Path) -> None:
    path = list_of(10_000, tmp_path / "list.txt")
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    ended(start(api, "--json", "-f", str(path), "-o", str(whole)))
    arguments = ("--json", "-f", str(path), "-o", str(out), "--batch", "100", "--resume")
    process = start(api, *arguments)
    deadline = time.monotonic() + TIMEOUT_S
    while not (out.exists() and out.stat().st_size):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == INTERRUPTED
    assert "the same command with --resume continues" in told
    done = out.read_bytes()
    assert 0 < len(done) < whole.stat().st_size
    ended(start(api, *arguments))
    assert out.read_bytes() == whole.read_bytes()


def test_a_feed_is_followed_across_restarts(tmp_path: Path) -> None:
    stack = Up()
    try:
        state = tmp_path / "place"

        def look() -> list[str]:
            done = subprocess.run(
                [IOCREP, "watch", "--once", "--json", "--state", state],
                env=environment(
                    IOCREP_URL=stack.base, IOCREP_API_KEY=DEFAULT_API_KEY, IOCREP_CONFIG="/nowhere"
                ),
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=True,
            )
            return [json.loads(line)["flow_id"] for line in done.stdout.splitlines()]

        assert len(look()) == 3
        assert look() == []
        for name in ("order", "update"):
            text = (SAMPLE_REPORTS / f"{name}.json").read_text()
            again = text.replace("66b3763be7dbbbdfcd0b", "77b3763be7dbbbdfcd0b")
            headers = {"X-Api-Key": DEFAULT_API_KEY, "Content-Type": "application/json"}
            sent = requests.post(
                f"{stack.base}/api/reports", again.encode(), headers=headers, timeout=TIMEOUT_S
            )
            assert sent.status_code == 200
        assert look() == ["77b3763be7dbbbdfcd0b0001", "77b3763be7dbbbdfcd0b0002"]
        assert look() == []
    finally:
        stack.stop()
