import gzip
import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from shared.http.web import (
    SECURITY_HEADERS,
    AnswerTooLarge,
    Request,
    Response,
    accepts_gzip,
    answer,
    percent_encoded,
    read_request,
)


def event(path: str = "/v4/hash/x", **fields: Any) -> dict[str, Any]:
    """An event of a REST API."""
    return {
        "path": path,
        "httpMethod": "get",
        "headers": {"ApiKey": "k", "accept": "*/*"},
        "multiValueHeaders": {"ApiKey": ["k"], "accept": ["text/html", "*/*"]},
        "multiValueQueryStringParameters": {"a": ["b", "c d"], "e": [""]},
        "requestContext": {"stage": "live", "path": f"/live{path}"},
        **fields,
    }


def function_url_event(path: str = "/v4/hash/x", **fields: Any) -> dict[str, Any]:
    return {
        "rawPath": path,
        "rawQueryString": "a=b&a=c%20d&e",
        "headers": {"ApiKey": "k", "accept": "text/html,*/*"},
        "requestContext": {"http": {"method": "get"}, "stage": "$default"},
        **fields,
    }


def test_both_formats_are_read_alike_but_for_the_query() -> None:
    rest, function_url = read_request(event()), read_request(function_url_event())
    assert rest == Request(
        method="GET",
        path="/v4/hash/x",
        sent_query={"a": ["b", "c d"], "e": [""]},
        headers={"apikey": "k", "accept": "text/html,*/*"},
        sent_body="",
        base_path="/live",
    )
    assert (rest.query, rest.query_rebuilt) == ("a=b&a=c+d&e=", True)
    assert function_url == replace(rest, sent_query="a=b&a=c%20d&e", base_path="")
    assert (function_url.query, function_url.query_rebuilt) == ("a=b&a=c%20d&e", False)


@pytest.mark.parametrize(
    ("raw", "encoded"),
    [
        ("/v4/url/http%3A%2F%2Fx%2Fa%20b", "/v4/url/http%3A%2F%2Fx%2Fa%20b"),
        ("/v4/url/http://x/a b", "/v4/url/http://x/a%20b"),
        ("/v4/domain/bücher.example", "/v4/domain/b%C3%BCcher.example"),
        ("/v4/url/http://x/?a=b&c=[1]", "/v4/url/http://x/?a=b&c=[1]"),
    ],
)
def test_a_path_is_encoded_where_a_request_line_could_not_contain_it(
    raw: str, encoded: str
) -> None:
    assert percent_encoded(raw) == encoded
    assert read_request(event(raw)).path == read_request(function_url_event(raw)).path == raw


@pytest.mark.parametrize(
    ("path", "whole", "base"),
    [
        ("/v4/x", "/prod/v4/x", "/prod"),
        ("/", "/prod/", "/prod"),
        ("/", "/prod", "/prod"),
        ("/v4/x", "/prod//v4/x", "/prod"),
        ("/v4/x", "/v4/x", ""),
        ("/", "/", ""),
        ("/prod/x", "/prod/x", ""),
        ("/x", None, ""),
    ],
)
def test_the_stage_is_no_part_of_the_path(path: str, whole: str, base: str) -> None:
    context = {"stage": "prod", "path": whole}
    request = read_request(event(path, requestContext=context))
    assert (request.path, request.base_path) == (path, base)


def test_an_event_without_headers_or_query() -> None:
    bare = event(
        headers=None, multiValueHeaders=None, multiValueQueryStringParameters=None, body=None
    )
    request = read_request(bare)
    assert (request.headers, request.query, request.body) == ({}, "", b"")
    bare = function_url_event()
    del bare["headers"], bare["rawQueryString"]
    request = read_request(bare)
    assert (request.headers, request.query) == ({}, "")


def test_an_event_with_one_value_for_each_name_is_enough() -> None:
    request = read_request(
        event(
            multiValueHeaders=None,
            multiValueQueryStringParameters=None,
            queryStringParameters={"a": "b"},
        )
    )
    assert (request.headers["apikey"], request.query) == ("k", "a=b")


def test_an_answer_is_compact_and_unescaped() -> None:
    result = answer(Response(200, {"a": "ü", "b": [1, 2]}, {"X-Y": "z"}))
    assert result["body"] == '{"a":"ü","b":[1,2]}'
    assert json.loads(result["body"]) == {"a": "ü", "b": [1, 2]}
    assert result["headers"] == SECURITY_HEADERS | {
        "Content-Type": "application/json; charset=utf-8",
        "X-Y": "z",
    }
    assert result["isBase64Encoded"] is False


def test_a_body_is_decoded() -> None:
    plain = function_url_event(body='{"hash":["ü"]}', isBase64Encoded=False)
    packed = event(body="eyJoYXNoIjpbXX0=", isBase64Encoded=True)
    assert read_request(packed).sent_body == packed["body"], "not decoded before it is asked for"
    assert read_request(plain).body == '{"hash":["ü"]}'.encode()
    assert read_request(packed).body == b'{"hash":[]}'
    assert read_request(event()).body == b""


def test_a_large_answer_is_compressed_for_who_reads_gzip() -> None:
    large = Response(200, {"a": "x" * 100_000})
    result = answer(large, gzip_accepted=lambda: True)
    assert result["headers"]["Content-Encoding"] == "gzip"
    assert result["isBase64Encoded"] is True
    assert json.loads(gzip.decompress(b64decode(result["body"]))) == large.body
    assert "Content-Encoding" not in answer(large)["headers"]
    assert (
        "Content-Encoding" not in answer(Response(200, {}), gzip_accepted=lambda: True)["headers"]
    )


def test_a_compressed_answer_varies_as_its_route_says() -> None:
    large = Response(200, {"a": "x" * 100_000}, {"Vary": "Accept, Accept-Encoding"})
    assert answer(large, gzip_accepted=lambda: True)["headers"]["Vary"] == "Accept, Accept-Encoding"
    plain = Response(200, large.body)
    assert answer(plain, gzip_accepted=lambda: True)["headers"]["Vary"] == "Accept-Encoding"


def test_an_answer_that_nothing_has_changed_has_no_body() -> None:
    result = answer(Response(304, {}, {"ETag": '"1"'}), gzip_accepted=lambda: True)
    assert result == {"statusCode": 304, "headers": {**SECURITY_HEADERS, "ETag": '"1"'}, "body": ""}


def test_an_answer_that_the_platform_would_not_deliver_is_an_error_of_its_own() -> None:
    huge = Response(200, {"a": "ü" * 3_000_000})
    with pytest.raises(AnswerTooLarge):
        answer(huge)
    assert answer(huge, gzip_accepted=lambda: True)["statusCode"] == 200


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("GZIP", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("identity", False),
        ("", False),
    ],
)
def test_who_reads_gzip(header: str, accepted: bool) -> None:
    assert (
        accepts_gzip(read_request(event(multiValueHeaders={"Accept-Encoding": [header]})))
        is accepted
    )


def test_an_answer_that_did_not_change_has_no_body() -> None:
    assert answer(Response(304, {}, {"ETag": "x"}))["body"] == ""


def test_what_a_compressed_answer_varies_by_is_not_forgotten() -> None:
    large = Response(200, {"a": "x" * 100_000}, {"Vary": "Accept, Accept-Encoding"})
    assert answer(large, gzip_accepted=lambda: True)["headers"]["Vary"] == "Accept, Accept-Encoding"
    plain = Response(200, {"a": "x" * 100_000})
    assert answer(plain, gzip_accepted=lambda: True)["headers"]["Vary"] == "Accept-Encoding"
