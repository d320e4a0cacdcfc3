"""The template, expanded once, the artifacts, built once, and the runtime, for the whole layer."""

import json
import platform
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.infrastructure.support import ROOT, Artifacts, Template, run


@pytest.fixture(scope="session")
def sam_tools() -> Path:
    run("make", ".tools/sam/.ready")
    return ROOT / ".tools" / "sam" / "bin"


@pytest.fixture(scope="session")
def template(sam_tools: Path) -> Template:
    """The template as CloudFormation sees it: what SAM adds is in it."""
    return expanded(sam_tools)


@pytest.fixture(scope="session")
def gradual(sam_tools: Path) -> Template:
    """The same where a new version of the look-ups goes live by a canary."""
    return expanded(sam_tools, Rollout="Canary10Percent5Minutes")


def expanded(sam_tools: Path, **parameters: str) -> Template:
    job = {"template": "template.yaml", "parameters": parameters, "second": 1, "lint": False}
    (done,) = expansions(sam_tools, [job])
    template: Template = done["template"]
    return template


def expansions(sam_tools: Path, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What expand.py makes of jobs, in two processes."""

    def work(some: list[dict[str, Any]]) -> list[dict[str, Any]]:
        expand = (sam_tools / "python", "-m", "tests.infrastructure.expand")
        done: list[dict[str, Any]] = json.loads(run(*expand, stdin=json.dumps(some)))
        return done

    half = (len(jobs) + 1) // 2
    with ThreadPoolExecutor() as pool:
        done = pool.map(work, [jobs[:half], jobs[half:]] if half < len(jobs) else [jobs])
    return list(chain.from_iterable(done))


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """What gets deployed."""
    return Artifacts("aarch64", tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="session")
def host_artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """The same for the processor of this machine, so that it can be started here."""
    arch = "aarch64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
    return Artifacts(arch, tmp_path_factory.mktemp("host-artifacts"))


@pytest.fixture(scope="session")
def runnable_build(host_artifacts: Artifacts) -> Path:
    """The same again, with the Lambda runtime."""
    if not run("make", "--silent", "-C", "shared", "runtime-python").strip():
        pytest.skip("no Python 3.13 on this machine, which the functions are built for")
    run("make", ".tools/emulator/.ready")
    return host_artifacts.folder
