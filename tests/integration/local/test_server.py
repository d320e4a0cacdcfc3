"""The server in front of a handler, over real connections."""

import http.client
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from local.errors import LocalError
from local.events import FUNCTION_URL, MAX_BODY_BYTES, rest_with_stage
from local.server import CONCURRENCY, HOST, bind
from shared.http.web import MAX_REQUEST_BYTES
from tests.contract.support import serving

Handler = Callable[[dict[str, Any], Any], Any]


def ask(
    port: int, method: str, target: str, body: bytes | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer with the event, as a handler under test never would."""
    event["left"] = context.get_remaining_time_in_millis()
    headers = {"content-type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(event)}


def test_a_request_reaches_the_handler_as_it_was_sent() -> None:
    with serving(echo) as api:
        target = "/v4/url/HXXP%3A%2F%2Fevil[.]example//x?q=%2F&q=2"
        response, body = ask(
            api.port, "POST", target, b"{}", apikey="k", **{"Content-Type": "text/x"}
        )
    event = json.loads(body)
    assert response.status == 200
    assert response.getheader("content-type") == "application/json"
    assert event["path"] == "/v4/url/HXXP%3A%2F%2Fevil[.]example//x"
    assert event["multiValueQueryStringParameters"] == {"q": ["/", "2"]}
    assert event["headers"]["apikey"] == "k"
    assert (event["body"], event["isBase64Encoded"]) == ("e30=", True)
    assert event["httpMethod"] == "POST"
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert 0 < event["left"] <= 10_000


def test_the_function_url_keeps_the_query_as_it_was_sent() -> None:
    with serving(echo, FUNCTION_URL) as api:
        response, body = ask(api.port, "GET", "/v4/url/http://x/?q=%2F&q=2&")
    event = json.loads(body)
    assert response.status == 200
    assert (event["rawPath"], event["rawQueryString"]) == ("/v4/url/http://x/", "q=%2F&q=2&")


def test_the_default_address_is_below_the_stage() -> None:
    with serving(echo, rest_with_stage("prod")) as api:
        inside, body = ask(api.port, "GET", "/prod/docs")
        outside, _ = ask(api.port, "GET", "/docs")
    event = json.loads(body)
    assert (inside.status, event["path"], event["requestContext"]["path"]) == (
        200,
        "/docs",
        "/prod/docs",
    )
    assert outside.status == 403


def test_a_request_line_of_64_kb_passes() -> None:
    target = "/v4/url/" + "a" * 65_536
    with serving(echo) as api:
        response, body = ask(api.port, "GET", target)
    assert response.status == 200
    assert json.loads(body)["path"] == target


@pytest.mark.parametrize("size", [MAX_REQUEST_BYTES, MAX_BODY_BYTES // 2, MAX_BODY_BYTES + 1])
def test_a_body_at_the_limit_of_the_event_passes_and_one_above_it_does_not(size: int) -> None:
    def length(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"statusCode": 200, "body": str(len(event["body"]))}

    # As many headers as a REST API takes.
    headers = {f"x-{number}": "x" * 990 for number in range(10)}
    with serving(length) as api:
        response, body = ask(api.port, "POST", "/", b"x" * size, **headers)
    if size == MAX_REQUEST_BYTES:
        assert (response.status, int(body)) == (200, (size + 2) // 3 * 4)
    else:
        assert response.status == 413
        error = json.loads(body)["error"]
        assert error["code"] == 400144
        assert str(MAX_REQUEST_BYTES) in error["messages"][0]


def test_a_handler_that_raises_is_a_503_and_its_trace_stays_inside(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def broken(event: dict[str, Any], context: Any) -> Any:
        raise RuntimeError("secret")

    with serving(broken) as api:
        response, body = ask(api.port, "GET", "/")
    assert response.status == 503
    assert json.loads(body)["error"]["code"] == 503001
    assert "RuntimeError: secret" in capfd.readouterr().err


def test_a_result_that_is_none_is_a_503() -> None:
    with serving(lambda event, context: {"statusCode": "?"}) as api:
        response, body = ask(api.port, "GET", "/")
    assert (response.status, json.loads(body)["error"]["code"]) == (503, 503001)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_answers_without_a_body(method: str, status: int) -> None:
    with serving(lambda event, context: {"statusCode": status}) as api:
        response, body = ask(api.port, method, "/")
    assert (response.status, body) == (status, b"")


def test_as_many_calls_as_promised_are_under_way_at_once() -> None:
    together = threading.Barrier(CONCURRENCY, timeout=60)

    def meet(event: dict[str, Any], context: Any) -> dict[str, Any]:
        together.wait()
        return {"statusCode": 200, "body": event["path"]}

    answers: dict[int, bytes] = {}
    with serving(meet) as api:

        def one(number: int) -> None:
            answers[number] = ask(api.port, "GET", f"/{number}")[1]

        threads = [threading.Thread(target=one, args=(number,)) for number in range(CONCURRENCY)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {number: f"/{number}".encode() for number in range(CONCURRENCY)}


def test_a_slow_client_keeps_nobody_waiting() -> None:
    with serving(echo) as api:
        slow = [socket.create_connection((HOST, api.port)) for _ in range(200)]
        for connection in slow:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        response, _ = ask(api.port, "GET", "/")
        for connection in slow:
            connection.close()
    assert response.status == 200


def test_a_port_in_use_is_told() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(LocalError, match="in use: set PORT"),
    ):
        bind(taken.getsockname()[1])
