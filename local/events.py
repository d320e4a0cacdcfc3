"""Builds the events of the fronts and of EventBridge Scheduler, and reads the functions' results.

Pure functions. `REST` is the front that template.yaml deploys: a REST API with a proxy integration,
event format 1.0, and `BinaryMediaTypes: */*`. `FUNCTION_URL` is the function URL, event format 2.0.
Where real events hold null or omit a key, so do these. Sources of the formats and the limits:
docs/adr/0019-rest-api.md.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote

ACCOUNT_ID = "123456789012"
STAGE = "live"

# A function URL passes bodies of these types as text, all others in base64.
_TEXT_TYPES = {"application/json", "application/xml", "application/javascript"}

# Hop-by-hop headers, and those that the sending server sets itself.
_SERVER_HEADERS = {"connection", "content-length", "keep-alive", "transfer-encoding"}
# A REST API renames these.
_REMAPPED_HEADERS = {"www-authenticate"}

# Lambda rejects larger events and larger results.
MAX_EVENT_BYTES = MAX_RESULT_BYTES = 6 * 1024 * 1024
# A REST API rejects larger bodies. Lambda's limit is lower: the body is in base64, which takes
# four bytes for three.
MAX_BODY_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """An HTTP request as received.

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
    """A handler returned a result that the front cannot send as an answer."""


class OutsideStage(ValueError):
    """A request to the default address whose path does not begin with the stage."""


def http_event(request: Request, request_id: str, now: datetime, stage: str = "") -> dict[str, Any]:
    """Return the event of a request to the REST API.

    Args:
        request: the request.
        request_id: id that API Gateway gives to the request.
        now: time of the request, with time zone.
        stage: first segment of the path as sent, on the default address; "" on a domain name.

    Raises:
        OutsideStage: the path is not below the stage.
    """
    full_path = "/" + _text(request.raw_path).lstrip("/")
    path = full_path
    if stage:
        if not f"{full_path}/".startswith(f"/{stage}/"):
            raise OutsideStage(full_path)
        path = "/" + full_path.removeprefix(f"/{stage}").lstrip("/")
    headers = _all_headers(request.headers)
    parameters = _query_parameters(request.raw_query)
    by_name = {name.lower(): values[-1] for name, values in headers.items()}
    domain = by_name.get("host", "localhost").rsplit(":", 1)[0]
    resource = "/" if path == "/" else "/{proxy+}"
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()} or None,
        "multiValueHeaders": headers or None,
        "queryStringParameters": {name: values[-1] for name, values in parameters.items()} or None,
        "multiValueQueryStringParameters": parameters or None,
        "pathParameters": None if path == "/" else {"proxy": path[1:]},
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split(".", 1)[0],
            "extendedRequestId": request_id,
            "httpMethod": request.method,
            "identity": {
                "sourceIp": request.client,
                "userAgent": by_name.get("user-agent"),
            },
            "path": full_path,
            "protocol": request.protocol,
            "requestId": request_id,
            "requestTime": _request_time(now),
            "requestTimeEpoch": _epoch_ms(now),
            "resourcePath": resource,
            "stage": stage or STAGE,
        },
        "body": base64.b64encode(request.body).decode() if request.body else None,
        "isBase64Encoded": bool(request.body),
    }


def function_url_event(request: Request, request_id: str, now: datetime) -> dict[str, Any]:
    """Return the event of a request to the function URL.

    Args:
        request: the request.
        request_id: id that Lambda gives to the request.
        now: time of the request, with time zone.
    """
    path = _text(request.raw_path)
    headers = {
        name.lower(): ",".join(values) for name, values in _all_headers(request.headers).items()
    }
    domain = headers.get("host", "localhost").rsplit(":", 1)[0]
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": _text(request.raw_query),
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split(".", 1)[0],
            "http": {
                "method": request.method,
                # Decoded, unlike `rawPath`.
                "path": unquote(path),
                "protocol": request.protocol,
                "sourceIp": request.client,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": _request_time(now),
            "timeEpoch": _epoch_ms(now),
        },
        "isBase64Encoded": False,
    }
    if cookies := headers.get("cookie"):
        event["cookies"] = [part.strip() for part in cookies.split(";") if part.strip()]
    if parameters := _query_parameters(request.raw_query):
        event["queryStringParameters"] = {
            name: ",".join(values) for name, values in parameters.items()
        }
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(
            request.body, headers.get("content-type", "")
        )
    return event


def timer_event(event_id: str, now: datetime) -> dict[str, Any]:
    """Return the event with which EventBridge Scheduler invokes a function.

    Args:
        event_id: id of the invocation.
        now: time of the invocation, with time zone.
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
    """Return the response that the REST API sends for a handler's result.

    `multiValueHeaders` take precedence over `headers` of the same name.

    Raises:
        MalformedResult: the REST API would answer with an error of its own.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        raise MalformedResult("the result has no statusCode")
    lists = result.get("multiValueHeaders") or {}
    named = {str(name).lower() for name in lists}
    pairs = [
        (name, value)
        for name, value in (result.get("headers") or {}).items()
        if str(name).lower() not in named
    ]
    pairs += [(name, value) for name, values in lists.items() for value in values]
    headers = [
        (f"x-amzn-remapped-{name}" if name in _REMAPPED_HEADERS else name, value)
        for name, value in _sent_headers(pairs)
    ]
    return _response(result, headers)


def function_url_response(result: object) -> Response:
    """Return the response that a function URL sends for a handler's result.

    A result without `statusCode` is the JSON body of a 200; a text is that body itself.
    `multiValueHeaders` belongs to format 1.0; it is ignored, as by Lambda.

    Raises:
        MalformedResult: Lambda would answer 502.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else _json(result)
        return Response(200, [("content-type", "application/json")], text.encode())
    headers = _sent_headers((result.get("headers") or {}).items())
    headers += [("set-cookie", str(cookie)) for cookie in result.get("cookies") or ()]
    return _response(result, headers)


@dataclass(frozen=True)
class Front:
    """Receives HTTP requests and passes them to a function, as API Gateway or a function URL does.

    Attributes:
        event: builds the event from a request, its id and its time.
        response: builds the response from a handler's result; raises MalformedResult.
        request_id_header: name of the response header with the request's id.
    """

    event: Callable[[Request, str, datetime], dict[str, Any]]
    response: Callable[[object], Response]
    request_id_header: str


REST = Front(http_event, http_response, "x-amzn-requestid")
FUNCTION_URL = Front(function_url_event, function_url_response, "x-amzn-requestid")

FRONTS = {"rest": REST, "function-url": FUNCTION_URL}


def rest_with_stage(stage: str) -> Front:
    """Return the front of a REST API on its default address: the path begins with the stage."""
    return Front(partial(http_event, stage=stage), http_response, REST.request_id_header)


def _response(result: dict[str, Any], headers: list[tuple[str, str]]) -> Response:
    if not any(name == "content-type" for name, _ in headers):
        headers = [("content-type", "application/json"), *headers]
    return Response(_status(result["statusCode"]), headers, _result_body(result))


def _sent_headers(pairs: Iterable[tuple[object, object]]) -> list[tuple[str, str]]:
    return [
        (str(name).lower(), _header_value(value))
        for name, value in pairs
        if str(name).lower() not in _SERVER_HEADERS
    ]


def _request_time(now: datetime) -> str:
    return now.strftime("%d/%b/%Y:%H:%M:%S %z")


def _epoch_ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _all_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """Return all values of each header, by its name as first sent."""
    names: dict[str, str] = {}
    headers: dict[str, list[str]] = {}
    for raw_name, raw_value in pairs:
        name = raw_name.decode("latin-1")
        name = names.setdefault(name.lower(), name)
        headers.setdefault(name, []).append(_text(raw_value))
    return headers


def _query_parameters(raw_query: bytes) -> dict[str, list[str]]:
    """Return all values of each parameter, decoded; a REST API passes nothing else of a query."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(_text(raw_query), keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return values


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    """Return the body as the event holds it, and whether it is base64."""
    media_type = content_type.split(";", 1)[0].strip().lower()
    if media_type.startswith("text/") or media_type in _TEXT_TYPES:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            # Text of a JSON event has to be UTF-8.
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
        raise MalformedResult(f"statusCode {value!r} is not an HTTP status")
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
