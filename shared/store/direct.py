"""A fast client of DynamoDB for look-ups and the writes of ingestion.

It has the methods, arguments, answers and errors of boto3's client, for the item operations only,
and takes a fraction of its CPU time: it signs a request, sends it in one packet, and reads the
answer with `http.client` (docs/adr/0012-direct-client.md). In environments that it does not
support, `direct_client` returns boto3's client.
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
from typing import Any, Self, cast
from urllib.parse import urlsplit

import botocore
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from shared.store.client import CONDITION_FAILED, DynamoDBClient, dynamodb_client
from shared.store.connections import Connections
from shared.store.pauses import pauses
from shared.store.sigv4 import Credentials, Signer

_API = "DynamoDB_20120810"
# The errors that boto3 retries: https://docs.aws.amazon.com/amazondynamodb/latest/
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
# The time limit is for all answers together; one that already arrived is still read.
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
    """Client of the item operations of DynamoDB; safe for threads.

    Args:
        endpoint: `https://HOST`, or http with a port for an engine on this machine.
        region: what requests are signed for.
        credentials: called for each request, so that they can change.
        connect_timeout_s, read_timeout_s: limits of one attempt.
        attempts: attempts of a call, the first included.
        first_pause_s: the longest wait before the second attempt; it doubles for each further one.
        connections: how many idle connections stay open.
        sleep: waits for a number of seconds.
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
        """Send many BatchGetItem requests at once, without threads, then read the answers.

        Args:
            requests: the arguments of each.

        Returns:
            The answers, in the order of the requests.
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
        """Send requests, and retry until all are answered, one is refused or the attempts end.

        Raises:
            ClientError: DynamoDB refused one.
            BotoCoreError: DynamoDB did not answer one.
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
        """Send each request once, all at the same time.

        Args:
            bodies: bodies of the requests, by number.
            answers: receives the answers, by number.

        Raises:
            ClientError: DynamoDB refused one.
            _Passing: one failed in a way that a retry may solve.
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
        """Send a request; the answer is read from the returned connection."""
        try:
            connection = self._connections.acquire()
        except TimeoutError as error:
            raise _Passing(ConnectTimeoutError(endpoint_url=self._endpoint)) from error
        except OSError as error:
            raise _Passing(EndpointConnectionError(endpoint_url=self._endpoint)) from error
        try:
            connection.sock.settimeout(self._read_timeout_s)
            headers = self._signer.headers(f"{_API}.{operation}", body)
            # In one packet: `HTTPConnection.request` sends two, and checks every header first.
            connection.sock.sendall(_request(headers, body))
        except OSError as error:
            connection.close()
            raise _Passing(self._unanswered(error)) from error
        return connection

    def _receive(self, operation: str, connection: HTTPConnection, until: float) -> Any:
        """Read an answer and return the connection to the pool."""
        try:
            connection.sock.settimeout(max(until - time.monotonic(), _SHORTEST_READ_S))
            with HTTPResponse(connection.sock, method="POST") as response:
                response.begin()
                data = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise _Passing(self._unanswered(error)) from error
        if response.will_close:
            connection.close()
        else:
            self._connections.release(connection)
        return _read(operation, response, data)

    def _unanswered(self, error: Exception) -> BotoCoreError:
        if isinstance(error, TimeoutError):
            return ReadTimeoutError(endpoint_url=self._endpoint)
        return EndpointConnectionError(endpoint_url=self._endpoint)


class _Passing(Exception):
    """A failure that a retry may solve.

    Attributes:
        error: raised if no retry solves it.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def _read(operation: str, response: HTTPResponse, data: bytes) -> Any:
    """Read the answer of DynamoDB.

    Raises:
        ClientError: DynamoDB refused the request.
        _Passing: DynamoDB refused it for now, or the answer was damaged in transit.
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
) -> DynamoDBClient:
    """Create a direct client on Lambda or for an endpoint that the environment names.

    Elsewhere it creates boto3's client, which supports profiles, proxies, FIPS and dual-stack
    endpoints, and which tests can replace.

    Args:
        read_timeout_s: how long one attempt may take.
        attempts: attempts of a call, the first included, before it fails.
        patient: whether retries may wait for seconds. If False, the first wait is at most 50 ms.
        connections: how many calls may run at the same time.
    """
    endpoint = Endpoint.from_env(os.environ)
    if endpoint is None:
        return dynamodb_client(
            read_timeout_s=read_timeout_s,
            attempts=attempts,
            patient=patient,
            connections=connections,
        )
    client = DirectClient(
        endpoint.url,
        endpoint.region,
        endpoint.credentials,
        connect_timeout_s=min(2.0, read_timeout_s),
        read_timeout_s=read_timeout_s,
        attempts=attempts,
        first_pause_s=_PATIENT_PAUSE_S if patient else _FIRST_PAUSE_S,
        connections=connections,
    )
    return cast("DynamoDBClient", client)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address of DynamoDB and the credentials to use there."""

    url: str
    region: str
    credentials: Callable[[], Credentials]

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self | None:
        """Read the environment variables; return None if only boto3 can find the endpoint."""
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
    """Return the address of DynamoDB in a region, from botocore's list; None if unknown."""
    listed = Path(botocore.__file__).parent / "data" / "partitions.json"
    for partition in json.loads(listed.read_bytes())["partitions"]:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            return f"https://dynamodb.{region}.{partition['outputs']['dnsSuffix']}"
    return None


def _credentials(env: Mapping[str, str]) -> Callable[[], Credentials] | None:
    key, secret = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        # Lambda stops an environment before its credentials expire.
        fixed = Credentials(key, secret, env.get("AWS_SESSION_TOKEN"))
        return lambda: fixed
    import boto3  # noqa: PLC0415 - slow, and only needed for its chain of credentials

    found = boto3.Session().get_credentials()
    if found is None:
        return None

    def refreshed() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token)

    return refreshed


def _refusal(operation: str, status: int, data: bytes) -> ClientError:
    try:
        answer = json.loads(data)
    except ValueError:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    code = str(answer.get("__type", status)).rpartition("#")[2]
    kind = ConditionalCheckFailedException if code == CONDITION_FAILED else ClientError
    message = str(answer.get("message") or answer.get("Message") or "")
    return kind({"Error": {"Code": code, "Message": message}}, operation)


def _request(headers: Mapping[str, str], body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST / HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _is_whole(response: HTTPResponse, data: bytes) -> bool:
    checksum = response.headers.get("x-amz-crc32")
    return checksum is None or int(checksum) == crc32(data)


def _encoded(arguments: Mapping[str, Any]) -> bytes:
    return json.dumps(arguments, default=_as_text, separators=(",", ":")).encode()


def _as_text(value: Any) -> str:
    """Encode bytes as base64; any other type is a programming error."""
    if isinstance(value, bytes | bytearray):
        return b2a_base64(value, newline=False).decode()
    raise TypeError(f"{type(value).__name__} is not a value of DynamoDB")


def _decoded(answer: dict[str, Any]) -> dict[str, Any]:
    """Decode the base64 values of an answer into bytes.

    A hook of the JSON reader would be shorter, but would double the time.
    """
    for attributes in _attributes(answer):
        _decode(attributes)
    return answer


def _attributes(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """List the items and keys in an answer of any operation."""
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
        if "S" in value or "N" in value:  # nearly all
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
