"""The DynamoDB client that all functions use."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import StoreError

if TYPE_CHECKING:
    import mypy_boto3_dynamodb
    import mypy_boto3_s3

    DynamoDBClient = mypy_boto3_dynamodb.DynamoDBClient
    S3Client = mypy_boto3_s3.S3Client
else:
    # The stubs are for the type checker only; they are not deployed.
    DynamoDBClient = Any
    S3Client = Any

CONDITION_FAILED = "ConditionalCheckFailedException"


def dynamodb_client(
    *,
    read_timeout_s: float = 5.0,
    attempts: int = 6,
    patient: bool = True,
    connections: int = 32,
) -> DynamoDBClient:
    """Create a low-level client; address, region and credentials come from the environment.

    Args:
        read_timeout_s: how long one attempt may take.
        attempts: attempts of a call, the first included, before it fails.
        patient: whether retries may wait for seconds. If False, the first wait is at most 50 ms:
            only botocore's oldest retry mode has waits made for DynamoDB.
        connections: how many calls may run at the same time.
    """
    # Users of the direct client do not need this import, which is slow.
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
    """Turn errors of botocore into a `StoreError` that names only the kind of error.

    The error of a failed condition passes unchanged, because callers expect it.
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


class Table:
    """Base of the classes that read and write items of a table."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name
