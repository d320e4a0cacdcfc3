"""`python -m local tables` and `python -m local ingest` against an engine that others share."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from local.engine import running_engine
from local.feed import sample_feed
from tests.command_line import run_local

IOCS = "twice-iocs"


@pytest.fixture
def variables() -> Iterator[dict[str, str]]:
    with running_engine() as engine, sample_feed() as feed:
        yield {
            "AWS_ENDPOINT_URL_DYNAMODB": engine,
            "FEED_URL": feed,
            "TABLE_NAME": IOCS,
            "STATE_TABLE_NAME": "twice-state",
        }


def items(engine: str) -> list[dict[str, Any]]:
    client = boto3.client("dynamodb", endpoint_url=engine)
    found: list[Any] = client.scan(TableName=IOCS, ConsistentRead=True)["Items"]
    return sorted(found, key=lambda item: str(item["pk"]))


def test_a_second_run_writes_no_ioc(variables: dict[str, str]) -> None:
    engine = variables["AWS_ENDPOINT_URL_DYNAMODB"]
    assert run_local("tables", **variables).returncode == 0

    first = run_local("ingest", **variables)
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    stored = items(engine)
    assert summary["complete"] is True
    assert summary["pages"] == 3
    assert summary["quarantined"] == 7
    assert summary["iocs_new"] == len(stored) > 30

    second = run_local("ingest", **variables)
    assert second.returncode == 0, second.stderr
    summary = json.loads(second.stdout)
    assert (summary["iocs_new"], summary["iocs_changed"]) == (0, 0)
    assert items(engine) == stored


def test_a_feed_that_is_not_there_is_a_failed_run(variables: dict[str, str]) -> None:
    run_local("tables", **variables)
    result = run_local("ingest", **variables | {"FEED_URL": variables["FEED_URL"] + "/nothing"})
    assert result.returncode == 1
    assert json.loads(result.stdout)["complete"] is False
    assert "Traceback" not in result.stderr


def test_tables_that_are_not_there_make_a_failed_run(variables: dict[str, str]) -> None:
    result = run_local("ingest", **variables)
    assert result.returncode == 1
    assert json.loads(result.stdout)["complete"] is False
    assert "Traceback" not in result.stderr


def test_a_setting_that_the_handler_refuses_is_told_in_one_line(
    variables: dict[str, str],
) -> None:
    result = run_local("ingest", **variables, TTL="soon")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("error: TTL")
    assert "Traceback" not in result.stderr


def test_going_back_in_the_feed_changes_no_count(variables: dict[str, str]) -> None:
    engine = variables["AWS_ENDPOINT_URL_DYNAMODB"]
    run_local("tables", **variables)
    run_local("ingest", **variables)
    stored = items(engine)
    result = run_local("reingest", "--since", "2025-01-01", **variables)
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["known"] < summary["reports"]
    assert summary["iocs_unchanged"] > 0
    assert items(engine) == stored


def test_a_date_that_is_none_is_told_in_one_line(variables: dict[str, str]) -> None:
    run_local("tables", **variables)
    result = run_local("reingest", "--since", "yesterday", **variables)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("error: date")
