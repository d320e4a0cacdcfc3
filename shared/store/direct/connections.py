"""Connections to one host, kept open between requests; httptools reads the answers."""

import os
import select
import socket
import ssl
import time
import weakref
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import botocore
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

# The certificate authorities that boto3 trusts by default.
_AUTHORITIES = Path(botocore.__file__).parent / "cacert.pem"
_PORTS = {"http": 80, "https": 443}
_READ_BYTES = 65_536
# The time limit is for all answers together; one that already arrived is still read.
_SHORTEST_READ_S = 0.05


class Answer(NamedTuple):
    """An HTTP answer; names of headers are in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Connection:
    """An open connection, for one request at a time.

    Attributes:
        reusable: whether another request may follow the last answer.
    """

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        # It calls the methods `on_...`. One parser reads all answers of a connection.
        self._parser = HttpResponseParser(self)
        self._readable = select.poll()
        self._readable.register(opened, select.POLLIN)
        self._answer: Answer | None = None
        self.reusable = True

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def is_closed(self) -> bool:
        """Whether the server closed an idle connection: only then has it something to read."""
        return bool(self._readable.poll(0))

    def send(self, request: bytes, timeout_s: float) -> None:
        """Send a request.

        Raises:
            OSError: the connection failed; TimeoutError if sending took too long.
        """
        self._answer = None
        self._socket.settimeout(timeout_s)
        self._socket.sendall(request)

    def receive(self, until: float) -> Answer:
        """Read the answer to the request.

        Args:
            until: when to give up, in seconds of `time.monotonic`.

        Raises:
            OSError: the connection failed, or this is not HTTP; TimeoutError if the time is over.
        """
        until = max(until, time.monotonic() + _SHORTEST_READ_S)
        while self._answer is None:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("the answer takes too long")
            self._socket.settimeout(left_s)
            received = self._socket.recv(_READ_BYTES)
            if not received:
                raise ConnectionResetError("the answer ends early")
            try:
                self._parser.feed_data(received)
            except (HttpParserError, HttpParserUpgrade) as error:
                raise ConnectionError(f"not an HTTP answer: {error}") from error
        return self._answer

    def on_message_begin(self) -> None:
        """Begin an answer. A second one to the same request makes the connection unusable."""
        self._headers: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []
        self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers[name.lower()] = value

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """End the answer, unless it is an interim one, such as 100 Continue."""
        status = self._parser.get_status_code()
        if self._answer is None and status >= 200:
            self._answer = Answer(status, self._headers, b"".join(self._parts))
            self.reusable = self._parser.should_keep_alive()


class Connections:
    """A pool of connections; the last one used is used next. Safe for threads.

    Args:
        endpoint: `https://HOST` or `http://HOST:PORT`.
        connect_timeout_s: limit for TCP and for TLS.
        kept: how many idle connections stay open.
    """

    def __init__(self, endpoint: str, *, connect_timeout_s: float, kept: int) -> None:
        parts = urlsplit(endpoint)
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._timeout_s = connect_timeout_s
        self._kept = kept
        self._tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            trusted = os.environ.get("AWS_CA_BUNDLE") or _AUTHORITIES
            self._tls = ssl.create_default_context(cafile=trusted)
        # A deque needs no lock for operations at its ends.
        self._idle: deque[Connection] = deque()
        weakref.finalize(self, _close, self._idle)

    def acquire(self) -> Connection:
        """Return an open connection for the use of one thread.

        Raises:
            OSError: the host cannot be reached; TimeoutError if connecting took too long.
        """
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if not connection.is_closed():
                return connection
            connection.close()
        return self._connect()

    def release(self, connection: Connection) -> None:
        """Return a connection to the pool, once its answer is read, unless it is of no more use."""
        if connection.reusable and len(self._idle) < self._kept:
            self._idle.append(connection)
        else:
            connection.close()

    def _connect(self) -> Connection:
        # For a name in bytes Python does not import its IDNA codec, at the first connection.
        address: tuple[Any, int] = self._host.encode(), self._port
        opened = socket.create_connection(address, self._timeout_s)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._tls:
            # If this fails, it closes the socket.
            opened = self._tls.wrap_socket(opened, server_hostname=self._host)
        return Connection(opened)


def _close(connections: Iterable[Connection]) -> None:
    for connection in connections:
        connection.close()
