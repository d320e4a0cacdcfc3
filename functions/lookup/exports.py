"""Routes for exports: the list of files, and each file."""

import math
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, unquote

from functions.lookup.service import Call, Exports, Service
from shared.domain.errors import StoreError
from shared.domain.moment import format_millis
from shared.domain.score import STEPS
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.caching import knows
from shared.http.web import Response
from shared.runtime.ttl_cache import TtlCache

if TYPE_CHECKING:
    from shared.formats.exports.index import ExportIndex

# Larger files are fetched from the bucket: a function can answer 6 MB, counted as escaped JSON.
MAX_ANSWERED_BYTES = 3_000_000
# Long enough to begin a download; anyone who has the link can use it.
LINK_S = 300
CACHED_S = 60.0
_TEXTS_KEPT = 4
KEPT_BY_CLIENTS = "private, max-age=60"


def listing(service: Service, call: Call) -> Response:
    """GET /v4/exports: time of the last export, and its files."""
    _, index = published(service)
    call.identified().spend()
    files = [
        {
            "name": name,
            "size": entry.size,
            "sha256": entry.sha256,
            "media_type": entry.media_type,
        }
        for name, entry in sorted(index.files.items())
    ]
    body = {"built": format_millis(index.built), "count": index.iocs, "files": files}
    return Response(200, body, {"Cache-Control": KEPT_BY_CLIENTS})


def file(service: Service, call: Call) -> Response:
    """GET /v4/exports/{file}: a small file itself, a redirect to the bucket for a large one."""
    exports, index = published(service)
    # File names contain no percent sign, so a name that was encoded twice is not ambiguous.
    name = unquote(unquote(call.value))
    given = parse_qs(call.request.query).get("min_score", [""])
    if step := min_score(given[-1]):
        # Imported here, as below: a start does not need it.
        from shared.formats.exports.source import name_with_step  # noqa: PLC0415

        name = name_with_step(name, step)
    entry = index.files.get(name)
    if entry is None:
        raise ApiError(errors.EXPORT_NOT_FOUND)
    call.identified().spend()
    headers = {"ETag": f'"{entry.sha256}"', "Cache-Control": KEPT_BY_CLIENTS}
    if knows(call.request.headers, headers["ETag"]):
        return Response(304, {}, headers)
    if entry.size > MAX_ANSWERED_BYTES:
        link = exports.link(index, name, LINK_S)
        headers |= {"Location": link, "Cache-Control": "no-store"}
        return Response(302, {"url": link}, headers)
    headers["Content-Type"] = entry.media_type
    return Response(200, {}, headers, text=exports.text(index, name))


def min_score(text: str) -> int:
    """Read the parameter `min_score`: a step of the score, 0 if it is absent.

    Raises:
        ApiError: it is not a step.
    """
    if not text:
        return 0
    if text not in map(str, STEPS):
        raise ApiError(errors.SEARCH_PARAMETER_NOT_VALID, "min_score")
    return int(text)


def cursor_limit(index: "ExportIndex") -> int:
    """Return the oldest cursor for which what was withdrawn since then is still known.

    Returns:
        Milliseconds since the epoch.
    """
    from shared.formats.exports.source import WITHDRAWN_KEPT_MS  # noqa: PLC0415

    return index.built - WITHDRAWN_KEPT_MS


def published(service: Service) -> "tuple[Exports, ExportIndex]":
    """The published exports and their index.

    Raises:
        ApiError: nothing is published.
    """
    exports = service.exports()
    index = exports.index() if exports else None
    if exports is None or index is None:
        raise ApiError(errors.EXPORTS_NOT_FOUND)
    return exports, index


class Bucket(Protocol):
    """Bucket of the exports, such as `shared.store.exports.ExportBucket`."""

    def index(self) -> "ExportIndex | None":
        """Read the index of the exports, None if nothing is published; raises StoreError."""

    def read(self, index: "ExportIndex", name: str) -> bytes | None:
        """Read a file, None if it was deleted; raises StoreError."""

    def link(self, index: "ExportIndex", name: str, seconds: int) -> str:
        """Link to a file, valid for `seconds`; raises StoreError."""


class CachedExports:
    """Reads exports, with a cache of the index for a minute and of the last files. Thread-safe.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, bucket: Bucket, clock: Callable[[], float]) -> None:
        self._bucket = bucket
        self._clock = clock
        self._index = TtlCache[str, "ExportIndex"](1, clock)
        self._texts = TtlCache[str, str](_TEXTS_KEPT, clock)

    def index(self) -> "ExportIndex | None":
        """Index of the exports, at most a minute old; None if nothing is published.

        Raises:
            StoreError: the store failed.
        """
        index = self._index.get("")
        if index is None:
            ends = self._clock() + CACHED_S
            index = self._bucket.index()
            if index is not None:
                self._index.put("", index, ends)
        return index

    def text(self, index: "ExportIndex", name: str) -> str:
        """Read a file.

        Raises:
            StoreError: the store failed, or the file was replaced; a retry can succeed.
        """
        digest = index.files[name].sha256
        text = self._texts.get(digest)
        if text is not None:
            return text
        content = self._bucket.read(index, name)
        if content is None or sha256(content).hexdigest() != digest:
            # A newer export has replaced the files that this index names.
            self._index.remove("")
            raise StoreError("the exports were replaced meanwhile")
        text = content.decode()
        self._texts.put(digest, text, math.inf)
        return text

    def link(self, index: "ExportIndex", name: str, seconds: int) -> str:
        """Link to a file, valid for `seconds`.

        Raises:
            StoreError: no credentials to sign the link.
        """
        return self._bucket.link(index, name, seconds)
