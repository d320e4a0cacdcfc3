"""The DynamoDB client, the same for every function."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import StoreError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONDITION_FAILED = "ConditionalCheckFailedException"


def dynamodb_client(
    *,
    read_timeout_s: float = 5.0,
    attempts: int = 6,
    patient: bool = True,
    connections: int = 32,
) -> "DynamoDBClient":
    """A low-level client; address, region and credentials come from the environment.

    Args:
        read_timeout_s: how long one attempt may take.
        attempts: tries of a call, the first included, before it fails.
        patient: whether to wait up to seconds before trying again. Without it the wait begins at
            50 ms: botocore's oldest retry mode, which alone knows a wait made for DynamoDB.
        connections: how many calls may be under way at once.
    """
    # Who asks through the direct client does not wait for the import.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(
        "dynamodb",
        config=Config(
            connect_timeout=min(2.0, read_timeout_s),
            read_timeout=read_timeout_s,
            retries={
                "mode": "standard" if patient else "legacy",
                "total_max_attempts": attempts,
            },
            max_pool_connections=connections,
            tcp_keepalive=True,
        ),
    )


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what botocore raises into a `StoreError` that names the kind and nothing else.

    A failed condition passes unchanged: it is an answer.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == CONDITION_FAILED:
            raise
        raise StoreError(f"the store refused: {code}") from error
    except BotoCoreError as error:
        raise StoreError(f"the store did not answer: {type(error).__name__}") from error
