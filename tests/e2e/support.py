"""The local commands as a user runs them: processes, pipes and HTTP."""

import http.client
import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from local.environment import DEFAULT_API_KEY
from tests.command_line import ROOT, TIMEOUT_S, environment


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: http.client.HTTPMessage


def ask(base: str, target: str, key: str | None = DEFAULT_API_KEY) -> Answer:
    """GET a target unchanged: nothing is encoded on the way."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=TIMEOUT_S)
    try:
        connection.request("GET", target, headers={"apikey": key} if key else {})
        response = connection.getresponse()
        return Answer(response.status, json.loads(response.read()), response.headers)
    finally:
        connection.close()


class Up:
    """`python -m local up` on a free port, from its start to its end.

    Attributes:
        said: the lines it has printed.
        base: address of its API.
    """

    def __init__(self, **variables: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local", "up"],
            cwd=ROOT,
            env=environment(PORT="0", **variables),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.said: list[str] = []
        for line in self._process.stdout:
            self.said.append(line.rstrip("\n"))
            if "Ctrl-C" in line:
                break
        self.base = self._address_after("API on ")
        self.engine = self._address_after("engine at ")

    def _address_after(self, words: str) -> str:
        found = re.search(words + r"(http://127\.0\.0\.1:\d+)", "\n".join(self.said))
        if found is None:
            status = self.stop()
            raise AssertionError(f"it ended with status {status} and printed {self.said}")
        return found[1]

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit status."""
        self._process.send_signal(number)
        with self._process:
            return self._process.wait(TIMEOUT_S)
