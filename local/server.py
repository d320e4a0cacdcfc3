"""Serves a Lambda handler over HTTP on 127.0.0.1, as the deployed front does."""

import asyncio
import contextlib
import errno
import json
import socket
import sys
import traceback
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import uvicorn

from local.context import LocalContext
from local.errors import LocalError
from local.events import (
    MAX_BODY_BYTES,
    MAX_EVENT_BYTES,
    REST,
    Front,
    MalformedResult,
    OutsideStage,
    Request,
    Response,
)
from local.handlers import Handler
from local.template import gateway_response

HOST = "127.0.0.1"
# Handler calls that run at once; further requests wait.
CONCURRENCY = 32
BACKLOG = 2048
# A body that is too large is read up to this limit, so that the client receives the answer
# instead of a broken connection.
MAX_READ_BYTES = 8 * MAX_BODY_BYTES
# Request line and headers together: a URL of 8 KB takes up to 40 KB if it is encoded twice.
MAX_HEAD_BYTES = 128 * 1024
STOP_TIMEOUT_S = 3

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def _gateway_response(kind: str) -> Response:
    status, headers, body = gateway_response(kind)
    return Response(status, [("content-type", "application/json"), *headers.items()], body.encode())


TOO_LARGE = _gateway_response("REQUEST_TOO_LARGE")
BROKEN = _gateway_response("INTEGRATION_FAILURE")
# Answer of the default address to another stage. A gateway response cannot change it.
OUTSIDE_STAGE = Response(403, [("content-type", "application/json")], b'{"message":"Forbidden"}')


def bind(port: int) -> socket.socket:
    """Return a socket that reserves a port of 127.0.0.1 but does not listen yet.

    Args:
        port: 0 for any free one.

    Raises:
        LocalError: the port is in use or not permitted.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Connections inherit this; without it every answer after the first waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise _port_error(port, error) from error
    return listener


def make_server(
    handler: Handler, function_name: str, budget_s: float, front: Front = REST
) -> uvicorn.Server:
    """Return a server for the handler; `serve` runs it.

    Args:
        handler: takes an event of the front and a context.
        function_name: the function's name in the context.
        budget_s: seconds until the deadline of a call.
        front: defines the format of the events and results.
    """
    config = uvicorn.Config(
        _gateway(handler, function_name, budget_s, front),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # The client's address is that of the connection; X-Forwarded-For is ignored.
        proxy_headers=False,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )
    return uvicorn.Server(config)


def serve(
    server: uvicorn.Server, listener: socket.socket, announce: Callable[[], None] = lambda: None
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        server: from `make_server`.
        listener: from `bind`.
        announce: called when clients can connect.

    Raises:
        LocalError: another process listens on the port.
    """
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        raise _port_error(listener.getsockname()[1], error) from error
    announce()
    # Uvicorn raises the signal again after it has stopped; here that is the regular end.
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _port_error(port: int, error: OSError) -> LocalError:
    if error.errno == errno.EADDRINUSE:
        return LocalError(f"port {port} of {HOST} is in use: set PORT to another one, 0 finds one")
    return LocalError(f"port {port} of {HOST} cannot be used: {error.strerror}")


def _gateway(handler: Handler, function_name: str, budget_s: float, front: Front) -> App:
    """Return the ASGI application that calls the handler as the front would."""
    pool = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix=function_name)

    async def invoke(request: Request, request_id: str) -> Response:
        try:
            event = front.event(request, request_id, datetime.now(UTC))
        except OutsideStage:
            return OUTSIDE_STAGE
        if _is_too_large(event):
            return TOO_LARGE
        context = LocalContext(function_name, budget_s)
        call = asyncio.get_running_loop().run_in_executor(pool, handler, event, context)
        # Waiting does not raise the handler's exception: to Lambda any exception is a failed
        # invocation, so a list of types to catch is not needed.
        await asyncio.wait([call])
        return _response(call, front)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        body = await _read_body(receive)
        response = TOO_LARGE if body is None else await invoke(_request(scope, body), request_id)
        headers = [*response.headers, (front.request_id_header, request_id)]
        if response.status not in (204, 304):
            headers.append(("content-length", str(len(response.body))))
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [(name.encode(), value.encode()) for name, value in headers],
            }
        )
        await send({"type": "http.response.body", "body": response.body})

    return app


def _is_too_large(event: dict[str, Any]) -> bool:
    # The rest of the event is far smaller than half of the limit, and serializing takes time.
    if len(event.get("body") or "") < MAX_EVENT_BYTES // 2:
        return False
    return len(json.dumps(event, ensure_ascii=False).encode(errors="replace")) > MAX_EVENT_BYTES


def _response(call: "asyncio.Future[Any]", front: Front) -> Response:
    if error := call.exception():
        traceback.print_exception(error, file=sys.stderr)
        return BROKEN
    try:
        return front.response(call.result())
    except MalformedResult as error:
        print(f"the handler's result is not a valid response: {error}", file=sys.stderr)
        return BROKEN


def _request(scope: Message, body: bytes) -> Request:
    return Request(
        method=scope["method"],
        raw_path=scope["raw_path"],
        raw_query=scope["query_string"],
        headers=scope["headers"],
        body=body,
        client=scope["client"][0],
        protocol=f"HTTP/{scope['http_version']}",
    )


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body; None if it is too large."""
    body = bytearray()
    size = 0
    more = True
    while more and size <= MAX_READ_BYTES:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            body += chunk
        more = message.get("more_body", False)
    return bytes(body) if size <= MAX_BODY_BYTES else None
