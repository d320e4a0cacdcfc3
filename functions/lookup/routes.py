"""Routes of the lookup function: the handler of each path and method."""

import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from functions.lookup import (
    account,
    addresses,
    documentation,
    explanation,
    exports,
    file_reputation,
    filters,
    hashes,
    reputations,
    taxii,
)
from functions.lookup.service import Call, Handler, Service
from shared.domain.indicator import IndicatorType
from shared.http import errors
from shared.http.api_error import ApiError, is_taxii_path
from shared.http.authentication import key_in, require
from shared.http.quota import Caller, OverLimit, rate_limit_headers
from shared.http.routing import Counting, Route, find_route
from shared.http.web import Request, Response, percent_encoded
from shared.runtime.observability import logger
from shared.store.api_keys import Right

V5 = "/v5/threat-intel/av-file-reputation"
# If the value in such a path was not encoded, its rest is behind the question mark.
_HOLDS_ANY_VALUE = re.compile("/+v4/+(ioc/+url|report)/")


def respond(service: Service, request: Request) -> Response:
    """Answer a request.

    Raises:
        StoreError: the store failed.
    """
    route, value = find_route(PATHS, request.path)
    logger.append_keys(route=route.template if route else "")
    caller: Caller | None = None
    try:
        if route is None or not route.open:
            caller = _identify(service, request)
        response = _answer(service, route, Call(request, percent_encoded(value), caller))
    except ApiError as error:
        response = error.response(request.path)
    except OverLimit as over:
        response = over.error().response(request.path)
    if caller is None:
        return response
    known = {"X-Authenticated": "by apikey"}
    if caller.allowance:
        known |= rate_limit_headers(caller.allowance)
    return replace(response, headers={**known, **response.headers})


def _answer(service: Service, route: Route[Handler] | None, call: Call) -> Response:
    if route is None:
        if call.request.query and _HOLDS_ANY_VALUE.match(call.request.path):
            raise ApiError(errors.VALUE_NOT_ENCODED)
        raise ApiError(errors.NO_SUCH_ENDPOINT)
    handler = route.methods.get(call.request.method)
    if handler is None:
        raise ApiError(errors.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(route.methods)})
    if call.caller is not None:
        require(route.right, call.caller.key)
    if route.counting is Counting.EACH_GET and call.request.method == "GET":
        call.identified().spend()
    return handler(service, call)


def _identify(service: Service, request: Request) -> Caller:
    text = key_in(request.headers)
    if not text:
        raise ApiError(errors.NO_KEY, headers=_challenge(request.path))
    key = service.keys.find(text)
    if key is None:
        raise ApiError(errors.UNKNOWN_KEY, headers=_challenge(request.path))
    logger.append_keys(key=key.short_digest)
    return Caller(key, service.quota)


def _challenge(path: str) -> dict[str, str]:
    """How to send the key, for clients that support neither header."""
    if is_taxii_path(path) or path.startswith("/v4/exports"):
        return {"WWW-Authenticate": 'Basic realm="API key as password", charset="UTF-8"'}
    return {}


def _address_routes(kind: IndicatorType) -> tuple[Route[Handler], Route[Handler]]:
    shape = "any" if kind is IndicatorType.URL else "path"
    return (
        Route(f"/v4/{kind}", {"POST": addresses.bulk(kind)}, Counting.BY_HANDLER),
        Route(f"/v4/{kind}/{{{kind}:{shape}}}", {"GET": addresses.report(kind)}, Counting.EACH_GET),
    )


def _searching(pick: Callable[[Any], Handler], module: str = "search") -> Handler:
    """A handler of a module of searches, imported only when one is called."""

    def handle(service: Service, call: Call) -> Response:
        return pick(import_module(f"functions.lookup.{module}"))(service, call)

    return handle


def _hash_feed_route(name: str, *, infected: bool) -> Route[Handler]:
    # The handler counts the look-up, because without an index nothing is counted.
    handler = _searching(lambda feeds: feeds.latest(infected=infected), "hash_feeds")
    return Route(
        f"/v4/feed/{name}/latest", {"GET": handler}, Counting.BY_HANDLER, right=Right.EXPORT
    )


def _sightings_route(name: str, kind: IndicatorType | None) -> Route[Handler]:
    # The handler counts the look-up, because without an index nothing is counted.
    return Route(
        f"/v4/ioc/{name}/{{value:any}}/sightings",
        {"GET": _searching(lambda search: search.sightings(kind))},
        Counting.BY_HANDLER,
    )


def _explaining_route(name: str, kind: IndicatorType | None) -> Route[Handler]:
    path = f"/v4/ioc/{name}/{{value:any}}"
    return Route(path, {"GET": explanation.explain(kind)}, Counting.EACH_GET)


def _reputation_route(name: str, kind: IndicatorType) -> Route[Handler]:
    handlers = {"GET": reputations.report(kind), "POST": reputations.bulk(kind)}
    return Route(f"/api/reputation/{name}", handlers, Counting.EACH_GET)


def _answered_elsewhere(service: Service, call: Call) -> Response:
    raise ApiError(errors.NO_SUCH_ENDPOINT)


_SET_AND_UNSET = dict.fromkeys(("PUT", "DELETE"), _answered_elsewhere)
_REPORT = {"POST": _answered_elsewhere}
# The gateway sends these requests to the annotate function, and those with other methods here.
_OF_ANNOTATE: tuple[Route[Handler], ...] = (
    Route("/v4/ioc/verdicts", _REPORT, right=None),
    *(
        Route(f"/v4/ioc/{name}/{{value:any}}/{last}", methods, right=None)
        for name in ("hash", "ip", "domain", "url")
        for last, methods in (("verdict", _SET_AND_UNSET), ("false-positive", _REPORT))
    ),
)
ROUTES: tuple[Route[Handler], ...] = (
    Route("/v4/hash", {"POST": hashes.bulk}, Counting.BY_HANDLER),
    Route("/v4/hash/{hash}", {"GET": hashes.report}, Counting.EACH_GET),
    Route("/v4/hash/{hash}/scanhistory", {"GET": hashes.history}, Counting.EACH_GET),
    Route("/v4/hash/{hash}/badge", {"GET": hashes.report}, Counting.EACH_GET),
    Route("/v4/hash/{hash}/sandbox", {"GET": hashes.sandbox}, Counting.EACH_GET),
    *_address_routes(IndicatorType.IP),
    *_address_routes(IndicatorType.DOMAIN),
    *_address_routes(IndicatorType.URL),
    Route(V5, {"POST": file_reputation.bulk}, Counting.BY_HANDLER),
    Route(f"{V5}/{{hash}}", {"GET": file_reputation.report}, Counting.EACH_GET),
    Route("/v4/search", {"POST": _searching(lambda search: search.in_text)}, Counting.BY_HANDLER),
    _sightings_route("hash", None),
    _sightings_route("ip", IndicatorType.IP),
    _sightings_route("domain", IndicatorType.DOMAIN),
    _sightings_route("url", IndicatorType.URL),
    # After those of the sightings, whose paths they would match, too.
    _explaining_route("hash", None),
    _explaining_route("ip", IndicatorType.IP),
    _explaining_route("domain", IndicatorType.DOMAIN),
    _explaining_route("url", IndicatorType.URL),
    Route(
        "/v4/report/{flow_id:any}/iocs",
        {"GET": _searching(lambda search: search.of_scan)},
        Counting.BY_HANDLER,
    ),
    Route(
        "/v4/iocs/recent",
        {"GET": _searching(lambda search: search.recent)},
        Counting.BY_HANDLER,
        right=Right.EXPORT,
    ),
    Route(
        "/v4/iocs/changes",
        {"GET": _searching(lambda changes: changes.changes, "changes")},
        Counting.BY_HANDLER,
        right=Right.EXPORT,
    ),
    _hash_feed_route("infected", infected=True),
    _hash_feed_route("clean", infected=False),
    Route(
        "/api/reports/search",
        {"GET": _searching(lambda reports: reports.search, "report_search")},
        Counting.BY_HANDLER,
    ),
    Route("/v4/apikey", {"GET": account.info}, right=None),
    Route("/v4/apikey/limits", {"GET": account.limits}, right=None),
    Route("/v4/apikey/limits/status", {"GET": account.limits_status}, right=None),
    Route("/v4/apikey/{key}", {"GET": account.info_of}, right=None),
    _reputation_route("hash", IndicatorType.SHA256),
    _reputation_route("ip", IndicatorType.IP),
    _reputation_route("domain", IndicatorType.DOMAIN),
    _reputation_route("url", IndicatorType.URL),
    Route("/api/users/me", {"GET": account.sender}, right=None),
    Route("/api/system/info", {"GET": account.system}, open=True),
    Route("/v4/status/version", {"GET": account.version}, open=True),
    Route("/v4/status/providers", {"GET": account.providers}, right=None),
    Route("/v4/status/feed", {"GET": account.feed}, right=None),
    Route("/v4/filter", {"GET": filters.offer}),
    # The handler counts, because without a filter nothing is counted.
    Route(
        "/v4/filter/download",
        {"GET": filters.download},
        Counting.BY_HANDLER,
        right=Right.EXPORT,
    ),
    Route("/v4/exports", {"GET": exports.listing}, Counting.BY_HANDLER, right=Right.EXPORT),
    Route(
        "/v4/exports/{file:path}", {"GET": exports.file}, Counting.BY_HANDLER, right=Right.EXPORT
    ),
    Route("/taxii2", {"GET": taxii.discovery}, right=Right.EXPORT),
    Route(taxii.API_ROOT, {"GET": taxii.api_root}, right=Right.EXPORT),
    Route(f"{taxii.API_ROOT}/collections", {"GET": taxii.collections}, right=Right.EXPORT),
    Route(
        f"{taxii.API_ROOT}/collections/{{collection}}",
        {"GET": taxii.collection},
        right=Right.EXPORT,
    ),
    Route(
        f"{taxii.API_ROOT}/collections/{{collection}}/objects",
        {"GET": taxii.objects},
        Counting.BY_HANDLER,
        right=Right.EXPORT,
    ),
    Route(
        f"{taxii.API_ROOT}/collections/{{collection}}/manifest",
        {"GET": taxii.manifest},
        Counting.BY_HANDLER,
        right=Right.EXPORT,
    ),
    Route(
        f"{taxii.OBJECTS}/{{object}}",
        {"GET": taxii.one_object},
        Counting.BY_HANDLER,
        right=Right.EXPORT,
    ),
    Route(
        f"{taxii.OBJECTS}/{{object}}/versions",
        {"GET": taxii.versions},
        Counting.BY_HANDLER,
        right=Right.EXPORT,
    ),
    Route("/health", {"GET": account.health}, open=True),
    Route("/openapi.json", {"GET": documentation.openapi}, open=True),
    Route("/docs", {"GET": documentation.page}, open=True),
    Route("/", {"GET": documentation.search_page}, open=True),
)
# The first match counts: an explanation would match the paths of the annotate function, too.
PATHS = (*_OF_ANNOTATE, *ROUTES)
