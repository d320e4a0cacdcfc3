"""One API for all tests of this layer; none of them changes what its store holds."""

from collections.abc import Iterator
from typing import Any

import pytest

import functions.ingest.app as ingest
import functions.lookup.app as lookup
from local.context import LocalContext
from local.environment import DEFAULT_REGION, DEFAULTS, ENDPOINT
from local.feed import sample_feed
from shared.store.api_keys import ApiKeys
from shared.store.iocs import IocTable
from shared.store.items import StoredIoc
from tests.conftest import Store, new_store
from tests.contract.support import DAILY_LIMIT, KEY, Api, reputations_of_all_verdicts, serving


@pytest.fixture(scope="package")
def filled_store(engine: str) -> Iterator[Store]:
    """A store with the sample feed, ingested by the real handler, and one IOC of each verdict."""
    with pytest.MonkeyPatch.context() as patch, sample_feed() as feed:
        region = {"AWS_DEFAULT_REGION": DEFAULT_REGION, "AWS_REGION": DEFAULT_REGION}
        for name, value in (DEFAULTS | region | {ENDPOINT: engine, "FEED_URL": feed}).items():
            patch.setenv(name, value)
        store = new_store()
        for name, value in store.env().items():
            patch.setenv(name, value)
        _forget_clients()
        context: Any = LocalContext("ingest", 300)
        assert ingest.lambda_handler({}, context)["complete"]
        ApiKeys(store.client, store.state_table).put(KEY, "test", now=0, daily_limit=DAILY_LIMIT)
        for number, known in enumerate(reputations_of_all_verdicts()):
            stored = StoredIoc(known, number.to_bytes(8, "big"))
            assert IocTable(store.client, store.table).write(stored, None)
        # Made here, because each test has an environment of its own.
        lookup._service()
        yield store
        _forget_clients()


@pytest.fixture(scope="package")
def api(filled_store: Store) -> Iterator[Api]:
    """The real handler over that store, on a real port."""
    with serving(lookup.lambda_handler) as served:
        yield served


def _forget_clients() -> None:
    for cached in (ingest._client, ingest._meter, lookup._service):
        cached.cache_clear()
