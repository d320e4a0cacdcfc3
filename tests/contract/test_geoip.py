"""Answers about IPs of a stack with a GeoIP database, as clients read them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import mcl_platform_sdk as sdk
import pytest
from mcl_platform_sdk.api.reputation_service_api import ReputationServiceApi

import functions.lookup.app as lookup
from local.openapi_models.v4 import BulkIpAnswer, IpReport
from shared.domain.indicator import IndicatorType
from shared.domain.verdict import Verdict
from tests.contract.support import Api, of_verdict
from tests.geoip import GEO_INFO, SWEDEN, geoip_database

ADDRESS = of_verdict(IndicatorType.IP, Verdict.MALICIOUS).value
ELSEWHERE = "198.18.0.1"


@pytest.fixture
def located(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The API with a database that locates `ADDRESS`, read as the setting has it."""
    path = geoip_database(tmp_path / "geoip.mmdb", {ADDRESS: SWEDEN})
    service = replace(lookup._service(), locate=lookup._locate(str(path)))
    monkeypatch.setattr(lookup, "_service", lambda: service)
    return api


def test_a_single_look_up_a_bulk_one_and_a_search_have_the_place(located: Api) -> None:
    single = located.look_up("ip", ADDRESS)
    IpReport.model_validate_json(single.text)
    assert single.body["geo_info"] == GEO_INFO
    bulk = located.ask("/v4/ip", method="POST", body={"address": [ADDRESS, ELSEWHERE, "no IP"]})
    BulkIpAnswer.model_validate_json(bulk.text)
    places = [row["geo_info"] for row in bulk.body["data"]]
    assert places[0] == GEO_INFO
    assert [one["country"]["name"] for one in places[1:]] == ["Unknown", "Unknown"]
    found = located.ask("/v4/search", method="POST", body={"text": ADDRESS})
    assert [row["report"]["geo_info"] for row in found.body["data"]] == [GEO_INFO]


def test_the_official_sdk_reads_the_place(located: Api) -> None:
    configuration = sdk.Configuration(host=f"{located.base}/v4")
    with sdk.ApiClient(configuration, header_name="apikey", header_value=located.key) as client:
        service: Any = ReputationServiceApi(client)
        known, unknown = (service.lookup_ip(one).geo_info for one in (ADDRESS, ELSEWHERE))
    assert (known.country.name, known.city.name) == ("Sweden", "Linköping")
    assert (known.location.latitude, known.location.longitude) == (58.4167, 15.6167)
    assert unknown.country.name == "Unknown"
