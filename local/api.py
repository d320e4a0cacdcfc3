"""`python -m local api`: the real handlers of the REST API on http://127.0.0.1:$PORT."""

import os
import time
from contextlib import closing
from typing import TextIO

from local import environment
from local.errors import LocalError
from local.handlers import load_gateway
from local.server import HOST, bind, make_server, serve
from shared.domain.errors import StoreError
from shared.store.api_keys import ALL_RIGHTS, ApiKeys
from shared.store.client import dynamodb_client

# Enough for any test on this machine, and yet a limit, so that answers have the limit's headers.
LOCAL_DAILY_LIMIT = 100_000_000


def command(out: TextIO) -> int:
    """Serve until SIGINT or SIGTERM.

    Returns:
        0: stopped by a signal.
    """
    budget_s = environment.run_budget_s()
    front = environment.front()
    with closing(bind(environment.port())) as listener:
        environment.set_objects_endpoint(environment.engine_endpoint())
        register_api_key()
        server = make_server(load_gateway(), "api", budget_s, front)
        port = listener.getsockname()[1]
        message = f"API on http://{HOST}:{port} (Ctrl-C stops it)"
        serve(server, listener, lambda: print(message, file=out, flush=True))
    return 0


def register_api_key() -> None:
    """Store the key API_KEY, with a high limit and all rights.

    Raises:
        LocalError: the state table does not exist, or the engine does not answer.
    """
    table = os.environ["STATE_TABLE_NAME"]
    try:
        ApiKeys(dynamodb_client(), table).put(
            environment.api_key(),
            "local",
            int(time.time() * 1000),
            daily_limit=LOCAL_DAILY_LIMIT,
            rights=ALL_RIGHTS,
        )
    except StoreError as error:
        raise LocalError(
            f"cannot store API_KEY in {table}: {error}; does `python -m local tables` help?"
        ) from error
