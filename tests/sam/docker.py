"""The Docker that the tests use: the one that answers, or a dockerd of their own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
_PULL_TIMEOUT_S = 900.0
_POLL_S = 0.1
# `docker run` ends with it where Docker itself cannot start the container.
_DOCKER_FAILED = 125


class NotRun(Exception):
    """This machine cannot run containers; the message has the reason."""


class Docker:
    """The docker command, and what it reaches.

    Attributes:
        variables: environment variables that lead another client to the same Docker.
        own: whether the tests have started it.
    """

    def __init__(self, host: str = "") -> None:
        self.own = bool(host)
        self.variables = {"DOCKER_HOST": host} if host else {}

    def answers(self) -> bool:
        """Whether a Docker is there."""
        return bool(shutil.which("docker")) and self._start("info").returncode == 0

    def has(self, image: str) -> bool:
        """Whether an image is there, now or after a pull."""
        if self._start("image", "inspect", image).returncode == 0:
            return True
        try:
            return self._start("pull", image, timeout=_PULL_TIMEOUT_S).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def make(
        self, image: str, declared: tuple[str, ...], write: Callable[[IO[bytes]], None]
    ) -> None:
        """Make an image of what `write` writes into a tar archive."""
        changes = [word for change in declared for word in ("--change", change)]
        with subprocess.Popen(
            ["docker", "import", *changes, "-", image],
            env=os.environ | self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        ) as importing:
            assert importing.stdin is not None
            write(importing.stdin)
            importing.stdin.close()
            assert importing.wait() == 0

    def run(self, image: str, *command: str) -> str:
        """Return what a command prints in a container that has a name for this machine.

        Raises:
            NotRun: Docker does not start a container here.
        """
        done = self._start(
            *("run", "--rm", "--add-host", "host.docker.internal:host-gateway"),
            *("--entrypoint", command[0], image, *command[1:]),
        )
        if done.returncode == _DOCKER_FAILED:
            raise NotRun(f"Docker starts no container: {_line(done.stderr, 0)}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def remove_containers(self, build: Path) -> list[str]:
        """Remove the containers that have a function of a build in them; returns their ids."""
        listed = self._start(
            *("ps", "--all", "--no-trunc", "--filter", "label=sam.cli.container.type=lambda"),
            *("--format", "{{.ID}} {{.Mounts}}"),
        )
        left = [line.split()[0] for line in listed.stdout.splitlines() if f" {build}/" in line]
        if left:
            self._start("rm", "--force", *left)
        return left

    def remove_images(self, *references: str) -> None:
        """Remove images by patterns of their names."""
        filters = [f"--filter=reference={reference}" for reference in references]
        if found := self._start("images", "--quiet", *filters).stdout.split():
            self._start("rmi", "--force", *found)

    def _start(
        self, *arguments: str, timeout: float | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["docker", *arguments],
            env=os.environ | self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


@contextmanager
def running_docker(data: Path) -> Iterator[Docker]:
    """Find a Docker, or run one for the length of the `with` block.

    Args:
        data: folder where a Docker of the tests' own keeps its images.

    Raises:
        NotRun: none answers, and none can be started.
    """
    here = Docker()
    if here.answers():
        yield here
        return
    for program in ("docker", "dockerd"):
        if not shutil.which(program):
            raise NotRun(f"the program {program} is not installed")
    # The path of a socket is short: it would not fit below every checkout.
    with tempfile.TemporaryDirectory(prefix="dockerd-") as folder:
        own = Docker(f"unix://{folder}/docker.sock")
        with Path(folder, "log").open("w+b") as log:
            daemon = subprocess.Popen(
                [
                    *("dockerd", "--data-root", data, "--exec-root", f"{folder}/exec"),
                    *("--pidfile", f"{folder}/pid", "--host", own.variables["DOCKER_HOST"]),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # It has to outlive a Ctrl-C, to take part in the cleaning up.
                start_new_session=True,
            )
            try:
                _wait_until_ready(daemon, own, Path(folder, "log"))
                yield own
            finally:
                daemon.terminate()
                try:
                    daemon.wait(_STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()


def _wait_until_ready(daemon: subprocess.Popen[bytes], docker: Docker, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not docker.answers():
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise NotRun(f"dockerd does not start: {_line(log.read_text(), -1)}")
        time.sleep(_POLL_S)


def _line(text: str, number: int) -> str:
    return (text.strip().splitlines() or ["it gives no reason"])[number]
