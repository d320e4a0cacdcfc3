"""A fast client of DynamoDB for look-ups and the writes of ingestion.

It has the methods, arguments, answers and errors of boto3's client, for the item operations only,
and takes a fraction of its CPU time. README.md in this folder describes the parts.
"""

import json
import os
import time
from binascii import a2b_base64, b2a_base64, crc32
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from pydantic_core import to_json

from shared.store.client import CONDITION_FAILED, DynamoDBClient, dynamodb_client
from shared.store.direct.connections import Answer, Connection, Connections
from shared.store.direct.endpoint import Endpoint
from shared.store.direct.sigv4 import Credentials, Signer
from shared.store.pauses import pauses

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


class ConditionalCheckFailedException(ClientError):
    """A condition did not hold; nothing was written."""


def _operation(name: str) -> Callable[..., Any]:
    """Return the method of an operation; it takes the arguments of boto3's."""

    def method(self: "DirectClient", **arguments: Any) -> Any:
        return self.call(name, [_ENCODER.encode(arguments).encode()])[0]

    return method


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

    get_item = _operation("GetItem")
    batch_get_item = _operation("BatchGetItem")
    query = _operation("Query")
    put_item = _operation("PutItem")
    update_item = _operation("UpdateItem")
    delete_item = _operation("DeleteItem")
    batch_write_item = _operation("BatchWriteItem")

    def batch_get_items(self, requests: Iterable[Mapping[str, Any]]) -> list[Any]:
        """Send many BatchGetItem requests at once, without threads, then read the answers.

        Args:
            requests: the arguments of each; keys are texts, not bytes.

        Returns:
            The answers, in the order of the requests.
        """
        # Four times as fast as `_ENCODER`, but bytes would be written in another base64.
        return self.call("BatchGetItem", [to_json(one) for one in requests])

    def call(self, operation: str, bodies: Iterable[bytes]) -> list[Any]:
        """Send requests, and retry until all are answered, one is refused or the attempts end.

        Args:
            bodies: the arguments of each request as JSON.

        Returns:
            The answers, in the order of the requests.

        Raises:
            ClientError: DynamoDB refused one.
            BotoCoreError: DynamoDB did not answer one.
        """
        left = dict(enumerate(bodies))
        answers: dict[int, Any] = {}
        waits = pauses(self._attempts - 1, self._first_pause_s, _LONGEST_PAUSE_S)
        while failure := self._attempt(operation, left, answers):
            wait_s = next(waits, None)
            if wait_s is None:
                raise failure.args[0]
            self._sleep(wait_s)
        return [answers[number] for number in sorted(answers)]

    def _attempt(
        self, operation: str, left: dict[int, bytes], answers: dict[int, Any]
    ) -> "_Passing | None":
        """Send each request once, all at the same time, and move those answered.

        Args:
            left: bodies of the requests without an answer, by number.
            answers: receives the answers, by number.

        Returns:
            A failure that a retry may solve; None if all are answered.

        Raises:
            ClientError: DynamoDB refused one.
        """
        failure: _Passing | None = None
        sent: dict[int, Connection] = {}
        try:
            for number, body in left.items():
                try:
                    sent[number] = self._send(operation, body)
                except _Passing as passing:
                    failure = passing
            until = time.monotonic() + self._read_timeout_s
            while sent:
                number, connection = sent.popitem()
                try:
                    answers[number] = self._receive(operation, connection, until)
                    del left[number]
                except _Passing as passing:
                    failure = passing
        finally:
            for connection in sent.values():
                connection.close()
        return failure

    def _send(self, operation: str, body: bytes) -> Connection:
        """Send a request; the answer is read from the returned connection."""
        try:
            connection = self._connections.acquire()
        except OSError as error:
            raise self._passing(error, ConnectTimeoutError) from error
        headers = self._signer.headers(f"{_API}.{operation}", body)
        try:
            connection.send(_request(headers, body), self._read_timeout_s)
        except OSError as error:
            connection.close()
            raise self._passing(error, ReadTimeoutError) from error
        return connection

    def _receive(self, operation: str, connection: Connection, until: float) -> Any:
        """Read an answer and return the connection to the pool."""
        try:
            answer = connection.receive(until)
        except OSError as error:
            connection.close()
            raise self._passing(error, ReadTimeoutError) from error
        self._connections.release(connection)
        return _read(operation, answer)

    def _passing(self, error: OSError, timeout: type[BotoCoreError]) -> "_Passing":
        kind = timeout if isinstance(error, TimeoutError) else EndpointConnectionError
        return _Passing(kind(endpoint_url=self._endpoint))


class _Passing(Exception):
    """A failure that a retry may solve; its argument is the error to raise if none does."""


def _read(operation: str, answer: Answer) -> Any:
    """Read the answer of DynamoDB.

    Raises:
        ClientError: DynamoDB refused the request.
        _Passing: DynamoDB refused it for now, or the answer was damaged in transit.
    """
    body, checksum = answer.body, answer.headers.get(b"x-amz-crc32")
    whole = checksum is None or checksum.strip() == b"%d" % crc32(body)
    if whole and answer.status == HTTPStatus.OK:
        try:
            return _decoded(json.loads(body))
        except ValueError:
            whole = False
    refusal = _refusal(operation, answer.status, body if whole else b'{"__type": "DamagedAnswer"}')
    code = refusal.response["Error"]["Code"]
    if whole and answer.status not in _FAILED_STATUSES and code not in _THROTTLED:
        raise refusal
    raise _Passing(refusal)


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


def _as_text(value: Any) -> str:
    """Encode bytes as base64; any other type is a programming error."""
    if isinstance(value, bytes | bytearray):
        return b2a_base64(value, newline=False).decode()
    raise TypeError(f"{type(value).__name__} is not a value of DynamoDB")


# Made once: `json.dumps` would make one for each request.
_ENCODER = json.JSONEncoder(default=_as_text, separators=(",", ":"))


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
