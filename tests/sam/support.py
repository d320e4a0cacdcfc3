"""The commands `sam local` of docs/local.md, and the table of what they answered."""

import http.client
import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.environment import DEFAULT_API_KEY
from tests.command_line import ROOT
from tests.deploy.support import ARCH

# Far beyond any expected time; a busy machine must not fail a test.
_PATIENCE_S = 600
_POLL_S = 0.1
_READY = "Running on "


@dataclass(frozen=True)
class Answer:
    """The status and the JSON that came back."""

    status: int
    body: Any

    def verdicts(self) -> dict[str, str]:
        """The verdict by the indicator that it is given for; none where the look-up was refused."""
        if self.status != 200:
            return {}
        return dict(_verdict(one) for one in self.body.get("data", [self.body]))


def _verdict(one: dict[str, Any]) -> tuple[str, str]:
    if "file_info" in one:
        rows = list(one["scan_results"]["scan_details"].values())
        return one["file_info"]["sha256"], rows[0]["verdict"] if rows else "UNKNOWN"
    (row,) = one["lookup_results"]["sources"]
    return one["address"], row.get("verdict", "UNKNOWN")


@dataclass(frozen=True)
class Row:
    """A line of the table: what was asked, and what came of it."""

    asked: str
    through: str
    status: str
    verdict: str
    mark: str


def table(rows: Sequence[Row]) -> list[str]:
    """The lines of the table."""
    cells = [("asked", "through", "status", "verdict", "right or not")]
    cells += [(r.asked, r.through, r.status, r.verdict, r.mark) for r in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(5)]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


class SamLocal:
    """The commands of docs/local.md, over a build and on ports that are free on this machine.

    Args:
        build: what `make build` has made.
        variables: file with the variables of the functions.
        docker: environment variables that lead to a Docker.
        image: options that name the image.
    """

    def __init__(
        self, build: Path, variables: Path, docker: dict[str, str], image: Sequence[str]
    ) -> None:
        self._environment = os.environ | docker | {"SAM_CLI_TELEMETRY": "0"}
        self._options = ["-t", str(build / "template.yaml"), "-n", str(variables), *image]
        self._options += ["--config-file", str(ROOT / "samconfig.toml")]

    def invoke(self, function: str, event: Path | dict[str, Any]) -> Any:
        """Return what a function gives back for an event, of a file or as it is."""
        named = ["-e", "-" if isinstance(event, dict) else str(event)]
        with subprocess.Popen(
            [*_documented("invoke")[:-1], *self._options, *named, function],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as invoking:
            given = json.dumps(event) if isinstance(event, dict) else ""
            try:
                printed, log = invoking.communicate(given, _PATIENCE_S)
            except subprocess.TimeoutExpired:
                # It ends its container then.
                invoking.send_signal(signal.SIGINT)
                printed, log = invoking.communicate()
                raise AssertionError(f"it takes too long:\n{log}") from None
        assert invoking.returncode == 0, log
        return json.loads(printed)

    @contextmanager
    def start_api(self, port: int, log: Path) -> Iterator[str]:
        """Serve the API for the length of the `with` block; yields its address."""
        with log.open("w+b") as written:
            serving = subprocess.Popen(
                [*_documented("start-api"), *self._options, "--port", str(port)],
                cwd=ROOT,
                env=self._environment | {"PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                _wait_until_ready(serving, log)
                yield f"http://127.0.0.1:{port}"
            finally:
                # It ends its containers then, one after the other.
                serving.send_signal(signal.SIGTERM)
                serving.wait(_PATIENCE_S)


def _documented(command: str) -> list[str]:
    """The words of a `sam local` command in docs/local.md, for the processor of this machine."""
    found = re.search(
        rf"^\.tools/sam/bin/sam local {command} .*$",
        (ROOT / "docs/local.md").read_text(),
        re.MULTILINE,
    )
    assert found, f"docs/local.md has no `sam local {command}`"
    return shlex.split(found[0].replace("x86_64", "x86_64" if ARCH == "x86_64" else "arm64"))


def _wait_until_ready(serving: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while _READY not in log.read_text():
        assert serving.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(_POLL_S)


def ask(base: str, target: str, body: bytes | None = None) -> Answer:
    """GET a target unchanged, or POST a JSON body to it."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=_PATIENCE_S)
    headers = {"apikey": DEFAULT_API_KEY, "Accept": "application/json"}
    try:
        if body is None:
            connection.request("GET", target, headers=headers)
        else:
            connection.request("POST", target, body, headers | {"Content-Type": "application/json"})
        response = connection.getresponse()
        return Answer(response.status, json.loads(response.read()))
    finally:
        connection.close()
