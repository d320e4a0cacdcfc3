"""A feed that misbehaves on the wire: an HTTP server on loopback, scripted byte by byte."""

import contextlib
import socket
import ssl
import struct
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

PATH = "/feed/reports"
_POLL_S = 0.01
_ZEROS = bytes(1024 * 1024)

# Writes to the connection; whether another request may follow on it.
Answer = Callable[[socket.socket], bool]


@dataclass(frozen=True)
class Request:
    """A request as it came; names of headers in lower case."""

    target: str
    headers: Mapping[str, str]
    body: bytes = b""


class FeedServer:
    """Answers each target with what a test scripted for it; the last answer is repeated.

    Args:
        tls: how to speak TLS; without it a client that does is never answered.
        greeting: what a connection gets before its first request.

    Attributes:
        requests: in the order in which they came.
        connections: how many clients connected.
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, greeting: Answer | None = None
    ) -> None:
        self._tls = tls
        self._greeting = greeting
        self._answers: defaultdict[str, list[Answer]] = defaultdict(list)
        self.requests: list[Request] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_POLL_S)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"{'https' if self._tls or self._greeting else 'http'}://127.0.0.1:{self.port}{PATH}"

    def answer(self, target: str, *answers: Answer) -> None:
        """Script the answers to a target, such as `/feed/reports?page=2`."""
        self._answers[target] = list(answers)

    def asked(self) -> list[str]:
        """The targets of the requests."""
        return [request.target for request in self.requests]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        # Any way in which a client leaves is fine.
        with client, contextlib.suppress(OSError):
            client.settimeout(30)
            if self._greeting:
                self._greeting(client)
            if not self._tls:
                self._converse(client)
                return
            with self._tls.wrap_socket(client, server_side=True) as wrapped:
                self._converse(wrapped)

    def _converse(self, client: socket.socket) -> None:
        while request := self._read_request(client):
            self.requests.append(request)
            answers = self._answers[request.target] or [page(b"", status="404 Not Found")]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if not answer(client):
                return

    def _read_request(self, client: socket.socket) -> Request | None:
        received = b""
        client.settimeout(_POLL_S)
        while not _is_complete(received):
            try:
                part = client.recv(65536)
            except TimeoutError:
                if self._ended.is_set():
                    return None
                continue
            if not part:
                return None
            received += part
        client.settimeout(30)
        top, _, body = received.partition(b"\r\n\r\n")
        return Request(top.decode("latin-1").split(" ", 2)[1], _headers(top), body)


def _headers(top: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in top.decode("latin-1").split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in pairs}


def _is_complete(received: bytes) -> bool:
    top, end, body = received.partition(b"\r\n\r\n")
    return bool(end) and len(body) >= int(_headers(top).get("content-length", 0))


def page(body: bytes, *, status: str = "200 OK", **headers: object) -> Answer:
    """An answer without a fault; `_` in the name of a header means `-`."""
    return raw(head(status, content_length=len(body), **headers) + body, more=True)


def head(status: str = "200 OK", **headers: object) -> bytes:
    """The beginning of an answer."""
    lines = [f"HTTP/1.1 {status}", *(f"{n.replace('_', '-')}: {v}" for n, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def raw(sent: bytes, *, more: bool = False) -> Answer:
    """These bytes, and unless `more` may follow the end of the connection."""

    def answer(client: socket.socket) -> bool:
        client.sendall(sent)
        return more

    return answer


def reset(sent: bytes = b"") -> Answer:
    """These bytes, then a reset."""

    def answer(client: socket.socket) -> bool:
        client.sendall(sent)
        time.sleep(_POLL_S)  # what is on its way is lost with a reset
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return answer


def stall(sent: bytes = b"") -> Answer:
    """These bytes, then nothing until the client leaves."""

    def answer(client: socket.socket) -> bool:
        client.sendall(sent)
        while client.recv(65536):
            pass
        return False

    return answer


def drip(sent: bytes, dripped: Iterator[bytes], every_s: float = 0.1) -> Answer:
    """These bytes, then the others, one piece at a time."""

    def answer(client: socket.socket) -> bool:
        client.sendall(sent)
        for piece in dripped:
            time.sleep(every_s)
            client.sendall(piece)
        return False

    return answer


def endless(sent: bytes, again: bytes) -> Answer:
    """These bytes, then the others as fast as they are taken."""

    def answer(client: socket.socket) -> bool:
        client.sendall(sent)
        while True:
            client.sendall(again)

    return answer


def gzip_bomb(gigabytes: int = 1) -> bytes:
    """Zeros in about a thousandth of their size."""
    compress = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # A full flush makes a piece that can be repeated.
    piece = compress.compress(_ZEROS) + compress.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + piece * (1024 * gigabytes) + compress.flush()
