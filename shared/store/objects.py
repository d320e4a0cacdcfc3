"""The client of S3, for published files."""

import boto3
from botocore.config import Config

from shared.store.client import S3Client


def s3_client(*, timeout_s: float, attempts: int) -> S3Client:
    """Create a client; address, region and credentials come from the environment.

    Args:
        timeout_s: how long one attempt of a call may wait for an answer.
        attempts: attempts of a call, the first included.
    """
    return boto3.client(
        "s3",
        config=Config(
            connect_timeout=min(2.0, timeout_s),
            read_timeout=timeout_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            signature_version="s3v4",
            # Another host than the one of the region may redirect, and the signature of a link
            # is not valid for the new address.
            s3={"addressing_style": "virtual"},
        ),
    )
