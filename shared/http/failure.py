"""Names the cause of a failed connection, for the person who set the address."""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from urllib3.exceptions import NewConnectionError

_PORTS = {"http": 80, "https": 443}
_TUNNEL_FAILED = "Tunnel connection failed: "


def cause_of(error: BaseException, url: str) -> str:
    """Return the cause of an error of requests or urllib3: `connection refused by HOST:PORT`.

    It contains neither a path nor what the server sent. An unknown cause is the name of its class.

    Args:
        url: address of the request, for errors that do not name the host.
    """
    chain = list(_chain(error))
    host, port = _place(chain, url)
    for inner in reversed(chain):
        if words := _words(inner, host, f"{host}:{port}"):
            return words
    return type(chain[-1]).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all errors inside it, the outermost first."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            inner = (*one.args, getattr(one, "reason", None), one.__cause__)
            waiting.extend(each for each in inner if isinstance(each, BaseException))


def _place(chain: list[BaseException], url: str) -> tuple[str, int]:
    """Host and port: where no connection was made, else those of the address."""
    for one in chain:
        if isinstance(one, NewConnectionError):
            return one.conn.host, one.conn.port
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _words(error: BaseException, host: str, place: str) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            reason = str(error.verify_message).rstrip(".")
            return f"TLS certificate of {host} is not trusted: {reason}"
        case ssl.SSLError():
            return f"no TLS connection with {place}: {error.reason}"
        case socket.gaierror():
            return f"{host} has no address"
        case ConnectionRefusedError():
            return f"connection refused by {place}"
        case TimeoutError():
            return f"no answer from {place} in time"
        case ConnectionError():
            return f"{place} closed the connection"
        case OSError() if _TUNNEL_FAILED in str(error):
            return f"the proxy refused the connection: {str(error).removeprefix(_TUNNEL_FAILED)}"
        case OSError(strerror=str()):
            return f"{place} cannot be reached: {error.strerror}"
    return ""
