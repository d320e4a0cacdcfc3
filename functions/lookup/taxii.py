"""TAXII 2.1 server with one read-only collection: the STIX objects of the exports by change."""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from functions.lookup.exports import cursor_limit, published
from functions.lookup.service import Call, Exports, Service
from shared.domain.moment import format_millis, to_millis
from shared.http import errors
from shared.http.accept import read_accept
from shared.http.api_error import TAXII_MEDIA_TYPE, ApiError
from shared.http.caching import knows
from shared.http.web import Response

API_ROOT = "/taxii2/reputation"
# uuid5(NAMESPACE of shared.formats.exports.source, "taxii-collection"). Clients store it.
COLLECTION_ID = "f7ee5b67-808d-5e9b-954c-e33d52a7ea89"
# A route has one value, so the id of the only collection is part of the path.
OBJECTS = f"{API_ROOT}/collections/{COLLECTION_ID}/objects"
MAX_LIMIT = 1000
_STIX = "application/stix+json;version=2.1"
_TITLE = "IOC reputation"
# TAXII clients of OASIS ask for JSON as such; every object of TAXII is JSON.
_ACCEPTED = {"*/*", "application/*", "application/taxii+json", "application/json"}
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)_([a-z-]+--[0-9a-f-]{36})")
# Sorts after every id.
_LAST = "~"
_BEGINNING = "1970-01-01T00:00:00.000Z"

# Sort key of the objects: time when they were added, and id.
Position = tuple[str, str]


class Found(NamedTuple):
    """A page of objects, oldest change first.

    Attributes:
        next: cursor of the next page, "" for none.
    """

    objects: list[dict[str, Any]]
    next: str


# A client cannot send objects, so the maximum length is 0.
ROOT = {"title": _TITLE, "versions": [TAXII_MEDIA_TYPE], "max_content_length": 0}


def discovery(_service: Service, call: Call) -> Response:
    """GET /taxii2: the API roots."""
    return _answer(call, discovery_facts(call.request.base_path))


def discovery_facts(base_path: str) -> dict[str, Any]:
    """The answer of discovery.

    TAXII 2.1 (4.1.1) allows two kinds of address for an API root: a URL, or an absolute path. A
    path works for every host name of the API, but has to begin with the stage.

    Args:
        base_path: of the request.
    """
    root = f"{base_path}{API_ROOT}/"
    return {"title": _TITLE, "default": root, "api_roots": [root]}


def api_root(_service: Service, call: Call) -> Response:
    """GET of the API root."""
    return _answer(call, ROOT)


def collections(_service: Service, call: Call) -> Response:
    """GET of the collections, of which there is one."""
    return _answer(call, {"collections": [collection_facts()]})


def collection(_service: Service, call: Call) -> Response:
    """GET of one collection."""
    _check_collection(call)
    return _answer(call, collection_facts())


def objects(service: Service, call: Call) -> Response:
    """GET of the objects: first those that indicators refer to, then the indicators."""
    return _page(service, call, lambda one: one)


def manifest(service: Service, call: Call) -> Response:
    """GET of the manifest: a record per object."""
    return _page(service, call, record)


def _page(
    service: Service, call: Call, present: Callable[[dict[str, Any]], dict[str, Any]]
) -> Response:
    _check_accept(call)
    _check_collection(call)
    exports, index = published(service)
    parameters = _Parameters(call.request.query)
    if parameters.added_after and parameters.added_after < format_millis(cursor_limit(index)):
        raise ApiError(errors.CURSOR_TOO_OLD)
    call.identified().spend()
    found = _find(exports, index, _pages(index), parameters)
    if not found.objects:
        return _answer(call, {"more": True, "next": found.next} if found.next else {})
    body: dict[str, Any] = {"more": bool(found.next)}
    if found.next:
        body["next"] = found.next
    body["objects"] = [present(one) for one in found.objects]
    return _answer(call, body, _added(found.objects))


def one_object(service: Service, call: Call) -> Response:
    """GET of an object by its id."""
    return _one(service, call, lambda one: {"more": False, "objects": [one]})


def versions(service: Service, call: Call) -> Response:
    """GET of the versions of an object, of which there is one: that of its last change."""
    return _one(service, call, lambda one: {"more": False, "versions": [_moment(one)]})


def _one(
    service: Service, call: Call, present: Callable[[dict[str, Any]], dict[str, Any]]
) -> Response:
    _check_accept(call)
    exports, index = published(service)
    parameters = _Parameters(call.request.query)
    call.identified().spend()
    one = _by_id(exports, index, unquote(call.value))
    if one is None:
        raise ApiError(errors.OBJECT_NOT_FOUND)
    if (_moment(one), one["id"]) <= parameters.position or not parameters.match(one):
        return _answer(call, {})
    return _answer(call, present(one), _added([one]))


def _by_id(exports: Exports, index: Any, name: str) -> dict[str, Any] | None:
    """Find an object by id, with two files: one with its time of change, and its page."""
    # Imported here: only TAXII requests need it.
    from shared.formats.exports.object_keys import change_of, file_with  # noqa: PLC0415
    from shared.formats.exports.stix import read_page  # noqa: PLC0415

    kind, _, uuid = name.partition("--")
    pages = _pages(index)
    file = file_with(uuid)
    if not (pages and file):
        return None
    if kind == "indicator":
        changed = change_of(exports.text(index, file), uuid) if file in index.files else None
        if changed is None:
            return None
        at = bisect_right([first for first, _ in pages], (format_millis(changed), name)) - 1
        _, objects = read_page(exports.text(index, pages[at][1]))
    else:
        # Objects that indicators refer to are on each page.
        objects, _ = read_page(exports.text(index, pages[0][1]))
    return next((one for one in objects if one["id"] == name), None)


def _pages(index: Any) -> list[tuple[Position, str]]:
    """The pages in their order, each with the position of its first object."""
    return [((format_millis(page.changed), page.id), page.name) for page in index.pages]


def _find(
    exports: Exports, index: Any, pages: list[tuple[Position, str]], parameters: "_Parameters"
) -> Found:
    """Find the objects after a position, on the page that contains the first of them.

    So an answer is at most one page, and needs only that page.
    """
    # Imported here: only TAXII requests need it.
    from shared.formats.exports.stix import read_page  # noqa: PLC0415

    position = parameters.position
    at = max(bisect_right([first for first, _ in pages], position) - 1, 0)
    for number in range(at, len(pages)):
        common, indicators = read_page(exports.text(index, pages[number][1]))
        # Objects that indicators refer to are older than the indicators.
        listed = indicators if number else [*sorted(common, key=_moment), *indicators]
        left = [one for one in listed if (_moment(one), one["id"]) > position]
        taken = left[: parameters.limit]
        if taken:
            more = len(taken) < len(left) or number + 1 < len(pages)
            cursor = f"{_moment(taken[-1])}_{taken[-1]['id']}" if more else ""
            return Found([one for one in taken if parameters.match(one)], cursor)
    return Found([], "")


def _added(objects: list[dict[str, Any]]) -> dict[str, str]:
    """Headers with the times when the first and the last object were added."""
    return {
        "X-TAXII-Date-Added-First": _moment(objects[0]),
        "X-TAXII-Date-Added-Last": _moment(objects[-1]),
    }


def _moment(one: Mapping[str, Any]) -> str:
    """Time when an object was added to the collection, which is also its version."""
    return str(one.get("modified") or one["created"])


def _answer(
    call: Call, body: Mapping[str, Any], added: Mapping[str, str] | None = None
) -> Response:
    _check_accept(call)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    all_headers = {
        "Content-Type": TAXII_MEDIA_TYPE,
        "ETag": f'"{sha256(text.encode()).hexdigest()[:32]}"',
        "Cache-Control": "private, max-age=60",
        **(added or {}),
    }
    if knows(call.request.headers, all_headers["ETag"]):
        return Response(304, {}, all_headers)
    return Response(200, {}, all_headers, text=text)


def record(one: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest record of an object."""
    moment = _moment(one)
    return {"id": one["id"], "date_added": moment, "version": moment, "media_type": _STIX}


def collection_facts() -> dict[str, Any]:
    """The description of the collection."""
    return {
        "id": COLLECTION_ID,
        "title": _TITLE,
        "description": "What scans found likely malicious or malicious, and what was revoked.",
        "can_read": True,
        "can_write": False,
        "media_types": [_STIX],
    }


def _check_collection(call: Call) -> None:
    if call.value != COLLECTION_ID:
        raise ApiError(errors.COLLECTION_NOT_FOUND)


def _check_accept(call: Call) -> None:
    for one in read_accept(call.request.headers.get("accept", "*/*")):
        versions = [each for each in one.parameters if each.startswith("version=")]
        if one.weight > 0 and one.name in _ACCEPTED and versions in ([], ["version=2.1"]):
            return
    raise ApiError(errors.NOT_TAXII)


class _Parameters:
    """The query parameters for a page of objects.

    Attributes:
        position: the client has the objects up to this one.
        added_after: the time after which the client asks for changes; "" for all objects, and
            within a download.
    """

    def __init__(self, query: str) -> None:
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        self.limit = _limit(given.get("limit", ""))
        self.position = _position(given)
        self.added_after = self.position[0] if self.position[1] == _LAST else ""
        self._types = _choices(given, "match[type]")
        self._versions = _choices(given, "match[version]")
        self._specifications = _choices(given, "match[spec_version]")
        if given.get("match[id]"):
            raise _invalid("match[id]")

    def match(self, one: Mapping[str, Any]) -> bool:
        """Whether an object matches the query; each has only one version."""
        return (
            (not self._types or one["type"] in self._types)
            and (not self._specifications or one.get("spec_version") in self._specifications)
            and (
                not self._versions or bool(self._versions & {"last", "first", "all", _moment(one)})
            )
        )


def _limit(text: str) -> int:
    if not text:
        return MAX_LIMIT
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0
    if number < 1:
        raise _invalid("limit")
    return min(number, MAX_LIMIT)


def _position(given: Mapping[str, str]) -> Position:
    if cursor := given.get("next", ""):
        found = _CURSOR.fullmatch(cursor)
        if not found:
            raise _invalid("next")
        return found[1], found[2]
    if text := given.get("added_after", ""):
        try:
            parsed = datetime.fromisoformat(text)
            moment = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            since = format_millis(to_millis(moment))
        except (ValueError, OverflowError):
            raise _invalid("added_after") from None
        # Clients that have nothing send the beginning of time.
        if since > _BEGINNING:
            return since, _LAST
    return "", ""


def _choices(given: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(filter(None, given.get(name, "").split(",")))


def _invalid(name: str) -> ApiError:
    return ApiError(errors.SEARCH_PARAMETER_NOT_VALID, name)
