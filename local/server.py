"""An HTTP server on 127.0.0.1 in front of a Lambda handler, in the place of API Gateway."""

import asyncio
import base64
import contextlib
import errno
import secrets
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import uvicorn

from local.context import LocalContext
from local.errors import LocalError
from local.events import MalformedResult, Request, Response, http_event, http_response
from local.handlers import Handler

HOST = "127.0.0.1"
# Handler calls under way at once. What comes on top waits, as connections do.
CONCURRENCY = 32
BACKLOG = 2048
# API Gateway's limit of a body. A larger one is still read, up to a second limit, so that the
# client gets to hear the answer instead of a broken connection.
MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_READ_BYTES = 8 * MAX_BODY_BYTES
# Request line and headers together: a URL of 8 KB takes up to 40 KB when it is encoded twice.
MAX_HEAD_BYTES = 128 * 1024
STOP_TIMEOUT_S = 3

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# The words of API Gateway.
TOO_LARGE = Response(
    413, [("content-type", "application/json")], b'{"message":"Request Entity Too Large"}'
)
BROKEN = Response(
    500, [("content-type", "application/json")], b'{"message":"Internal Server Error"}'
)


def bind(port: int) -> socket.socket:
    """Return a socket that holds the port of 127.0.0.1 but does not answer yet.

    Args:
        port: 0 for any free one.

    Raises:
        LocalError: the port is in use or may not be used.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Connections inherit it; without it every answer but the first on one waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise _port_error(port, error) from error
    return listener


def make_server(handler: Handler, function_name: str, budget_s: float) -> uvicorn.Server:
    """Return a server for the handler; `serve` runs it.

    Args:
        handler: takes an HTTP API 2.0 event and a context.
        function_name: what the context calls the function.
        budget_s: seconds that a call believes to have.
    """
    config = uvicorn.Config(
        _gateway(handler, function_name, budget_s),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # The client's address is the peer's, whatever X-Forwarded-For says.
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
        announce: called when clients can connect.

    Raises:
        LocalError: another process came first on the port.
    """
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        raise _port_error(listener.getsockname()[1], error) from error
    announce()
    # Uvicorn hands the signal on after it has stopped; here that is the regular end.
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _port_error(port: int, error: OSError) -> LocalError:
    if error.errno == errno.EADDRINUSE:
        return LocalError(f"port {port} of {HOST} is in use: set PORT to another one, 0 finds one")
    return LocalError(f"port {port} of {HOST} cannot be used: {error.strerror}")


def _gateway(handler: Handler, function_name: str, budget_s: float) -> App:
    """Return the ASGI application that calls the handler as API Gateway would."""
    pool = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix=function_name)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        now = datetime.now(UTC)
        request_id = base64.b64encode(secrets.token_bytes(11)).decode()
        body = await _read_body(receive)
        if body is None:
            response = TOO_LARGE
        else:
            event = http_event(_request(scope, body), request_id, now)
            context = LocalContext(function_name, budget_s)
            call = asyncio.get_running_loop().run_in_executor(pool, handler, event, context)
            # Waiting does not raise what the handler raised: Lambda takes any exception for a
            # failed invocation, so there is no list of types to catch here.
            await asyncio.wait([call])
            response = _response(call)
        headers = [*response.headers, ("apigw-requestid", request_id)]
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


def _response(call: "asyncio.Future[Any]") -> Response:
    if error := call.exception():
        traceback.print_exception(error, file=sys.stderr)
        return BROKEN
    try:
        return http_response(call.result())
    except MalformedResult as error:
        print(f"the handler's result is not one: {error}", file=sys.stderr)
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
    """Return the body, or None when it is too large."""
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
