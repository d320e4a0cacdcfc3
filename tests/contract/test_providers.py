"""Answers with other providers next to the sandbox, by the real handlers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel

import functions.lookup.app as lookup
import functions.providers.app as providers
from functions.lookup.routes import respond
from functions.lookup.service import Service
from local.context import LocalContext
from local.openapi_models import v4 as models
from shared.domain.indicator import IndicatorType, parse_query
from shared.domain.provider import SANDBOX_PROVIDER
from shared.http.web import Request, Response
from shared.store.api_keys import ApiKeys
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from tests.conftest import Store
from tests.contract.support import KEY
from tests.contract.test_golden import TIME, golden, told_by
from tests.feed_server import FeedServer
from tests.served_providers import served_providers

EXAMPLE = golden("url_lookup.json")
SOURCES = EXAMPLE["lookup_results"]["sources"]
WEBROOT = "/webroot/" + quote(f"{EXAMPLE['address']}/", safe="")
# Of the example's providers, one is asked at look-up time, and two have lists.
CATALOG = """
[webroot]
name = "webroot.com"
types = ["url"]
address = "BASE/webroot/{value}"
format = "api"
assessment = "malware"
every = "1d"
licence = "see the provider's terms"
options = { listed = "bad", assessment = "words", category = "category" }

[team-cymru]
name = "www.team-cymru.org"
types = ["ip", "url"]
address = "BASE/cymru"
format = "lines"
assessment = "suspicious"
every = "1d"
licence = "see the provider's terms"

[blocklist-de]
name = "blocklist.de"
types = ["ip", "url", "sha256"]
address = "BASE/blocklist"
format = "csv"
assessment = "scanner"
every = "1h"
licence = "see the provider's terms"
options = { value = "value", date = "date", columns = ["value", "date"] }

[an-allowlist]
name = "allowlist.example"
types = ["domain"]
address = "BASE/allowlist"
format = "misp_warninglist"
stance = "trusted"
every = "7d"
licence = "CC0"
"""
ALLOWLIST = {"name": "Well-known names", "type": "hostname", "list": ["good.example"]}
LISTED_HASH = "AB" * 32
ANSWERS = {
    WEBROOT: b'{"bad": true, "words": "high risk", "category": "Malware Sites"}',
    "/cymru": b"192.0.2.0/24\nhttp://other.example/\n",
    "/blocklist": f"192.0.2.7,2025-06-01\n{LISTED_HASH},2025-06-01\n".encode(),
    "/allowlist": json.dumps(ALLOWLIST).encode(),
}


@pytest.fixture
def server(
    engine_store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[FeedServer]:
    """The providers' own servers, behind handlers that have refreshed their lists once."""
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    ApiKeys(engine_store.client, engine_store.state_table).put(KEY, "test", now=0)
    for cached in (providers._client, lookup._asker):
        cached.cache_clear()
    with served_providers(CATALOG, ANSWERS, tmp_path) as (running, settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        context: Any = LocalContext("providers", 60)
        refreshed = providers.lambda_handler({}, context)
        assert all(one["complete"] for one in refreshed.values()), refreshed
        assert len(refreshed) == 3
        yield running
    for cached in (providers._client, lookup._asker):
        cached.cache_clear()


@pytest.fixture
def service(server: FeedServer, engine_store: Store) -> Service:
    """The look-ups over the store of this test, which knows the URL of the example."""
    known = told_by(SOURCES[0], parse_query(IndicatorType.URL, EXAMPLE["address"]).indicator)
    table = IocTable(engine_store.client, engine_store.table)
    assert table.write(IocItem(known, b"12345678"), None)
    # Not the one that the other tests of this layer share.
    made: Service = lookup._service.__wrapped__()
    return made


def get(service: Service, path: str, model: type[BaseModel], status: int = 200) -> Any:
    return checked(respond(service, Request("GET", path, "", {"apikey": KEY})), model, status)


def post(service: Service, path: str, body: Any, model: type[BaseModel], **headers: str) -> Any:
    sent = {"apikey": KEY, "content-type": "application/json", **headers}
    request = Request("POST", path, "", sent, json.dumps(body).encode())
    return checked(respond(service, request), model, 200)


def checked(response: Response, model: type[BaseModel], status: int) -> Any:
    assert response.status == status, response
    model.model_validate_json(json.dumps(response.body))
    return response.body


def test_the_example_comes_out_row_for_row(service: Service, server: FeedServer) -> None:
    path = f"/v4/url/{quote(EXAMPLE['address'], safe='')}"
    ours = get(service, path, models.UrlReport)
    assert ours["address"] == EXAMPLE["address"]
    assert ours["lookup_results"]["detected_by"] == EXAMPLE["lookup_results"]["detected_by"] == 2
    sources = ours["lookup_results"]["sources"]
    assert [row["provider"] for row in sources] == [row["provider"] for row in SOURCES]
    for row, theirs in zip(sources, SOURCES, strict=True):
        assert row.keys() >= theirs.keys(), theirs["provider"]
        assert comparable({name: row[name] for name in theirs}) == comparable(theirs)
        assert TIME.fullmatch(row["update_time"]), theirs["provider"]
    # The answer of who was asked is kept, for single look-ups and for many at once.
    again = get(service, path, models.UrlReport)["lookup_results"]["sources"]
    [in_bulk] = post(service, "/v4/url", {"url": [EXAMPLE["address"]]}, models.BulkUrlAnswer)[
        "data"
    ]
    assert again[1:] == in_bulk["lookup_results"]["sources"][1:] == sources[1:]
    assert server.asked().count(WEBROOT) == 1


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    """A row without times of look-ups and refreshes, tags without their order.

    The date at which the example was first seen, 2025-02-30, cannot be stored.
    """
    said = {key: row[key] for key in row if key not in {"update_time", "first_seen"}}
    return said | {"tags": set(row.get("tags", ()))}


def test_a_provider_that_does_not_answer_has_status_3(service: Service) -> None:
    body = post(service, "/v4/url", {"url": ["http://never.example/"]}, models.BulkUrlAnswer)
    rows = body["data"][0]["lookup_results"]["sources"]
    assert [row["status"] for row in rows] == [5, 3, 5, 5]
    assert (rows[1]["assessment"], rows[1]["update_time"]) == ("", "")


def test_an_ip_in_a_listed_network(service: Service) -> None:
    body = get(service, "/v4/ip/192.0.2.7", models.IpReport)
    _, network, address = body["lookup_results"]["sources"]
    assert (network["network"], network["status"]) == ("192.0.2.0/24", 1)
    assert (network["assessment"], address["assessment"]) == ("suspicious", "scanner")
    assert "network" not in address
    assert address["detect_time"] == "2025-06-01T00:00:00.000Z"
    assert body["lookup_results"]["detected_by"] == 2
    [row] = post(service, "/v4/ip", {"address": ["192.0.2.7"]}, models.BulkIpAnswer)["data"]
    assert row["lookup_results"]["sources"][1:] == body["lookup_results"]["sources"][1:]


def test_a_list_that_is_switched_off_says_nothing_and_all_of_it_once_it_is_on_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    context: Any = LocalContext("providers", 60)
    with monkeypatch.context() as patch:
        patch.setenv("PROVIDERS", "blocklist-de")
        assert providers.lambda_handler({}, context) == {}
        rows = sources_of(lookup._service.__wrapped__(), "192.0.2.9")
        assert [row["provider"] for row in rows] == [SANDBOX_PROVIDER, "blocklist.de"]
    refreshed = providers.lambda_handler({}, context)["team-cymru"]
    assert (refreshed["complete"], refreshed["changes"]) == (True, 0)
    _, network, _ = sources_of(lookup._service.__wrapped__(), "192.0.2.9")
    assert (network["network"], network["status"]) == ("192.0.2.0/24", 1)


def sources_of(service: Service, address: str) -> list[dict[str, Any]]:
    body = get(service, f"/v4/ip/{address}", models.IpReport)
    rows: list[dict[str, Any]] = body["lookup_results"]["sources"]
    return rows


def test_an_allowlist_says_which_list_it_is(service: Service) -> None:
    body = get(service, "/v4/domain/good.example", models.DomainReport)
    _, row = body["lookup_results"]["sources"]
    assert (row["status"], row["assessment"], row["list"]) == (
        0,
        "trustworthy",
        "Well-known names",
    )
    assert body["lookup_results"]["detected_by"] == 0


def test_a_hash_that_only_a_list_knows(service: Service) -> None:
    body = get(service, f"/v4/hash/{LISTED_HASH}", models.HashReport)
    results = body["scan_results"]
    engines = results["scan_details"]
    assert list(engines) == [SANDBOX_PROVIDER, "blocklist.de"]
    assert [engine["scan_result_i"] for engine in engines.values()] == [5, 1]
    assert (results["total_detected_avs"], results["total_avs"]) == (1, 1)
    assert (results["scan_all_result_i"], results["scan_all_result_a"]) == (1, "Infected")
    assert engines["blocklist.de"]["threat_found"] == "scanner"
    get(service, f"/v4/hash/{LISTED_HASH}/scanhistory", models.ScanHistory)
    get(service, f"/v4/hash/{LISTED_HASH}/sandbox", models.Error, 404)
    get(service, f"/v4/hash/{'CD' * 32}", models.Error, 404)
    asked = {"hash": [LISTED_HASH, "CD" * 32]}
    rows = post(service, "/v4/hash", asked, models.BulkHashAnswer, includescandetails="1")["data"]
    assert [(row["scan_result_i"], row["total_detected_avs"]) for row in rows] == [(1, 1), (5, -1)]
    assert rows[0]["scan_details"] == engines


def test_how_the_providers_stand(service: Service) -> None:
    rows = get(service, "/v4/status/providers", models.Providers)["providers"]
    assert [(row["id"], row["entries"]) for row in rows] == [
        ("webroot", 0),
        ("team-cymru", 2),
        ("blocklist-de", 2),
        ("an-allowlist", 1),
    ]
    assert [row["on_demand"] for row in rows] == [True, False, False, False]
    assert [bool(row["last_success"]) for row in rows] == [False, True, True, True]
    assert {row["error"] for row in rows} == {""}
