"""HTTP as API Gateway hands it over: payload format 2.0 in, a proxy answer out."""

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

_JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: upper case.
        path: as it stood in the request line, percent-encoded, without the stage.
        query: as it stood in the request line.
        headers: by lower-case name.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with a JSON body."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def read_request(event: Mapping[str, Any]) -> Request:
    """Read an event of an HTTP API, payload format 2.0."""
    context = event["requestContext"]
    path = event["rawPath"]
    stage = context.get("stage", "$default")
    if stage != "$default":
        path = path.removeprefix(f"/{stage}")
    return Request(
        method=context["http"]["method"].upper(),
        # API Gateway may have decoded the path on the way. What no request line can hold is
        # encoded again, so that a path reads the same either way.
        path=quote(path, safe=string.punctuation),
        query=event.get("rawQueryString", ""),
        headers={name.lower(): value for name, value in event.get("headers", {}).items()},
    )


def answer(response: Response) -> dict[str, Any]:
    """The answer as API Gateway takes it."""
    return {
        "statusCode": response.status,
        "headers": {"Content-Type": _JSON, **response.headers},
        # Unescaped: an answer has to stay under the 6 MB of the platform.
        "body": json.dumps(response.body, ensure_ascii=False, separators=(",", ":")),
        "isBase64Encoded": False,
    }
