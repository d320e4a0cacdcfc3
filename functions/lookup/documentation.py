"""The pages for people, and what the API says of itself: open to all, read when asked for."""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, urlsplit

from functions.lookup.service import Call, Service
from shared.http.caching import knows
from shared.http.web import Response

_FOLDER = Path(__file__).parent
_NO_HTML_FROM_TEXT = "require-trusted-types-for 'script'; trusted-types 'none'"


def openapi(_service: Service, _call: Call) -> Response:
    """GET /openapi.json."""
    return Response(200, {}, text=_read("openapi.json"))


def page(_service: Service, _call: Call) -> Response:
    """GET /docs."""
    text = _read("docs.html")
    return Response(200, {}, _page_headers(_policy(text)), text=text)


def search_page(service: Service, call: Call) -> Response:
    """GET /: a page to look up whatever is pasted; it asks this API with the key of who uses it."""
    text = _search_page(service.sandbox_url)
    headers = _page_headers(f"{_policy(text)}; img-src data:; {_NO_HTML_FROM_TEXT}") | {
        # It is the same for everybody, and asked for again to see whether it still is.
        "Cache-Control": "no-cache",
        "ETag": f'W/"{sha256(text.encode()).hexdigest()[:32]}"',
        "Vary": "Accept-Encoding",
    }
    if knows(call.request.headers, headers["ETag"]):
        return Response(304, {}, headers)
    return Response(200, {}, headers, text=text, compress=True)


def _page_headers(policy: str) -> dict[str, str]:
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
    }


@cache
def _search_page(sandbox_url: str) -> str:
    """The page, told where people find reports of the sandbox; "" for nowhere."""
    parts = urlsplit(sandbox_url)
    # Encoded like this it ends no attribute, either.
    base = quote(f"{parts.scheme}://{parts.netloc}", safe=":/[]") if sandbox_url else ""
    return _read("page.html").replace('data-sandbox=""', f'data-sandbox="{base}"', 1)


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
