"""The AWS calls of the functions, seen on the wire: a server between them and the engine."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

# An item action by what a request of a batch or a transaction is called.
_IN_BATCH = {"PutRequest": "Item", "DeleteRequest": "Key"}


@dataclass(frozen=True)
class Call:
    """One call, as a policy judges it.

    Attributes:
        action: such as `dynamodb:GetItem`; a transaction asks for the actions of its parts.
        resource: the name of the table, of the parameter or of the bus, or of the bucket, with
            the key.
        keys: the partition keys that it touches.
    """

    action: str
    resource: str
    keys: frozenset[str] = frozenset()


@dataclass
class Recorder:
    """What was called, and what the parameter store holds.

    Attributes:
        unknown: requests that this module cannot read; there have to be none.
    """

    url: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    calls: set[Call] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)


@contextmanager
def recording(engine: str) -> Iterator[Recorder]:
    """Pass requests on to a DynamoDB engine, and replace the parameter store.

    Args:
        engine: endpoint of the engine, `http://HOST:PORT`.
    """
    recorder = Recorder()
    handler = type("Handler", (_Handler,), {"recorder": recorder, "engine": engine})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        recorder.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield recorder
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    recorder: Recorder
    engine: str
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._pass_to_s3("GetObject")

    def do_HEAD(self) -> None:
        self._pass_to_s3("GetObject")

    def do_PUT(self) -> None:
        self._pass_to_s3("PutObject")

    def _pass_to_s3(self, action: str) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        bucket_and_key = self.path.partition("?")[0].removeprefix("/")
        self.recorder.calls.add(Call(f"s3:{action}", bucket_and_key))
        answer = _forwarded(self.engine, dict(self.headers), sent, self.command, self.path)
        if answer[0] == 404:
            # Without permission to list, the answer is 403.
            self.recorder.calls.add(Call("s3:ListBucket", bucket_and_key.partition("/")[0]))
        self._answer(*answer)

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        service, _, operation = self.headers["X-Amz-Target"].partition(".")
        if service.startswith("DynamoDB_"):
            _note(self.recorder, operation, json.loads(sent))
            self._answer(*_forwarded(self.engine, dict(self.headers), sent))
        elif (service, operation) == ("AmazonSSM", "GetParameter"):
            self._answer(*_parameter(self.recorder, json.loads(sent)["Name"]))
        elif (service, operation) == ("AWSEvents", "PutEvents"):
            self._answer(*_events(self.recorder, json.loads(sent)["Entries"]))
        else:
            self.recorder.unknown.append(f"{service}.{operation}")
            self._answer(400, {}, b"{}")

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _note(recorder: Recorder, operation: str, request: Mapping[str, Any]) -> None:
    try:
        recorder.calls.update(calls_of(operation, request))
    except LookupError:
        recorder.unknown.append(operation)


def calls_of(operation: str, request: Mapping[str, Any]) -> Iterator[Call]:
    """A request as policies judge it.

    Raises:
        LookupError: it is of a kind that no function here has sent so far.
    """
    if operation.startswith("Transact"):
        for part in request["TransactItems"]:
            ((kind, what),) = part.items()
            yield Call(f"dynamodb:{kind}Item", what["TableName"], _keys(what))
    elif operation == "BatchGetItem":
        for table, asked in request["RequestItems"].items():
            keys = frozenset(key["pk"]["S"] for key in asked["Keys"])
            yield Call("dynamodb:BatchGetItem", table, keys)
    elif operation == "BatchWriteItem":
        for table, parts in request["RequestItems"].items():
            named = [what[_IN_BATCH[kind]] for part in parts for kind, what in part.items()]
            keys = frozenset(one["pk"]["S"] for one in named)
            yield Call("dynamodb:BatchWriteItem", table, keys)
    elif operation in {"Query", "Scan"}:
        yield Call(f"dynamodb:{operation}", request["TableName"])
    else:
        yield Call(f"dynamodb:{operation}", request["TableName"], _keys(request))


def _keys(request: Mapping[str, Any]) -> frozenset[str]:
    key = request["Key"] if "Key" in request else request["Item"]
    return frozenset([key["pk"]["S"]])


def _forwarded(
    engine: str, headers: Mapping[str, str], body: bytes, method: str = "POST", path: str = "/"
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(engine.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        kept = {
            name: value
            for name, value in answer.getheaders()
            if name.lower().startswith(("content-type", "content-encoding", "etag", "x-amz"))
        }
        return answer.status, kept, answer.read()
    finally:
        connection.close()


def _events(recorder: Recorder, entries: list[dict[str, str]]) -> tuple[int, dict[str, str], bytes]:
    recorder.calls |= {Call("events:PutEvents", one["EventBusName"]) for one in entries}
    taken = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in entries]}
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(taken).encode()


def _parameter(recorder: Recorder, name: str) -> tuple[int, dict[str, str], bytes]:
    recorder.calls.add(Call("ssm:GetParameter", name))
    kind = {"Content-Type": "application/x-amz-json-1.1"}
    if name not in recorder.parameters:
        return 400, kind, b'{"__type":"ParameterNotFound"}'
    value = {"Name": name, "Type": "SecureString", "Value": recorder.parameters[name]}
    return 200, kind, json.dumps({"Parameter": value}).encode()
