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
    """Run a function that publishes into a bucket, and print its result as JSON.

    Args:
        bucket: created if it does not exist.
        function: the function to run.
        out: receives the result.

    Returns:
        0: published.

    Raises:
        LocalError: the store failed, or the bucket cannot be created.
    """
    environment.set_objects_endpoint(environment.engine_endpoint())
    make_bucket(bucket)
    try:
        result = run_timer(function, environment.run_budget_s())
    except StoreError as error:
        raise LocalError(f"{error}; does `python -m local tables` help?") from error
    print(json.dumps(result, indent=2), file=out)
    return 0


def make_bucket(name: str = "") -> None:
    """Create a bucket at AWS_ENDPOINT_URL_S3, if it does not exist.

    Args:
        name: its name; "" for the bucket of the filter.

    Raises:
        LocalError: the endpoint does not create it.
    """
    client = boto3.client("s3")
    try:
        client.create_bucket(Bucket=name or os.environ["FILTER_BUCKET"])
    except client.exceptions.BucketAlreadyOwnedByYou:
        return
    except (BotoCoreError, ClientError) as error:
        raise LocalError(
            f"cannot create a bucket at {environment.OBJECTS}={os.environ[environment.OBJECTS]}: "
            f"{error}"
        ) from error
