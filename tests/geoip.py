"""A small GeoIP database for tests, in the layout of MaxMind's City database."""

from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

SWEDEN: dict[str, Any] = {
    "continent": {"code": "EU", "geoname_id": 6255148, "names": {"de": "Europa", "en": "Europe"}},
    "country": {"iso_code": "SE", "names": {"de": "Schweden", "en": "Sweden"}},
    "registered_country": {"iso_code": "DE", "names": {"en": "Germany"}},
    "city": {"geoname_id": 2694762, "names": {"en": "Linköping"}},
    "location": {"latitude": 58.4167, "longitude": 15.6167, "time_zone": "Europe/Stockholm"},
    "subdivisions": [{"iso_code": "E", "names": {"en": "Östergötland County"}}],
}
GEO_INFO = {
    "continent": {"code": "EU", "name": "Europe"},
    "country": {"code": "SE", "name": "Sweden"},
    "registered_country": {"code": "DE", "name": "Germany"},
    "city": {"name": "Linköping"},
    "location": {"latitude": 58.4167, "longitude": 15.6167},
    "subdivisions": [{"code": "E", "name": "Östergötland County"}],
}


def geoip_database(path: Path, records: dict[str, Any], *, ip_version: int = 6) -> Path:
    """Write a database of a record per network, and return its path."""
    writer = MMDBWriter(ip_version, "GeoLite2-City", ipv4_compatible=ip_version == 6)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path
