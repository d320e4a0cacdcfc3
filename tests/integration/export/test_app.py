"""The real handlers: what is stored is exported, and clients of the field read it by the API."""

import csv
import json
import os
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
import stix2
from pymisp import MISPEvent
from taxii2client.v21 import Collection, Server, as_pages

import functions.lookup.app as lookup
from functions.export import app
from functions.lookup import exports, taxii
from local.buckets import make_bucket
from local.context import LocalContext
from local.environment import DEFAULT_API_KEY
from local.feed import SAMPLE_DOMAIN, SAMPLE_HASH
from local.handlers import load_gateway
from shared.domain.errors import StoreError
from shared.domain.indicator import IndicatorType, parse
from shared.domain.moment import format_millis, to_millis
from shared.domain.network import Network
from shared.domain.provider import Listing, ListingStatus, Provider
from shared.domain.verdict import Verdict
from shared.formats.exports import stix
from shared.formats.exports.source import Tlp
from shared.http.api_error import TAXII_MEDIA_TYPE
from shared.store.exports import export_bucket
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from shared.store.providers import ProviderState, ProviderStates
from tests.builders import reputation
from tests.conftest import Store
from tests.contract.support import Api, serving
from tests.exports import ageless
from tests.ingestion import fill

LONG = parse(IndicatorType.URL, "http://evil.example/?" + "a" * 4000)
TIMER: Any = LocalContext("export", 300)
IDENTITY = stix.common_objects(Tlp.AMBER)[0]["id"]

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def filled(fresh_handlers: None, engine_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The sample feed, ingested, a URL too long for a key, and an API key."""
    make_bucket(os.environ["EXPORT_BUCKET"])
    monkeypatch.setenv("SANDBOX_URL", "https://sandbox.example")
    ageless(monkeypatch)
    fill(engine_store, monkeypatch, LONG)
    return engine_store


@pytest.fixture
def built(filled: Store, empty_bucket: None) -> dict[str, Any]:
    """Return the result of the export handler."""
    done: dict[str, Any] = app.lambda_handler({}, TIMER)
    return done


@pytest.fixture
def empty_bucket(filled: Store) -> None:
    """The tests of this module share an engine, and so a bucket."""
    bucket = boto3.resource("s3").Bucket(os.environ["EXPORT_BUCKET"])
    bucket.objects.delete()


@pytest.fixture
def api(filled: Store, empty_bucket: None) -> Iterator[Api]:
    """The handlers on a port."""
    with serving(load_gateway()) as served:
        yield served


def get(api: Api, path: str, **headers: str) -> requests.Response:
    """Return the answer to a client with a key."""
    known = {"apikey": DEFAULT_API_KEY} | headers
    return requests.get(f"{api.base}{path}", headers=known, timeout=60)


def text(api: Api, name: str) -> str:
    """A file of the exports."""
    answer = get(api, f"/v4/exports/{name}")
    assert answer.status_code == 200, answer.text
    return answer.content.decode()


def test_without_exports_each_route_says_so(api: Api) -> None:
    for path in ("/v4/exports", "/v4/exports/iocs.csv"):
        answer = get(api, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404001)
    answer = get(api, f"{taxii.API_ROOT}/collections/{taxii.COLLECTION_ID}/objects/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, TAXII_MEDIA_TYPE)
    assert answer.json() == {
        "title": "The exports were not found",
        "error_code": "404001",
        "http_status": "404",
    }


def test_a_stack_that_publishes_none_has_none(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPORT_BUCKET", "")
    lookup._service.cache_clear()
    assert lookup._service().exports() is None


def test_the_listing_tells_every_file(api: Api, built: dict[str, Any]) -> None:
    told = get(api, "/v4/exports").json()
    assert told["count"] == built["iocs"] > 30
    assert len(told["files"]) == built["files"]
    for file in told["files"]:
        if file["name"].startswith(("iocs", "stix", "blocklist/url")):
            content = text(api, file["name"]).encode()
            assert len(content) == file["size"]


def test_libraries_read_what_the_api_answers(
    api: Api, built: dict[str, Any], tmp_path: Path
) -> None:
    bundle = stix2.parse(text(api, "stix/0001.json"), allow_custom=False, version="2.1")
    patterns = {one.pattern for one in bundle.objects if one.type == "indicator"}
    assert len(patterns) == built["indicators"] < built["iocs"]
    assert f"[domain-name:value = '{SAMPLE_DOMAIN}']" in patterns
    assert f"[url:value = '{LONG.value}']" in patterns
    rows = list(csv.DictReader(text(api, "iocs.csv").splitlines(keepends=True), strict=True))
    assert len(rows) == built["iocs"]
    assert any(
        row["value"] == SAMPLE_HASH.upper() and "sandbox.example" in row["report"] for row in rows
    )
    values: set[str] = set()
    for name in json.loads(text(api, "misp/manifest.json")):
        path = tmp_path / f"{name}.json"
        path.write_text(text(api, f"misp/{name}.json"), encoding="utf-8")
        event = MISPEvent(strict_validation=True)
        event.load_file(path)
        values |= {one.value for one in event.attributes}
    assert len(values) == built["iocs"]
    assert SAMPLE_DOMAIN in text(api, "blocklist/domain-malicious.txt").splitlines()
    empty = get(api, "/v4/exports/blocklist/sha1-suspicious.hosts")
    assert empty.status_code == 404


def test_what_is_past_its_retention_is_in_no_export_though_it_is_stored(
    api: Api, filled: Store
) -> None:
    for name, retention_s in (("expired.example", 1), ("kept.example", 10**10)):
        known = reputation(parse(IndicatorType.DOMAIN, name), verdict=Verdict.MALICIOUS)
        table = IocTable(filled.client, filled.table, retention_s=retention_s)
        assert table.write(IocItem(known, b"12345678"), None)
    app.lambda_handler({}, TIMER)
    for file in ("iocs.csv", "blocklist/domain-malicious.txt"):
        exported = text(api, file)
        assert "kept.example" in exported
        assert "expired.example" not in exported


def test_what_a_provider_that_overrules_trusts_is_in_no_export(
    filled: Store, empty_bucket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    iocs = IocTable(filled.client, filled.table)
    states = ProviderStates(filled.client, filled.state_table)
    network = Network("198.51.100.0/28")
    trusted = Listing(ListingStatus.TRUSTED)
    types = frozenset(IndicatorType)
    top = Provider("top", "top.example", types, 1, overrules=True)
    chunks = states.write_networks("top", 1, [network])
    states.write(ProviderState(top, generation=1, network_chunks=chunks, below=True))
    cloud = Provider("cloud", "cloud.example", types, 1, notes=True)
    states.write(ProviderState(cloud, order=1))
    harmless = {
        IndicatorType.IP: ["198.51.100.1", "198.51.100.15", "127.0.0.1"],
        IndicatorType.DOMAIN: ["exact.example", "below.example", "a.below.example"],
    }
    bad = {
        IndicatorType.IP: ["198.51.100.16"],
        IndicatorType.DOMAIN: ["www.exact.example", "notbelow.example", "noted.example"],
        IndicatorType.URL: ["http://exact.example/"],
    }
    for group in (harmless, bad):
        for kind, values in group.items():
            for value in values:
                known = reputation(parse(kind, value))
                assert iocs.write(IocItem(known, value.encode()[:8]), None)
    iocs.list_subject("top", network, trusted)
    iocs.list_subject("top", parse(IndicatorType.DOMAIN, "exact.example"), trusted)
    below = parse(IndicatorType.DOMAIN, "below.example")
    iocs.list_subject("top", below, replace(trusted, below=True))
    iocs.list_subject("cloud", parse(IndicatorType.DOMAIN, "noted.example"), trusted)
    monkeypatch.setenv("PROVIDERS", "top,cloud")
    app.lambda_handler({}, TIMER)
    for kind in bad:
        listed = published(f"blocklist/{kind}-suspicious.txt")
        assert not set(harmless.get(kind, ())) & set(listed)
        assert set(bad.get(kind, ())) <= set(listed)
    never = {value for values in harmless.values() for value in values}
    assert not never & {row.split(",")[1] for row in published("iocs.csv")}
    page = json.loads("".join(published("stix/0001.json")))
    names = {one["name"] for one in page["objects"] if one["type"] == "indicator"}
    assert not names & never
    assert names >= {value for values in bad.values() for value in values}


def published(name: str) -> list[str]:
    """The lines of a published file."""
    bucket = export_bucket(os.environ["EXPORT_BUCKET"], timeout_s=5, attempts=1)
    index = bucket.index()
    assert index
    content = bucket.read(index, name)
    assert content is not None
    return content.decode().splitlines()


def test_a_file_that_is_known_is_not_sent_again(api: Api, built: dict[str, Any]) -> None:
    first = get(api, "/v4/exports/iocs.csv")
    assert first.headers["Cache-Control"] == "private, max-age=60"
    again = get(api, "/v4/exports/iocs.csv", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    app.lambda_handler({}, TIMER)
    lookup._exports.cache_clear()
    lookup._service.cache_clear()
    # What did not change keeps its tag in the set that is published now.
    assert get(api, "/v4/exports/iocs.csv").headers["ETag"] == first.headers["ETag"]


def test_a_large_file_comes_from_the_bucket(
    api: Api, built: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = text(api, "iocs.csv")
    monkeypatch.setattr(exports, "MAX_ANSWERED_BYTES", 100)
    answer = requests.get(
        f"{api.base}/v4/exports/iocs.csv",
        headers={"apikey": DEFAULT_API_KEY},
        timeout=60,
        allow_redirects=False,
    )
    assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")
    assert DEFAULT_API_KEY not in answer.headers["Location"]
    fetched = requests.get(answer.headers["Location"], timeout=60)
    assert (fetched.content.decode(), fetched.status_code) == (whole, 200)


@pytest.mark.parametrize("name", ["nothing.csv", "state.sqlite", "index.json", "..%2Findex.json"])
def test_what_is_no_export_cannot_be_had(api: Api, built: dict[str, Any], name: str) -> None:
    answer = get(api, f"/v4/exports/{name}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404001)


def test_a_set_written_over_meanwhile_is_an_error_once(api: Api, built: dict[str, Any]) -> None:
    assert get(api, "/v4/exports").status_code == 200
    boto3.client("s3").put_object(
        Bucket=os.environ["EXPORT_BUCKET"], Key="a/iocs.csv", Body=b"other"
    )
    assert get(api, "/v4/exports/iocs.csv").status_code == 503
    app.lambda_handler({}, TIMER)
    assert get(api, "/v4/exports/iocs.csv").status_code == 200


def test_the_job_fails_loudly_without_its_bucket(
    filled: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXPORT_BUCKET", "no-such-bucket")
    with pytest.raises(StoreError):
        app.lambda_handler({}, TIMER)
    assert '"exports_published":[0.0]' in capsys.readouterr().out


@pytest.mark.parametrize("path", ["/v4/exports", "/taxii2/"])
def test_a_key_may_come_as_a_password(api: Api, built: dict[str, Any], path: str) -> None:
    refused = requests.get(f"{api.base}{path}", timeout=60)
    assert refused.status_code == 401
    # A REST API renames it, so that a client has to send the password unasked.
    assert refused.headers["x-amzn-Remapped-WWW-Authenticate"].startswith("Basic ")
    for password, status in ((DEFAULT_API_KEY, 200), ("wrong", 401), ("", 401)):
        answer = requests.get(f"{api.base}{path}", auth=("anyone", password), timeout=60)
        assert answer.status_code == status
    spoilt = {"Authorization": "Basic " + b64encode(b"\xff:\xff").decode() + "!"}
    assert requests.get(f"{api.base}{path}", headers=spoilt, timeout=60).status_code == 401


@pytest.fixture
def collection(api: Api, built: dict[str, Any]) -> Collection:
    """The collection, found as a client finds it that knows the address only."""
    server = Server(f"{api.base}/taxii2/", user="any", password=DEFAULT_API_KEY)
    assert server.title == "IOC reputation"
    (root,) = server.api_roots
    assert server.default.url == root.url
    assert root.versions == [TAXII_MEDIA_TYPE]
    (found,) = root.collections
    assert (found.can_read, found.can_write) == (True, False)
    found.refresh()
    assert found.id == taxii.COLLECTION_ID
    return found


def every_object(collection: Collection, **query: Any) -> list[dict[str, Any]]:
    """All objects, page by page."""
    pages = as_pages(collection.get_objects, **query)
    return [one for page in pages for one in page.get("objects", [])]


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_taxii_gives_every_object_once(
    collection: Collection, built: dict[str, Any], limit: int
) -> None:
    found = every_object(collection, per_request=limit)
    assert len(found) == len({one["id"] for one in found}) == built["indicators"] + 2
    stix2.parse({"type": "bundle", "id": f"bundle--{taxii.COLLECTION_ID}", "objects": found})
    told = [
        one
        for page in as_pages(collection.get_manifest, per_request=limit)
        for one in page.get("objects", [])
    ]
    assert [one["id"] for one in told] == [one["id"] for one in found]
    assert {one["media_type"] for one in told} == {"application/stix+json;version=2.1"}
    assert [one["date_added"] for one in told] == sorted(one["date_added"] for one in told)


def test_taxii_gives_what_was_added_after(
    collection: Collection, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CACHED_S", 0.0)
    before = every_object(collection)
    added = before[-1]["modified"]
    assert every_object(collection, added_after=added) == []
    assert collection.get_objects(added_after=added) == {}
    late = reputation(parse(IndicatorType.DOMAIN, "late.example"), seen_at=1_000_000_000_000)
    table = IocTable(filled.client, filled.table)
    assert table.write(IocItem(late, b"12345678"), None)
    app.lambda_handler({}, TIMER)
    # However old its report is, it came into the collection just now.
    (one,) = every_object(collection, added_after=added)
    assert one["name"] == "late.example"
    assert len(every_object(collection)) == len(before) + 1
    early = format_millis(to_millis(datetime.now(UTC)) - 399 * 86_400_000)
    assert every_object(collection, added_after=early)[1:] == [
        one for one in every_object(collection) if one["type"] == "indicator"
    ]


def test_taxii_refuses_a_time_before_the_known_revocations(
    api: Api, collection: Collection
) -> None:
    early = format_millis(to_millis(datetime.now(UTC)) - 401 * 86_400_000)
    answer = get(api, objects_path(f"?added_after={early}"))
    assert (answer.status_code, answer.headers["Content-Type"]) == (410, TAXII_MEDIA_TYPE)
    assert answer.json()["http_status"] == "410"


def test_taxii_gives_everything_since_the_beginning_of_time(collection: Collection) -> None:
    every = every_object(collection)
    assert every_object(collection, added_after="1970-01-01T00:00:00Z") == every


def test_taxii_gives_each_object_by_its_id(
    api: Api, collection: Collection, built: dict[str, Any]
) -> None:
    found = every_object(collection)
    told = {one["id"]: one for one in collection.get_manifest()["objects"]}
    for one in found:
        assert collection.get_object(one["id"]) == {"more": False, "objects": [one]}
        assert collection.object_versions(one["id"]) == {
            "more": False,
            "versions": [told[one["id"]]["version"]],
        }
    assert {one["type"] for one in found} == {"identity", "marking-definition", "indicator"}
    answer = get(api, objects_path(f"{found[-1]['id']}/"))
    assert answer.headers["Content-Type"] == TAXII_MEDIA_TYPE
    assert answer.headers["X-TAXII-Date-Added-First"] == found[-1]["modified"]
    assert answer.headers["X-TAXII-Date-Added-Last"] == found[-1]["modified"]
    same = {"If-None-Match": answer.headers["ETag"]}
    assert get(api, objects_path(f"{found[-1]['id']}/"), **same).status_code == 304


def test_taxii_filters_the_one_object(collection: Collection, built: dict[str, Any]) -> None:
    one = every_object(collection, type="indicator")[0]
    name, version = one["id"], one["modified"]
    for ask in (collection.get_object, collection.object_versions):
        for fits in (
            {"version": "last"},
            {"version": version},
            {"spec_version": "2.1"},
            {"added_after": "2020-01-01T00:00:00Z"},
        ):
            assert ask(name, **fits)["more"] is False
        for fits_not in (
            {"version": "2020-01-01T00:00:00.000Z"},
            {"spec_version": "2.0"},
            {"added_after": version},
        ):
            assert ask(name, **fits_not) == {}


NOBODYS = "00000000-0000-5000-8000-000000000000"


@pytest.mark.parametrize(
    "name",
    [
        f"indicator--{NOBODYS}",
        f"identity--{NOBODYS}",
        f"malware--{NOBODYS}",
        NOBODYS,
        "indicator--",
        "indicator--" + "." * 36,
        "x",
        "%20",
        "%ff",
    ],
)
def test_taxii_knows_no_other_object(api: Api, collection: Collection, name: str) -> None:
    for path in (objects_path(f"{name}/"), objects_path(f"{name}/versions/")):
        answer = get(api, path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, TAXII_MEDIA_TYPE)
        assert answer.json() == {
            "title": "The object was not found",
            "error_code": "404001",
            "http_status": "404",
        }


def test_taxii_finds_what_changed_on_another_page(
    collection: Collection, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CACHED_S", 0.0)
    monkeypatch.setattr(stix, "MAX_OBJECTS", 3)
    late = reputation(parse(IndicatorType.DOMAIN, "later.example"), seen_at=1_000_000_000_000)
    table = IocTable(filled.client, filled.table)
    assert table.write(IocItem(late, b"12345678"), None)
    app.lambda_handler({}, TIMER)
    found = every_object(collection)
    assert found[-1]["name"] == "later.example"
    for one in found:
        assert collection.get_object(one["id"])["objects"] == [one]


def test_taxii_filters(collection: Collection, built: dict[str, Any]) -> None:
    indicators = every_object(collection, type="indicator", version="all")
    assert len(indicators) == built["indicators"]
    assert [one["type"] for one in every_object(collection, type="identity")] == ["identity"]
    assert every_object(collection, spec_version="2.0") == []
    assert (
        len(every_object(collection, version="first", spec_version="2.1"))
        == built["indicators"] + 2
    )


def objects_path(query: str = "") -> str:
    """Where the objects are."""
    return f"{taxii.API_ROOT}/collections/{taxii.COLLECTION_ID}/objects/{query}"


def test_taxii_says_what_a_page_holds_and_that_it_did_not_change(
    api: Api, collection: Collection
) -> None:
    answer = get(api, objects_path("?limit=5"))
    held = answer.json()["objects"]
    assert answer.headers["X-TAXII-Date-Added-First"] == held[0]["created"]
    assert answer.headers["X-TAXII-Date-Added-Last"] == held[-1]["modified"]
    assert answer.headers["Content-Type"] == TAXII_MEDIA_TYPE
    again = get(api, objects_path("?limit=5"), **{"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?limit=x",
        "?limit=-1",
        "?next=x",
        "?added_after=yesterday",
        "?added_after=0001-01-01T00:00:00%2B14:00",
        "?match[id]=indicator--x",
    ],
)
def test_taxii_refuses_what_it_cannot_read(api: Api, collection: Collection, query: str) -> None:
    for path in ("", f"{IDENTITY}/", f"{IDENTITY}/versions/"):
        answer = get(api, objects_path(path + query))
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, TAXII_MEDIA_TYPE)
        assert answer.json()["http_status"] == "400"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/taxii+json;version=2.1", 200),
        ("application/taxii+json; version=2.1", 200),
        ('application/taxii+json;version="2.1"', 200),
        ("application/taxii+json", 200),
        ("application/json", 200),
        ("application/taxii+json;q=0", 406),
        ('application/taxii+json;version="2.0"', 406),
        ("text/html, */*;q=0.1", 200),
        ("application/taxii+json;version=2.0", 406),
        ("text/html", 406),
    ],
)
def test_taxii_speaks_its_media_type_only(
    api: Api, collection: Collection, accept: str, status: int
) -> None:
    one = objects_path(f"{IDENTITY}/")
    for path in ("/taxii2/", objects_path(), one, f"{one}versions/"):
        assert get(api, path, Accept=accept).status_code == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/taxii2/other/", 404),
        (f"{taxii.API_ROOT}/collections/{taxii.COLLECTION_ID[:-1]}0/", 404),
        (f"{taxii.API_ROOT}/collections/0/objects/indicator--{NOBODYS}/", 404),
        (f"{taxii.OBJECTS}/indicator--{NOBODYS}/more/", 404),
    ],
)
def test_taxii_has_no_more_than_that(
    api: Api, collection: Collection, path: str, status: int
) -> None:
    answer = get(api, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, TAXII_MEDIA_TYPE)


def test_taxii_deletes_nothing(api: Api, collection: Collection) -> None:
    path = objects_path(f"{IDENTITY}/")
    answer = requests.delete(f"{api.base}{path}", headers={"apikey": DEFAULT_API_KEY}, timeout=60)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


def test_taxii_takes_nothing(api: Api, collection: Collection) -> None:
    answer = requests.post(
        f"{api.base}{objects_path()}", headers={"apikey": DEFAULT_API_KEY}, data="{}", timeout=60
    )
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
