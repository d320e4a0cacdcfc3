"""`python -m local export`: one timer invocation of the real export handler."""

import os
from typing import TextIO

from local.buckets import publish_into


def command(out: TextIO) -> int:
    """Publish the exports where the local API finds them, and print what was done.

    Returns:
        0: they are published.
    """
    return publish_into(os.environ["EXPORT_BUCKET"], "export", out)
