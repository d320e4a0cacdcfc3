"""`python -m local filter`: one timer invocation of the real filter handler."""

import os
from typing import TextIO

from local.buckets import publish_into


def command(out: TextIO) -> int:
    """Build the filter, publish it for the local API, and print its description as JSON.

    Returns:
        0: published.
    """
    return publish_into(os.environ["FILTER_BUCKET"], "filter", out)
