"""Every link that the API makes, followed behind each kind of address that a stack has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
import schemathesis
from taxii2client.v21 import Server, as_pages

from functions.lookup import exports
from local.events import FUNCTION_URL
from local.handlers import load_gateway
from shared.client import ReputationClient
from shared.client.local_filter import LocalFilter
from shared.domain.indicator import IndicatorType
from shared.domain.verdict import Verdict
from shared.formats.feed.reader import read_page
from shared.http.fetch import FeedClient, next_url
from tests.conftest import Store
from tests.contract.support import KEY, Api, of_verdict, serving, serving_stage

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module", params=["stage", "domain name", "function URL"])
def address(filled_store: Store, request: pytest.FixtureRequest) -> Iterator[Api]:
    """The API at each address: of a REST API with a stage, of its domain name, of the function."""
    handler = load_gateway()
    if request.param == "function URL":
        serving_it = serving(handler, FUNCTION_URL)
    else:
        serving_it = serving_stage(handler, "live" if request.param == "stage" else "")
    with serving_it as served:
        yield served


def get(url: str, **headers: str) -> requests.Response:
    """What a client that brings a key is answered with; it follows no redirect."""
    return requests.get(url, headers={"apikey": KEY, **headers}, timeout=60, allow_redirects=False)


def _flow_id(report: Any) -> str:
    return str(report["flow_id"])


def test_nothing_is_served_outside_of_the_stage(address: Api) -> None:
    if address.stage:
        assert get(urljoin(address.base, "/health")).status_code == 403
        assert get(f"{address.base}x/health").status_code == 403
    assert get(f"{address.base}/health").status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "application/atom+xml"])
@pytest.mark.parametrize("order", ["newest_first", "oldest_first"])
def test_our_own_reader_follows_the_feed(address: Api, accept: str, order: str) -> None:
    first = f"{address.base}/feed/reports?order={order}&limit=1"
    client = FeedClient(first, KEY, lambda: 60.0, allow_private=True, accept=accept)
    url, pages, flow_ids = first, 0, []
    while url:
        fetched = client.get(url)
        page = read_page(fetched.body)
        flow_ids += [_flow_id(report) for report in page.reports]
        url = next_url(fetched, page.next) if page.next else ""
        pages += 1
    assert pages >= 2
    # A scan may have several entries, so only their number is compared.
    assert len(flow_ids) == get(f"{address.base}/feed/reports/info").json()["count"]
    if page.newer:
        waiting = client.get(next_url(fetched, page.newer))
        assert waiting.url.startswith(f"{address.base}/feed/reports?")
        if order == "oldest_first":
            assert not read_page(waiting.body).reports


@pytest.mark.parametrize("end", ["/", ""])
def test_a_taxii_client_finds_the_collection_and_reads_it(address: Api, end: str) -> None:
    server = Server(f"{address.base}/taxii2{end}", user="any", password=KEY)
    [root] = server.api_roots
    assert root.url == server.default.url == f"{address.base}/taxii2/reputation/"
    [collection] = root.collections
    pages = list(as_pages(collection.get_objects, per_request=5))
    found = [one["id"] for page in pages for one in page["objects"]]
    assert len(pages) > 2
    assert len(found) == len(set(found))
    assert collection.get_object(found[-1])["objects"][0]["id"] == found[-1]


def test_every_listed_file_is_there(address: Api) -> None:
    listed = get(f"{address.base}/v4/exports").json()["files"]
    assert len(listed) > 10
    for one in listed:
        answer = get(f"{address.base}/v4/exports/{one['name']}")
        assert (answer.status_code, len(answer.content)) == (200, one["size"]), one["name"]
    # MISP requests the events of a manifest from the same folder.
    manifest = f"{address.base}/v4/exports/misp/manifest.json"
    for event in get(manifest).json():
        assert get(urljoin(manifest, f"{event}.json")).json()["Event"]["uuid"] == event


def test_a_large_file_is_at_an_address_of_the_bucket(
    address: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_ANSWERED_BYTES", 0)
    answer = get(f"{address.base}/v4/exports/iocs.csv")
    assert answer.status_code == 302
    assert answer.json() == {"url": answer.headers["location"]}
    assert requests.get(answer.headers["location"], timeout=60).text.startswith("type,")


def test_our_own_client_looks_up_and_takes_the_filter(address: Api, tmp_path: Path) -> None:
    malicious = of_verdict(IndicatorType.DOMAIN, Verdict.MALICIOUS)
    kept = LocalFilter(tmp_path / "filter")
    with ReputationClient(f"{address.base}/v4", KEY, local_filter=kept) as client:
        assert client.refresh_filter()
        assert client.look_up(malicious).verdict() is Verdict.MALICIOUS


def test_a_client_that_reads_the_description_asks_at_the_same_address(address: Api) -> None:
    described = schemathesis.openapi.from_url(f"{address.base}/openapi.json")
    for path in ("/health", "/docs"):
        asked = described[path]["GET"].Case().as_transport_kwargs()["url"]
        assert asked == address.base + path
        assert get(asked).status_code == 200


def test_the_description_names_the_address_that_it_is_read_from(address: Api) -> None:
    described = f"{address.base}/openapi.json"
    [server] = get(described).json()["servers"]
    assert urljoin(described, server["url"]).rstrip("/") == address.base


@pytest.mark.parametrize("path", ["/", "", "/docs", "/docs/"])
def test_the_pages_are_served_with_and_without_a_slash_at_the_end(address: Api, path: str) -> None:
    answer = get(address.base + path)
    assert (answer.status_code, answer.is_redirect) == (200, False)
    assert answer.headers["content-type"].startswith("text/html")
