"""Routes for the filter of all stored indicators: its metadata, and the download redirect."""

from functions.lookup.service import Call, Filters, Service
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Response

# Long enough to begin a download; anyone who has the link can use it.
LINK_S = 300


def offer(service: Service, _call: Call) -> Response:
    """GET /v4/filter: age and size of the filter, and the types that it covers."""
    _, metadata = _published(service)
    return Response(200, metadata)


def download(service: Service, call: Call) -> Response:
    """GET /v4/filter/download: a redirect to the file, which is too large for an answer."""
    filters, _ = _published(service)
    call.identified().spend()
    link = filters.link(LINK_S)
    return Response(302, {"url": link}, {"Location": link, "Cache-Control": "no-store"})


def _published(service: Service) -> tuple[Filters, dict[str, object]]:
    filters = service.filters()
    metadata = filters.offer() if filters else None
    if filters is None or metadata is None:
        raise ApiError(errors.FILTER_NOT_FOUND)
    return filters, metadata
