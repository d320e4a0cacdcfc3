import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.events import (
    MAX_RESULT_BYTES,
    MalformedResult,
    Request,
    http_event,
    http_response,
    timer_event,
)

NOW = datetime(2026, 3, 12, 19, 3, 58, 390_000, tzinfo=UTC)


def event_of(method: str = "GET", raw_path: bytes = b"/", **parts: Any) -> dict[str, Any]:
    return http_event(Request(method, raw_path, **parts), "id=", NOW)


def test_a_whole_event() -> None:
    event = event_of(
        method="POST",
        raw_path=b"/v4/url/http%3A%2F%2Fevil.example%2F",
        raw_query=b"a=1&a=2&b=%20x&flag",
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
    assert event == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/v4/url/http%3A%2F%2Fevil.example%2F",
        "rawQueryString": "a=1&a=2&b=%20x&flag",
        "cookies": ["k=v", "l=w"],
        "headers": {
            "host": "127.0.0.1:3000",
            "user-agent": "curl/8",
            "content-type": "application/json",
            "x-twice": "one,two",
        },
        "queryStringParameters": {"a": "1,2", "b": " x", "flag": ""},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "127.0.0.1",
            "domainPrefix": "127",
            "http": {
                "method": "POST",
                "path": "/v4/url/http%3A%2F%2Fevil.example%2F",
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


def test_what_a_request_lacks_its_event_leaves_out() -> None:
    assert event_of().keys().isdisjoint({"cookies", "queryStringParameters", "body"})
    assert event_of()["rawQueryString"] == ""


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "text/csv", "application/xml"],
)
def test_text_bodies_stay_text(content_type: str) -> None:
    headers = [(b"content-type", content_type.encode())]
    event = event_of(headers=headers, body="ü".encode())
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
    event = event_of(headers=[(b"content-type", content_type)], body=body)
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
    event = event_of(raw_path=b"/" + path, raw_query=query, headers=headers, body=body)
    assert json.loads(json.dumps(event)) == event


def test_a_result_becomes_a_response() -> None:
    response = http_response(
        {
            "statusCode": 404,
            "headers": {"Content-Type": "application/json", "X-Count": 3, "Content-Length": "9"},
            "multiValueHeaders": {"ignored": ["a", "b"]},
            "cookies": ["a=1", "b=2"],
            "body": '{"é": 1}',
            "isBase64Encoded": False,
        }
    )
    assert response.status == 404
    assert response.headers == [
        ("content-type", "application/json"),
        ("x-count", "3"),
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
def test_a_result_without_status_is_the_body_of_a_200(result: object, body: bytes) -> None:
    response = http_response(result)
    assert response.status == 200
    assert response.headers == [("content-type", "application/json")]
    assert response.body == body


def test_a_status_alone_is_enough() -> None:
    response = http_response({"statusCode": "204"})
    assert (response.status, response.body) == (204, b"")
    assert response.headers == [("content-type", "text/plain; charset=utf-8")]


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
def test_what_api_gateway_would_answer_with_500_is_refused(result: object) -> None:
    with pytest.raises(MalformedResult):
        http_response(result)


def test_the_timer_event_names_its_time() -> None:
    event = timer_event("4c1a", NOW)
    assert event["source"] == "aws.scheduler"
    assert (event["id"], event["time"]) == ("4c1a", "2026-03-12T19:03:58Z")
