"""What API Gateway and EventBridge Scheduler hand to a function, and what it takes back.

Pure functions. The event is that of an HTTP API with payload format 2.0 and the route
`$default`. Where real events leave a key out (no query, no cookies, no body), so do these.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

ACCOUNT_ID = "123456789012"
STAGE = "$default"

# Bodies of these types reach a function as text, all others in base64.
_TEXT_TYPES = {"application/json", "application/xml", "application/javascript"}

# Of one hop, or said by the server that sends the response.
_SERVER_HEADERS = {"connection", "content-length", "keep-alive", "transfer-encoding"}

# Lambda refuses to hand back more.
MAX_RESULT_BYTES = 6 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """An HTTP request as it came over the wire.

    Attributes:
        method: upper-case method.
        raw_path: path as sent, still percent-encoded.
        raw_query: query as sent, without the question mark.
        headers: pairs in the order sent; names in any case.
        body: the whole body.
        client: address of the client, without port.
        protocol: such as `HTTP/1.1`.
    """

    method: str
    raw_path: bytes
    raw_query: bytes = b""
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""
    client: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True)
class Response:
    """An HTTP response; a header may occur more than once (set-cookie)."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class MalformedResult(ValueError):
    """A handler gave back what API Gateway answers with 500."""


def http_event(request: Request, request_id: str, now: datetime) -> dict[str, Any]:
    """Return the event of a request.

    Args:
        request: the request.
        request_id: id that API Gateway gives to the request.
        now: when the request came, with time zone.
    """
    # This is the path as sent. API Gateway documents `rawPath` no further; live HTTP APIs have
    # been seen to percent-decode it (`%2F` arrives as `/`) and to cut it at a decoded `?`, while
    # function URLs and REST APIs leave it encoded. So a handler has to bear both spellings, and
    # the encoded one, where decoding is still to be done, is the one to try here.
    path = _text(request.raw_path)
    headers, cookies = _headers(request.headers)
    domain = headers.get("host", "localhost").rsplit(":", 1)[0]
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": STAGE,
        "rawPath": path,
        "rawQueryString": _text(request.raw_query),
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split(".", 1)[0],
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.client,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": STAGE,
            "stage": STAGE,
            "time": now.strftime("%d/%b/%Y:%H:%M:%S %z"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if parameters := _query_parameters(request.raw_query):
        event["queryStringParameters"] = parameters
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(
            request.body, headers.get("content-type", "")
        )
    return event


def timer_event(event_id: str, now: datetime) -> dict[str, Any]:
    """Return the event with which EventBridge Scheduler invokes a function.

    Args:
        event_id: id of the invocation.
        now: when the schedule fired, with time zone.
    """
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT_ID,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "us-east-1",
        "resources": [f"arn:aws:scheduler:us-east-1:{ACCOUNT_ID}:schedule/default/local"],
        "detail": "{}",
    }


def http_response(result: object) -> Response:
    """Return the response that API Gateway makes of a handler's result.

    A result without `statusCode` is the JSON body of a 200; a text is that body itself.
    `multiValueHeaders` belongs to format 1.0 and is ignored, as API Gateway does.

    Raises:
        MalformedResult: API Gateway would answer 500.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else _json(result)
        return Response(200, [("content-type", "application/json")], text.encode())
    headers = [
        (str(name).lower(), _header_value(value))
        for name, value in (result.get("headers") or {}).items()
        if str(name).lower() not in _SERVER_HEADERS
    ]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    headers += [("set-cookie", str(cookie)) for cookie in result.get("cookies") or ()]
    return Response(_status(result["statusCode"]), headers, _result_body(result))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> tuple[dict[str, str], list[str]]:
    """Join headers by lower-case name; cookies are kept apart, as API Gateway does."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        if name == "cookie":
            cookies += [part.strip() for part in value.split(";") if part.strip()]
        else:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers, cookies


def _query_parameters(raw_query: bytes) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in parse_qsl(_text(raw_query), keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    """Return the body as the event holds it, and whether that is base64."""
    media_type = content_type.split(";", 1)[0].strip().lower()
    if media_type.startswith("text/") or media_type in _TEXT_TYPES:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            # A JSON event cannot hold it as text.
            return base64.b64encode(body).decode(), True
    return base64.b64encode(body).decode(), True


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise MalformedResult(f"the result is not JSON: {error}") from error


def _status(value: object) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and 100 <= int(text) <= 599):
        raise MalformedResult(f"statusCode {value!r} is no HTTP status")
    return int(text)


def _header_value(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str | int | float) or "\r" in text or "\n" in text:
        raise MalformedResult("a header is not a text of one line")
    return text


def _result_body(result: dict[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedResult("body is not a text")
    if len(body.encode()) > MAX_RESULT_BYTES:
        raise MalformedResult(f"body is larger than {MAX_RESULT_BYTES} bytes")
    if not result.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise MalformedResult(f"body is not base64: {error}") from error
