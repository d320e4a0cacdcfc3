"""Buckets at AWS_ENDPOINT_URL_S3, and the functions that publish into them."""

import json
import os
from typing import TextIO

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import environment
from local.errors import LocalError
from local.handlers import Function, run_timer
from shared.domain.errors import StoreError


def publish_into(bucket: str, function: Function, out: TextIO) -> int:
    """Run a function that publishes, its bucket where the local API finds it; print what it says.

    Returns:
        0: it is published.
    """
    environment.keep_objects(environment.engine_endpoint())
    make_bucket(bucket)
    try:
        told = run_timer(function, environment.run_budget_s())
    except StoreError as error:
        raise LocalError(f"{error}; does `python -m local tables` help?") from error
    print(json.dumps(told, indent=2), file=out)
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
