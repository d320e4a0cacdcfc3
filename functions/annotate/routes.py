"""Routes of the annotate function: overrides of verdicts, and reports of false positives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from functions.annotate.bodies import (
    Asked,
    read_bulk,
    read_decision,
    read_indicator,
    read_reason,
)
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.moment import format_millis
from shared.http import errors
from shared.http.api_error import ApiError
from shared.http.authentication import KeyRing, key_in, require
from shared.http.quota import Caller, OverLimit, Quota, rate_limit_headers
from shared.http.routing import Counting, Route, find_route
from shared.http.web import Request, Response, percent_encoded
from shared.runtime.deadline import Deadline
from shared.runtime.observability import logger
from shared.store.annotations import AnnotationLog, Kind
from shared.store.api_keys import Right
from shared.store.overrides import AlwaysHarmless, Decided, NoOverride, Overrides

MAX_LIMIT = 100
# A REST API waits 29 seconds for an answer.
BULK_S = 20.0


@dataclass(frozen=True, slots=True)
class Service:
    """The parts that the routes use.

    Attributes:
        now: returns milliseconds since the epoch.
    """

    keys: KeyRing
    quota: Quota
    overrides: Overrides
    log: AnnotationLog
    now: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler gets it.

    Attributes:
        value: value in the path, percent-encoded; "" if the path has none.
    """

    request: Request
    value: str
    caller: Caller


Handler = Callable[[Service, Call], Response]


def respond(service: Service, request: Request) -> Response:
    """Answer a request.

    Raises:
        ApiError: the request is not valid or not allowed.
        StoreError: the store failed.
    """
    route, value = find_route(PATHS, request.path)
    logger.append_keys(route=route.template if route else "")
    caller = _identify(service, request)
    try:
        response = _answer(service, route, Call(request, percent_encoded(value), caller))
    except ApiError as error:
        response = error.response(request.path)
    except OverLimit as over:
        response = over.error().response(request.path)
    known = {"X-Authenticated": "by apikey"}
    if caller.allowance:
        known |= rate_limit_headers(caller.allowance)
    return replace(response, headers={**known, **response.headers})


def _identify(service: Service, request: Request) -> Caller:
    text = key_in(request.headers)
    if not text:
        raise ApiError(errors.NO_KEY)
    key = service.keys.find(text)
    if key is None:
        raise ApiError(errors.UNKNOWN_KEY)
    logger.append_keys(key=key.short_digest)
    return Caller(key, service.quota)


def _answer(service: Service, route: Route[Handler] | None, call: Call) -> Response:
    if route is None:
        raise ApiError(errors.NO_SUCH_ENDPOINT)
    handler = route.methods.get(call.request.method)
    if handler is None:
        raise ApiError(errors.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(route.methods)})
    require(route.right, call.caller.key)
    return handler(service, call)


def put(kind: IndicatorType | None) -> Handler:
    """The handler of PUT /v4/ioc/{hash,ip,domain,url}/{value}/verdict; None for a hash."""

    def handle(service: Service, call: Call) -> Response:
        indicator = read_indicator(kind, call.value)
        decision = read_decision(call.request, service.now())
        return Response(200, _put(service, call, Asked(indicator, decision)))

    return handle


def _put(service: Service, call: Call, asked: Asked) -> dict[str, Any]:
    by = call.caller.key.name
    try:
        decided = service.overrides.put(asked.indicator, asked.decision, by)
    except AlwaysHarmless as rule:
        raise ApiError(errors.ALWAYS_HARMLESS, str(rule)) from None
    _log("override set", asked.indicator, decided)
    return _decided_body(asked.indicator, decided)


def take_back(kind: IndicatorType | None) -> Handler:
    """The handler of DELETE /v4/ioc/{hash,ip,domain,url}/{value}/verdict; None for a hash."""

    def handle(service: Service, call: Call) -> Response:
        indicator = read_indicator(kind, call.value)
        try:
            decided = service.overrides.take_back(indicator, call.caller.key.name)
        except NoOverride:
            raise ApiError(errors.OVERRIDE_NOT_FOUND) from None
        _log("override taken back", indicator, decided)
        return Response(200, {**_decided_body(indicator, decided), "deleted": True})

    return handle


def bulk(service: Service, call: Call) -> Response:
    """POST /v4/ioc/verdicts: each item has a row in the answer, with an error if it failed."""
    left = Deadline(BULK_S).left
    rows: list[dict[str, Any]] = []
    for item in read_bulk(call.request, service.now()):
        try:
            if isinstance(item, ApiError):
                raise item
            if left() <= 0:
                raise ApiError(errors.STORE_NOT_REACHABLE, "the time was used up before this item")
            rows.append(_put(service, call, item))
        except ApiError as error:
            rows.append(error.error.body(error.detail))
    return Response(200, {"data": rows})


def overrides(service: Service, call: Call) -> Response:
    """GET /v4/overrides: the overrides that hold, the newest first; all changes with `history`."""
    query = dict(parse_qsl(call.request.query, keep_blank_values=True))
    history = query.pop("history", "") or "false"
    if history not in {"true", "false"}:
        raise ApiError(errors.SEARCH_PARAMETER_NOT_VALID, "history")
    entries, cursor = _page(service, Kind.OVERRIDE, query)
    if history == "false":
        current = service.overrides.current(entries)
        entries = {number: entries[number] for number in current}
    return Response(200, {"data": [*entries.values()], "next_cursor": cursor})


def report_false_positive(kind: IndicatorType | None) -> Handler:
    """The handler of POST /v4/ioc/{hash,ip,domain,url}/{value}/false-positive; None for a hash."""

    def handle(service: Service, call: Call) -> Response:
        indicator = read_indicator(kind, call.value)
        reason = read_reason(call.request)
        call.caller.spend()
        key, now = call.caller.key, service.now()
        number = service.log.next_number(Kind.FALSE_POSITIVE)
        # The number is claimed before the entry is written, so that a repeated request writes the
        # same entry again.
        claimed = service.log.claim(Kind.FALSE_POSITIVE, indicator, key.digest, number)
        repeated = claimed != number
        body = {
            "type": indicator.type.value,
            "value": indicator.value,
            "reason": reason,
            "by": key.name,
            "at": format_millis(now),
        }
        service.log.put(Kind.FALSE_POSITIVE, claimed, body, now)
        logger.info("false positive reported", extra={"by": key.name, "number": claimed})
        return Response(200, {**body, "repeated": repeated})

    return handle


def false_positives(service: Service, call: Call) -> Response:
    """GET /v4/false-positives: the reports, the newest first."""
    query = dict(parse_qsl(call.request.query, keep_blank_values=True))
    entries, cursor = _page(service, Kind.FALSE_POSITIVE, query)
    return Response(200, {"data": [*entries.values()], "next_cursor": cursor})


def _page(
    service: Service, kind: Kind, query: Mapping[str, str]
) -> tuple[dict[int, dict[str, Any]], str | None]:
    """Read a page of a log, and the cursor of the next one; None if there is none.

    Raises:
        ApiError: the query has an unknown parameter, or one that is not valid.
        StoreError: the store failed.
    """
    if unknown := query.keys() - {"limit", "cursor"}:
        raise ApiError(errors.SEARCH_PARAMETER_NOT_VALID, min(unknown)[:100])
    limit = _number(query, "limit", MAX_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise ApiError(errors.SEARCH_PARAMETER_NOT_VALID, "limit")
    last = _number(query, "cursor", 0) or service.log.last_number(kind)
    entries = service.log.page(kind, last, limit)
    return entries, str(last - limit) if last > limit else None


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise ApiError(errors.SEARCH_PARAMETER_NOT_VALID, name)
    return int(text)


def _log(message: str, indicator: Indicator, decided: Decided) -> None:
    override = decided.override
    logger.info(
        message,
        extra={
            "number": override.id,
            "by": override.by,
            "type": indicator.type.value,
            "verdict": override.verdict.name,
        },
    )


def _decided_body(indicator: Indicator, decided: Decided) -> dict[str, Any]:
    override = decided.override
    return {
        "type": indicator.type.value,
        "value": indicator.value,
        "verdict": override.verdict.name,
        "reason": override.reason,
        "by": override.by,
        "set_at": format_millis(override.set_at),
        "expires": format_millis(override.expires) if override.expires else "",
        "siblings": [{"type": one.type.value, "value": one.value} for one in decided.siblings],
    }


def _answered_elsewhere(service: Service, call: Call) -> Response:
    raise ApiError(errors.NO_SUCH_ENDPOINT)


def _verdict_route(name: str, kind: IndicatorType | None) -> Route[Handler]:
    return Route(
        f"/v4/ioc/{name}/{{value:any}}/verdict",
        {"PUT": put(kind), "DELETE": take_back(kind)},
        right=Right.ANNOTATE,
    )


def _false_positive_route(name: str, kind: IndicatorType | None) -> Route[Handler]:
    return Route(
        f"/v4/ioc/{name}/{{value:any}}/false-positive",
        {"POST": report_false_positive(kind)},
        Counting.BY_HANDLER,
        right=None,
    )


_TYPES = {
    "hash": None,
    "ip": IndicatorType.IP,
    "domain": IndicatorType.DOMAIN,
    "url": IndicatorType.URL,
}
ROUTES: tuple[Route[Handler], ...] = (
    Route("/v4/ioc/verdicts", {"POST": bulk}, right=Right.ANNOTATE),
    *(_verdict_route(name, kind) for name, kind in _TYPES.items()),
    *(_false_positive_route(name, kind) for name, kind in _TYPES.items()),
    Route("/v4/overrides", {"GET": overrides}, right=Right.ANNOTATE),
    Route("/v4/false-positives", {"GET": false_positives}, right=Right.ANNOTATE),
)
# The gateway sends a GET of these paths to the lookup function, and PUT, POST and DELETE here.
_OF_LOOKUP: tuple[Route[Handler], ...] = tuple(
    Route(f"/v4/ioc/{name}/{{value:any}}", {"GET": _answered_elsewhere}, right=None)
    for name in _TYPES
)
# The first match counts: those of the lookup function would match all of these, too.
PATHS = (*ROUTES, *_OF_LOOKUP)
