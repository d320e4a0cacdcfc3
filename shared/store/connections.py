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

# What boto3 trusts where nothing else is said.
_AUTHORITIES = Path(botocore.__file__).parent / "cacert.pem"


class Connections:
    """Connections of `http.client`; the one used last is used next. Safe for threads.

    Args:
        endpoint: `https://HOST` or `http://HOST:PORT`.
        connect_timeout_s: of TCP and TLS together.
        kept: how many stay open while nobody uses them.
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
        # Its ends are safe for threads.
        self._idle: deque[HTTPConnection] = deque()
        weakref.finalize(self, _close, self._idle)

    def take(self) -> HTTPConnection:
        """A connection that is open; no other thread has it.

        Raises:
            OSError: the host cannot be reached; TimeoutError when that took too long.
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

    def give_back(self, connection: HTTPConnection) -> None:
        """Keep a connection whose answer was read to its end, unless the server has closed it."""
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
    """Whether there is something to read, which between two requests can only be its end."""
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))


def _close(connections: Iterable[HTTPConnection]) -> None:
    for connection in connections:
        connection.close()
