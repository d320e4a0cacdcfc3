"""A client of DynamoDB for where its CPU decides: look-ups and the writes of ingestion.

It has the method names, arguments, answers and errors of boto3's client, for the item operations
alone, and a fraction of its cost: a request is one JSON text, signed and sent by `http.client`
(docs/adr/0012-direct-client.md). What it does not know it leaves to boto3: see `direct_client`.
"""

import json
import os
import re
import time
from binascii import a2b_base64, b2a_base64, crc32
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

import botocore
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from shared.store.client import CONDITION_FAILED, dynamodb_client
from shared.store.connections import Connections
from shared.store.pauses import pauses
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
# For an answer that was waited for together with others, and is there by now.
_SHORTEST_READ_S = 0.01
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
        sleep: waits for so many seconds.
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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._signer = Signer(urlsplit(endpoint).netloc, region, credentials)
        self._connections = Connections(
            endpoint, connect_timeout_s=connect_timeout_s, kept=connections
        )
        self._read_timeout_s = read_timeout_s
        self._attempts = attempts
        self._first_pause_s = first_pause_s
        self._sleep = sleep

    def get_item(self, **arguments: Any) -> Any:
        """GetItem."""
        return self._call("GetItem", arguments)

    def batch_get_item(self, **arguments: Any) -> Any:
        """BatchGetItem."""
        return self._call("BatchGetItem", arguments)

    def batch_get_items(self, requests: Iterable[Mapping[str, Any]]) -> list[Any]:
        """BatchGetItem many times at once, without a thread: all are sent before one is read.

        Args:
            requests: the arguments of each.

        Returns:
            Their answers, in their order.
        """
        return self._calls("BatchGetItem", requests)

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
        return self._calls(operation, (arguments,))[0]

    def _calls(self, operation: str, requests: Iterable[Mapping[str, Any]]) -> list[Any]:
        """Send requests until each is answered, or one is refused for good or tried often enough.

        Raises:
            ClientError: DynamoDB refused one.
            BotoCoreError: it did not answer one.
        """
        bodies = [_encoded(arguments) for arguments in requests]
        answers: dict[int, Any] = {}
        waits = pauses(self._attempts - 1, self._first_pause_s, _LONGEST_PAUSE_S)
        while True:
            left = {at: body for at, body in enumerate(bodies) if at not in answers}
            try:
                self._attempt(operation, left, answers)
                return [answers[at] for at in range(len(bodies))]
            except _Passing as passing:
                wait_s = next(waits, None)
                if wait_s is None:
                    raise passing.error from None
            self._sleep(wait_s)

    def _attempt(
        self, operation: str, bodies: Mapping[int, bytes], answers: dict[int, Any]
    ) -> None:
        """Try each request once, all at the same time.

        Args:
            bodies: of the requests, by their numbers.
            answers: takes those that come.

        Raises:
            ClientError: DynamoDB refused one.
            _Passing: one has failed in a way that may pass.
        """
        failed: _Passing | None = None
        sent: dict[int, HTTPConnection] = {}
        try:
            for number, body in bodies.items():
                try:
                    sent[number] = self._send(operation, body)
                except _Passing as passing:
                    failed = passing
            until = time.monotonic() + self._read_timeout_s
            for number in tuple(sent):
                try:
                    answers[number] = self._receive(operation, sent.pop(number), until)
                except _Passing as passing:
                    failed = passing
        finally:
            for connection in sent.values():
                connection.close()
        if failed:
            raise failed

    def _send(self, operation: str, body: bytes) -> HTTPConnection:
        """Send a request; what it was sent on has the answer next."""
        try:
            connection = self._connections.take()
        except TimeoutError as error:
            raise _Passing(ConnectTimeoutError(endpoint_url=self._endpoint)) from error
        except OSError as error:
            raise _Passing(EndpointConnectionError(endpoint_url=self._endpoint)) from error
        try:
            connection.sock.settimeout(self._read_timeout_s)
            headers = self._signer.headers(f"{_API}.{operation}", body)
            connection.request("POST", "/", body, headers)
        except OSError as error:
            connection.close()
            raise _Passing(self._unanswered(error)) from error
        return connection

    def _receive(self, operation: str, connection: HTTPConnection, until: float) -> Any:
        """Read an answer, and keep the connection."""
        try:
            connection.sock.settimeout(max(until - time.monotonic(), _SHORTEST_READ_S))
            response = connection.getresponse()
            data = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise _Passing(self._unanswered(error)) from error
        self._connections.give_back(connection)
        return _read(operation, response, data)

    def _unanswered(self, error: Exception) -> BotoCoreError:
        if isinstance(error, TimeoutError):
            return ReadTimeoutError(endpoint_url=self._endpoint)
        return EndpointConnectionError(endpoint_url=self._endpoint)


class _Passing(Exception):
    """A failure that may pass.

    Attributes:
        error: what is raised in the end if it does not.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def _read(operation: str, response: HTTPResponse, data: bytes) -> Any:
    """What DynamoDB answers.

    Raises:
        ClientError: it refused.
        _Passing: it refused for now, or the answer was damaged on its way.
    """
    if not _is_whole(response, data):
        raise _Passing(_refusal(operation, response.status, b'{"__type": "DamagedAnswer"}'))
    if response.status == HTTPStatus.OK:
        return _decoded(json.loads(data))
    refusal = _refusal(operation, response.status, data)
    if response.status in _FAILED_STATUSES or refusal.response["Error"]["Code"] in _THROTTLED:
        raise _Passing(refusal)
    raise refusal


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


def _refusal(operation: str, status: int, data: bytes) -> ClientError:
    try:
        said = json.loads(data)
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    code = str(said.get("__type", status)).rpartition("#")[2]
    kind = ConditionalCheckFailedException if code == CONDITION_FAILED else ClientError
    message = str(said.get("message") or said.get("Message") or "")
    return kind({"Error": {"Code": code, "Message": message}}, operation)


def _is_whole(response: HTTPResponse, data: bytes) -> bool:
    checksum = response.headers.get("x-amz-crc32")
    return checksum is None or int(checksum) == crc32(data)


def _encoded(arguments: Mapping[str, Any]) -> bytes:
    return json.dumps(arguments, default=_as_text, separators=(",", ":")).encode()


def _as_text(value: Any) -> str:
    """Bytes stand in JSON as base64; nothing else reaches here but by mistake."""
    if isinstance(value, bytes | bytearray):
        return b2a_base64(value, newline=False).decode()
    raise TypeError(f"{type(value).__name__} is no value of DynamoDB")


def _decoded(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with bytes where they stand in it as base64.

    A hook of the JSON reader would be shorter, and take as long as all the reading.
    """
    for attributes in _attributes(answer):
        _decode(attributes)
    return answer


def _attributes(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Whatever an answer of the operations above has of items."""
    for name in ("Item", "Attributes", "LastEvaluatedKey"):
        if name in answer:
            yield answer[name]
    yield from answer.get("Items", ())
    for items in answer.get("Responses", {}).values():
        yield from items
    for unread in answer.get("UnprocessedKeys", {}).values():
        yield from unread["Keys"]
    for unwritten in answer.get("UnprocessedItems", {}).values():
        for write in unwritten:
            for request in write.values():
                yield from request.values()


def _decode(attributes: Mapping[Any, Any]) -> None:
    for value in attributes.values():
        if "S" in value or "N" in value:  # nearly all are
            continue
        [(kind, held)] = value.items()
        if kind == "B":
            value[kind] = a2b_base64(held)
        elif kind == "BS":
            value[kind] = [a2b_base64(one) for one in held]
        elif kind == "M":
            _decode(held)
        elif kind == "L":
            _decode(dict(enumerate(held)))
