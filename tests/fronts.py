"""Models of the fronts between a client and the look-up function.

A model takes a request as it is on the wire and gives the event that the function gets, or the
status with which the front refuses it. What each model does is what was seen on AWS:

- **REST API**, regional, proxy integration. `path` is as sent, but slashes at its start are folded
  into one. The query comes as decoded names and values: `?a=1`, `?a=1&` and `?&a=1` make one event.
  AWS documents two limits (API Gateway, quotas of REST APIs): 10,240 characters of URL, and 10,240
  bytes of header values. It does not document the statuses; 414 and 431 are those of the RFCs.
- **Function URL**. `rawPath` and `rawQueryString` are as sent; `requestContext.http.path` is
  decoded. Lambda takes an event of 6 MB, and documents no other limit.
- **HTTP API**, for the record. The path is decoded, cut at a `?` that appears by decoding, and
  decoded again; a percent sign that is left alone is refused with 400; doubled slashes become one.
  It has the limit of 10,240 bytes for request line and headers.
- **`sam local start-api`** 1.x, for the record. It runs on Flask, which decodes the path once.

Sources: docs/adr/0019-rest-api.md; test data of the project hotsock/voker (captures in us-west-2,
July 2026); middleapi/standard-server, pull request 93; Worklytics/psoxy, pull request 827.

Not modelled, because no capture shows it: what a REST API does with dot segments, and with
characters that RFC 3986 does not allow in a path.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from local.events import Request, function_url_event, http_event

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
MAX_URL_CHARS = 10_240
MAX_HEADER_BYTES = 10_240
_LONE_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Refusal:
    """The front answers by itself; no function runs."""

    status: int


Front = Callable[[Request], dict[str, Any] | Refusal]


def rest_api(request: Request) -> dict[str, Any] | Refusal:
    """The front that template.yaml deploys."""
    if len(request.raw_path) + len(request.raw_query) + 1 > MAX_URL_CHARS:
        return Refusal(414)
    if sum(len(value) for _, value in request.headers) > MAX_HEADER_BYTES:
        return Refusal(431)
    return http_event(request, "id", NOW)


def function_url(request: Request) -> dict[str, Any] | Refusal:
    """The front that the option `FunctionUrl` adds."""
    return function_url_event(request, "id", NOW)


def http_api(request: Request) -> dict[str, Any] | Refusal:
    """The front that the template had before."""
    head = len(request.raw_path) + len(request.raw_query) + 1
    if head + sum(len(name) + len(value) for name, value in request.headers) > MAX_HEADER_BYTES:
        return Refusal(414)
    decoded, _, _ = unquote_to_bytes(request.raw_path).partition(b"?")
    if _LONE_PERCENT.search(decoded):
        return Refusal(400)
    path = re.sub(rb"/{2,}", b"/", unquote_to_bytes(decoded))
    return function_url_event(replace(request, raw_path=path), "id", NOW)


def sam_local(request: Request) -> dict[str, Any] | Refusal:
    """`sam local start-api` of the REST API."""
    return http_event(replace(request, raw_path=unquote_to_bytes(request.raw_path)), "id", NOW)


SUPPORTED: dict[str, Front] = {"REST API": rest_api, "function URL": function_url}
FOR_THE_RECORD: dict[str, Front] = {"HTTP API": http_api, "sam local": sam_local}
