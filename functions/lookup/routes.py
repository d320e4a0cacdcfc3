"""The routes: which path and method is answered by which handler."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from functions.lookup import account, addresses, documentation, hashes
from functions.lookup.quota import Caller, OverLimit, Reason, rate_limit_headers
from functions.lookup.service import Call, Handler, Refused, Service
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
        look_up: whether a GET counts as one look-up; a POST counts its items itself.
    """

    template: str
    pattern: re.Pattern[str]
    methods: Mapping[str, Handler]
    open: bool = False
    look_up: bool = False


def respond(service: Service, request: Request) -> Response:
    """Answer a request.

    Raises:
        StoreError: the store failed.
    """
    route, value = _route(request.path)
    caller: Caller | None = None
    try:
        if route is None or not route.open:
            caller = _identify(service, request)
        response = _answer(service, route, Call(request, value, caller))
    except Refused as refused:
        response = refused.response()
    except OverLimit as over:
        response = _over_limit(over).response()
    if caller is None:
        return response
    known = {"X-Authenticated": "by apikey"}
    if caller.allowance:
        known |= rate_limit_headers(caller.allowance)
    return replace(response, headers={**known, **response.headers})


def _answer(service: Service, route: Route | None, call: Call) -> Response:
    if route is None:
        raise Refused(errors.NO_SUCH_ENDPOINT)
    handler = route.methods.get(call.request.method)
    if handler is None:
        raise Refused(errors.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(route.methods)})
    if route.look_up and call.request.method == "GET":
        call.identified().spend()
    return handler(service, call)


def _identify(service: Service, request: Request) -> Caller:
    text = request.headers.get("apikey", "")
    if not text:
        raise Refused(errors.NO_KEY)
    key = service.keys.find(text)
    if key is None:
        raise Refused(errors.UNKNOWN_KEY)
    return Caller(key, service.quota)


def _over_limit(over: OverLimit) -> Refused:
    if over.allowance.reason is Reason.MINUTE:
        return Refused(errors.THROTTLED)
    return Refused(errors.QUOTA_USED_UP, f"Limit: {over.allowance.limit} / Daily")


def _route_to(
    template: str, methods: Mapping[str, Handler], *, open_: bool = False, look_up: bool = False
) -> Route:
    """A route of `template`: `{hash}` and `{key}` are one segment, other names the rest."""
    parts = []
    for part in template.strip("/").split("/"):
        if part in {"{hash}", "{key}"}:
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
    return Route(template, re.compile("/+" + "/+".join(parts) + end), methods, open_, look_up)


def _address_routes(kind: IndicatorType) -> tuple[Route, Route]:
    return (
        _route_to(f"/v4/{kind}", {"POST": addresses.bulk(kind)}),
        _route_to(f"/v4/{kind}/{{{kind}}}", {"GET": addresses.report(kind)}, look_up=True),
    )


ROUTES = (
    _route_to("/v4/hash", {"POST": hashes.bulk}),
    _route_to("/v4/hash/{hash}", {"GET": hashes.report}, look_up=True),
    _route_to("/v4/hash/{hash}/scanhistory", {"GET": hashes.history}, look_up=True),
    _route_to("/v4/hash/{hash}/badge", {"GET": hashes.report}, look_up=True),
    _route_to("/v4/hash/{hash}/sandbox", {"GET": hashes.sandbox}, look_up=True),
    *_address_routes(IndicatorType.IP),
    *_address_routes(IndicatorType.DOMAIN),
    *_address_routes(IndicatorType.URL),
    _route_to("/v4/apikey", {"GET": account.info}),
    _route_to("/v4/apikey/limits", {"GET": account.limits}),
    _route_to("/v4/apikey/limits/status", {"GET": account.limits_status}),
    _route_to("/v4/apikey/{key}", {"GET": account.info_of}),
    _route_to("/v4/status/version", {"GET": account.version}, open_=True),
    _route_to("/health", {"GET": account.health}, open_=True),
    _route_to("/openapi.json", {"GET": documentation.openapi}, open_=True),
    _route_to("/docs", {"GET": documentation.page}, open_=True),
)


def _route(path: str) -> tuple[Route | None, str]:
    for route in ROUTES:
        if found := route.pattern.fullmatch(path):
            return route, found.groupdict().get("value", "")
    return None, ""
