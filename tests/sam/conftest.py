"""A Docker with an image, a build, and the engine and the feed that containers reach."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest

from local.engine import free_port, running_engine
from local.environment import ENDPOINT
from local.feed import sample_feed
from tests.command_line import ROOT, environment
from tests.deploy.support import ARCH
from tests.infrastructure.support import run
from tests.sam.docker import Docker, NotRun, running_docker
from tests.sam.stand_in import DECLARED, write_image
from tests.sam.support import Row, SamLocal, table

KEPT = ROOT / ".tools" / "docker"
# `.ci/run` looks for it: `make` has one status for all failures.
NOT_RUN = KEPT / "not-run"
NOT_RUN_STATUS = 77
PYTHON = ROOT / ".tools" / "emulator" / "bin" / "python"

IMAGE = f"public.ecr.aws/lambda/python:3.13-{'x86_64' if ARCH == 'x86_64' else 'arm64'}"
STAND_IN = "ioc-reputation/lambda-stand-in:python3.13"
# As local/sam-env.json has them.
NAME_OF_HOST = "host.docker.internal"
ENGINE_PORT, FEED_PORT = 8000, 8080

# The demo key, as `make run` lets it in.
_LET_IN = (
    "from local import environment; environment.prepare();"
    "from local.api import register_api_key; register_api_key()"
)
_rows = pytest.StashKey[list[Row]]()


@dataclass(frozen=True)
class Containers:
    """What the containers run in.

    Attributes:
        docker: the Docker.
        image: options of `sam local` that name the image.
        host: the address of this machine for which containers have a name.
    """

    docker: Docker
    image: list[str]
    host: str


@pytest.fixture(scope="session")
def containers() -> Iterator[Containers]:
    with ExitStack() as stack:
        try:
            docker = stack.enter_context(running_docker(KEPT / "data"))
            image = _image(docker)
            named = f"import socket; print(socket.gethostbyname('{NAME_OF_HOST}'))"
            host = docker.run(image, "/var/lang/bin/python3.13", "-c", named).strip()
        except NotRun as reason:
            _end(str(reason))
        options = ["--skip-pull-image", *([] if image == IMAGE else ["--invoke-image", image])]
        yield Containers(docker, options, host if _is_here(host) else "127.0.0.1")
        docker.remove_images(STAND_IN, *(["samcli/lambda-python"] if docker.own else []))


def _image(docker: Docker) -> str:
    """Name of Lambda's image, or of its stand-in if that cannot be pulled."""
    if docker.has(IMAGE):
        return IMAGE
    if not run("make", "--silent", "-C", "shared", "runtime-python").strip():
        raise NotRun(f"{IMAGE} cannot be pulled, and without a Python 3.13 nothing replaces it")
    run("make", ".tools/emulator/.ready")
    docker.make(STAND_IN, DECLARED, partial(write_image, python=PYTHON))
    return STAND_IN


def _is_here(address: str) -> bool:
    """Whether it is of this machine: Docker Desktop has another that leads to the loopback."""
    try:
        socket.create_server((address, 0)).close()
    except OSError:
        return False
    return True


def _end(reason: str) -> NoReturn:
    NOT_RUN.write_text(f"NOT RUN: make test-sam: {reason}\n")
    pytest.exit(f"NOT RUN: {reason}", NOT_RUN_STATUS)


@pytest.fixture(scope="session")
def engine(containers: Containers) -> Iterator[str]:
    """An engine with the tables and the demo key, where containers reach it."""
    with running_engine(host=containers.host) as endpoint:
        for arguments in (["-m", "local", "tables"], ["-c", _LET_IN]):
            subprocess.run(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=environment(**{ENDPOINT: endpoint}),
                check=True,
            )
        yield endpoint


@pytest.fixture(scope="session")
def feed(containers: Containers) -> Iterator[str]:
    """The sample feed, where containers reach it."""
    with sample_feed(containers.host) as url:
        yield url


@pytest.fixture(scope="session")
def sam(
    containers: Containers, engine: str, feed: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SamLocal]:
    """The commands, over a build for the processor of this machine."""
    build = KEPT / "build"
    run("make", "build", f"ARCH={ARCH}", f"BUILD_DIR={build}")
    # The ports that the file names may be taken.
    named = (ROOT / "local" / "sam-env.json").read_text()
    for port, address in ((ENGINE_PORT, engine), (FEED_PORT, feed)):
        assert f"{NAME_OF_HOST}:{port}" in named
        named = named.replace(f"{NAME_OF_HOST}:{port}", f"{NAME_OF_HOST}:{urlsplit(address).port}")
    variables = tmp_path_factory.mktemp("variables") / "sam-env.json"
    variables.write_text(named)
    yield SamLocal(build, variables, containers.docker.variables, containers.image)
    # `sam local` ends its containers by itself.
    assert containers.docker.remove_containers(build) == []


@pytest.fixture(scope="session", autouse=True)
def timer_run(sam: SamLocal, rows: list[Row]) -> Any:
    """What the timer's run has read, before anything is looked up."""
    return sam.invoke("IngestFunction", ROOT / "events" / "scheduler-ingest.json")


@pytest.fixture(scope="session")
def api(sam: SamLocal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the API that `sam local start-api` serves."""
    with sam.start_api(free_port(), tmp_path_factory.mktemp("api") / "log") as base:
        yield base


@pytest.fixture(scope="session")
def rows(pytestconfig: pytest.Config) -> list[Row]:
    """The lines of the table, to be added to."""
    return pytestconfig.stash.setdefault(_rows, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if found := config.stash.get(_rows, []):
        terminalreporter.section("what sam local answered")
        for line in table(found):
            terminalreporter.write_line(line)
