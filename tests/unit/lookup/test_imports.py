"""Imports that a start of the look-ups must avoid: the first client waits for each of them."""

import os
import subprocess
import sys

import pytest

from local.environment import DEFAULTS

# With each name goes everything below it.
NOT_IMPORTED = (
    "asyncio",
    "aws_lambda_powertools",
    "aws_xray_sdk",
    "boto3",
    "botocore.client",
    "certifi",
    "concurrent",
    "functions.export",
    "functions.filter",
    "functions.ingest",
    "functions.providers",
    "functions.publish",
    "http.client",
    "jsonschema",
    "maxminddb",
    "local",
    "poppy",
    "pydantic",
    "requests",
    "shared.client",
    "shared.formats.feed",
    "shared.formats.exports",
    "shared.formats.bloom_filter",
    "shared.store.exports",
    "shared.store.filters",
    "shared.store.objects",
    "shared.formats.lists",
    "shared.http.fetch",
    "urllib3",
)


def started(tell: str) -> list[str]:
    """Output of a fresh process that is ready to answer, with on-demand providers."""
    environment = {**os.environ, **DEFAULTS} | {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "PROVIDERS": "urlhaus",
        "PROVIDER_KEYS_PATH": "/keys",
        # Another test of the same process may have switched these options on.
        "SEARCH_TABLE_NAME": "",
        "FILTER_BUCKET": "",
        "EXPORT_BUCKET": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import gc, sys, functions.lookup.app; print({tell})"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """The modules of such a process."""
    return set(started("*sys.modules"))


@pytest.mark.parametrize("name", NOT_IMPORTED)
def test_a_start_leaves_out(imported: set[str], name: str) -> None:
    assert "functions.lookup.app" in imported
    assert {one for one in imported if one == name or one.startswith(f"{name}.")} == set()


def test_the_collector_is_spared_what_the_start_has_made() -> None:
    frozen, left = map(int, started("gc.get_freeze_count(), len(gc.get_objects())"))
    assert frozen > 100 * left
