"""One API for all tests of this layer; none of them changes what its store holds.

Only the samples and invented reports are published.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import functions.annotate.app as annotate
import functions.export.app as exports
import functions.filter.app as filters
import functions.ingest.app as ingest
import functions.lookup.app as lookup
import functions.publish.app as publish
from local.buckets import make_bucket
from local.context import LocalContext
from local.environment import DEFAULT_REGION, DEFAULTS, ENDPOINT, OBJECTS
from local.events import Request, http_event
from local.feed import sample_feed
from local.handlers import load_gateway
from local.publish import INTAKE
from local.up import SAMPLE_REPORTS
from shared.store.api_keys import ALL_RIGHTS, ApiKeys
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from tests.conftest import Store, new_store
from tests.contract.support import (
    DAILY_LIMIT,
    KEY,
    READER_KEY,
    Api,
    reputations_of_all_verdicts,
    serving,
)


@pytest.fixture(scope="package")
def filled_store(engine: str) -> Iterator[Store]:
    """A store with the sample feed, ingested by the real handler, and one IOC of each verdict."""
    with pytest.MonkeyPatch.context() as patch, sample_feed() as feed:
        region = {"AWS_DEFAULT_REGION": DEFAULT_REGION, "AWS_REGION": DEFAULT_REGION}
        for name, value in (
            DEFAULTS | region | {ENDPOINT: engine, OBJECTS: engine, "FEED_URL": feed}
        ).items():
            patch.setenv(name, value)
        store = new_store()
        for name, value in store.env().items():
            patch.setenv(name, value)
        _forget_clients()
        context: Any = LocalContext("ingest", 300)
        assert ingest.lambda_handler({}, context)["complete"]
        keys = ApiKeys(store.client, store.state_table)
        keys.put(KEY, "test", now=0, daily_limit=DAILY_LIMIT, rights=ALL_RIGHTS)
        keys.put(READER_KEY, "reader", now=0)
        for number, known in enumerate(reputations_of_all_verdicts()):
            stored = IocItem(known, number.to_bytes(8, "big"))
            assert IocTable(store.client, store.table).write(stored, None)
        make_bucket()
        filters.lambda_handler({}, context)
        make_bucket(os.environ["EXPORT_BUCKET"])
        exports.lambda_handler({}, context)
        # Made here, because each test has an environment of its own.
        assert lookup._service().filters()
        assert lookup._service().exports()
        publish._service()
        annotate._service()
        for path in sorted(SAMPLE_REPORTS.glob("*.json")):
            publish_report(path.read_bytes())
        yield store
        _forget_clients()


@pytest.fixture(scope="package")
def api(filled_store: Store) -> Iterator[Api]:
    """The real handlers over that store, on a real port."""
    with serving(load_gateway()) as served:
        yield served


def _forget_clients() -> None:
    for cached in (
        *(annotate._service, ingest._client, lookup._service, lookup._filters, lookup._exports),
        *(publish._settings, publish._client, publish._keys, publish._reputation_client),
    ):
        cached.cache_clear()


def publish_report(body: bytes) -> None:
    """Send a scan report as a client does."""
    headers = [(b"apikey", KEY.encode()), (b"content-type", b"application/json")]
    request = Request("POST", INTAKE.encode(), headers=headers, body=body)
    context: Any = LocalContext("publish", 10)
    answer = publish.lambda_handler(http_event(request, "test", datetime.now(UTC)), context)
    assert answer["statusCode"] == 200, answer
