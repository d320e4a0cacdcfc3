"""Bulk requests on stores in memory."""

import json
from typing import Any

import pytest

from functions.lookup.bulk import MAX_BODY_BYTES, MAX_ITEMS
from functions.lookup.routes import respond
from shared.http.web import Request, Response
from tests.unit.lookup.test_routes import DOMAIN, IP, KEY, SHA256, URL, code, service

JSON = {"content-type": "application/json"}


def post(path: str, body: Any, headers: dict[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return respond(service(), Request("POST", path, "", {"apikey": KEY, **(headers or JSON)}, raw))


@pytest.mark.parametrize("path", ["/v4/hash", "/v4/hash/", "/v4//hash"])
def test_hashes_are_answered_in_order_with_duplicates(path: str) -> None:
    unknown = "B" * 40
    asked = [unknown, SHA256.value.lower(), "no hash", SHA256.value]
    rows = post(path, {"hash": asked}).body["data"]
    assert [row["hash"] for row in rows] == [unknown, SHA256.value, "NO HASH", SHA256.value]
    assert [row["scan_result_i"] for row in rows] == [5, 1, 5, 1]
    assert [row["total_detected_avs"] for row in rows] == [-1, 1, -1, 1]
    assert all(row["scan_details"] == {} for row in rows)
    assert all(isinstance(row["data_id"], str) for row in rows)


@pytest.mark.parametrize("header", ["includescandetails", "include_scan_details"])
@pytest.mark.parametrize(("value", "told"), [("0", False), ("1", True)])
def test_a_header_asks_for_the_engines_results(header: str, value: str, told: bool) -> None:
    response = post("/v4/hash", {"hash": [SHA256.value]}, JSON | {header: value})
    [row] = response.body["data"]
    assert ("MetaDefender Sandbox" in row["scan_details"]) is told


@pytest.mark.parametrize("value", ["2", "true", "", "01"])
def test_another_value_of_that_header_is_refused(value: str) -> None:
    response = post("/v4/hash", {"hash": [SHA256.value]}, JSON | {"includescandetails": value})
    assert (response.status, code(response)) == (400, 400065)


@pytest.mark.parametrize(
    ("path", "field", "known", "spelled"),
    [
        ("/v4/ip", "address", IP.value, "2001:DB8:0:0:0:0:0:7"),
        ("/v4/ip/", "address", IP.value, "2001[:]db8::7"),
        ("/v4/domain", "fqdn", DOMAIN.value, "Evil[.]Example."),
        ("/v4/domain/", "fqdn", DOMAIN.value, "evil(.)example"),
        ("/v4/url", "url", URL.value, "hxxp://EVIL[.]example:80/a?q=1#f"),
        ("/v4/url/", "url", URL.value, "http%3A%2F%2Fevil.example%2Fa%3Fq%3D1"),
        ("/v4/url/", "url", URL.value, "evil.example/a?q=1"),
    ],
)
def test_addresses_are_answered_in_order_each_as_in_a_single_look_up(
    path: str, field: str, known: str, spelled: str
) -> None:
    unknown = {"ip": "192.0.2.99", "domain": "fine.example", "url": "http://fine.example/"}
    kind = path.split("/")[2]
    response = post(path, {field: [unknown[kind], spelled, "\x00", known]})
    assert response.status == 200
    rows = response.body["data"]
    assert [row["address"] for row in rows] == [unknown[kind], known, "\x00", known]
    assert [row["success"] for row in rows] == [True, True, False, True]
    assert [row["lookup_results"]["detected_by"] for row in rows] == [0, 1, 0, 1]
    assert rows[2]["error"]["code"] == 400180
    assert all(("geo_info" in row) == (kind == "ip") for row in rows)


def test_domains_may_come_to_the_path_of_urls() -> None:
    # So does the vendor's own command line tool.
    response = post("/v4/url", {"fqdn": ["Evil[.]Example", "evil.example."]})
    rows = response.body["data"]
    assert [row["address"] for row in rows] == ["evil.example", "evil.example"]
    assert [row["lookup_results"]["detected_by"] for row in rows] == [1, 1]


@pytest.mark.parametrize("text", ["\ud800", "x" * 20_000, "", " "])
def test_an_item_that_is_text_but_not_valid_does_not_fail_the_request(text: str) -> None:
    for path, field in (("/v4/hash", "hash"), ("/v4/ip", "address"), ("/v4/url", "url")):
        response = post(path, {field: [text]})
        assert response.status == 200
        assert len(response.body["data"]) == 1
        json.dumps(response.body, ensure_ascii=False).encode()


FIELDS = [
    ("/v4/hash", "hash", 400060),
    ("/v4/ip", "address", 400181),
    ("/v4/domain", "fqdn", 400181),
    ("/v4/url", "url", 400181),
]


@pytest.mark.parametrize(("path", "field", "first"), FIELDS)
def test_a_list_that_breaks_a_rule_is_refused_with_its_number(
    path: str, field: str, first: int
) -> None:
    cases: list[tuple[Any, int]] = [
        ({}, 0),
        ({"other": ["x"]}, 0),
        ({field: None}, 1),
        ({field: "x"}, 1),
        ({field: {}}, 1),
        ({field: ["x", 5]}, 1),
        ({field: [None]}, 1),
        ({field: [["x"]]}, 1),
        ({field: []}, 2),
        ({field: ["x"] * (MAX_ITEMS + 1)}, 3),
    ]
    for body, offset in cases:
        response = post(path, body)
        assert (response.status, code(response)) == (400, first + offset), body
    assert post(path, {field: ["x"] * MAX_ITEMS}).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[]",
        b'"x"',
        b"null",
        b"5",
        b"{",
        b"\xff\xfe",
        b"\x00",
        b"[" * 100_000,
        b'{"hash": ' + b"9" * 6000 + b"}",
        '{"hash": []}'.encode("utf-16"),
    ],
)
@pytest.mark.parametrize("path", ["/v4/hash", "/v4/ip", "/v4/domain", "/v4/url"])
def test_a_body_that_is_no_json_object_is_refused(path: str, body: bytes) -> None:
    response = post(path, body)
    assert (response.status, code(response)) == (400, 400021)


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data"])
def test_another_content_type_is_refused(content_type: str) -> None:
    response = post("/v4/hash", {"hash": ["x"]}, {"content-type": content_type})
    assert (response.status, code(response)) == (406, 406000)


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"]
)
def test_json_is_json_however_it_is_called(content_type: str) -> None:
    assert post("/v4/hash", {"hash": ["x"]}, {"content-type": content_type}).status == 200


def test_without_a_content_type_the_body_is_taken_as_json() -> None:
    assert post("/v4/hash", {"hash": ["x"]}, {"accept": "*/*"}).status == 200


def test_a_body_too_large_is_refused() -> None:
    response = post("/v4/hash", b" " * (MAX_BODY_BYTES + 1))
    assert (response.status, code(response)) == (413, 400144)


def test_nothing_is_read_without_a_key() -> None:
    response = respond(service(), Request("POST", "/v4/hash", "", JSON, b"x"))
    assert (response.status, code(response)) == (401, 401001)


@pytest.mark.parametrize(
    ("path", "allowed"), [("/v4/hash", "POST"), ("/v4/ip/192.0.2.1", "GET"), ("/health", "GET")]
)
def test_the_methods_of_a_path(path: str, allowed: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        if method != allowed:
            response = respond(service(), Request(method, path, "", {"apikey": KEY}))
            assert (response.status, response.headers["Allow"]) == (405, allowed)
