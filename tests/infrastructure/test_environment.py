"""Tests never rebuild the environment that they run in."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infrastructure.support import ROOT

# What tests have make build; each depends on the environment.
TARGETS = ("setup", "build", "sbom", ".tools/sam/.ready", ".tools/emulator/.ready")
STAMPS = (".venv/.synced", ".venv/.ready")
OLD, NEW = 1_000_000_000, 2_000_000_000


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with an environment that is up to date."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copytree(ROOT / "shared", tmp_path / "shared")
    (tmp_path / ".venv").mkdir()
    for path in (tmp_path / "pyproject.toml", *(tmp_path / "requirements").iterdir()):
        os.utime(path, (OLD, OLD))
    for age, name in enumerate(STAMPS, start=1):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (OLD + age, OLD + age))
    return tmp_path


def make(checkout: Path, target: str) -> subprocess.CompletedProcess[str]:
    assert "PYTEST_VERSION" in os.environ, "Makefile knows tests by it"
    return subprocess.run(
        ["make", target], cwd=checkout, capture_output=True, text=True, timeout=300, check=False
    )


def test_environment_that_is_up_to_date_is_used(checkout: Path) -> None:
    done = make(checkout, "setup")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("changed", ["requirements/dev.txt", "requirements/uv.txt"])
@pytest.mark.parametrize("target", TARGETS)
def test_stale_lock_is_an_error_that_names_make_setup(
    checkout: Path, target: str, changed: str
) -> None:
    os.utime(checkout / changed, (NEW, NEW))
    done = make(checkout, target)
    assert done.returncode != 0
    assert f"{changed} is newer than .venv" in done.stderr
    assert "make setup" in done.stderr
    assert sorted(path.name for path in (checkout / ".venv").iterdir()) == [".ready", ".synced"]


@pytest.mark.parametrize("target", ["setup", "build"])
def test_stale_project_is_an_error_that_names_make_setup(checkout: Path, target: str) -> None:
    os.utime(checkout / "pyproject.toml", (NEW, NEW))
    done = make(checkout, target)
    assert done.returncode != 0
    assert "pyproject.toml is newer than .venv" in done.stderr
    assert "make setup" in done.stderr
