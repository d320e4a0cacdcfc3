"""Exports: which files there are, and where they are fetched from."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from functions.lookup.service import Call, Exports, Service
from shared.domain.errors import StoreError
from shared.domain.moment import format_millis
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.caching import knows
from shared.http.web import Response

if TYPE_CHECKING:
    from shared.formats.exports.index import ExportIndex

# What is larger comes from the bucket itself: a function delivers 6 MB, JSON escaped.
MAX_ANSWERED_BYTES = 3_000_000
# Long enough to begin a download; the address works for whoever has it.
LINK_S = 300
CACHED_S = 60.0
_TEXTS_KEPT = 4
_KEPT_BY_CLIENTS = "private, max-age=60"


def listing(service: Service, call: Call) -> Response:
    """GET /v4/exports: when they were made, and what there is to fetch."""
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
    return Response(200, body, {"Cache-Control": _KEPT_BY_CLIENTS})


def file(service: Service, call: Call) -> Response:
    """GET /v4/exports/{file}: a small file itself, a large one from the bucket."""
    exports, index = published(service)
    # No name has a percent sign, so one that was encoded twice is as clear.
    name = unquote(unquote(call.value))
    entry = index.files.get(name)
    if entry is None:
        raise ApiError(errors.EXPORT_NOT_FOUND)
    call.identified().spend()
    headers = {"ETag": f'"{entry.sha256}"', "Cache-Control": _KEPT_BY_CLIENTS}
    if knows(call.request.headers, headers["ETag"]):
        return Response(304, {}, headers)
    if entry.size > MAX_ANSWERED_BYTES:
        link = exports.link(index, name, LINK_S)
        headers |= {"Location": link, "Cache-Control": "no-store"}
        return Response(302, {"url": link}, headers)
    headers["Content-Type"] = entry.media_type
    return Response(200, {}, headers, text=exports.text(index, name))


def published(service: Service) -> "tuple[Exports, ExportIndex]":
    """What is published, and where.

    Raises:
        ApiError: nothing is.
    """
    exports = service.exports()
    index = exports.index() if exports else None
    if exports is None or index is None:
        raise ApiError(errors.EXPORTS_NOT_FOUND)
    return exports, index


class Bucket(Protocol):
    """Where exports are kept; `shared.store.exports.ExportBucket` is one."""

    def index(self) -> "ExportIndex | None":
        """What is published, None when nothing is; raises StoreError."""

    def read(self, index: "ExportIndex", name: str) -> bytes | None:
        """A file, None when it is no longer there; raises StoreError."""

    def link(self, index: "ExportIndex", name: str, seconds: int) -> str:
        """An address to fetch it from for so long; raises StoreError."""


class CachedExports:
    """Exports of which the index is read once a minute, and the last files are kept. Thread-safe.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, bucket: Bucket, clock: Callable[[], float]) -> None:
        self._bucket = bucket
        self._clock = clock
        self._lock = threading.Lock()
        self._index: tuple[float, ExportIndex | None] | None = None
        self._texts: OrderedDict[str, str] = OrderedDict()

    def index(self) -> "ExportIndex | None":
        """What is published, or was a minute ago at most; None when nothing is.

        Raises:
            StoreError: the store failed.
        """
        kept = self._index
        if kept and kept[1] and self._clock() - kept[0] < CACHED_S:
            return kept[1]
        asked_at = self._clock()
        index = self._bucket.index()
        self._index = (asked_at, index)
        return index

    def text(self, index: "ExportIndex", name: str) -> str:
        """A file.

        Raises:
            StoreError: the store failed, or holds another file by now; asking again is right.
        """
        digest = index.files[name].sha256
        with self._lock:
            if digest in self._texts:
                self._texts.move_to_end(digest)
                return self._texts[digest]
        content = self._bucket.read(index, name)
        if content is None or sha256(content).hexdigest() != digest:
            # The set that the index names is written anew by now.
            self._index = None
            raise StoreError("the exports were replaced meanwhile")
        text = content.decode()
        with self._lock:
            self._texts[digest] = text
            if len(self._texts) > _TEXTS_KEPT:
                self._texts.popitem(last=False)
        return text

    def link(self, index: "ExportIndex", name: str, seconds: int) -> str:
        """An address to fetch a file from for so long.

        Raises:
            StoreError: there are no credentials to sign it with.
        """
        return self._bucket.link(index, name, seconds)
