"""The units of requests that annotate are those of docs/cost.md."""

import pytest

from benchmarks import annotating, cost
from functions.annotate.routes import ROUTES
from local.environment import ENDPOINT
from shared.http.routing import find_route


def test_each_request_costs_what_the_document_states(
    engine: str, fresh_handlers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, engine)
    # The benchmark sets them; this restores them.
    for name in ("TABLE_NAME", "STATE_TABLE_NAME"):
        monkeypatch.setenv(name, "")
    stated = cost.read_measured(cost.MEASURED.read_text(encoding="utf-8")).annotating
    assert annotating.units() == stated


def test_every_kind_of_route_is_measured() -> None:
    asked = {
        (method, found.template)
        for method, path, _ in annotating.REQUESTS.values()
        if (found := find_route(ROUTES, path)[0])
    }
    # Routes of other types of indicators do the same.
    kinds = {
        (method, route.template)
        for route in ROUTES
        for method in route.methods
        if not any(f"/{kind}/" in route.template for kind in ("ip", "url"))
    }
    of_hashes = {("DELETE", "/v4/ioc/hash/{value}/verdict")}
    of_hashes |= {("POST", "/v4/ioc/hash/{value}/false-positive")}
    assert kinds - asked == of_hashes
