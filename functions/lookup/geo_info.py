"""Where an IP address is, in the shape of the MetaDefender Cloud v4 API. Pure.

A record of a GeoIP database has the fields that MaxMind documents for its City and Country
databases (https://dev.maxmind.com/geoip/). The file comes from the deployer, so no field of a
record has to exist or to have the documented type.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.indicator import Indicator

# A client fails on every address whose country has no name.
UNKNOWN = "Unknown"

Body = dict[str, Any]
Locate = Callable[[Indicator], Body]


def no_geo_info() -> Body:
    """The field without a place; it has all keys, because the official SDK needs them."""
    return geo_info({})


def nowhere(_: Indicator) -> Body:
    """The field for any IP without a GeoIP database."""
    return no_geo_info()


def geo_info(record: Mapping[str, Any]) -> Body:
    """The field `geo_info` of an answer, with all its keys; names are in English.

    Args:
        record: what a GeoIP database contains for an address; {} if it contains nothing. A field
            that is missing or has another type is empty in the answer.
    """
    country = _place(record, "country")
    registered = _place(record, "registered_country")
    location = _fields(record.get("location"))
    subdivisions = record.get("subdivisions")
    return {
        "continent": _named(_place(record, "continent")),
        "country": _named(country, UNKNOWN),
        "registered_country": _named(registered, UNKNOWN),
        "city": {"name": _name(_place(record, "city"))},
        "location": {
            "latitude": _degrees(location.get("latitude"), 90),
            "longitude": _degrees(location.get("longitude"), 180),
        },
        "subdivisions": [
            _named(one)
            for one in (subdivisions if isinstance(subdivisions, list) else [])
            if isinstance(one, Mapping)
        ],
    }


def _place(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return _fields(record.get(key))


def _fields(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _named(place: Mapping[str, Any], unknown: str = "") -> Body:
    code = _text(place.get("iso_code")) or _text(place.get("code"))
    return {"code": code, "name": _name(place) or unknown}


def _name(place: Mapping[str, Any]) -> str:
    return _text(_fields(place.get("names")).get("en"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _degrees(value: object, limit: int) -> float:
    # A bool is an int, but not a number of degrees.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    return float(value) if -limit <= value <= limit else 0.0
