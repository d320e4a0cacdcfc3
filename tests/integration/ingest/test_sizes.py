"""Large input: exact, and no item comes near the limits of the store."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from tests.builders import raw_ioc, raw_report
from tests.conftest import Store
from tests.fakes import json_feed
from tests.ingestion import ingest, model, stored

MAX_ITEM_BYTES = 100_000


def item_bytes(item: dict[str, Any]) -> int:
    """About what DynamoDB counts: names and values as text."""
    plain = TypeDeserializer().deserialize({"M": item})
    return len(str(plain).encode())


def hot_ioc() -> list[dict[str, Any]]:
    return [raw_report(f"flow-{n}", date=1_748_764_800 + n) for n in range(300)]


def many_tags() -> list[dict[str, Any]]:
    return [
        raw_report(f"flow-{n}", tags=[f"tag-{n}-{tag}-{'x' * 40}" for tag in range(150)])
        for n in range(60)
    ]


def tags_at_once() -> list[dict[str, Any]]:
    return [raw_report(tags=[f"tag-{n}" for n in range(8000)])]


def many_iocs() -> list[dict[str, Any]]:
    return [raw_report(iocs={"domain": [raw_ioc(f"{n}.example") for n in range(1500)]})]


def long_urls() -> list[dict[str, Any]]:
    urls = ["http://evil.example/" + "a" * 4000 + str(n) for n in range(20)]
    urls.append("http://evil.example/" + "a" * 8192)
    return [raw_report(iocs={"url": [raw_ioc(url) for url in urls]})]


@pytest.mark.parametrize("reports", [hot_ioc, many_tags, tags_at_once, many_iocs, long_urls])
def test_large_input_is_exact_and_items_stay_small(engine_store: Store, reports: Any) -> None:
    raws = reports()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            # Half of it first, so that the rest joins with what is stored.
            for part in (raws[: len(raws) // 2 + 1], raws):
                assert ingest(engine_store, json_feed(part, 50), pool=pool).complete
    assert stored(engine_store) == model(raws)
    for table in (engine_store.table, engine_store.state_table):
        assert max(map(item_bytes, engine_store.items(table))) < MAX_ITEM_BYTES


def test_long_urls_that_begin_alike_do_not_meet(moto_store: Store) -> None:
    summary = ingest(moto_store, json_feed(long_urls()))
    assert (summary.complete, summary.iocs_new, summary.quarantined) == (True, 20, 1)
    ingest(moto_store, json_feed([raw_report("other", iocs=long_urls()[0]["iocs"])]))
    assert {one.counted for one in stored(moto_store).values()} == {2}
    assert len({item["pk"]["S"] for item in moto_store.items()}) == 20
