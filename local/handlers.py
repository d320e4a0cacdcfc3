"""The functions' handlers, imported late.

A handler's module makes its DynamoDB client and its logger when it is imported, as is good on
Lambda. So here it is imported only after the environment and stdout are what they should be.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from local.template import DEFAULT_ROUTE, http_routes

Handler = Callable[[dict[str, Any], Any], Any]


def load(
    function: Literal["changes", "filter", "ingest", "lookup", "publish", "providers", "webhook"],
) -> Handler:
    """Return the `lambda_handler` of a function."""
    return _at(f"functions.{function}.app.lambda_handler")


def load_gateway() -> Handler:
    """Return a handler that hands each event to the function that API Gateway would choose.

    Raises:
        TemplateError: template.yaml has no route for all other requests.
    """
    return gateway({path: _at(name) for path, name in http_routes().items()})


def gateway(handlers: Mapping[str, Handler]) -> Handler:
    """Return a handler that hands each event on to the handler of its route."""

    def handler(event: dict[str, Any], context: Any) -> Any:
        return handlers[_choose(event["rawPath"], handlers.keys())](event, context)

    return handler


def _choose(path: str, routes: Iterable[str]) -> str:
    """The route of a path: the very path, a longer one that begins like it, or the default."""
    for route in routes:
        start, greedy, _ = route.partition("{")
        if path == route or (greedy and path.startswith(start) and path != start):
            return route
    return DEFAULT_ROUTE


def _at(name: str) -> Handler:
    module, _, attribute = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), attribute)
    return handler
