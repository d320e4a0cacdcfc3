"""The routes: what is asked for, and who answers it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from functions.lookup.authentication import KeyRing
from functions.lookup.web import Request, Response
from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType, ask
from shared.domain.reputation import Reputation
from shared.metadefender import errors
from shared.metadefender.errors import ApiError
from shared.metadefender.present import address_report, hash_report


class Iocs(Protocol):
    """Where reputations are found; `shared.store.iocs.IocTable` is one."""

    def find(self, indicator: Indicator) -> Reputation | None:
        """The reputation of one indicator; raises StoreError."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes work with.

    Attributes:
        now: milliseconds since the epoch.
    """

    iocs: Iocs
    keys: KeyRing
    now: Callable[[], int]


Handler = Callable[[Service, Request, str], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """A path, and its handler by method; the group `value` of the path goes to the handler."""

    path: re.Pattern[str]
    methods: Mapping[str, Handler]
    open: bool = False


def respond(service: Service, request: Request) -> Response:
    """Answer a request.

    Raises:
        StoreError: the store failed.
    """
    route, value = _route(request.path)
    if route is None or not route.open:
        refusal = _authenticate(service, request)
        if refusal:
            return refusal
    if route is None:
        return refuse(errors.NO_SUCH_ENDPOINT)
    handler = route.methods.get(request.method)
    if handler is None:
        allowed = {"Allow": ", ".join(route.methods)}
        return refuse(errors.METHOD_NOT_ALLOWED, headers=allowed)
    return handler(service, request, value)


def refuse(error: ApiError, detail: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """The answer to what cannot be answered."""
    return Response(error.status, error.body(detail), headers or {})


def _authenticate(service: Service, request: Request) -> Response | None:
    key = request.headers.get("apikey", "")
    if not key:
        return refuse(errors.NO_KEY)
    if service.keys.find(key) is None:
        return refuse(errors.UNKNOWN_KEY)
    return None


def _hash(service: Service, _: Request, value: str) -> Response:
    try:
        question = ask(None, value)
    except InvalidIndicator as error:
        return refuse(errors.HASH_NOT_VALID, str(error))
    reputation = service.iocs.find(question.indicator)
    if reputation is None:
        return refuse(errors.HASH_NOT_FOUND)
    return Response(200, hash_report(reputation))


def _address(kind: IndicatorType, not_valid: ApiError) -> Handler:
    def look_up(service: Service, request: Request, value: str) -> Response:
        if kind is IndicatorType.URL and request.query:
            # A URL that was not encoded spills over into the query.
            value = f"{value}?{request.query}"
        try:
            question = ask(kind, value)
        except InvalidIndicator as error:
            return refuse(not_valid, str(error))
        reputation = service.iocs.find(question.indicator)
        return Response(
            200, address_report(question.indicator, question.shown, reputation, service.now())
        )

    return look_up


def _health(_service: Service, _request: Request, _value: str) -> Response:
    return Response(200, {"status": "ok"})


# Clients double the slashes of the base address; those of a URL that is asked for stay.
_BASE = "/+v4/+"

ROUTES = (
    Route(re.compile(_BASE + r"hash/+(?P<value>[^/]+)/*"), {"GET": _hash}),
    Route(
        re.compile(_BASE + r"ip/+(?P<value>.*[^/])/*"),
        {"GET": _address(IndicatorType.IP, errors.IP_NOT_VALID)},
    ),
    Route(
        re.compile(_BASE + r"domain/+(?P<value>.*[^/])/*"),
        {"GET": _address(IndicatorType.DOMAIN, errors.DOMAIN_NOT_VALID)},
    ),
    Route(
        re.compile(_BASE + r"url/+(?P<value>.+)"),
        {"GET": _address(IndicatorType.URL, errors.URL_NOT_VALID)},
    ),
    Route(re.compile("/+health/*"), {"GET": _health}, open=True),
)


def _route(path: str) -> tuple[Route | None, str]:
    for route in ROUTES:
        if found := route.path.fullmatch(path):
            return route, found.groupdict().get("value", "")
    return None, ""
