"""Connects an operator's command to a local engine or, with --aws, to a deployed stack."""

import argparse
import os

from botocore.exceptions import BotoCoreError

from local import environment
from local.errors import LocalError
from shared.store.client import DynamoDBClient, dynamodb_client


def add_aws_option(parser: argparse.ArgumentParser) -> None:
    """Add the option --aws, with which `python -m local` does not change the environment."""
    parser.add_argument(
        "--aws",
        action="store_true",
        help="work on the tables TABLE_NAME and STATE_TABLE_NAME of a stack, with the region and "
        "the credentials that the AWS CLI would use",
    )


def connect(*, aws: bool) -> DynamoDBClient:
    """Return a client for the tables of `environment.table_names`.

    Args:
        aws: whether --aws was given.

    Raises:
        LocalError: the environment lacks the endpoint or the names, or contradicts --aws.
    """
    if aws:
        _require_stack()
    else:
        environment.engine_endpoint()
    try:
        return dynamodb_client()
    except BotoCoreError as error:
        raise LocalError(f"cannot create a client for DynamoDB: {error}") from error


def _require_stack() -> None:
    if os.environ.get(environment.ENDPOINT):
        raise LocalError(f"{environment.ENDPOINT} names a local DynamoDB: unset it, or omit --aws")
    for name in ("TABLE_NAME", "STATE_TABLE_NAME"):
        if not os.environ.get(name):
            raise LocalError(f"{name} is not set: the stack's outputs contain the name")
