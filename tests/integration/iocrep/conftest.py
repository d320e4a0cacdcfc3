"""The command line, run in this process or in one of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from iocrep.app import app
from tests.reputation_server import KEY, ReputationServer

Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[ReputationServer]:
    with ReputationServer() as running:
        yield running


@pytest.fixture
def environ(
    server: ReputationServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """What points `iocrep` at the server, and to no file of this machine."""
    for name in list(os.environ):
        if name.startswith("IOCREP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)
    return {
        "IOCREP_URL": server.url,
        "IOCREP_API_KEY": KEY,
        "IOCREP_CONFIG": str(tmp_path / "config.toml"),
    }


@pytest.fixture
def run(environ: dict[str, str]) -> Run:
    """Runs `iocrep` with arguments; `typed` is its standard input."""

    def invoke(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=typed, env=environ)

    return invoke
