"""The routes: which path and method is answered by which handler."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from functions.lookup import addresses, hashes
from functions.lookup.service import Handler, Refused, Service
from functions.lookup.web import Request, Response
from shared.domain.indicator import IndicatorType
from shared.metadefender import errors


@dataclass(frozen=True, slots=True)
class Route:
    """A path, and its handler by method.

    Attributes:
        template: the path as the documentation has it.
        pattern: what it matches; the group `value` goes to the handler.
        open: whether it is answered without a key.
    """

    template: str
    pattern: re.Pattern[str]
    methods: Mapping[str, Handler]
    open: bool = False


def respond(service: Service, request: Request) -> Response:
    """Answer a request.

    Raises:
        StoreError: the store failed.
    """
    try:
        return _respond(service, request)
    except Refused as refused:
        return refused.response()


def _respond(service: Service, request: Request) -> Response:
    route, value = _route(request.path)
    if route is None or not route.open:
        _authenticate(service, request)
    if route is None:
        raise Refused(errors.NO_SUCH_ENDPOINT)
    handler = route.methods.get(request.method)
    if handler is None:
        raise Refused(errors.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(route.methods)})
    return handler(service, request, value)


def _authenticate(service: Service, request: Request) -> None:
    key = request.headers.get("apikey", "")
    if not key:
        raise Refused(errors.NO_KEY)
    if service.keys.find(key) is None:
        raise Refused(errors.UNKNOWN_KEY)


def _health(_service: Service, _request: Request, _value: str) -> Response:
    return Response(200, {"status": "ok"})


def _version(_service: Service, _request: Request, _value: str) -> Response:
    return Response(200, {"version": "4"})


def _route_to(template: str, methods: Mapping[str, Handler], *, open_: bool = False) -> Route:
    """A route of `template`, in which `{hash}` is one segment and other names are the rest."""
    parts = []
    for part in template.strip("/").split("/"):
        if part == "{hash}":
            parts.append("(?P<value>[^/]+)")
        elif part == "{url}":
            # Whatever follows, to the last slash: it may belong to the URL.
            parts.append("(?P<value>.+)")
        elif part.startswith("{"):
            parts.append("(?P<value>.*[^/])")
        else:
            parts.append(re.escape(part))
    # Clients double the slashes of the base address, and add one at the end.
    end = "" if template.endswith("{url}") else "/*"
    return Route(template, re.compile("/+" + "/+".join(parts) + end), methods, open=open_)


def _address_routes(kind: IndicatorType) -> tuple[Route, Route]:
    return (
        _route_to(f"/v4/{kind}", {"POST": addresses.bulk(kind)}),
        _route_to(f"/v4/{kind}/{{{kind}}}", {"GET": addresses.report(kind)}),
    )


ROUTES = (
    _route_to("/v4/hash", {"POST": hashes.bulk}),
    _route_to("/v4/hash/{hash}", {"GET": hashes.report}),
    _route_to("/v4/hash/{hash}/scanhistory", {"GET": hashes.history}),
    _route_to("/v4/hash/{hash}/badge", {"GET": hashes.report}),
    _route_to("/v4/hash/{hash}/sandbox", {"GET": hashes.sandbox}),
    *_address_routes(IndicatorType.IP),
    *_address_routes(IndicatorType.DOMAIN),
    *_address_routes(IndicatorType.URL),
    _route_to("/v4/status/version", {"GET": _version}, open_=True),
    _route_to("/health", {"GET": _health}, open_=True),
)


def _route(path: str) -> tuple[Route | None, str]:
    for route in ROUTES:
        if found := route.pattern.fullmatch(path):
            return route, found.groupdict().get("value", "")
    return None, ""
