"""Published clients, as they come from the package registry, against the API."""

import json
from collections.abc import Iterator
from typing import Any

import mcl_platform_sdk as sdk
import MetaDefender.api as wrapper  # type: ignore[import-untyped]
import pytest
from mcl_platform_sdk.api.apikey_api import ApikeyApi
from mcl_platform_sdk.api.dynamic_analysis_api import DynamicAnalysisApi
from mcl_platform_sdk.api.hash_lookups_api import HashLookupsApi
from mcl_platform_sdk.api.reputation_service_api import ReputationServiceApi
from mcl_platform_sdk.api.status_endpoints_api import StatusEndpointsApi
from mcl_platform_sdk.exceptions import (
    BadRequestException,
    NotFoundException,
    UnauthorizedException,
)

from shared.domain.indicator import HASH_TYPES, IndicatorType
from shared.domain.verdict import Verdict
from tests.contract.support import DAILY_LIMIT, Api, of_verdict

ADDRESSES = (IndicatorType.IP, IndicatorType.DOMAIN, IndicatorType.URL)
MD5, SHA1, SHA256 = (of_verdict(kind, Verdict.MALICIOUS).value for kind in sorted(HASH_TYPES))
UNKNOWN_HASH = "0" * 40
UNKNOWN = {
    "ip": ["192.0.2.200", "2001:db8::99"],
    "domain": ["never.seen.example", "bücher.never.example"],
    "url": ["https://never.seen.example/a%20b?q=1&r=/#f", "http://never.seen.example"],
}
BULK_FIELDS = {"ip": "address", "domain": "fqdn", "url": "url"}


@pytest.fixture(params=["header of the client", "header of the call"])
def asking(api: Api, request: pytest.FixtureRequest) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The SDK's client, and what a call has to name: the key may come from either."""
    configuration = sdk.Configuration(host=f"{api.base}/v4")
    by_client = request.param == "header of the client"
    client = sdk.ApiClient(
        configuration,
        header_name="apikey" if by_client else None,
        header_value=api.key if by_client else None,
    )
    with client:
        yield client, {"headers": {} if by_client else {"apikey": api.key}}


def raw(response: Any) -> Any:
    """The body of an answer that the SDK has not read."""
    assert response.status == 200
    return json.loads(response.read())


@pytest.mark.parametrize("value", [MD5, SHA1, SHA256, SHA256.lower()])
def test_sdk_looks_up_a_hash(asking: Any, value: str) -> None:
    client, call = asking
    hashes: Any = HashLookupsApi(client)
    report = hashes.lookup_hash(value, **call)
    assert report.data_id == report.file_id == "66b3763be7dbbbdfcd0a6a96"
    assert report.scan_results.scan_all_result_i == 1
    assert report.scan_results.total_detected_avs == report.scan_results.total_avs == 1
    assert report.file_info.display_name == value.upper()
    assert report.process_info.result == "Blocked"
    assert report.additional_info == []
    http = hashes.lookup_hash(value, response_type="http", **call)
    assert (http.status_code, http.data) == (200, report)
    # The typed models know no engine of this name.
    body = raw(hashes.lookup_hash(value, response_type="raw", **call))
    engine = body["scan_results"]["scan_details"]["MetaDefender Sandbox"]
    assert engine["verdict"] == "MALICIOUS"


@pytest.mark.parametrize("verdict", Verdict)
def test_sdk_reads_every_verdict(asking: Any, verdict: Verdict) -> None:
    client, call = asking
    value = of_verdict(IndicatorType.SHA1, verdict).value
    report: Any = HashLookupsApi(client).lookup_hash(value, **call)
    assert report.scan_results.scan_all_result_i == (0, 0, 2, 1, 1)[verdict]
    for kind in ADDRESSES:
        value = of_verdict(kind, verdict).value
        answer = getattr(ReputationServiceApi(client), f"lookup_{kind}")(value, **call)
        [source] = answer.lookup_results.sources
        assert source.status == (0, 5, 1, 1, 1)[verdict]


def test_sdk_hears_of_an_unknown_hash(asking: Any) -> None:
    client, call = asking
    with pytest.raises(NotFoundException) as caught:
        HashLookupsApi(client).lookup_hash(UNKNOWN_HASH, **call)
    failed: Any = caught.value.data
    assert failed.success is False
    assert failed.error.code == 404003
    with pytest.raises(BadRequestException) as refused:
        HashLookupsApi(client).lookup_hash("no-hash", **call)
    # Its description of this method knows of no 400, so it leaves the body unread.
    assert refused.value.status == 400


def test_sdk_looks_up_many_hashes(asking: Any) -> None:
    client, call = asking
    hashes: Any = HashLookupsApi(client)
    request = sdk.MultipleHashLookupRequest(hash=[SHA256.lower(), UNKNOWN_HASH, "no-hash", MD5])
    rows = hashes.lookup_hashes(request, **call).data
    assert [row.hash for row in rows] == [SHA256, UNKNOWN_HASH, "NO-HASH", MD5]
    assert [row.scan_result_i for row in rows] == [1, 5, 5, 1]
    assert [row.total_detected_avs for row in rows] == [1, -1, -1, 1]
    detailed = {"headers": {**call["headers"], "includescandetails": "1"}}
    assert len(hashes.lookup_hashes(request, **detailed).data) == 4
    body = raw(hashes.lookup_hashes(request, response_type="raw", **detailed))
    assert "MetaDefender Sandbox" in body["data"][0]["scan_details"]


def test_sdk_asks_for_the_sub_reports_of_a_hash(asking: Any) -> None:
    client, call = asking
    hashes: Any = HashLookupsApi(client)
    [scan] = hashes.list_hash_scan_history(SHA256, **call).scan_result_history
    assert scan.scan_all_result_i == 1
    sandbox: Any = DynamicAnalysisApi(client).get_sandbox_by_hash(SHA256, **call)
    assert sandbox.final_verdict.verdict == "MALICIOUS"


def test_sdk_asks_for_a_badge(api: Api) -> None:
    # This method sends no key of its own.
    configuration = sdk.Configuration(host=f"{api.base}/v4")
    with sdk.ApiClient(configuration, header_name="apikey", header_value=api.key) as client:
        report: Any = HashLookupsApi(client).get_hash_badge(SHA256)
    assert report.scan_results.scan_all_result_i == 1


@pytest.mark.parametrize("kind", ADDRESSES)
def test_sdk_looks_up_an_address(asking: Any, kind: IndicatorType) -> None:
    client, call = asking
    look_up = getattr(ReputationServiceApi(client), f"lookup_{kind}")
    known = of_verdict(kind, Verdict.MALICIOUS).value
    answer = look_up(known, **call)
    assert answer.address == known
    assert answer.lookup_results.detected_by == 1
    [source] = answer.lookup_results.sources
    assert (source.provider, source.assessment) == ("MetaDefender Sandbox", "high risk")
    assert look_up(known, response_type="http", **call).data.address == known
    body = raw(look_up(known, response_type="raw", **call))
    assert body["lookup_results"]["sources"][0]["verdict"] == "MALICIOUS"
    for unknown in UNKNOWN[kind]:
        answer = look_up(unknown, **call)
        assert answer.lookup_results.detected_by == 0
        assert [one.status for one in answer.lookup_results.sources] == [5]


@pytest.mark.parametrize("kind", ADDRESSES)
def test_sdk_looks_up_many_addresses(asking: Any, kind: IndicatorType) -> None:
    client, call = asking
    look_up = getattr(ReputationServiceApi(client), f"lookup_{kind}s")
    models: dict[str, Any] = {
        "ip": sdk.IPBulkLookupRequest,
        "domain": sdk.DomainBulkLookupRequest,
        "url": sdk.URLBulkLookupRequest,
    }
    known = of_verdict(kind, Verdict.MALICIOUS).value
    # One row that is not valid does not keep the SDK from reading the others.
    request = models[kind](**{BULK_FIELDS[kind]: [known, *UNKNOWN[kind], "no:such"]})
    rows = look_up(request, **call).data
    assert [row.lookup_results.detected_by for row in rows] == [1, 0, 0, 0]
    assert rows[0].address == known
    http = look_up(request, response_type="http", **call)
    assert [row.address for row in http.data.data] == [row.address for row in rows]
    body = raw(look_up(request, response_type="raw", **call))
    assert [row["success"] for row in body["data"]] == [True, True, True, False]


@pytest.mark.parametrize("kind", ADDRESSES)
def test_sdk_hears_of_what_is_not_valid(asking: Any, kind: IndicatorType) -> None:
    client, call = asking
    with pytest.raises(BadRequestException) as caught:
        getattr(ReputationServiceApi(client), f"lookup_{kind}")("no:such", **call)
    failed: Any = caught.value.data
    assert failed.error.code == 400180


def test_sdk_asks_for_the_version(asking: Any) -> None:
    client, _ = asking
    version: Any = StatusEndpointsApi(client).get_api_version()
    assert version.version == "4"


def test_sdk_hears_of_a_wrong_key(api: Api) -> None:
    configuration = sdk.Configuration(host=f"{api.base}/v4")
    with (
        sdk.ApiClient(configuration, header_name="apikey", header_value="wrong") as client,
        pytest.raises(UnauthorizedException),
    ):
        HashLookupsApi(client).lookup_hash(SHA256)


def test_sdk_asks_for_the_key(asking: Any) -> None:
    client, call = asking
    keys: Any = ApikeyApi(client)
    account = keys.get_api_key(**call)
    assert account.limit_reputation == DAILY_LIMIT
    assert account.portal_api_key == ""
    used = keys.get_api_key_limits(**call)
    left = keys.get_api_key_remaining_limits(**call)
    assert used.reputation_api + left.reputation_api == DAILY_LIMIT
    assert "limit_reputation" in raw(keys.get_api_key(response_type="raw", **call))


@pytest.fixture
def wrapped(api: Api, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The wrapper MetaDefender_api, which puts another slash behind its base address."""
    monkeypatch.setattr(wrapper, "api_url", f"{api.base}/v4/")
    return wrapper.MetaDefender_api


def test_wrapper_looks_up_a_hash(api: Api, wrapped: Any) -> None:
    for value in (MD5, SHA1, SHA256.lower()):
        report = wrapped.Hash_Lookup(value, key=api.key)
        assert report["scan_results"]["scan_all_result_a"] == "Infected"
    assert wrapped.Hash_Lookup(UNKNOWN_HASH, key=api.key) == (None, 404, ":Hash not found?")
    assert wrapped.Hash_Lookup("no-hash", key=api.key) == (None, 400, ":Invalid Hash?")
    assert wrapped.Hash_Lookup(SHA256, key="wrong") == (None, 401)


def test_wrapper_asks_for_the_key(api: Api, wrapped: Any) -> None:
    assert wrapped.Apikey_info(key=api.key)["limit_reputation"] == DAILY_LIMIT
    assert wrapped.Apikey_remaining_limits(key=api.key)["reputation_api"] <= DAILY_LIMIT
    assert wrapped.Apikey_info(key="wrong") == (None, 401)
