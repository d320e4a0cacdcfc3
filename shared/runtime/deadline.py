"""How much time an invocation has left."""

import time
from collections.abc import Callable

from aws_lambda_powertools.utilities.typing import LambdaContext


def time_left(context: LambdaContext, spare_s: float) -> Callable[[], float]:
    """Tells the seconds that are left at any moment, none of them from the last `spare_s`."""
    end = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - spare_s
    return lambda: end - time.monotonic()
