"""`python -m local export`: one timer invocation of the real export handler."""

import json
import os
import uuid
from datetime import UTC, datetime
from typing import TextIO

from local import environment
from local.context import LocalContext
from local.errors import LocalError
from local.events import timer_event
from local.filter import make_bucket
from local.handlers import load
from shared.domain.errors import StoreError


def command(out: TextIO) -> int:
    """Publish the exports where the local API finds them, and print what was done.

    Returns:
        0: they are published.
    """
    environment.keep_objects(environment.engine_endpoint())
    try:
        done = run_once(environment.run_budget_s())
    except StoreError as error:
        raise LocalError(f"{error}; does `python -m local tables` help?") from error
    print(json.dumps(done, indent=2), file=out)
    return 0


def run_once(budget_s: float) -> dict[str, object]:
    """One run of the handler; its bucket is made if it is not there.

    Raises:
        LocalError: nothing keeps buckets here.
        StoreError: the store failed.
    """
    make_bucket(os.environ["EXPORT_BUCKET"])
    event = timer_event(str(uuid.uuid4()), datetime.now(UTC))
    done: dict[str, object] = load("export")(event, LocalContext("export", budget_s))
    return done
