"""Connections to one host, kept open between requests."""

import os
import select
import socket
import ssl
import weakref
from collections import deque
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import botocore

# The certificate authorities that boto3 trusts by default.
_AUTHORITIES = Path(botocore.__file__).parent / "cacert.pem"


class Connections:
    """A pool of `http.client` connections; the last one used is used next. Safe for threads.

    Args:
        endpoint: `https://HOST` or `http://HOST:PORT`.
        connect_timeout_s: limit for TCP and TLS together.
        kept: how many idle connections stay open.
    """

    def __init__(self, endpoint: str, *, connect_timeout_s: float, kept: int) -> None:
        parts = urlsplit(endpoint)
        self._host = parts.hostname or ""
        self._port = parts.port
        self._timeout_s = connect_timeout_s
        self._kept = kept
        self._tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            trusted = os.environ.get("AWS_CA_BUNDLE") or _AUTHORITIES
            self._tls = ssl.create_default_context(cafile=trusted)
        # A deque needs no lock for operations at its ends.
        self._idle: deque[HTTPConnection] = deque()
        weakref.finalize(self, _close, self._idle)

    def acquire(self) -> HTTPConnection:
        """Return an open connection for the use of one thread.

        Raises:
            OSError: the host cannot be reached; TimeoutError if connecting took too long.
        """
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if not _is_closed(connection):
                return connection
            connection.close()
        return self._connect()

    def release(self, connection: HTTPConnection) -> None:
        """Return a connection to the pool, once its answer is read, unless the server closed it."""
        if connection.sock is not None and len(self._idle) < self._kept:
            self._idle.append(connection)
        else:
            connection.close()

    def _connect(self) -> HTTPConnection:
        connection = (
            HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)
            if self._tls
            else HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        )
        try:
            connection.connect()
        except OSError:
            connection.close()
            raise
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection


def _is_closed(connection: HTTPConnection) -> bool:
    """Whether the server closed an idle connection: only then has it something to read."""
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))


def _close(connections: Iterable[HTTPConnection]) -> None:
    for connection in connections:
        connection.close()
