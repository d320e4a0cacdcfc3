from pathlib import Path
from typing import Any

import pytest

from functions.lookup.geo_info import geo_info, no_geo_info
from functions.lookup.geoip import GeoIpDatabase
from shared.domain.indicator import IndicatorType, parse
from tests.geoip import GEO_INFO, SWEDEN, geoip_database

NOWHERE = {
    "continent": {"code": "", "name": ""},
    "country": {"code": "", "name": "Unknown"},
    "registered_country": {"code": "", "name": "Unknown"},
    "city": {"name": ""},
    "location": {"latitude": 0.0, "longitude": 0.0},
    "subdivisions": [],
}
RECORDS = {"203.0.113.0/24": SWEDEN, "2001:db8:1::/48": SWEDEN}


def locate(path: Path, *addresses: str) -> list[Any]:
    database = GeoIpDatabase(str(path))
    return [database.locate(parse(IndicatorType.IP, one)) for one in addresses]


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8:1::7"])
def test_an_address_of_the_database_has_its_place(tmp_path: Path, address: str) -> None:
    assert locate(geoip_database(tmp_path / "a", RECORDS), address) == [GEO_INFO]


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8:2::7", "127.0.0.1", "::1"])
def test_any_other_address_has_all_keys_and_a_named_country(tmp_path: Path, address: str) -> None:
    assert locate(geoip_database(tmp_path / "a", RECORDS), address) == [NOWHERE]


def test_a_database_of_ipv4_knows_no_place_of_ipv6_and_is_not_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = geoip_database(tmp_path / "a", {"203.0.113.0/24": SWEDEN}, ip_version=4)
    assert locate(path, "2001:db8::7", "203.0.113.7") == [NOWHERE, GEO_INFO]
    assert caplog.records == []


def test_a_database_of_countries_leaves_the_rest_empty() -> None:
    record = {key: SWEDEN[key] for key in ("continent", "country", "registered_country")}
    rest = {key: NOWHERE[key] for key in ("city", "location", "subdivisions")}
    assert geo_info(record) == {**GEO_INFO, **rest}


def test_a_network_without_a_place_has_no_country() -> None:
    assert geo_info({"traits": {"is_anonymous_proxy": True}}) == NOWHERE == no_geo_info()


@pytest.mark.parametrize(
    "record",
    [
        dict.fromkeys(SWEDEN, "SE"),
        {key: {"names": "Sweden", "iso_code": 7} for key in SWEDEN},
        {key: {"names": {"en": None}} for key in SWEDEN},
        dict.fromkeys(SWEDEN),
        {"location": {"latitude": "58", "longitude": float("nan")}},
        {"location": {"latitude": 91, "longitude": -181.0}},
        {"location": {"latitude": True, "longitude": float("inf")}},
    ],
)
def test_fields_of_other_types_are_left_empty(record: dict[str, Any]) -> None:
    assert geo_info(record) == NOWHERE


def test_a_record_that_is_not_a_map_locates_nothing(tmp_path: Path) -> None:
    path = geoip_database(tmp_path / "a", {"203.0.113.0/24": "SE"})
    assert locate(path, "203.0.113.7") == [NOWHERE]


def test_a_subdivision_of_another_type_does_not_hide_the_others() -> None:
    record = {"subdivisions": ["E", *SWEDEN["subdivisions"]]}
    assert geo_info(record)["subdivisions"] == GEO_INFO["subdivisions"]


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def another_file(path: Path) -> None:
    path.write_text("<html>403 Forbidden</html>" * 1000, encoding="utf-8")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def cut(path: Path) -> None:
    """A download that broke off: the part that names the layout is at the end."""
    path.write_bytes(path.read_bytes()[:-100])


def overwritten(path: Path) -> None:
    """A damaged tree and damaged records, below a description that is in order."""
    content = path.read_bytes()
    start = content.rindex(b"\xab\xcd\xefMaxMind.com")
    path.write_bytes(b"\xff" * start + content[start:])


@pytest.mark.parametrize("damage", [missing, empty, another_file, a_folder, cut, overwritten])
def test_a_missing_or_damaged_database_breaks_no_look_up_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Any
) -> None:
    path = geoip_database(tmp_path / "a", RECORDS)
    damage(path)
    assert locate(path, "203.0.113.7", "203.0.113.8", "2001:db8:1::7") == [NOWHERE] * 3
    [warning] = caplog.records
    assert (warning.levelname, warning.message) == ("WARNING", "GeoIP database cannot be read")
    assert vars(warning)["path"] == str(path)


def test_no_damage_of_a_byte_breaks_a_look_up(tmp_path: Path) -> None:
    content = geoip_database(tmp_path / "a", RECORDS).read_bytes()
    path = tmp_path / "b"
    for at in range(len(content)):
        for value in {0, 0xFF, content[at] ^ 1} - {content[at]}:
            path.write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
            for place in locate(path, "203.0.113.7", "2001:db8:1::7"):
                assert place.keys() == GEO_INFO.keys()
                assert place["country"]["name"]
