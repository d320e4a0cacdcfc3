"""The one logger and the one metrics object; service and namespace come from the environment.

A line of the log is one JSON object in ASCII. It holds nothing that a stranger or an operator has
sent, save in fields of their own and escaped: no key, no body, no text of an unexpected error.
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

# In ASCII, because U+2028 and its like are line breaks to many who show a log.
logger = Logger(json_serializer=partial(json.dumps, default=str, separators=(",", ":")))
metrics = Metrics()

# With LogLevel DEBUG the runtime lets every library speak, and botocore tells bodies and headers:
# the keys that it reads from SSM, and those that it signs with.
logging.getLogger().setLevel(logging.WARNING)


Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def logged(handler: Handler) -> Handler:
    """A handler whose lines all have the id of what invoked it, and those of the invocation.

    API Gateway names a request and tells the client, the scheduler names a tick.
    """

    # Not by inject_lambda_context, which adds the name, the ARN and the memory of the function to
    # every line: the log group has them, and a client without a key would make us pay for them.
    @wraps(handler)
    def invoke(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        logger.clear_state()
        logger.append_keys(function_request_id=context.aws_request_id)
        # Not by a path of JMESPath, which takes longer than all the rest of this.
        request = event.get("requestContext")
        logger.set_correlation_id(request.get("requestId") if request else event.get("id"))
        return handler(event, context)

    return invoke


class Failed(Exception):
    """An invocation failed for a reason that nobody expected; the text is its kind."""


def log_failure(message: str, error: BaseException, **fields: object) -> None:
    """Log an error that nobody expected: its kind and its place.

    Not its text, which may quote what a stranger sent, or a key.

    Args:
        fields: what else to say.
    """
    places = [
        f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    logger.error(message, extra={"error": type(error).__name__, "at": places, **fields})


@contextmanager
def success_counted(name: str) -> Iterator[None]:
    """Tell a metric of that name: 1 when what is done ends well, 0 when it fails."""
    done = False
    try:
        yield
        done = True
    finally:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=int(done))
        metrics.flush_metrics()


@contextmanager
def failures_by_kind(message: str) -> Iterator[None]:
    """Let out no error with the text of others, because the runtime logs what it gets.

    Raises:
        Failed: in place of an error that is not one of the project's own.
    """
    try:
        yield
    except (ReputationError, SettingsError):
        raise
    except Exception as error:
        log_failure(message, error)
        raise Failed(type(error).__name__) from None
