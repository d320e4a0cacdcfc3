"""`python -m local export`: one timer invocation of the real export handler."""

import os
from typing import TextIO

from local.buckets import publish_into
from local.changes import notifying_webhook


def command(out: TextIO) -> int:
    """Publish the exports for the local API, and print the summary as JSON.

    Returns:
        0: published.
    """
    # The run ends overrides that have expired.
    with notifying_webhook():
        return publish_into(os.environ["EXPORT_BUCKET"], "export", out)
