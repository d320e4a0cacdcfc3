"""A failing store: an answer is right or an error, never partial or wrongly "unknown"."""

import itertools
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from functions.lookup.app import lambda_handler
from local.context import LocalContext
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.store.iocs import IocTable
from tests.conftest import Store
from tests.fakes import HookedClient

EVENTS = Path(__file__).parents[3] / "events"
MANY = [Indicator(IndicatorType.DOMAIN, f"{n}.example") for n in range(1000)]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "BatchGetItem"),
        ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "BatchGetItem"),
        ReadTimeoutError(endpoint_url="http://store.example"),
    ],
)
@pytest.mark.parametrize("failing", [1, 5, 10])
def test_one_batch_that_fails_fails_the_whole_request(
    engine_store: Store, error: Exception, failing: int
) -> None:
    calls = itertools.count(1)

    def fail(_: str) -> None:
        if next(calls) == failing:
            raise error

    client: Any = HookedClient(engine_store.client, before=fail)
    with pytest.raises(StoreError):
        IocTable(client, engine_store.table).find_many(MANY)


@pytest.fixture
def silent_store(fresh_handlers: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A store that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        yield


@pytest.mark.usefixtures("silent_store")
@pytest.mark.parametrize("name", ["hash", "ip", "bulk-url", "apikey"])
def test_a_store_that_hangs_is_told_in_the_shape_of_the_contract(name: str) -> None:
    event = json.loads((EVENTS / f"apigateway-aws-proxy-{name}.json").read_text())
    context: Any = LocalContext("lookup", 10)
    result = lambda_handler(event, context)
    body = json.loads(result["body"])
    assert (result["statusCode"], body["error"]["code"]) == (503, 503001)
    assert body["success"] is False
    assert "127.0.0.1" not in result["body"]


@pytest.mark.usefixtures("silent_store")
def test_health_does_not_ask_the_store() -> None:
    event = json.loads((EVENTS / "apigateway-aws-proxy-health.json").read_text())
    context: Any = LocalContext("lookup", 10)
    assert lambda_handler(event, context)["statusCode"] == 200
