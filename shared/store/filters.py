"""The published filter: one object in a bucket.

Its description for the API is metadata of the object, so that both change at once.
"""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from shared.store.client import S3Client, store_errors
from shared.store.objects import s3_client

KEY = "filter.bloom"
_OFFER = "offer"


class FilterBucket:
    """Stores the filter and creates download links for it."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, content: bytes, offer: Mapping[str, Any]) -> None:
        """Publish a filter and replace the previous one.

        Args:
            offer: the description that the API returns.

        Raises:
            StoreError: the store failed; the previous filter may still be the published one.
        """
        with store_errors():
            self._client.put_object(
                Bucket=self._bucket,
                Key=KEY,
                Body=content,
                ContentType="application/octet-stream",
                Metadata={_OFFER: json.dumps(offer)},
            )

    def offer(self) -> dict[str, Any] | None:
        """Read the description of the published filter; None before the first one.

        Raises:
            StoreError: the store failed.
        """
        with store_errors():
            try:
                head = self._client.head_object(Bucket=self._bucket, Key=KEY)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "404":
                    return None
                raise
        offer: dict[str, Any] = json.loads(head["Metadata"][_OFFER])
        return offer

    def link(self, seconds: int) -> str:
        """Create a link that downloads the filter without credentials, for a number of seconds.

        Raises:
            StoreError: the credentials to sign the link are missing.
        """
        with store_errors():
            return self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": KEY}, ExpiresIn=seconds
            )


def filter_bucket(name: str, *, timeout_s: float, attempts: int) -> FilterBucket:
    """Open a bucket by name; address, region and credentials come from the environment.

    Args:
        timeout_s: how long one attempt of a call may wait for an answer.
        attempts: attempts of a call, the first included.
    """
    return FilterBucket(s3_client(timeout_s=timeout_s, attempts=attempts), name)
