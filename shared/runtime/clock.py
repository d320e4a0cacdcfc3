"""The wall clock."""

import time


def now_ms() -> int:
    """Return the present time in milliseconds since the epoch; it can jump."""
    return time.time_ns() // 1_000_000
