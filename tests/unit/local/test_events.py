import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.events import (
    FUNCTION_URL,
    MAX_RESULT_BYTES,
    REST,
    MalformedResult,
    OutsideStage,
    Request,
    function_url_event,
    function_url_response,
    http_event,
    http_response,
    timer_event,
)

NOW = datetime(2026, 3, 12, 19, 3, 58, 390_000, tzinfo=UTC)


REQUEST = Request(
    method="POST",
    raw_path=b"//v4/url/http%3A%2F%2Fevil.example%2F%C3%A9",
    raw_query=b"a=1&a=2&b=%20x+y&flag&",
    headers=[
        (b"Host", b"127.0.0.1:3000"),
        (b"User-Agent", b"curl/8"),
        (b"Content-Type", b"application/json"),
        (b"X-Twice", b"one"),
        (b"x-twice", b"two"),
        (b"Cookie", b"k=v; l=w"),
    ],
    body=b'{"hash": []}',
    client="192.0.2.9",
)


def event_of(method: str = "GET", raw_path: bytes = b"/", **parts: Any) -> dict[str, Any]:
    return http_event(Request(method, raw_path, **parts), "id=", NOW)


def function_url_event_of(**parts: Any) -> dict[str, Any]:
    return function_url_event(Request("GET", **({"raw_path": b"/"} | parts)), "id=", NOW)


def test_a_whole_event_of_the_rest_api() -> None:
    assert http_event(REQUEST, "id=", NOW) == {
        "resource": "/{proxy+}",
        "path": "/v4/url/http%3A%2F%2Fevil.example%2F%C3%A9",
        "httpMethod": "POST",
        "headers": {
            "Host": "127.0.0.1:3000",
            "User-Agent": "curl/8",
            "Content-Type": "application/json",
            "X-Twice": "two",
            "Cookie": "k=v; l=w",
        },
        "multiValueHeaders": {
            "Host": ["127.0.0.1:3000"],
            "User-Agent": ["curl/8"],
            "Content-Type": ["application/json"],
            "X-Twice": ["one", "two"],
            "Cookie": ["k=v; l=w"],
        },
        "queryStringParameters": {"a": "2", "b": " x y", "flag": ""},
        "multiValueQueryStringParameters": {"a": ["1", "2"], "b": [" x y"], "flag": [""]},
        "pathParameters": {"proxy": "v4/url/http%3A%2F%2Fevil.example%2F%C3%A9"},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "127.0.0.1",
            "domainPrefix": "127",
            "extendedRequestId": "id=",
            "httpMethod": "POST",
            "identity": {"sourceIp": "192.0.2.9", "userAgent": "curl/8"},
            "path": "/v4/url/http%3A%2F%2Fevil.example%2F%C3%A9",
            "protocol": "HTTP/1.1",
            "requestId": "id=",
            "requestTime": "12/Mar/2026:19:03:58 +0000",
            "requestTimeEpoch": 1773342238390,
            "resourcePath": "/{proxy+}",
            "stage": "live",
        },
        "body": "eyJoYXNoIjogW119",
        "isBase64Encoded": True,
    }


def test_a_whole_event_of_the_function_url() -> None:
    assert function_url_event(REQUEST, "id=", NOW) == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "//v4/url/http%3A%2F%2Fevil.example%2F%C3%A9",
        "rawQueryString": "a=1&a=2&b=%20x+y&flag&",
        "cookies": ["k=v", "l=w"],
        "headers": {
            "host": "127.0.0.1:3000",
            "user-agent": "curl/8",
            "content-type": "application/json",
            "x-twice": "one,two",
            "cookie": "k=v; l=w",
        },
        "queryStringParameters": {"a": "1,2", "b": " x y", "flag": ""},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": "127.0.0.1",
            "domainPrefix": "127",
            "http": {
                "method": "POST",
                "path": "//v4/url/http://evil.example/é",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.9",
                "userAgent": "curl/8",
            },
            "requestId": "id=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238390,
        },
        "body": '{"hash": []}',
        "isBase64Encoded": False,
    }


def test_a_rest_event_has_null_for_what_a_request_lacks() -> None:
    event = event_of()
    names = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "body")
    assert [event[name] for name in names] == [None] * 4
    assert event["isBase64Encoded"] is False


def test_the_function_url_leaves_out_what_a_request_lacks() -> None:
    event = function_url_event_of()
    assert event.keys().isdisjoint({"cookies", "queryStringParameters", "body"})
    assert event["rawQueryString"] == ""


@pytest.mark.parametrize("query", [b"a=1", b"a=1&", b"&a=1", b"&&a=1&"])
def test_a_rest_event_does_not_show_where_a_query_has_bare_ampersands(query: bytes) -> None:
    assert event_of(raw_query=query) == event_of(raw_query=b"a=1")


@pytest.mark.parametrize(
    ("sent", "path"),
    [(b"/prod/v4/x", "/v4/x"), (b"/prod//v4/x", "/v4/x"), (b"/prod", "/"), (b"/prod/", "/")],
)
def test_the_default_address_begins_with_the_stage(sent: bytes, path: str) -> None:
    event = http_event(Request("GET", sent), "id=", NOW, stage="prod")
    assert event["path"] == path
    assert event["requestContext"]["path"] == sent.decode()
    assert event["requestContext"]["stage"] == "prod"


@pytest.mark.parametrize("sent", [b"/", b"/v4/x", b"/production/x"])
def test_the_default_address_has_nothing_outside_the_stage(sent: bytes) -> None:
    with pytest.raises(OutsideStage):
        http_event(Request("GET", sent), "id=", NOW, stage="prod")


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "text/csv", "application/xml"],
)
def test_the_function_url_leaves_text_bodies_as_text(content_type: str) -> None:
    headers = [(b"content-type", content_type.encode())]
    event = function_url_event_of(headers=headers, body="ü".encode())
    assert (event["body"], event["isBase64Encoded"]) == ("ü", False)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (b"application/x-www-form-urlencoded", b"a=1"),
        (b"application/octet-stream", b"\x00\xff"),
        (b"", b"{}"),
        (b"application/json", b"\xff\xfe"),
    ],
)
def test_other_bodies_and_what_is_not_utf_8_become_base64(content_type: bytes, body: bytes) -> None:
    event = function_url_event_of(headers=[(b"content-type", content_type)], body=body)
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == body


@given(
    path=st.binary(),
    query=st.binary(),
    headers=st.lists(st.tuples(st.binary(min_size=1), st.binary())),
    body=st.binary(),
)
def test_every_request_makes_an_event_that_json_can_carry(
    path: bytes, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    request = Request("GET", b"/" + path, query, headers, body)
    for front in (REST, FUNCTION_URL):
        event = front.event(request, "id=", NOW)
        assert json.loads(json.dumps(event)) == event


RESULT = {
    "statusCode": 404,
    "headers": {
        "Content-Type": "application/json",
        "X-Count": 3,
        "X-Twice": "0",
        "Content-Length": "9",
        "WWW-Authenticate": "Basic",
    },
    "multiValueHeaders": {"X-Twice": ["1", "2"]},
    "cookies": ["a=1", "b=2"],
    "body": '{"é": 1}',
    "isBase64Encoded": False,
}


def test_the_rest_api_makes_a_response_of_a_result() -> None:
    response = http_response(RESULT)
    assert response.status == 404
    assert response.headers == [
        ("content-type", "application/json"),
        ("x-count", "3"),
        ("x-amzn-remapped-www-authenticate", "Basic"),
        ("x-twice", "1"),
        ("x-twice", "2"),
    ]
    assert response.body == '{"é": 1}'.encode()


def test_the_function_url_makes_a_response_of_a_result() -> None:
    response = function_url_response(RESULT)
    assert response.headers == [
        ("content-type", "application/json"),
        ("x-count", "3"),
        ("x-twice", "0"),
        ("www-authenticate", "Basic"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]
    assert response.body == '{"é": 1}'.encode()


def test_a_base64_body_is_decoded() -> None:
    body = base64.b64encode(b"\x1f\x8b").decode()
    response = http_response({"statusCode": 200, "body": body, "isBase64Encoded": True})
    assert response.body == b"\x1f\x8b"


@pytest.mark.parametrize(
    ("result", "body"), [("hello", b"hello"), ({"a": 1}, b'{"a": 1}'), (None, b"null")]
)
def test_a_result_without_status_is_the_body_of_a_200_of_the_function_url(
    result: object, body: bytes
) -> None:
    response = function_url_response(result)
    assert response.status == 200
    assert response.headers == [("content-type", "application/json")]
    assert response.body == body


def test_a_status_alone_is_enough() -> None:
    response = http_response({"statusCode": "204"})
    assert (response.status, response.body) == (204, b"")
    assert response.headers == [("content-type", "application/json")]


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "yes"},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "*", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"x": ["list"]}},
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: b"}},
        {"statusCode": 200, "body": "x" * (MAX_RESULT_BYTES + 1)},
        {1, 2},
    ],
)
def test_what_a_front_cannot_answer_with_is_refused(result: object) -> None:
    for front in (REST, FUNCTION_URL):
        with pytest.raises(MalformedResult):
            front.response(result)


@pytest.mark.parametrize("result", ["hello", None, {"a": 1}])
def test_the_rest_api_takes_no_result_without_a_status(result: object) -> None:
    with pytest.raises(MalformedResult):
        http_response(result)


def test_the_timer_event_names_its_time() -> None:
    event = timer_event("4c1a", NOW)
    assert event["source"] == "aws.scheduler"
    assert (event["id"], event["time"]) == ("4c1a", "2026-03-12T19:03:58Z")
