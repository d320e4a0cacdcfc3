"""The shipped catalog is valid, and what is not valid is refused with the place and the reason."""

import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from shared.domain.indicator import IndicatorType
from shared.domain.provider import ListingStatus
from shared.formats.lists.declaration import load_catalog, read_catalog
from shared.formats.lists.errors import DeclarationError
from shared.formats.lists.formats import FORMATS
from shared.formats.lists.options import OPTIONS, Api
from tests.unit.providers.support import CATALOG, declare

API = (
    "listed = \"verdict == 'bad'\", trusted = \"verdict == 'good'\", category = 'kind', "
    'budget_ms = 300, keep = "6h", keep_unknown = "10m"'
)
API_ADDRESS = '"https://api.example/v1?url={value}"'


def test_shipped_catalog_is_valid() -> None:
    assert len(CATALOG) >= 14
    assert {one.name for one in CATALOG.values()} >= {"blocklist.de", "www.team-cymru.org"}
    for provider, one in CATALOG.items():
        assert one.id == provider
        assert 300 <= one.every_s <= 7 * 86_400, "no list wants to be asked more often"
        assert one.licence


def test_fields_of_a_declaration() -> None:
    one = CATALOG["spamhaus-drop"]
    assert one.types == {IndicatorType.IP}
    assert one.every_s == 86_400
    assert one.listing_status is ListingStatus.LISTED
    assert not one.on_demand
    assert CATALOG["misp-public-dns"].listing_status is ListingStatus.TRUSTED
    with pytest.raises(FrozenInstanceError):
        one.name = "other"  # type: ignore[misc]
    assert replace(one, address=one.more[0]).address == one.more[0]


def test_every_format_has_options() -> None:
    assert OPTIONS.keys() == FORMATS.keys() | {"api"}


def test_an_api_is_declared_with_all_that_asking_needs() -> None:
    one = declare("api", API, address=API_ADDRESS)
    assert one.on_demand
    options = one.read_options(Api)
    assert (options.budget_ms, options.keep, options.keep_unknown) == (300, 21_600, 600)
    assert options.category == "kind"
    assert options.detect_time is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"colour": '"red"'}, "colour: Unexpected keyword argument"),
        ({"name": '""'}, "name: String should have at least 1 character"),
        ({"name": '"a\\nb"'}, "name: String should match"),
        ({"name": f'"{"a" * 65}"'}, "name: String should have at most 64 characters"),
        ({"types": "[]"}, "types: Frozenset should have at least 1 item"),
        ({"types": '["email"]'}, "types.0: Input should be 'md5', 'sha1'"),
        ({"address": '"http://list.example/"'}, "address: not an https address"),
        ({"address": '"https://user@list.example/"'}, "address: not an http or https address"),
        ({"address": '"https://list.example:x/"'}, "address: not an http or https address"),
        ({"address": '"https:///a"'}, "address: not an http or https address"),
        ({"address": '"https://list.example/ü"'}, "address: not an http or https address"),
        (
            {"address": '"https://list.example/{value}"'},
            "address: {value} is required for an API",
        ),
        (
            {"more": '["https://other.example/"]'},
            "more: on another scheme or host than the address",
        ),
        ({"more": '["a"]'}, "more: not an http or https address"),
        ({"format": '"xml"'}, "format: not one of lines, csv"),
        ({"every": '"hourly"'}, 'every: Value error, not an interval such as "30m"'),
        ({"every": '"0h"'}, "every: Value error, not an interval"),
        ({"every": "3600"}, "every: Input should be a valid string"),
        ({"licence": '""'}, "licence: String should have at least 1 character"),
        ({"stance": '"grey"'}, "stance: Input should be 'listed' or 'trusted'"),
        ({"assessment": '""'}, "assessment: a blocklist needs one"),
        ({"key": '"yes"'}, "key: Input should be a valid boolean"),
        ({"key_header": '"a b"'}, "key_header: not the name of a header"),
        ({"min_entries": "-1"}, "min_entries: Input should be greater than or equal to 0"),
        ({"min_entries": "true"}, "min_entries: Input should be a valid integer"),
        ({"options": "{ colum = 1 }"}, "options.colum: Extra inputs are not permitted"),
        ({"options": "{ column = 0 }"}, "options.column: Input should be greater than"),
        ({"options": "1"}, "options: Input should be a valid dictionary"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_valid_is_refused_by_name(fields: dict[str, object], message: str) -> None:
    with pytest.raises(DeclarationError, match="^" + re.escape(f"a-list: {message}")):
        declare("lines", **fields)


@pytest.mark.parametrize(
    ("form", "options", "message"),
    [
        ("csv", "", "options.value: Field required"),
        ("json_path", "items = '[', value = 'a'", "options.items: Value error, not a JMESPath"),
        ("api", API.replace("6h", "ever"), "options.keep: Value error, not an interval"),
        ("api", API.replace("300", "60_000"), "options.budget_ms: Input should be less than"),
        ("stix_bundle", "a = 1", "options.a: Extra inputs are not permitted"),
    ],
)
def test_options_are_those_of_the_format(form: str, options: str, message: str) -> None:
    address = {"address": API_ADDRESS} if form == "api" else {}
    with pytest.raises(DeclarationError, match=re.escape(f"a-list: {message}")):
        declare(form, options, **address)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "the catalog is not TOML"),
        ("a = 1", "a: not a table"),
        ("[a]", "a: name: Field required"),
        ("[a]\nid = 'b'", "a: id: it is the name of the table"),
    ],
)
def test_what_is_no_catalog_is_refused(text: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        read_catalog(text)


def test_two_providers_of_one_name_are_refused(tmp_path: Path) -> None:
    rest = (
        'types = ["ip"]\naddress = "https://list.example/"\nformat = "lines"\n'
        'assessment = "bad"\nevery = "1h"\nlicence = "none"\n'
    )
    path = tmp_path / "catalog.toml"
    path.write_text(f'[a]\nname = "One"\n{rest}[b]\nname = "one"\n{rest}', encoding="utf-8")
    with pytest.raises(DeclarationError, match="b: name: a has the same"):
        load_catalog(path)


@pytest.mark.parametrize("provider", ["A", '"a b"', '"a#b"', f'"{"a" * 33}"', '""'])
def test_an_id_is_fit_for_keys(provider: str) -> None:
    text = (
        f'[{provider}]\nname = "n"\ntypes = ["ip"]\naddress = "https://list.example/"\n'
        'format = "lines"\nassessment = "bad"\nevery = "1h"\nlicence = "none"\n'
    )
    with pytest.raises(DeclarationError, match="id: not 1 to 32 lower-case letters"):
        read_catalog(text)
