"""Reads requests from events of Lambda, and builds the answers.

A REST API of API Gateway sends events of format 1.0, a function URL sends format 2.0. Both contain
the path as the client wrote it; only format 2.0 also contains the query as the client wrote it. No
other module depends on the two formats.
"""

import gzip
import json
import string
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

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
# Lambda's limit for an answer is 6 MB, counted in JSON, which escapes every quotation mark.
_MAX_ANSWER_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: upper case.
        path: as in the request line, percent-encoded, without the stage.
        query: names and values, percent-encoded.
        headers: by lower-case name.
        sent_body: the body; a string if it is in base64.
        query_rebuilt: False if the query is as in the request line; True if the event contains
            decoded values only, so that their original spelling is lost.
        base_path: prefix of `path` in the address that clients use, such as `/prod` for the stage
            of a REST API; "" with a domain name and at a function URL.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    sent_body: bytes | str = b""
    query_rebuilt: bool = False
    base_path: str = ""

    @property
    def body(self) -> bytes:
        """The body, decoded at each call: a request refused for its key needs no decoding."""
        if isinstance(self.sent_body, bytes):
            return self.sent_body
        try:
            return b64decode(self.sent_body)
        except ValueError:
            # Not base64: use the text itself.
            return _as_bytes(self.sent_body)


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
    context = event["requestContext"]
    path = event["path"]
    query = event.get("multiValueQueryStringParameters") or event.get("queryStringParameters")
    # `headers` contains only the last value of a repeated header.
    headers = {
        name: ",".join(all_) for name, all_ in (event.get("multiValueHeaders") or {}).items()
    }
    return Request(
        method=event["httpMethod"].upper(),
        path=_encoded(path),
        query=urlencode(query, doseq=True, errors="replace") if query else "",
        headers=_by_lower_case_name(headers or event.get("headers")),
        sent_body=_sent_body(event),
        query_rebuilt=True,
        base_path=_base_path(context, path),
    )


def _read_format_2(event: Mapping[str, Any]) -> Request:
    return Request(
        method=event["requestContext"]["http"]["method"].upper(),
        path=_encoded(event["rawPath"]),
        query=event.get("rawQueryString") or "",
        headers=_by_lower_case_name(event.get("headers")),
        sent_body=_sent_body(event),
    )


def _encoded(path: str) -> str:
    # Encode characters that are not allowed in a request line, in case the event contains some.
    return quote(path, safe=string.punctuation, errors="replace")


def _by_lower_case_name(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _base_path(context: Mapping[str, Any], path: str) -> str:
    """Prefix of `path` in `requestContext.path`: the stage at the default address, else ""."""
    whole = str(context.get("path") or "")
    if whole.endswith(path):
        return whole.removesuffix(path).rstrip("/")
    # If the address ends at the stage, `path` is a slash that the client did not send.
    stage = f"/{context.get('stage')}"
    return stage if whole == stage else ""


def _sent_body(event: Mapping[str, Any]) -> bytes | str:
    text = str(event.get("body") or "")
    return text if event.get("isBase64Encoded") else _as_bytes(text)


def _as_bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


class AnswerTooLarge(Exception):
    """The answer exceeds the size limit of the platform."""


def answer(response: Response, *, gzip_accepted: bool = False) -> dict[str, Any]:
    """Build the answer in the format of API Gateway.

    Args:
        gzip_accepted: whether the client accepts a compressed body.

    Raises:
        AnswerTooLarge: the body exceeds the limit, and the client does not accept gzip.
    """
    if response.status == HTTPStatus.NOT_MODIFIED:
        # 304 has no body, and a strict client rejects one.
        headers = {**SECURITY_HEADERS, **response.headers}
        return {"statusCode": response.status, "headers": headers, "body": ""}
    headers = {"Content-Type": _JSON, **SECURITY_HEADERS, **response.headers}
    # Not escaped to ASCII, to stay within the size limit.
    text = response.text
    if text is None:
        text = json.dumps(response.body, ensure_ascii=False, separators=(",", ":"))
    packed = response.gzipped
    if gzip_accepted and packed is None and len(text) >= _COMPRESSED_FROM_CHARS:
        packed = gzip.compress(text.encode(), compresslevel=1, mtime=0)
    if gzip_accepted and packed is not None:
        headers = {"Vary": "Accept-Encoding", **headers, "Content-Encoding": "gzip"}
        body, encoded = b64encode(packed).decode(), True
    else:
        body, encoded = text, False
        if 4 * len(text) > _MAX_ANSWER_BYTES and len(text.encode()) > _MAX_ANSWER_BYTES:
            raise AnswerTooLarge
    return {
        "statusCode": response.status,
        "headers": headers,
        "body": body,
        "isBase64Encoded": encoded,
    }


def accepts_gzip(request: Request) -> bool:
    """Whether the client accepts gzip; `q=0` means that it does not."""
    ranges = read_accept(request.headers.get("accept-encoding", ""))
    return any(one.name in {"gzip", "*"} and one.weight > 0 for one in ranges)
