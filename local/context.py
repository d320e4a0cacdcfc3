"""A Lambda context for a handler that runs outside Lambda."""

import time
import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LocalContext:
    """The attributes of a Lambda context that handlers and Powertools read.

    Attributes:
        function_name: the function's name.
        budget_s: seconds from now until the function's deadline.
    """

    function_name: str
    budget_s: float
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    _started: float = field(default_factory=time.monotonic, repr=False)

    @property
    def invoked_function_arn(self) -> str:
        """ARN of the function, in an invented account."""
        return f"arn:aws:lambda:us-east-1:123456789012:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        """Name of the function's log group."""
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left of the budget, never below zero."""
        left = self.budget_s - (time.monotonic() - self._started)
        return max(0, int(left * 1000))
