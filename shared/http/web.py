"""HTTP as Lambda's fronts hand it over: an event in, a proxy answer out.

A REST API of API Gateway sends events of format 1.0, a function URL sends format 2.0. Both pass the
path on as the client wrote it. Only format 2.0 has the query as it was written, too. This module is
the only one that knows the two formats.
"""

import gzip
import json
import re
import string
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

_JSON = "application/json; charset=utf-8"
# On every answer, unless it says otherwise itself. What is answered is for who asked with a key,
# is no page, and comes over TLS. No header of CORS: no script of another site may read it.
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
# Smaller ones are not worth the processor time.
_COMPRESSED_FROM_CHARS = 64 * 1024
# Lambda takes an event of 6 MB. A REST API puts a body in base64, which takes four bytes for three,
# and the rest of the event takes up to 25 KB.
MAX_REQUEST_BYTES = 4_700_000
# Lambda delivers 6 MB with the answer itself in JSON, which escapes every quotation mark.
_MAX_ANSWER_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: upper case.
        path: as it stood in the request line, percent-encoded, without the stage.
        query: names and values, percent-encoded.
        headers: by lower-case name.
        sent_body: the body; as text if it is in base64.
        query_rebuilt: False if the query is as it stood in the request line; True if the front
            gave decoded values only, so that the way they were written is lost.
        base_path: what stands before `path` in the address that clients use, such as `/prod` for
            the stage of a REST API; "" under a domain name and at a function URL.
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
        """The body, decoded each time: a request that is refused for its key costs no decoding."""
        if isinstance(self.sent_body, bytes):
            return self.sent_body
        try:
            return b64decode(self.sent_body)
        except ValueError:
            # What is not base64 after all is judged as it stands.
            return _as_bytes(self.sent_body)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Attributes:
        body: sent as JSON: an object, or an array where the sandbox's own API has one.
        text: sent in place of the body, as it is; the headers say what it is. None for the body.
        error: number of the error that the body tells, 0 for none.
        gzipped: the text, compressed once for all requests; None for a text of this request alone.
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
    # `headers` has the last value only of a header that was sent twice.
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
    # What no request line can hold is encoded, whether the front or a test let it through.
    return quote(path, safe=string.punctuation, errors="replace")


def _by_lower_case_name(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _base_path(context: Mapping[str, Any], path: str) -> str:
    """What `requestContext.path` has before `path`: the stage, on the default address."""
    whole = str(context.get("path") or "")
    if whole.endswith(path):
        return whole.removesuffix(path).rstrip("/")
    # The address may end at the stage, and then `path` is a slash that the client did not send.
    stage = f"/{context.get('stage')}"
    return stage if whole == stage else ""


def _sent_body(event: Mapping[str, Any]) -> bytes | str:
    text = str(event.get("body") or "")
    return text if event.get("isBase64Encoded") else _as_bytes(text)


def _as_bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


class AnswerTooLarge(Exception):
    """The platform would not deliver this answer."""


def answer(response: Response, *, gzip_accepted: bool = False) -> dict[str, Any]:
    """The answer as API Gateway takes it.

    Args:
        gzip_accepted: whether the client reads a compressed body.

    Raises:
        AnswerTooLarge: more than the platform delivers, and the client reads no gzip.
    """
    if response.status == HTTPStatus.NOT_MODIFIED:
        # It has no body, and a server that is strict sends none.
        headers = {**SECURITY_HEADERS, **response.headers}
        return {"statusCode": response.status, "headers": headers, "body": ""}
    headers = {"Content-Type": _JSON, **SECURITY_HEADERS, **response.headers}
    # Unescaped, because of the platform's limit.
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
    """Whether the client reads gzip; what it weighs with `q=0` it does not."""
    codings = request.headers.get("accept-encoding", "").lower().split(",")
    offers = (coding.replace(" ", "").partition(";") for coding in codings)
    return any(
        name in {"gzip", "*"} and not re.fullmatch(r"q=0(\.0*)?", weight)
        for name, _, weight in offers
    )
