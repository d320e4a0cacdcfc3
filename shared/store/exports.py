"""The published exports: a bucket with two sets of files and an index that names the valid set.

index.json      the index of the set that is published
a/..., b/...    the sets; one is written while the other one is published
"""

from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import ClientError

from shared.formats.exports.index import ExportIndex, IndexedFile
from shared.store.client import S3Client, store_errors
from shared.store.objects import s3_client

INDEX = "index.json"
SLOTS = ("a", "b")
_MISSING = frozenset({"404", "NoSuchKey"})


class ExportBucket:
    """Stores exports and creates download links for them."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def index(self) -> ExportIndex | None:
        """Read the index of the published set; None before the first export.

        Raises:
            StoreError: the store failed.
        """
        content = self._read(INDEX)
        return None if content is None else ExportIndex.from_json(content)

    def begin(self, slot: str) -> Mapping[str, IndexedFile]:
        """Start to write the set that is not published.

        Returns:
            The files that the set already holds and that need not be written again; none after
            an earlier writer crashed.

        Raises:
            StoreError: the store failed.
        """
        content = self._read(f"{slot}/{INDEX}")
        if content is None:
            return {}
        self._put_index(f"{slot}/{INDEX}", ExportIndex(0, slot, 0, {}, ()))
        return ExportIndex.from_json(content).files

    def read(self, index: ExportIndex, name: str) -> bytes | None:
        """Read a file of a set; None if it is missing.

        Raises:
            StoreError: the store failed.
        """
        return self._read(f"{index.slot}/{name}")

    def fetch(self, index: ExportIndex, name: str, to: Path) -> None:
        """Download a file of a set to a local file.

        Raises:
            StoreError: the store failed, or the file is missing.
        """
        with store_errors(), to.open("wb") as target:
            body = self._client.get_object(Bucket=self._bucket, Key=f"{index.slot}/{name}")["Body"]
            for chunk in body.iter_chunks(1 << 20):
                target.write(chunk)

    def put(self, slot: str, name: str, source: Path, media_type: str) -> None:
        """Write a file of a set.

        Raises:
            StoreError: the store failed.
        """
        with store_errors(), source.open("rb") as content:
            self._client.put_object(
                Bucket=self._bucket,
                Key=f"{slot}/{name}",
                Body=content,
                ContentType=media_type,
            )

    def publish(self, index: ExportIndex) -> None:
        """Publish a complete set.

        Raises:
            StoreError: the store failed; either set may be the published one.
        """
        self._put_index(f"{index.slot}/{INDEX}", index)
        self._put_index(INDEX, index)

    def link(self, index: ExportIndex, name: str, seconds: int) -> str:
        """Create a link that downloads a file without credentials, for a number of seconds.

        Raises:
            StoreError: the credentials to sign the link are missing.
        """
        with store_errors():
            return self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self._bucket, "Key": f"{index.slot}/{name}"},
                ExpiresIn=seconds,
            )

    def _put_index(self, key: str, index: ExportIndex) -> None:
        with store_errors():
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=index.as_json(),
                ContentType="application/json",
            )

    def _read(self, key: str) -> bytes | None:
        with store_errors():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _MISSING:
                    return None
                raise
            return answer["Body"].read()


def export_bucket(name: str, *, timeout_s: float, attempts: int) -> ExportBucket:
    """Open a bucket by name; address, region and credentials come from the environment.

    Args:
        timeout_s: how long one attempt of a call may wait for an answer.
        attempts: attempts of a call, the first included.
    """
    return ExportBucket(s3_client(timeout_s=timeout_s, attempts=attempts), name)
