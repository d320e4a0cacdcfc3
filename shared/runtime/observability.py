"""The logger and the metrics object; service and namespace come from the environment.

A log line is one JSON object in ASCII. Input from clients and operators appears only escaped and in
fields of its own; keys, bodies and texts of unexpected errors never appear.
"""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.domain.errors import ReputationError
from shared.runtime.settings import SettingsError

# In ASCII, because many log viewers take U+2028 and similar characters for line breaks.
logger = Logger(json_serializer=partial(json.dumps, default=str, separators=(",", ":")))
metrics = Metrics()

# At LogLevel DEBUG all libraries would log, and botocore logs bodies and headers: the keys that it
# reads from SSM, and its own credentials.
logging.getLogger().setLevel(logging.WARNING)


Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def logged(handler: Handler) -> Handler:
    """Add the ids of the invocation and of its request or event to all log lines of a handler.

    API Gateway gives a request an id, which the client receives; the scheduler names an event.
    """

    # Not inject_lambda_context: it adds name, ARN and memory of the function to every line. The
    # log group already names the function, and clients without a key could raise the cost of logs.
    @wraps(handler)
    def invoke(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
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
def success_counted(name: str) -> Iterator[None]:
    """Publish a metric with that name: 1 if the block succeeds, 0 if it raises."""
    done = False
    try:
        yield
        done = True
    finally:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=int(done))
        metrics.flush_metrics()


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
