"""The commands that list and download, against the handlers with an index and exports."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from iocrep.app import app
from iocrep.errors import Exit
from iocrep.sightings import COLUMNS
from local.environment import DEFAULT_API_KEY
from local.handlers import load_gateway
from tests.contract.support import serving

SCAN = "66b3763be7dbbbdfcd0b0002"


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    return {
        "IOCREP_API_KEY": DEFAULT_API_KEY,
        "IOCREP_CONFIG": str(tmp_path / "config.toml"),
        "COLUMNS": "140",
    }


def run(environ: dict[str, str], *arguments: str, **more: str) -> Result:
    return CliRunner().invoke(app, arguments, env=environ | more)


def objects(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == Exit.NOTHING_BAD, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_sightings(circle: list[str], environ: dict[str, str]) -> None:
    with serving(load_gateway()) as api:
        environ["IOCREP_URL"] = api.base
        seen = objects(run(environ, "sightings", "loader[.]example", "--json"))
        assert [one["flow_id"] for one in seen] == [SCAN, "66b3763be7dbbbdfcd0b0001"]
        assert {(one["type"], one["value"]) for one in seen} == {("domain", "loader.example")}
        assert all(one["evidence"] for one in seen)

        of_scan = objects(run(environ, "report", SCAN, "--json"))
        assert ("domain", "loader.example") in {(one["type"], one["value"]) for one in of_scan}

        newest = objects(run(environ, "recent", "--json", "--verdict", "malicious"))
        assert {one["verdict"] for one in newest} == {"MALICIOUS"}
        domains = run(environ, "recent", "--type", "domain", "--csv")
        rows = list(csv.DictReader(io.StringIO(domains.stdout)))
        assert tuple(rows[0]) == COLUMNS
        assert {row["type"] for row in rows} == {"domain"}
        assert json.loads(rows[0]["evidence"])
        # The limit holds over pages and within one.
        assert len(objects(run(environ, "recent", "--json", "--limit", "2"))) == 2

        for columns in ("60", "140"):
            table = run(environ, "sightings", "loader.example", COLUMNS=columns).stdout
            assert max(map(len, table.splitlines())) <= int(columns)
            assert "LIKELY_MALICIOUS" in table
            assert (SCAN in table) == (columns == "140")

        none = run(environ, "sightings", "never.seen.example")
        assert (none.exit_code, none.output) == (Exit.NOTHING_BAD, "nothing found\n")
        for arguments in (("report", "no-such-scan"), ("recent", "--type", "number")):
            failed = run(environ, *arguments)
            assert failed.exit_code == Exit.FAILED
            assert failed.output.startswith("error: ")


def test_exports(published_filter: dict[str, Any], environ: dict[str, str], tmp_path: Path) -> None:
    with serving(load_gateway()) as api:
        environ["IOCREP_URL"] = api.base
        listed = objects(run(environ, "export", "--json"))
        name = "blocklist/domain-malicious.txt"
        assert name in {one["name"] for one in listed}
        shown = run(environ, "export", name)
        assert "evil.example" in shown.stdout.splitlines()
        out = tmp_path / "domains.txt"
        assert run(environ, "export", name, "-o", str(out)).output == ""
        assert out.read_text() == shown.stdout
        failed = run(environ, "export", "blocklist/nothing.txt", "-o", str(out))
        assert failed.exit_code == Exit.FAILED
        assert out.read_text() == shown.stdout
