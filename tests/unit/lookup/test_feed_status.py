"""The state of ingestion, as shown to people."""

from dataclasses import replace
from typing import Any

import pytest

from functions.lookup.feed_status_body import STALE_MS, feed_status
from functions.lookup.routes import respond
from local.openapi_models.v4 import Feeds
from shared.http.web import Request
from shared.store.feed_runs import FeedRun
from tests.ingestion import NOW
from tests.unit.lookup.test_routes import KEY, code, get, service

GOOD = FeedRun("feed.example", NOW - 60_000, complete=True, whole=NOW - 60_000, newest=NOW - 1)


@pytest.mark.parametrize(
    ("run", "facts"),
    [
        (GOOD, {"age_s": 60, "complete": True, "stale": False, "left": 0, "lag_s": 0}),
        (replace(GOOD, whole=NOW - STALE_MS), {"stale": False}),
        (replace(GOOD, whole=NOW - STALE_MS - 1), {"stale": True}),
        (replace(GOOD, whole=0), {"stale": True, "last_complete": ""}),
        (replace(GOOD, newest=0), {"lag_s": -1, "newest_report": ""}),
        (replace(GOOD, newest=NOW - 3_600_999), {"lag_s": 3600}),
        # Reports may be dated ahead, and clocks differ.
        (replace(GOOD, newest=NOW + 5000, ended=NOW + 5000), {"lag_s": 0, "age_s": 0}),
        (replace(GOOD, left=None), {"left": -1}),
        (
            replace(GOOD, complete=False, stopped="why", failures=3, left=8),
            {"complete": False, "stopped": "why", "failures": 3, "left": 8, "stale": False},
        ),
    ],
)
def test_a_run_is_told(run: FeedRun, facts: dict[str, Any]) -> None:
    row = feed_status(run, NOW)
    assert row == row | facts
    Feeds.model_validate_json(Feeds.model_validate({"feeds": [row]}).model_dump_json())


def test_it_takes_a_key_and_counts_for_nothing() -> None:
    assert code(get("/v4/status/feed", key=None)) == 401001
    standing = replace(service(), feed_runs=lambda: [GOOD])
    answer = respond(standing, Request("GET", "/v4/status/feed", "", {"apikey": KEY}))
    assert answer.body == {"feeds": [feed_status(GOOD, NOW)]}
    assert "X-RateLimit-Used" not in answer.headers


def test_before_the_first_run_there_is_none() -> None:
    assert get("/v4/status/feed").body == {"feeds": []}
