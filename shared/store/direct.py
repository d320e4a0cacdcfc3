"""A client of DynamoDB for where its CPU decides: look-ups and the writes of ingestion.

It has the method names, arguments, answers and errors of boto3's client, for the item operations
alone, and a fraction of its cost: a request is one JSON text, signed and sent over urllib3's pool
(docs/adr/0012-direct-client.md). What it does not know it leaves to boto3: see `direct_client`.
"""

import json
import os
import random
import re
import socket
from base64 import b64decode, b64encode
from binascii import crc32
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

import botocore
import certifi
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Retry, Timeout
from urllib3 import exceptions as http_errors

from shared.store.client import CONDITION_FAILED, dynamodb_client
from shared.store.sigv4 import Credentials, Signer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_API = "DynamoDB_20120810"
# What boto3 repeats of DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/
# developerguide/Programming.Errors.html
_THROTTLED = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
_FAILED_STATUSES = frozenset({429, 500, 502, 503, 504})
_FIRST_PAUSE_S = 0.05
_PATIENT_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 20.0
_KEEP_ALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
_ON_LAMBDA = "AWS_LAMBDA_INITIALIZATION_TYPE"
_LEFT_TO_BOTO3 = (
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "https_proxy",
    "http_proxy",
)


class ConditionalCheckFailedException(ClientError):
    """A condition did not hold; nothing was written."""


class DirectClient:
    """The item operations of DynamoDB; safe for threads.

    Args:
        endpoint: `https://HOST`, or http with a port for an engine on this machine.
        region: what requests are signed for.
        credentials: called for each request, so that they may change.
        connect_timeout_s, read_timeout_s: of one attempt.
        attempts: tries of a call, the first included.
        first_pause_s: the longest wait before the second attempt; it doubles from there.
        connections: how many are kept.
    """

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailedException)

    def __init__(
        self,
        endpoint: str,
        region: str,
        credentials: Callable[[], Credentials],
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        attempts: int,
        first_pause_s: float,
        connections: int,
    ) -> None:
        self._endpoint = endpoint
        self._signer = Signer(urlsplit(endpoint).netloc, region, credentials)
        self._retry = _Retry(
            attempts - 1,
            status_forcelist=_FAILED_STATUSES,
            allowed_methods=None,
            backoff_factor=first_pause_s,
            backoff_max=_LONGEST_PAUSE_S,
            respect_retry_after_header=False,
            raise_on_status=False,
        )
        self._pool = _pool(
            endpoint,
            timeout=Timeout(connect=connect_timeout_s, read=read_timeout_s),
            maxsize=connections,
        )

    def get_item(self, **arguments: Any) -> Any:
        """GetItem."""
        return self._call("GetItem", arguments)

    def batch_get_item(self, **arguments: Any) -> Any:
        """BatchGetItem."""
        return self._call("BatchGetItem", arguments)

    def query(self, **arguments: Any) -> Any:
        """Query, one page."""
        return self._call("Query", arguments)

    def put_item(self, **arguments: Any) -> Any:
        """PutItem."""
        return self._call("PutItem", arguments)

    def update_item(self, **arguments: Any) -> Any:
        """UpdateItem."""
        return self._call("UpdateItem", arguments)

    def delete_item(self, **arguments: Any) -> Any:
        """DeleteItem."""
        return self._call("DeleteItem", arguments)

    def batch_write_item(self, **arguments: Any) -> Any:
        """BatchWriteItem."""
        return self._call("BatchWriteItem", arguments)

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Send a request until it is answered, refused for good, or tried often enough.

        Raises:
            ClientError: DynamoDB refused.
            BotoCoreError: it did not answer.
        """
        body = json.dumps(arguments, default=_encoded, separators=(",", ":")).encode()
        retry: Retry = self._retry
        while True:
            try:
                response = self._pool.urlopen(
                    "POST",
                    "/",
                    body,
                    self._signer.headers(f"{_API}.{operation}", body),
                    retries=retry,
                    redirect=False,
                    assert_same_host=False,
                )
                data = response.data
            except http_errors.HTTPError as error:
                raise self._unanswered(error) from error
            if not _is_whole(response, data):
                refusal = _refusal(operation, response, b'{"__type": "DamagedAnswer"}')
            elif response.status == 200:
                return json.loads(data, object_hook=_decoded)
            else:
                refusal = _refusal(operation, response, data)
                if refusal.response["Error"]["Code"] not in _THROTTLED:
                    raise refusal
            try:
                retry = (response.retries or retry).increment("POST", "/", response)
            except http_errors.MaxRetryError:
                raise refusal from None
            retry.sleep()

    def _unanswered(self, error: http_errors.HTTPError) -> Exception:
        reason = error.reason if isinstance(error, http_errors.MaxRetryError) else error
        if isinstance(reason, http_errors.ConnectTimeoutError):
            return ConnectTimeoutError(endpoint_url=self._endpoint)
        if isinstance(reason, http_errors.TimeoutError):
            return ReadTimeoutError(endpoint_url=self._endpoint)
        return EndpointConnectionError(endpoint_url=self._endpoint)


def direct_client(
    *,
    read_timeout_s: float = 5.0,
    attempts: int = 6,
    patient: bool = True,
    connections: int = 32,
) -> "DynamoDBClient":
    """A direct client where it knows its way, on Lambda or at an endpoint that is named.

    Anywhere else it is boto3's, with the whole of its chain: profiles, proxies, FIPS and dual-stack
    endpoints, and what a test has put in its place.

    Args:
        read_timeout_s: how long one attempt may take.
        attempts: tries of a call, the first included, before it fails.
        patient: whether to wait up to seconds before trying again. Without it the wait begins at
            50 ms.
        connections: how many calls may be under way at once.
    """
    place = Place.from_env(os.environ)
    if place is None:
        return dynamodb_client(
            read_timeout_s=read_timeout_s,
            attempts=attempts,
            patient=patient,
            connections=connections,
        )
    client = DirectClient(
        place.endpoint,
        place.region,
        place.credentials,
        connect_timeout_s=min(2.0, read_timeout_s),
        read_timeout_s=read_timeout_s,
        attempts=attempts,
        first_pause_s=_PATIENT_PAUSE_S if patient else _FIRST_PAUSE_S,
        connections=connections,
    )
    return cast("DynamoDBClient", client)


@dataclass(frozen=True, slots=True)
class Place:
    """Where DynamoDB is, and who asks."""

    endpoint: str
    region: str
    credentials: Callable[[], Credentials]

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self | None:
        """The place that the environment names by itself; None where it takes boto3 to find it."""
        region = env.get("AWS_DEFAULT_REGION") or env.get("AWS_REGION")
        named = env.get("AWS_ENDPOINT_URL_DYNAMODB") or env.get("AWS_ENDPOINT_URL")
        if not region or any(env.get(name) for name in _LEFT_TO_BOTO3):
            return None
        if named:
            endpoint = named if urlsplit(named).path in {"", "/"} else None
        else:
            endpoint = public_endpoint(region) if _ON_LAMBDA in env else None
        credentials = _credentials(env) if endpoint else None
        if endpoint is None or credentials is None:
            return None
        return cls(endpoint, region, credentials)


def public_endpoint(region: str) -> str | None:
    """Address of DynamoDB in a region, by botocore's list of partitions; None for one it lacks."""
    listed = Path(botocore.__file__).parent / "data" / "partitions.json"
    for partition in json.loads(listed.read_bytes())["partitions"]:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            return f"https://dynamodb.{region}.{partition['outputs']['dnsSuffix']}"
    return None


def _credentials(env: Mapping[str, str]) -> Callable[[], Credentials] | None:
    key, secret = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        # Lambda ends an environment before the credentials that it was started with expire.
        fixed = Credentials(key, secret, env.get("AWS_SESSION_TOKEN"))
        return lambda: fixed
    import boto3  # noqa: PLC0415 - only those wait for it who need its chain

    found = boto3.Session().get_credentials()
    if found is None:
        return None

    def refreshed() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token)

    return refreshed


class _Retry(Retry):
    """urllib3's retries with full jitter, as AWS advises."""

    def get_backoff_time(self) -> float:
        """Seconds to wait before the next attempt."""
        longest = self.backoff_factor * 2 ** (len(self.history) - 1)
        return random.uniform(0, min(longest, self.backoff_max))  # noqa: S311


def _pool(endpoint: str, **options: Any) -> HTTPConnectionPool:
    parts = urlsplit(endpoint)
    kind: type[HTTPConnectionPool] = HTTPConnectionPool
    if parts.scheme == "https":
        kind = HTTPSConnectionPool
        options["ca_certs"] = os.environ.get("AWS_CA_BUNDLE") or certifi.where()
    sockets = [*HTTPConnectionPool.ConnectionCls.default_socket_options, _KEEP_ALIVE]
    return kind(parts.hostname or "", parts.port, socket_options=sockets, **options)


def _refusal(operation: str, response: BaseHTTPResponse, data: bytes) -> ClientError:
    try:
        said = json.loads(data)
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    code = str(said.get("__type", response.status)).rpartition("#")[2]
    kind = ConditionalCheckFailedException if code == CONDITION_FAILED else ClientError
    message = str(said.get("message") or said.get("Message") or "")
    return kind({"Error": {"Code": code, "Message": message}}, operation)


def _is_whole(response: BaseHTTPResponse, data: bytes) -> bool:
    checksum = response.headers.get("x-amz-crc32")
    return checksum is None or int(checksum) == crc32(data)


def _encoded(value: Any) -> str:
    """Bytes stand in JSON as base64; nothing else reaches here but by mistake."""
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is no value of DynamoDB")


def _decoded(value: dict[str, Any]) -> dict[str, Any]:
    """The value of an attribute that holds bytes; an attribute that is named B holds an object."""
    if len(value) == 1:
        if "B" in value and isinstance(value["B"], str):
            return {"B": b64decode(value["B"])}
        if "BS" in value and isinstance(value["BS"], list):
            return {"BS": [b64decode(one) for one in value["BS"]]}
    return value
