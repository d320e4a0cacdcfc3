"""A TAXII client that asks for a month only for what was added holds what a full download holds."""

import os
import random
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import stix2
from taxii2client.v21 import Collection, as_pages

from functions.export import app
from functions.lookup import exports, taxii
from local.buckets import make_bucket
from local.context import LocalContext
from local.environment import DEFAULT_API_KEY
from local.handlers import load_gateway
from shared.domain.indicator import Indicator, IndicatorType, parse, parse_hash
from shared.domain.moment import format_millis
from shared.domain.verdict import Verdict
from shared.formats.exports import stix
from shared.store.api_keys import ApiKeys
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from shared.store.keys import ioc_key
from tests.builders import reputation
from tests.conftest import Store
from tests.contract.support import serving

START = 1_767_607_200_000
DAY = 86_400_000
TIMER: Any = LocalContext("export", 300)
INDICATORS = [
    *(parse(IndicatorType.IP, f"198.51.100.{number}") for number in range(1, 9)),
    *(parse(IndicatorType.DOMAIN, f"d{number}.example") for number in range(8)),
    *(parse_hash(f"{number:064x}") for number in range(1, 5)),
]


@pytest.fixture
def collection(
    fresh_handlers: None, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Collection]:
    """The collection of a stack whose addresses and names age within the month."""
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HALF_LIFE_IP", "2")
    monkeypatch.setenv("HALF_LIFE_DOMAIN", "4")
    monkeypatch.setattr(exports, "CACHED_S", 0.0)
    monkeypatch.setattr(stix, "MAX_OBJECTS", 6)
    make_bucket(os.environ["EXPORT_BUCKET"])
    boto3.resource("s3").Bucket(os.environ["EXPORT_BUCKET"]).objects.delete()
    ApiKeys(engine_store.client, engine_store.state_table).put(DEFAULT_API_KEY, "test", now=0)
    with serving(load_gateway()) as api:
        address = f"{api.base}{taxii.API_ROOT}/collections/{taxii.COLLECTION_ID}/"
        yield Collection(address, user="any", password=DEFAULT_API_KEY)


class Table:
    """The stored reputations; a change replaces the item."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._iocs = IocTable(store.client, store.table)

    def remove(self, indicator: Indicator) -> None:
        key = {"pk": {"S": ioc_key(indicator)}}
        self._store.boto3.delete_item(TableName=self._store.table, Key=key)

    def see(self, indicator: Indicator, verdict: Verdict, seen_at: int) -> None:
        self.remove(indicator)
        known = reputation(indicator, seen_at=seen_at, verdict=verdict)
        assert self._iocs.write(IocItem(known, b"12345678"), None)


def downloaded(collection: Collection, **query: Any) -> list[dict[str, Any]]:
    pages = as_pages(collection.get_objects, per_request=4, type="indicator", **query)
    found = [one for page in pages for one in page.get("objects", [])]
    for one in found:
        stix2.parse(one, allow_custom=False, version="2.1")
    return found


def test_a_client_that_asks_for_what_was_added_holds_the_full_download(
    collection: Collection, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(5)  # noqa: S311
    table = Table(engine_store)
    held: dict[str, dict[str, Any]] = {}
    revoked: list[str] = []
    expired: set[str] = set()
    names: set[str] = set()
    back = 0
    last = ""
    clock = [0]
    monkeypatch.setattr(app, "now_ms", lambda: clock[0])
    for day in range(30):
        now = START + day * DAY
        for indicator in rng.sample(INDICATORS, 3):
            if rng.random() < 0.15:
                table.remove(indicator)
            else:
                verdict = rng.choice([*Verdict, Verdict.MALICIOUS, Verdict.MALICIOUS])
                table.see(indicator, verdict, now - rng.randrange(DAY))
        clock[0] = now
        app.lambda_handler({}, TIMER)

        # On some days the client does not ask.
        if rng.random() < 0.3:
            continue
        for one in downloaded(collection, **({"added_after": last} if last else {})):
            assert one["id"] not in revoked
            last = one["modified"]
            if one.get("revoked"):
                revoked.append(one["id"])
                held.pop(one["id"], None)
            else:
                held[one["id"]] = one
                back += one["id"] in expired
        moment = format_millis(now)
        ended = {name for name, one in held.items() if one.get("valid_until", "9") <= moment}
        expired |= ended
        for name in ended:
            del held[name]
        full = downloaded(collection)
        assert held == {one["id"]: one for one in full if not one.get("revoked")}
        assert {one["id"] for one in full if one.get("revoked")} == set(revoked)
        names.update(one["name"] for one in full if one.get("revoked"))
    # The month had all that can happen to an indicator.
    assert len(revoked) > 5
    assert len(expired) > 5
    assert back
    assert {one["name"] for one in held.values()} & names
