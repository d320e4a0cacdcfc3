"""The API describes itself: the OpenAPI document, and a page that shows it."""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from functions.lookup.service import Call, Service
from shared.http.web import Response

_FOLDER = Path(__file__).parent


def openapi(_service: Service, _call: Call) -> Response:
    """GET /openapi.json."""
    return Response(200, {}, text=_read("openapi.json"))


def page(_service: Service, _call: Call) -> Response:
    """GET /docs."""
    text = _read("docs.html")
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _policy(text),
        "Referrer-Policy": "no-referrer",
    }
    return Response(200, {}, headers, text=text)


@cache
def _read(name: str) -> str:
    """A file of this folder, read when it is first asked for: a look-up never needs one."""
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def _policy(html: str) -> str:
    """What a page may do: run and show what stands in it, and ask this API."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_digest_of('script', html)}",
            f"style-src {_digest_of('style', html)}",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _digest_of(element: str, html: str) -> str:
    [content] = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
