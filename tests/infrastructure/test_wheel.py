"""The wheel in a clean environment, used in a folder that has a package `shared` of its own."""

import csv
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

from local.environment import DEFAULT_API_KEY
from tests.command_line import TIMEOUT_S, environment
from tests.docs.markdown import blocks, read
from tests.docs.test_readme import LOCAL_API
from tests.e2e.support import Up
from tests.infrastructure.support import ROOT, run

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MALICIOUS = 20


@dataclass(frozen=True)
class Installed:
    """The wheel, the folder of the environment's programs, and the folder to work in."""

    wheel: Path
    programs: Path
    folder: Path

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment in the folder, to its end."""
        program, *arguments = command
        return subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            env=environment(**variables),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    dist, clean, folder = (tmp_path_factory.mktemp(name) for name in ("dist", "clean", "project"))
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", dist)
    [wheel] = dist.glob("*.whl")
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, clean)
    locked = ROOT / "requirements" / "dev.txt"
    run(uv, "pip", "install", "--quiet", "--python", clean, "-c", locked, f"{wheel}[cli]")
    (folder / "shared").mkdir()
    (folder / "shared" / "__init__.py").write_text("OWNER = 'this folder'\n", encoding="utf-8")
    return Installed(wheel, clean / "bin", folder)


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    stack = Up()
    yield stack.base
    stack.stop()


def test_wheel_installs_one_package(installed: Installed) -> None:
    with ZipFile(installed.wheel) as archive:
        [record] = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
        paths = [row[0] for row in csv.reader(archive.read(record).decode().splitlines())]
    assert {path.split("/")[0] for path in paths} == {"iocrep", record.split("/")[0]}


def test_wheel_needs_no_library_of_the_functions(installed: Installed) -> None:
    listed = installed.run("python", "-c", "import aws_lambda_powertools")
    assert "No module named 'aws_lambda_powertools'" in listed.stderr


def test_command_runs_with_another_package_shared(installed: Installed) -> None:
    owner = installed.run("python", "-c", "import iocrep.client, shared; print(shared.OWNER)")
    assert owner.stdout == "this folder\n", owner.stderr
    for command in (("iocrep",), ("python", "-m", "iocrep")):
        done = installed.run(*command, "--version")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.split()[-1] == PROJECT["project"]["version"]


def test_command_looks_up_an_indicator(installed: Installed, api: str) -> None:
    variables = {"IOCREP_URL": api, "IOCREP_API_KEY": DEFAULT_API_KEY}
    done = installed.run("iocrep", "lookup", "--json", "hxxp://evil[.]example/", **variables)
    assert done.returncode == MALICIOUS, done.stderr
    assert '"verdict": "MALICIOUS"' in done.stdout


def test_documented_client_runs(installed: Installed, api: str) -> None:
    document = read("docs/client.md")
    [example], [shown] = blocks(document, "python"), blocks(document, "text")
    done = installed.run("python", "-c", example.text.replace(f"http://{LOCAL_API}", api))
    assert done.stdout == shown.text, done.stderr
