"""The logger; service and level come from the environment.

A log line is one JSON object in ASCII. Input from clients and operators appears only escaped and in
fields of its own; keys, bodies and texts of unexpected errors never appear.
"""

import json
import logging
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, cast

from shared.domain.errors import ReputationError
from shared.runtime.settings import SettingsError

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.typing import LambdaContext


class _LateLogger:
    """Powertools' `Logger`, imported and made for the first line, which most look-ups never write.

    The import is a quarter of a cold start. The keys of an invocation are kept here, and given to
    the logger with the next line.
    """

    def __init__(self) -> None:
        self._keys: dict[str, Any] = {}
        self._changed = False
        self._made: Logger | None = None
        self._debugs = os.environ.get("POWERTOOLS_LOG_LEVEL") == "DEBUG"

    def clear_state(self) -> None:
        self._keys.clear()
        self._changed = True

    def append_keys(self, **keys: object) -> None:
        self._keys.update(keys)
        self._changed = True

    def set_correlation_id(self, value: str | None) -> None:
        self.append_keys(correlation_id=value)

    @property
    def debug(self) -> Callable[..., None]:
        # Every look-up calls it.
        wanted = self._made.log_level <= logging.DEBUG if self._made else self._debugs
        method: Callable[..., None] = self.__getattr__("debug") if wanted else _ignore
        return method

    def __getattr__(self, name: str) -> Any:
        """Return any other attribute of the logger: its other methods write lines."""
        made = self._made = self._made or _make()
        if self._changed:
            self._changed = False
            made.clear_state()
            made.append_keys(**self._keys)
        return getattr(made, name)


def _make() -> "Logger":
    from aws_lambda_powertools import Logger  # noqa: PLC0415

    # In ASCII, because many log viewers take U+2028 and similar characters for line breaks.
    return Logger(json_serializer=partial(json.dumps, default=str, separators=(",", ":")))


def _ignore(*_: object, **_fields: object) -> None:
    """Write no line."""


logger = cast("Logger", _LateLogger())

# At LogLevel DEBUG all libraries would log, and botocore logs bodies and headers: the keys that it
# reads from SSM, and its own credentials.
logging.getLogger().setLevel(logging.WARNING)


Handler = Callable[[dict[str, Any], "LambdaContext"], dict[str, Any]]


def logged(handler: Handler) -> Handler:
    """Add the ids of the invocation and of its request or event to all log lines of a handler.

    API Gateway gives a request an id, which the client receives; the scheduler names an event.
    """

    # Not inject_lambda_context: it adds name, ARN and memory of the function to every line. The
    # log group already names the function, and clients without a key could raise the cost of logs.
    @wraps(handler)
    def invoke(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
        logger.clear_state()
        logger.append_keys(function_request_id=context.aws_request_id)
        # Not a JMESPath expression, which would take longer than the rest of this function.
        request = event.get("requestContext")
        logger.set_correlation_id(request.get("requestId") if request else event.get("id"))
        return handler(event, context)

    return invoke


class Failed(Exception):
    """An invocation failed with an unexpected error; the text is the type of that error."""


def log_failure(message: str, error: BaseException, **fields: object) -> None:
    """Log the type and the stack of an unexpected error.

    Its text is not logged, because it may quote input or a key.

    Args:
        fields: further fields of the log line.
    """
    stack = [
        f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    logger.error(message, extra={"error": type(error).__name__, "at": stack, **fields})


@contextmanager
def failures_by_kind(message: str) -> Iterator[None]:
    """Replace unexpected errors, because the runtime logs their texts.

    Raises:
        Failed: instead of an error that is not one of the project's own.
    """
    try:
        yield
    except (ReputationError, SettingsError):
        raise
    except Exception as error:
        log_failure(message, error)
        raise Failed(type(error).__name__) from None
