"""The real handlers: what is stored is in the filter, and the client gets it through the API."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

import functions.lookup.app as lookup
import functions.providers.app as providers
from functions.filter import app
from local.buckets import make_bucket
from local.context import LocalContext
from local.environment import DEFAULT_API_KEY
from local.events import Request, http_event
from local.feed import SAMPLE_HASH
from shared.client import ReputationClient
from shared.client.local_filter import LocalFilter
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType, parse, parse_hash
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.formats.bloom_filter import Filter, read_file
from shared.store.iocs import IocTable
from shared.store.items import IocItem, indicator_of
from shared.store.whole_table import NotAllRead
from tests.builders import reputation
from tests.conftest import Store
from tests.contract.support import serving
from tests.feed_server import FeedServer, page
from tests.ingestion import fill
from tests.served_providers import served_providers

CATALOG = """
[list]
name = "list.example"
types = ["ip", "domain"]
address = "BASE/list"
format = "lines"
assessment = "malware"
every = "1h"
licence = "free"

[api]
name = "api.example"
types = ["url"]
address = "BASE/api?q={value}"
format = "api"
every = "1h"
assessment = "malware"
licence = "free"
options = { listed = "bad" }
"""
LONG = parse(IndicatorType.URL, "http://evil.example/?" + "a" * 4000)
LISTED = parse(IndicatorType.DOMAIN, "only-on-a-list.example")
NEVER = parse(IndicatorType.DOMAIN, "never.seen.example")


@pytest.fixture
def filled(fresh_handlers: None, engine_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The sample feed, ingested, a URL too long for a key, and an API key."""
    make_bucket()
    fill(engine_store, monkeypatch, LONG)
    return engine_store


@pytest.fixture
def listed(filled: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FeedServer]:
    """A provider with a list."""
    answers = {"/list": f"{LISTED.value}\n192.0.2.1\n".encode()}
    with served_providers(CATALOG, answers, tmp_path) as (server, settings):
        for name, value in (settings | {"PROVIDERS": "list"}).items():
            monkeypatch.setenv(name, value)
        yield server


def refresh(*ids: str) -> None:
    context: Any = LocalContext("providers", 300)
    assert providers.lambda_handler({"refresh": ids}, context)["list"]["complete"]


def build(seconds: float = 300) -> dict[str, Any]:
    context: Any = LocalContext("filter", seconds)
    offer: dict[str, Any] = app.lambda_handler({}, context)
    return offer


def ask(path: str) -> tuple[int, Any]:
    request = Request("GET", path.encode(), headers=[(b"apikey", DEFAULT_API_KEY.encode())])
    context: Any = LocalContext("lookup", 10)
    result = lookup.lambda_handler(http_event(request, "test", datetime.now(UTC)), context)
    return result["statusCode"], json.loads(result["body"])


def downloaded() -> Filter:
    status, body = ask("/v4/filter/download")
    assert status == 302
    answer = requests.get(body["url"], timeout=60)
    assert answer.status_code == 200
    return read_file(answer.content)


def stored(store: Store) -> list[Indicator]:
    return [indicator_of(item) for item in store.items() if not is_network(item)]


def is_network(item: dict[str, Any]) -> bool:
    return str(item["pk"]["S"]).startswith("net#")


def test_everything_that_is_stored_is_in_the_filter(filled: Store, listed: FeedServer) -> None:
    refresh()
    offer = build()
    known, everything = downloaded(), stored(filled)
    assert {LONG, LISTED} < set(everything)
    assert {one.type for one in everything} == set(INDICATOR_TYPES)
    assert all(map(known.holds, everything))
    assert not known.holds(NEVER)
    assert ask("/v4/filter") == (200, offer)
    assert offer["entries"] == len(everything)
    assert offer["types"] == [kind.value for kind in INDICATOR_TYPES]
    assert offer["sha256"] == known.sha256


def test_what_a_network_or_an_api_may_know_is_not_answered(
    filled: Store, listed: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed.answer("/list", page(b"198.51.100.0/24\n"))
    monkeypatch.setenv("PROVIDERS", "list,api")
    refresh()
    assert build()["types"] == ["md5", "sha1", "sha256", "domain"]
    inside = parse(IndicatorType.IP, "198.51.100.77")
    sources = ask(f"/v4/ip/{inside.value}")[1]["lookup_results"]["sources"]
    assert [one["status"] for one in sources if one["provider"] == "list.example"] == [1]
    known = downloaded()
    assert known.holds(inside)
    assert known.holds(parse(IndicatorType.URL, "http://never.seen.example/"))
    assert not known.holds(NEVER)


def test_a_new_filter_replaces_the_one_before(filled: Store) -> None:
    before = build()
    iocs = IocTable(filled.client, filled.table)
    assert iocs.write(IocItem(reputation(NEVER), b"12345678"), None)
    after = build()
    assert after["entries"] == before["entries"] + 1
    assert after["built"] > before["built"]
    assert downloaded().holds(NEVER)


def test_a_run_that_fails_leaves_the_filter_as_it_is(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = build()
    with pytest.raises(NotAllRead):
        build(seconds=app.SPARE_S)
    monkeypatch.setenv("TABLE_NAME", "no-such-table")
    with pytest.raises(StoreError):
        build()
    assert ask("/v4/filter") == (200, offer)


def test_before_there_is_a_filter_there_is_none(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILTER_BUCKET", "another-bucket")
    make_bucket()
    told = {"code": 404001, "messages": ["The filter was not found"]}
    for path in ("/v4/filter", "/v4/filter/download"):
        assert ask(path) == (404, {"success": False, "error": told})


def test_where_none_is_published_there_is_none(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    monkeypatch.setenv("FILTER_BUCKET", "")
    lookup._service.cache_clear()
    assert ask("/v4/filter")[0] == 404


def test_a_bucket_that_does_not_answer_is_no_missing_filter(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    lookup._filters.cache_clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    assert ask("/v4/filter")[0] == 503


def test_a_download_of_the_filter_counts_as_one_look_up(filled: Store) -> None:
    def used() -> int:
        limits: dict[str, int] = ask("/v4/apikey/limits")[1]
        return limits["reputation_api"]

    ask("/v4/filter/download")
    before = used()
    build()
    ask("/v4/filter")
    assert used() == before, "no filter was published, then only its metadata was read"
    ask("/v4/filter/download")
    assert used() == before + 1


def test_the_bucket_is_made_once(filled: Store) -> None:
    make_bucket()
    buckets = [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]]
    assert buckets.count("ioc-reputation-filter") == 1


def test_the_client_answers_by_the_filter_that_the_api_offers(
    filled: Store, tmp_path: Path
) -> None:
    build()
    asked: list[str] = []

    def counting(event: dict[str, Any], context: Any) -> dict[str, Any]:
        asked.append(event["path"])
        answer: dict[str, Any] = lookup.lambda_handler(event, context)
        return answer

    known = parse_hash(SAMPLE_HASH)
    path = tmp_path / "filter.bloom"
    with (
        serving(counting) as api,
        ReputationClient(api.base, DEFAULT_API_KEY, local_filter=LocalFilter(path)) as client,
    ):
        assert not client.look_up(NEVER).known
        assert asked == ["/v4/filter", "/v4/filter/download"]
        assert client.look_up(known).known
        answers = client.look_up_many([NEVER, *stored(filled)])
        assert [one for one, answer in answers.items() if not answer.known] == [NEVER]
    assert read_file(path.read_bytes()).holds(known)
