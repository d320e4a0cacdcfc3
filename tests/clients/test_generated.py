"""Clients that generators make of the OpenAPI document read the answers of the local service."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.environment import DEFAULT_API_KEY
from local.feed import SAMPLE_HASH
from local.openapi import DOCUMENT
from tests.command_line import ROOT
from tests.e2e.support import Up

BIN = ROOT / ".tools" / "clients" / "bin"
EXPECTED = {
    "hash": "HashReport",
    "unknown hash": "404",
    "hashes": "BulkHashAnswer",
    "file reputation": "FileReputation",
    "ip": "IpReport",
    "unknown ip": "IpReport",
    "ips": "BulkIpAnswer",
    "domain": "DomainReport",
    "domains": "BulkDomainAnswer",
    "url": "UrlReport",
    "urls": "BulkUrlAnswer",
    "search": "SearchAnswer",
    "recent": "SeenIndicators",
    "feed": "Feeds",
    "providers": "Providers",
    "version": "Version",
    "key": "KeyInfo",
    "used": "LimitsUsed",
    "left": "LimitsRemaining",
}
GENERATORS = {
    "openapi_python_client": "openapi-python-client generate --meta none --path {document} "
    "--output-path ioc_reputation_client",
    "openapi_generator": "openapi-generator-cli generate -g python -i {document} -o . "
    "--package-name ioc_reputation",
}


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    stack = Up()
    yield stack
    stack.stop()


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generated_client_reads_every_answer(up: Up, tmp_path: Path, name: str) -> None:
    program, *options = GENERATORS[name].format(document=DOCUMENT).split()
    environment = {"PATH": f"{BIN}:/usr/bin:/bin", "PYTHONPATH": str(tmp_path)}

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(BIN / program, *options)
    calls = Path(__file__).with_name(f"calls_of_{name}.py")
    answered = run(BIN / "python", calls, up.base, DEFAULT_API_KEY, SAMPLE_HASH)
    assert json.loads(answered) == EXPECTED
