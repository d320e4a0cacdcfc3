"""Both handlers, wired to a fresh store and the sample feed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import functions.ingest.app as ingest
import functions.lookup.app as lookup
from local.context import LocalContext
from local.environment import DEFAULT_API_KEY
from local.events import Request, Response, http_event, http_response, timer_event
from local.feed import sample_feed
from shared.store.api_keys import ApiKeys
from tests.conftest import Store

Ask = Callable[[Request], Response]


@pytest.fixture
def wired(
    fresh_handlers: None, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    """A store that both handlers use, with the local key, and the address of the sample feed."""
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    ApiKeys(engine_store.client, engine_store.state_table).put(DEFAULT_API_KEY, "test", now=0)
    with sample_feed() as url:
        monkeypatch.setenv("FEED_URL", url)
        yield engine_store


@pytest.fixture
def summary(wired: Store) -> dict[str, Any]:
    """What the ingest handler says after a run over the sample feed."""
    timer: Any = LocalContext("ingest", 300)
    told: dict[str, Any] = ingest.lambda_handler(timer_event("test", datetime.now(UTC)), timer)
    assert told["complete"], told
    return told


@pytest.fixture
def ask(summary: dict[str, Any]) -> Ask:
    """Asks the look-up handler as the local API would, over the sample feed."""
    gateway: Any = LocalContext("lookup", 10)

    def respond(request: Request) -> Response:
        event = http_event(request, "test", datetime.now(UTC))
        return http_response(lookup.lambda_handler(event, gateway))

    return respond
