"""Reads requests from events of Lambda, and builds the answers.

A REST API of API Gateway sends events of format 1.0, a function URL sends format 2.0. Both contain
the path as the client wrote it; only format 2.0 also contains the query as the client wrote it. No
other module depends on the two formats.
"""

import gzip
import json
import string
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from pydantic_core import to_json

from shared.http.accept import read_accept

_JSON = "application/json; charset=utf-8"
# Headers of every answer, unless the answer sets them itself: answers depend on the key, are not
# pages, and come over TLS. Without a CORS header, scripts of other sites cannot read them.
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
# Compressing smaller answers is not worth the processor time.
_COMPRESSED_FROM_CHARS = 64 * 1024
# Lambda's limit for an event is 6 MB. A REST API encodes a body in base64, four bytes for three,
# and the rest of the event has up to 25 KB.
MAX_REQUEST_BYTES = 4_700_000
# Lambda's limit for an answer is 6 MB, as the runtime sends it: as JSON in UTF-8, which escapes the
# quotation marks, backslashes and control characters of the body once more. The rest is for the
# headers.
MAX_ANSWER_BYTES = 6_000_000
# In JSON a control character takes six bytes.
_MOST_BYTES_OF_A_CHARACTER = 6
# A request with more headers is not from a client; API Gateway admits 10 KB of them.
_MAX_HEADERS = 200
# Clients send about 20 characters.
_MAX_ACCEPT_ENCODING_CHARS = 200


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: upper case.
        path: as in the request line, percent-encoded, without the stage; see `percent_encoded`.
        sent_query: names and values, percent-encoded; decoded if the event has no other form.
        headers: by lower-case name.
        sent_body: the body as the event contains it.
        body_in_base64: whether `sent_body` is in base64.
        base_path: prefix of `path` in the address that clients use, such as `/prod` for the stage
            of a REST API; "" with a domain name and at a function URL.
    """

    method: str
    path: str
    sent_query: str | Mapping[str, Any]
    headers: Mapping[str, str]
    sent_body: bytes | str = b""
    body_in_base64: bool = False
    base_path: str = ""

    # Query and body are decoded when they are used: a request refused for its key uses neither.

    @property
    def query(self) -> str:
        """Names and values, percent-encoded."""
        if isinstance(self.sent_query, str):
            return self.sent_query
        return urlencode(self.sent_query, doseq=True, errors="replace")

    @property
    def query_rebuilt(self) -> bool:
        """False if the query is as in the request line; True if its original spelling is lost."""
        return not isinstance(self.sent_query, str)

    @property
    def body(self) -> bytes:
        """The body as the client sent it."""
        if isinstance(self.sent_body, bytes):
            return self.sent_body
        if self.body_in_base64:
            try:
                return b64decode(self.sent_body)
            except ValueError:
                pass  # not base64: use the text itself
        return self.sent_body.encode(errors="surrogatepass")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Attributes:
        body: sent as JSON: an object, or an array in the sandbox's own API.
        text: sent unchanged in place of `body`, with the media type in `headers`; None for `body`.
        error: number of the error in the body, 0 for none.
        gzipped: `text` already compressed, if it is cached; None otherwise.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    error: int = 0
    gzipped: bytes | None = None


def read_request(event: Mapping[str, Any]) -> Request:
    """Read an event of a REST API (format 1.0) or of a function URL (format 2.0)."""
    return _read_format_2(event) if "rawPath" in event else _read_format_1(event)


def _read_format_1(event: Mapping[str, Any]) -> Request:
    path = event["path"]
    query = event.get("multiValueQueryStringParameters") or event.get("queryStringParameters")
    return Request(
        method=event["httpMethod"].upper(),
        path=path,
        sent_query=query or {},
        # `headers` contains only the last value of a repeated header.
        headers=_headers(event.get("multiValueHeaders") or event.get("headers")),
        sent_body=event.get("body") or "",
        body_in_base64=bool(event.get("isBase64Encoded")),
        base_path=_base_path(event["requestContext"], path),
    )


def _read_format_2(event: Mapping[str, Any]) -> Request:
    return Request(
        method=event["requestContext"]["http"]["method"].upper(),
        path=event["rawPath"],
        sent_query=event.get("rawQueryString") or "",
        headers=_headers(event.get("headers")),
        sent_body=event.get("body") or "",
        body_in_base64=bool(event.get("isBase64Encoded")),
    )


def percent_encoded(part: str) -> str:
    """A part of a path, with characters that a request line cannot contain percent-encoded.

    Fronts refuse such a path or encode it. This is for an event that contains one nevertheless.
    """
    return quote(part, safe=string.punctuation, errors="replace")


def _headers(sent: Mapping[str, Any] | None) -> dict[str, str]:
    """Headers by lower-case name, with the values of a repeated one joined.

    A request with more than `_MAX_HEADERS` is read as one without headers, so it has no key.
    """
    if not sent or len(sent) > _MAX_HEADERS:
        return {}
    return {
        name.lower(): ",".join(value) if isinstance(value, list) else value
        for name, value in sent.items()
    }


def _base_path(context: Mapping[str, Any], path: str) -> str:
    """Prefix of `path` in `requestContext.path`: the stage at the default address, else ""."""
    whole = str(context.get("path") or "")
    if whole.endswith(path):
        return whole.removesuffix(path).rstrip("/")
    # If the address ends at the stage, `path` is a slash that the client did not send.
    stage = f"/{context.get('stage')}"
    return stage if whole == stage else ""


class AnswerTooLarge(Exception):
    """The answer exceeds the size limit of the platform."""


def answer(
    response: Response, *, gzip_accepted: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """Build the answer in the format of API Gateway.

    Args:
        gzip_accepted: returns whether the client accepts a compressed body; called for a large or
            a compressed body only.

    Raises:
        AnswerTooLarge: the body exceeds the limit in every form that the client accepts.
    """
    headers = {**SECURITY_HEADERS, **response.headers}
    if response.status == HTTPStatus.NOT_MODIFIED:
        # 304 has no body, and a strict client rejects one.
        return {"statusCode": response.status, "headers": headers, "body": ""}
    headers = {"Content-Type": _JSON, **headers}
    text = response.text
    if text is None:
        text = as_json(response.body)
    packed = response.gzipped
    compressible = packed is not None or len(text) >= _COMPRESSED_FROM_CHARS
    if compressible and gzip_accepted():
        if packed is None:
            packed = gzip.compress(text.encode(), compresslevel=1, mtime=0)
        headers = {"Vary": "Accept-Encoding", **headers, "Content-Encoding": "gzip"}
        body, in_base64 = b64encode(packed).decode(), True
    elif _fits(text):
        body, in_base64 = text, False
    else:
        # Base64 takes four bytes for three, whatever they are; the front decodes it.
        body, in_base64 = b64encode(text.encode()).decode(), True
    if in_base64 and len(body) > MAX_ANSWER_BYTES:
        raise AnswerTooLarge
    return {
        "statusCode": response.status,
        "headers": headers,
        "body": body,
        "isBase64Encoded": in_base64,
    }


def as_json(body: Any) -> str:
    """A body as JSON, not escaped to ASCII, to stay within the size limit."""
    # It writes the same text as the standard library, in a third of the time.
    return to_json(body).decode()


def _fits(text: str) -> bool:
    """Whether a body is within the limit once the runtime has escaped it."""
    if len(text) * _MOST_BYTES_OF_A_CHARACTER <= MAX_ANSWER_BYTES:
        return True
    return len(json.dumps(text, ensure_ascii=False).encode()) <= MAX_ANSWER_BYTES


def accepts_gzip(request: Request) -> bool:
    """Whether the client accepts gzip; `q=0` means that it does not."""
    ranges = read_accept(request.headers.get("accept-encoding", "")[:_MAX_ACCEPT_ENCODING_CHARS])
    return any(one.name in {"gzip", "*"} and one.weight > 0 for one in ranges)
