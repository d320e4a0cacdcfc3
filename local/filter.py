"""`python -m local filter`: one timer invocation of the real filter handler."""

import os
from typing import TextIO

from local.buckets import publish_into


def command(out: TextIO) -> int:
    """Build the filter, publish it where the local API finds it, and print what is told of it.

    Returns:
        0: it is published.
    """
    return publish_into(os.environ["FILTER_BUCKET"], "filter", out)
