"""`python -m local filter`: one timer invocation of the real filter handler."""

import json
import os
import uuid
from datetime import UTC, datetime
from typing import TextIO

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import environment
from local.context import LocalContext
from local.errors import LocalError
from local.events import timer_event
from local.handlers import load
from shared.domain.errors import StoreError


def command(out: TextIO) -> int:
    """Build the filter, publish it where the local API finds it, and print what is told of it.

    Returns:
        0: it is published.
    """
    environment.keep_objects(environment.engine_endpoint())
    make_bucket()
    event = timer_event(str(uuid.uuid4()), datetime.now(UTC))
    context = LocalContext("filter", environment.run_budget_s())
    try:
        offer = load("filter")(event, context)
    except StoreError as error:
        raise LocalError(f"{error}; does `python -m local tables` help?") from error
    print(json.dumps(offer, indent=2), file=out)
    return 0


def make_bucket(name: str = "") -> None:
    """Make a bucket at AWS_ENDPOINT_URL_S3, that of the filter if none is named, or leave it.

    Raises:
        LocalError: nothing there keeps buckets.
    """
    client = boto3.client("s3")
    try:
        client.create_bucket(Bucket=name or os.environ["FILTER_BUCKET"])
    except client.exceptions.BucketAlreadyOwnedByYou:
        return
    except (BotoCoreError, ClientError) as error:
        raise LocalError(
            f"no bucket can be made at {environment.OBJECTS}={os.environ[environment.OBJECTS]}: "
            f"{error}"
        ) from error
