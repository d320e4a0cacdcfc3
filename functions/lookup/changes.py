"""GET /v4/iocs/changes: what was added to the exported list and removed from it since a cursor.

A cursor is the time of an export. Within a download it also has the position of the last change
that the client has.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from functions.lookup.exports import KEPT_BY_CLIENTS, cursor_limit, min_score, published
from functions.lookup.search import MAX_LIMIT, Parameters
from functions.lookup.service import Call, Exports, Service
from shared.domain.moment import format_millis, to_millis
from shared.formats.exports.changes import Change, read_page
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.caching import knows
from shared.http.web import Response, as_json

if TYPE_CHECKING:
    from shared.formats.exports.index import ExportIndex

_CURSOR = re.compile(r"([^_]+)(?:_([0-9]{1,15})_([0-9a-f-]{36}))?")
# Sorts after every id.
_LAST = "~"


class Cursor(NamedTuple):
    """What a client has.

    Attributes:
        begun: the export at which its download began, milliseconds since the epoch; it needs to
            learn of each removal after that. 0 for a client that has nothing.
        position: it has the changes up to this one.
        ended: whether it has read to the end, so that it has everything of the export `begun`.
    """

    begun: int = 0
    position: tuple[int, str] = (0, "")
    ended: bool = True

    def text(self) -> str:
        """Return the cursor as clients send it."""
        if self.ended:
            return format_millis(self.begun)
        return "_".join((format_millis(self.begun), *map(str, self.position)))


def changes(service: Service, call: Call) -> Response:
    """GET /v4/iocs/changes."""
    exports, index = published(service)
    if not index.complete_since:
        raise ApiError(errors.EXPORTS_NOT_FOUND)
    parameters = Parameters(call.request)
    since = _cursor(parameters)
    fits = _Filter(parameters)
    limit = parameters.number("limit", MAX_LIMIT, MAX_LIMIT)
    if since.begun and since.begun < max(index.complete_since, cursor_limit(index)):
        raise ApiError(errors.CURSOR_TOO_OLD)
    call.identified().spend()
    found, cursor = _after(since, exports, index, limit)
    # A client that has nothing begins with what the first export holds that it reads.
    begun = since.begun or index.built
    body = {
        "added": [one.row for one in found if fits.match(one)],
        "removed": [
            {name: one.row[name] for name in ("type", "value")}
            for one in found
            if one.changed > begun and not fits.match(one)
        ],
        "cursor": cursor.text(),
        "more": not cursor.ended,
    }
    text = as_json(body)
    headers = {
        "ETag": f'"{sha256(text.encode()).hexdigest()[:32]}"',
        "Cache-Control": KEPT_BY_CLIENTS,
    }
    if knows(call.request.headers, headers["ETag"]):
        return Response(304, {}, headers)
    return Response(200, body, headers, text=text)


def _after(
    since: Cursor, exports: Exports, index: "ExportIndex", limit: int
) -> tuple[list[Change], Cursor]:
    """Return changes after a cursor, at most those of one page, and the next cursor."""
    # An instance of the function can have an older export than the one that gave the cursor.
    ended = Cursor(max(since.begun, index.built) if since.ended else index.built)
    firsts = [(page.changed, page.id) for page in index.changes]
    at = max(bisect_right(firsts, since.position) - 1, 0)
    for number in range(at, len(firsts)):
        page = read_page(exports.text(index, index.changes[number].name))
        left = [one for one in page if one.position > since.position]
        found = left[:limit]
        if found:
            if len(found) == len(left) and number + 1 == len(firsts):
                return found, ended
            return found, Cursor(since.begun or index.built, found[-1].position, ended=False)
    return [], ended


class _Filter:
    """What of the list a client wants."""

    def __init__(self, parameters: Parameters) -> None:
        self._kinds = parameters.kinds()
        self._verdict = parameters.verdict()
        self._step = min_score(parameters.text("min_score"))

    def match(self, change: Change) -> bool:
        if change.removed:
            return False
        row: Mapping[str, Any] = change.row
        return (
            (self._kinds is None or row["type"] in self._kinds)
            and (self._verdict is None or row["verdict"] == self._verdict.name)
            and row["score_step"] >= self._step
        )


def _cursor(parameters: Parameters) -> Cursor:
    text = parameters.text("since")
    if not text:
        return Cursor()
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise parameters.refused("since")
    try:
        moment = datetime.fromisoformat(found[1])
        begun = max(to_millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC)), 1)
    except (ValueError, OverflowError):
        raise parameters.refused("since") from None
    if found[2] is None:
        return Cursor(begun, (begun, _LAST))
    return Cursor(begun, (int(found[2]), found[3]), ended=False)
