"""The one logger and the one metrics object; service and namespace come from the environment.

A line of the log is one JSON object in ASCII. It holds nothing that a stranger or an operator has
sent, save in fields of their own and escaped: no key, no body, no text of an unexpected error.
"""

import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from aws_lambda_powertools import Logger, Metrics

from shared.domain.errors import ReputationError
from shared.settings import SettingsError

# For the decorators of the handlers: API Gateway names a request, the scheduler a tick.
CORRELATION_ID = "requestContext.requestId || id"

# In ASCII, because U+2028 and its like are line breaks to many who show a log.
logger = Logger(json_serializer=partial(json.dumps, default=str, separators=(",", ":")))
metrics = Metrics()

# With LogLevel DEBUG the runtime lets every library speak, and botocore tells bodies and headers:
# the keys that it reads from SSM, and those that it signs with.
logging.getLogger().setLevel(logging.WARNING)


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
