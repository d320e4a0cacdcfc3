"""What a start of the look-ups has no time for: every import is paid for by whoever asks first."""

import os
import subprocess
import sys

import pytest

from local.environment import DEFAULTS

# With each name goes everything below it.
NOT_IMPORTED = (
    "asyncio",
    "aws_xray_sdk",
    "feedparser",
    "functions.export",
    "functions.filter",
    "functions.ingest",
    "functions.providers",
    "functions.publish",
    "jsonschema",
    "local",
    "poppy",
    "pydantic",
    "requests",
    "shared.client",
    "shared.feed",
    "shared.exports",
    "shared.filters",
    "shared.store.exports",
    "shared.store.filters",
    "shared.store.objects",
    "shared.providers",
)


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """The modules of a fresh process that is ready to answer, where there are providers to ask."""
    environment = {**os.environ, **DEFAULTS} | {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "PROVIDERS": "urlhaus",
        "PROVIDER_KEYS_PATH": "/keys",
    }
    start = "import functions.lookup.app, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", start],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", NOT_IMPORTED)
def test_a_start_leaves_out(imported: set[str], name: str) -> None:
    assert "functions.lookup.app" in imported
    assert {one for one in imported if one == name or one.startswith(f"{name}.")} == set()
