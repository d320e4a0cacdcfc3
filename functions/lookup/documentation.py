"""Documents that need no key: the page for people, and the description of the API.

A document is read and compressed at its first request, and then cached. Look-ups do not wait for
it.
"""

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, urlsplit

from functions.lookup.service import Call, Service
from shared.domain.indicator_types import INDICATOR_TYPES, IndicatorType
from shared.http.caching import knows
from shared.http.web import Response

_FOLDER = Path(__file__).parent
_JSON = "application/json; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_NO_HTML_FROM_TEXT = "require-trusted-types-for 'script'; trusted-types 'none'"
# After a deployment browsers and proxies show the old document for at most five minutes.
_CACHE_CONTROL = "public, max-age=300"


@dataclass(frozen=True, slots=True)
class _Document:
    """A text that is the same for every client.

    Attributes:
        headers: of each answer with the document, including its ETag.
        gzipped: the text, compressed.
    """

    text: str
    headers: Mapping[str, str]
    gzipped: bytes

    def answer(self, call: Call) -> Response:
        """The document, or 304 if the client has it already."""
        if knows(call.request.headers, self.headers["ETag"]):
            return Response(304, {}, self.headers)
        return Response(200, {}, self.headers, text=self.text, gzipped=self.gzipped)


def openapi(_service: Service, call: Call) -> Response:
    """GET /openapi.json: the description of this API, for programs."""
    return _openapi(call.request.base_path).answer(call)


def page(_service: Service, call: Call) -> Response:
    """GET /docs: the description of this API, for people."""
    return _docs().answer(call)


def search_page(service: Service, call: Call) -> Response:
    """GET /: a page for people that looks up pasted text with the key that they enter."""
    return _search_page(service.sandbox_url).answer(call)


# An API has at most two addresses: one with a stage, and one with a domain name.
@lru_cache(maxsize=2)
def _openapi(base_path: str) -> _Document:
    described = json.loads(_read("openapi.json"))
    # Every client resolves an absolute path; "." is valid, too, but some clients fail with it.
    described["servers"] = [{"url": base_path or "/"}]
    return _document(json.dumps(described, ensure_ascii=False, separators=(",", ":")), _JSON)


@cache
def _docs() -> _Document:
    text = _read("docs.html")
    return _document(text, _HTML, _page_headers(_policy(text)))


@cache
def _search_page(sandbox_url: str) -> _Document:
    """The page for people; it links to scan reports at `sandbox_url`, "" for no links."""
    parts = urlsplit(sandbox_url)
    # Quoted, so that the address cannot end the attribute.
    base = quote(f"{parts.scheme}://{parts.netloc}", safe=":/[]") if sandbox_url else ""
    text = (
        _read("page.html")
        .replace('data-sandbox=""', f'data-sandbox="{base}"', 1)
        .replace('id="types" content=""', f'id="types" content="{quote(_types())}"', 1)
    )
    policy = f"{_policy(text)}; {_NO_HTML_FROM_TEXT}"
    return _document(text, _HTML, _page_headers(policy))


def _types() -> str:
    """What the page has to know of each type, as JSON.

    A type that is off is part of it: it can be stored from the time when it was on.
    """
    types = {
        kind: {
            "route": kind.info.route,
            "stix": kind.info.stix_paths,
            "defanged": kind.info.defanged,
            "on": kind in INDICATOR_TYPES,
        }
        for kind in IndicatorType
    }
    return json.dumps(types)


def _document(text: str, media_type: str, headers: Mapping[str, str] | None = None) -> _Document:
    content = text.encode()
    all_headers = {
        "Content-Type": media_type,
        "Cache-Control": _CACHE_CONTROL,
        "ETag": f'W/"{sha256(content).hexdigest()[:32]}"',
        "Vary": "Accept-Encoding",
        **(headers or {}),
    }
    return _Document(text, all_headers, gzip.compress(content, mtime=0))


def _page_headers(policy: str) -> dict[str, str]:
    return {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}


def _read(name: str) -> str:
    """Read a file of this folder."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def _policy(html: str) -> str:
    """Content security policy: a page runs its own script and style, and contacts this API only."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_digest_of('script', html)}",
            f"style-src {_digest_of('style', html)}",
            "connect-src 'self'",
            # For the icon: without one, browsers request /favicon.ico, outside of the stage.
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _digest_of(element: str, html: str) -> str:
    [content] = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
