import json
from typing import Any

import pytest

from functions.lookup.web import Response, answer, read_request


def event(path: str = "/v4/hash/x", **fields: Any) -> dict[str, Any]:
    return {
        "rawPath": path,
        "rawQueryString": "a=b",
        "headers": {"ApiKey": "k", "accept": "*/*"},
        "requestContext": {"http": {"method": "get"}, "stage": "$default"},
        **fields,
    }


def test_header_names_have_no_case() -> None:
    request = read_request(event())
    assert request.headers["apikey"] == "k"
    assert (request.method, request.query) == ("GET", "a=b")


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("/v4/url/http%3A%2F%2Fx%2Fa%20b", "/v4/url/http%3A%2F%2Fx%2Fa%20b"),
        ("/v4/url/http://x/a b", "/v4/url/http://x/a%20b"),
        ("/v4/domain/bücher.example", "/v4/domain/b%C3%BCcher.example"),
        ("/v4/url/http://x/?a=b&c=[1]", "/v4/url/http://x/?a=b&c=[1]"),
    ],
)
def test_a_path_reads_the_same_whether_the_gateway_decoded_it(raw: str, read: str) -> None:
    assert read_request(event(raw)).path == read


def test_the_stage_is_no_part_of_the_path() -> None:
    context = {"http": {"method": "GET"}, "stage": "prod"}
    assert read_request(event("/prod/v4/x", requestContext=context)).path == "/v4/x"


def test_an_event_without_headers_or_query() -> None:
    bare = event()
    del bare["headers"], bare["rawQueryString"]
    request = read_request(bare)
    assert (request.headers, request.query) == ({}, "")


def test_an_answer_is_compact_and_unescaped() -> None:
    result = answer(Response(200, {"a": "ü", "b": [1, 2]}, {"X-Y": "z"}))
    assert result["body"] == '{"a":"ü","b":[1,2]}'
    assert json.loads(result["body"]) == {"a": "ü", "b": [1, 2]}
    assert result["headers"] == {"Content-Type": "application/json; charset=utf-8", "X-Y": "z"}
    assert result["isBase64Encoded"] is False
