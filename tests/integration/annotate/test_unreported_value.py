"""A value that only an analyst knows is exported and announced."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from functions.changes.change import change_in
from functions.export import app as export
from local.buckets import make_bucket
from local.changes import stream_records
from local.context import LocalContext
from local.events import Request, http_event, http_response
from local.handlers import load_gateway
from shared.store.api_keys import ALL_RIGHTS, DEFAULT_RIGHTS, ApiKeys
from shared.store.exports import export_bucket
from tests.builders import raw_ioc, raw_report
from tests.changes import VALIDATOR
from tests.conftest import Store

ANALYST, CLIENT = "a" * 32, "c" * 32
NAME = "updates.customer.example"
PATH = f"/v4/ioc/domain/{NAME}"
START_S = 1_748_764_800
DAY_MS = 86_400_000
REPEATS = 1000


@pytest.fixture
def ask(
    engine_store: Store, fresh_handlers: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Sends a request through the REST API and returns the body of the answer."""
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    keys = ApiKeys(engine_store.client, engine_store.state_table)
    keys.put(ANALYST, "Ann", 0, rights=ALL_RIGHTS)
    keys.put(CLIENT, "help desk", 0, rights=DEFAULT_RIGHTS)
    make_bucket(os.environ["EXPORT_BUCKET"])
    boto3.resource("s3").Bucket(os.environ["EXPORT_BUCKET"]).objects.delete()
    gateway = load_gateway()

    def answer(method: str, path: str, body: Any = None, key: str = CLIENT) -> Any:
        headers = [(b"apikey", key.encode()), (b"content-type", b"application/json")]
        sent = b"" if body is None else json.dumps(body).encode()
        request = Request(method, path.encode(), headers=headers, body=sent)
        event = http_event(request, "one", datetime.now(UTC))
        result = http_response(gateway(event, LocalContext("one", 29)))
        assert result.status == 200, result.body
        return json.loads(result.body)

    return answer


def scan(number: int) -> dict[str, Any]:
    """A report that calls the customer's domain malicious."""
    iocs = {"domain": [raw_ioc(NAME, "MALICIOUS")]}
    return raw_report(f"flow-{number}", date=START_S + number, iocs=iocs)


def lines(name: str) -> list[str]:
    """The lines of a published file; none if it is not published."""
    bucket = export_bucket(os.environ["EXPORT_BUCKET"], timeout_s=5, attempts=1)
    index = bucket.index()
    assert index
    content = bucket.read(index, name)
    return [] if content is None else content.decode().splitlines()


def exported() -> dict[str, Any]:
    """Whether each export calls the domain bad, and the ids of its STIX indicators."""
    context: Any = LocalContext("export", 300)
    export.lambda_handler({}, context)
    stix = json.loads("".join(lines("stix/0001.json")) or '{"objects": []}')
    indicators = [one for one in stix["objects"] if one["type"] == "indicator"]
    misp = [
        attribute
        for event in json.loads("".join(lines("misp/manifest.json")))
        for attribute in json.loads("".join(lines(f"misp/{event}.json")))["Event"]["Attribute"]
    ]
    return {
        "block list": NAME in lines("blocklist/domain-malicious.txt"),
        "rpz": any(NAME in line for line in lines("blocklist/domain-malicious.rpz")),
        "misp": any(one["value"] == NAME and one["to_ids"] for one in misp),
        "stix": {one["id"]: one.get("revoked", False) for one in indicators},
    }


def images(store: Store) -> dict[str, Any]:
    return {item["pk"]["S"]: item for item in store.items()}


def test_a_value_that_only_an_analyst_knows_is_exported_and_announced(
    engine_store: Store, ask: Callable[..., Any]
) -> None:
    before = images(engine_store)
    body = {"verdict": "MALICIOUS", "reason": "seen in an attack"}
    ask("PUT", f"{PATH}/verdict", body, key=ANALYST)
    found = exported()
    assert (found["block list"], found["rpz"], found["misp"]) == (True, True, True)
    assert list(found["stix"].values()) == [False]
    after = images(engine_store)
    [record] = stream_records(before, after)
    change = change_in(record)
    assert change is not None
    assert (change["previous_verdict"], change["verdict"]) == (None, "MALICIOUS")
    VALIDATOR.validate(change)
    ask("DELETE", f"{PATH}/verdict", key=ANALYST)
    [record] = stream_records(after, images(engine_store))
    gone = change_in(record)
    assert gone is not None
    assert (gone["previous_verdict"], gone["verdict"]) == ("MALICIOUS", None)
    VALIDATOR.validate(gone)
