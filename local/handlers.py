"""Imports the functions' handlers late, and invokes them.

A handler's module creates its DynamoDB client and its logger on import, as is best on Lambda. So
the local commands import it only after they have prepared the environment and stdout.
"""

import importlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from local.context import LocalContext
from local.events import timer_event
from local.template import ANY, DEFAULT_ROUTE, http_routes

Handler = Callable[[dict[str, Any], Any], Any]


Function = Literal[
    "annotate", "changes", "export", "filter", "ingest", "lookup", "publish", "providers", "webhook"
]


def load(function: Function) -> Handler:
    """Return the `lambda_handler` of a function."""
    return _at(f"functions.{function}.app.lambda_handler")


def run_timer(function: Function, budget_s: float, **by_hand: object) -> dict[str, Any]:
    """Invoke a function once, as its timer does.

    Args:
        function: the function to invoke.
        budget_s: seconds until the function's deadline.
        by_hand: further keys of the event, as of an invocation by hand.

    Returns:
        The handler's result.
    """
    event = timer_event(str(uuid.uuid4()), datetime.now(UTC)) | by_hand
    result: dict[str, Any] = load(function)(event, LocalContext(function, budget_s))
    return result


def load_gateway() -> Handler:
    """Return a handler that passes each event to the function that the REST API would choose.

    Raises:
        TemplateError: template.yaml has no default route.
    """
    return gateway({route: _at(name) for route, name in http_routes().items()})


def gateway(handlers: Mapping[tuple[str, str], Handler]) -> Handler:
    """Return a handler that passes each event to the handler of its path and method."""
    paths = {path for path, _ in handlers}

    def handler(event: dict[str, Any], context: Any) -> Any:
        if "rawPath" in event:
            path, method = event["rawPath"], event["requestContext"]["http"]["method"]
        else:
            path, method = event["path"], event["httpMethod"]
        route = _choose(path, paths)
        chosen = handlers.get((route, method)) or handlers[route, ANY]
        return chosen(event, context)

    return handler


def _choose(path: str, routes: Iterable[str]) -> str:
    """Return the route of a path: an equal one, else the longest greedy one that matches."""
    known = set(routes)
    if path in known:
        return path
    greedy = [route for route in known if "{" in route and _begins(path, route)]
    return max(greedy, key=len, default=DEFAULT_ROUTE)


def _begins(path: str, route: str) -> bool:
    """Return whether a path matches a greedy route, with at least one character for it."""
    start, _, _ = route.partition("{")
    return path.startswith(start) and path != start


def _at(name: str) -> Handler:
    module, _, attribute = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), attribute)
    return handler
