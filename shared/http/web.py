"""HTTP as API Gateway hands it over: payload format 2.0 in, a proxy answer out."""

import gzip
import json
import re
import string
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

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
# Lambda delivers 6 MB with the answer itself in JSON, which escapes every quotation mark.
_MAX_ANSWER_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        method: upper case.
        path: as it stood in the request line, percent-encoded, without the stage.
        query: as it stood in the request line.
        headers: by lower-case name.
        body: decoded.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


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
        path=quote(path, safe=string.punctuation, errors="replace"),
        query=event.get("rawQueryString") or "",
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=_body(event),
    )


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return b64decode(text)
        except ValueError:
            # Whoever wrote it meant something else: it is judged as it stands.
            pass
    return str(text).encode(errors="surrogatepass")


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
