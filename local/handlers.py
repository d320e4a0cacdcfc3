"""The functions' handlers, imported late.

A handler's module makes its DynamoDB client and its logger when it is imported, as is good on
Lambda. So here it is imported only after the environment and stdout are what they should be.
"""

import importlib
from collections.abc import Callable
from typing import Any, Literal

Handler = Callable[[dict[str, Any], Any], Any]


def load(function: Literal["ingest", "lookup"]) -> Handler:
    """Return the `lambda_handler` of a function."""
    handler: Handler = importlib.import_module(f"functions.{function}.app").lambda_handler
    return handler
