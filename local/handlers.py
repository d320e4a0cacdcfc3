"""The functions' handlers, imported late.

A handler's module makes its DynamoDB client and its logger when it is imported, as is good on
Lambda. So here it is imported only after the environment and stdout are what they should be.
"""

import importlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from local.context import LocalContext
from local.events import timer_event
from local.template import DEFAULT_ROUTE, http_routes

Handler = Callable[[dict[str, Any], Any], Any]


Function = Literal[
    "changes", "export", "filter", "ingest", "lookup", "publish", "providers", "webhook"
]


def load(function: Function) -> Handler:
    """Return the `lambda_handler` of a function."""
    return _at(f"functions.{function}.app.lambda_handler")


def run_timer(function: Function, budget_s: float, **by_hand: object) -> dict[str, Any]:
    """Invoke a function once, as its timer does.

    Args:
        budget_s: seconds that the function believes to have.
        by_hand: what the event has in addition, because somebody invokes it by hand.

    Returns:
        What the handler gives back.
    """
    event = timer_event(str(uuid.uuid4()), datetime.now(UTC)) | by_hand
    told: dict[str, Any] = load(function)(event, LocalContext(function, budget_s))
    return told


def load_gateway() -> Handler:
    """Return a handler that hands each event to the function that the REST API would choose.

    Raises:
        TemplateError: template.yaml has no route for all other requests.
    """
    return gateway({path: _at(name) for path, name in http_routes().items()})


def gateway(handlers: Mapping[str, Handler]) -> Handler:
    """Return a handler that hands each event on to the handler of its route."""

    def handler(event: dict[str, Any], context: Any) -> Any:
        path = event["rawPath"] if "rawPath" in event else event["path"]
        return handlers[_choose(path, handlers.keys())](event, context)

    return handler


def _choose(path: str, routes: Iterable[str]) -> str:
    """The route of a path: the path itself, else the longest greedy route that it begins with."""
    known = set(routes)
    if path in known:
        return path
    greedy = [route for route in known if "{" in route and _begins(path, route)]
    return max(greedy, key=len, default=DEFAULT_ROUTE)


def _begins(path: str, route: str) -> bool:
    """Whether a path begins with a greedy route, and goes on after it."""
    start, _, _ = route.partition("{")
    return path.startswith(start) and path != start


def _at(name: str) -> Handler:
    module, _, attribute = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), attribute)
    return handler
