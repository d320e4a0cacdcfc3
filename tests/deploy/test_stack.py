"""A stack in the emulator, left alone: its timer fires, the table fills, look-ups are answered."""

import json
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from local.feed import SAMPLE_DOMAIN, SAMPLE_HASH
from local.template import load_template
from tests.deploy.support import SAMPLE_IOCS, Account, User, metric_math, wait_until

# Its query is a part of it: a front that decodes the path would answer for another URL.
UNKNOWN_URL = "http://unknown.example/path?a=1&b=%2F"


@pytest.fixture(scope="module")
def outputs(account: Account, stack: str) -> dict[str, str]:
    return account.outputs(stack)


@pytest.fixture(scope="module")
def filled(account: Account, outputs: dict[str, str]) -> str:
    """The name of the IOC table, once the timer has fired; only the timer invokes the function."""
    table = outputs["IocTableName"]
    count = partial(account.items, table)
    wait_until(lambda: count() >= SAMPLE_IOCS)
    return table


@pytest.fixture(scope="module")
def key(user: User, outputs: dict[str, str]) -> str:
    """An API key in the stack's table."""
    tables = f"TABLE_NAME={outputs['IocTableName']} STATE_TABLE_NAME={outputs['StateTableName']}"
    return user.types(
        f"{tables} .venv/bin/python -m local keys create --aws test 2>/dev/null"
    ).strip()


def test_everything_that_hangs_on_no_condition_is_there(account: Account, stack: str) -> None:
    there = account.resources(stack)
    template = load_template()
    declared = {name for name, one in template["Resources"].items() if "Condition" not in one}
    declared -= set(metric_math())
    # The layer's logical id ends with a digest of its content.
    missing = {name for name in declared if not any(one.startswith(name) for one in there)}
    assert missing == set()
    assert {"LookupFunctionAliaslive", "IngestFunctionTimer"} <= there.keys()


def test_timer_fires_by_itself_and_the_table_fills(account: Account, filled: str) -> None:
    assert account.items(filled) == SAMPLE_IOCS


@pytest.mark.parametrize("output", ["ApiUrl", "LookupUrl"])
def test_look_ups_are_answered_over_http(
    account: Account, outputs: dict[str, str], filled: str, key: str, output: str
) -> None:
    """By the routes of the REST API, and by the function URL."""
    base = outputs[output].rstrip("/")

    def ask(path: str, **headers: str) -> tuple[int, Any]:
        answer = account.get(base + path, headers)
        return answer.status_code, answer.json()

    assert ask("/health") == (200, {"status": "ok"})
    assert ask(f"/v4/domain/{SAMPLE_DOMAIN}")[0] == 401
    status, found = ask(f"/v4/domain/{SAMPLE_DOMAIN}", apikey=key)
    assert (status, found["lookup_results"]["detected_by"]) == (200, 1)
    _, found = ask(f"/v4/hash/{SAMPLE_HASH}", apikey=key)
    assert found["scan_results"]["scan_all_result_a"] == "Infected"
    assert ask(f"/v4/hash/{'0' * 64}", apikey=key)[0] == 404
    status, found = ask(f"/v4/url/{quote(UNKNOWN_URL, safe='')}", apikey=key)
    assert (status, found["address"]) == (200, UNKNOWN_URL)


def test_what_the_emulator_leaves_out(account: Account, outputs: dict[str, str]) -> None:
    """tests/infrastructure/test_template.py asserts these on the expanded template.

    If this fails, the emulator has learned something, and the tests here can use it.
    """
    apis = account.client("apigateway")
    operation = {"x-amazon-apigateway-integration": {"type": "mock"}}
    paths = {"/any": {"x-amazon-apigateway-any-method": operation}}
    body = {"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": paths}
    api = apis.import_rest_api(body=json.dumps(body))["id"]
    resources = apis.get_resources(restApiId=api)["items"]
    assert not [one for one in resources if "ANY" in one.get("resourceMethods", {})]
    apis.delete_rest_api(restApiId=api)
    tables = account.client("dynamodb")
    table = outputs["IocTableName"]
    expiry = tables.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] == "DISABLED"
    backups = tables.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "DISABLED"
