"""A thousand hashes in one request: rows in order, and no read too many."""

import itertools
import json
from collections import Counter
from typing import Any

import pytest

import functions.lookup.app as lookup
from functions.lookup.service import Service
from local.context import LocalContext
from local.environment import ENDPOINT
from shared.domain.indicator import HASH_TYPES
from shared.domain.verdict import Verdict
from shared.store.direct import direct_client
from tests.conftest import Store
from tests.contract.support import KEY, of_verdict
from tests.fakes import HookedClient

KNOWN = [of_verdict(*one).value for one in itertools.product(sorted(HASH_TYPES), Verdict)]


@pytest.fixture
def calls(engine: str, filled_store: Store, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The handler on a client that counts its calls by operation."""
    counted: Counter[str] = Counter()

    def counting_client(**settings: Any) -> HookedClient:
        return HookedClient(direct_client(**settings), before=lambda name: counted.update([name]))

    for name, value in (filled_store.env() | {ENDPOINT: engine}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lookup, "direct_client", counting_client)
    # Not through its cache: the other tests go on with the service that is in it.
    service: Service = lookup._service.__wrapped__()
    monkeypatch.setattr(lookup, "_service", lambda: service)
    return counted


def post_hashes(hashes: list[str]) -> Any:
    event = {
        "rawPath": "/v4/hash",
        "requestContext": {"http": {"method": "POST"}},
        "headers": {"apikey": KEY, "content-type": "application/json", "includescandetails": "1"},
        "body": json.dumps({"hash": hashes}),
    }
    context: Any = LocalContext("lookup", 10)
    result = lookup.lambda_handler(event, context)
    assert result["statusCode"] == 200, result["body"]
    return json.loads(result["body"])["data"]


def assert_rows(rows: Any, hashes: list[str]) -> None:
    assert [row["hash"] for row in rows] == [one.upper() for one in hashes]
    for row in rows:
        assert (row["scan_result_i"] != 5) == (row["hash"] in KNOWN)


def test_a_thousand_hashes_take_ten_reads(calls: Counter[str]) -> None:
    unknown = [f"{number:040x}" for number in range(1000 - len(KNOWN))]
    # Spread, so that rows in the order of the store differ from rows in order.
    hashes = [*unknown]
    for number, one in enumerate(KNOWN):
        hashes.insert(number * 65, one.lower())
    assert len(set(hashes)) == 1000
    assert_rows(post_hashes(hashes), hashes)
    # The key is found, and the thousand are taken from its allowance, in one call each.
    assert calls == {"get_item": 1, "update_item": 1, "batch_get_item": 10}


def test_a_hash_that_is_asked_for_often_is_read_once(calls: Counter[str]) -> None:
    unknown = [f"{number:032x}" for number in range(100 - len(KNOWN))]
    hashes = [
        one.upper() if turn % 2 else one.lower() for turn in range(10) for one in (*KNOWN, *unknown)
    ]
    assert len(hashes) == 1000
    assert_rows(post_hashes(hashes), hashes)
    assert calls["batch_get_item"] == 1
