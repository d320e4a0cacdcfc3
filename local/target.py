"""Where a person's command works: at a local engine or, with --aws, on a stack in an account."""

import argparse
import os
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError

from local import environment
from local.errors import LocalError
from shared.store.client import dynamodb_client

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def add_aws_option(parser: argparse.ArgumentParser) -> None:
    """Let a command work on a stack; `python -m local` then leaves the environment as it is."""
    parser.add_argument(
        "--aws",
        action="store_true",
        help="work on the tables TABLE_NAME and STATE_TABLE_NAME of a stack, with the region and "
        "the credentials that the AWS CLI would use",
    )


def connect(*, aws: bool) -> "DynamoDBClient":
    """A client for the tables that `environment.table_names` names.

    Args:
        aws: whether the command was given --aws.

    Raises:
        LocalError: the environment does not say where, or says two things.
    """
    if aws:
        _require_stack()
    else:
        environment.engine_endpoint()
    try:
        return dynamodb_client()
    except BotoCoreError as error:
        raise LocalError(f"no client for DynamoDB: {error}") from error


def _require_stack() -> None:
    if os.environ.get(environment.ENDPOINT):
        raise LocalError(f"{environment.ENDPOINT} names a local DynamoDB: unset it, or omit --aws")
    for name in ("TABLE_NAME", "STATE_TABLE_NAME"):
        if not os.environ.get(name):
            raise LocalError(f"{name} is not set: the outputs of the stack have its name")
