"""The filter of everything that is stored: what is told of it, and where it is fetched from."""

from functions.lookup.service import Call, Filters, Service
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.web import Response

# Long enough to begin a download; the address works for whoever has it.
LINK_S = 300


def offer(service: Service, _call: Call) -> Response:
    """GET /v4/filter: how old the filter is, how large, and what it answers for."""
    _, told = _published(service)
    return Response(200, told)


def download(service: Service, _call: Call) -> Response:
    """GET /v4/filter/download: to where the file is, because it is too large for an answer."""
    filters, _ = _published(service)
    link = filters.link(LINK_S)
    return Response(302, {"url": link}, {"Location": link, "Cache-Control": "no-store"})


def _published(service: Service) -> tuple[Filters, dict[str, object]]:
    filters = service.filters()
    told = filters.offer() if filters else None
    if filters is None or told is None:
        raise ApiError(errors.FILTER_NOT_FOUND)
    return filters, told
