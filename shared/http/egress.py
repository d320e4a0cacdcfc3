"""Outgoing connections that are judged when they connect.

A host name is resolved once, every address that it has must be on the internet, and the connection
goes to one of these addresses. So a name that resolves to another address later is of no use.
"""

import socket
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util import Timeout

from shared.http.tls import tls_context

# Networks whose addresses end with the IPv4 address that is reached: NAT64, IPv4-compatible IPv6.
_AROUND_IPV4 = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))

# Family, kind, protocol, name and address, as `socket.getaddrinfo` returns them.
AddressInfo = tuple[Any, Any, int, str, Any]


class AddressRefused(HTTPError):
    """The host has an address that is not on the internet; it was not connected to."""


def addresses_of(connection: HTTPConnection, *, allow_private: bool) -> list[AddressInfo]:
    """Resolve the host of a connection, and judge its addresses.

    Connect to these addresses: a second DNS look-up could return others.

    Args:
        allow_private: whether addresses that are not on the internet are allowed.

    Raises:
        NameResolutionError: the host has no address.
        AddressRefused: one of its addresses is not on the internet.
    """
    try:
        found = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(connection.host, connection, reason) from error
    if not (allow_private or all(is_public(str(address[0])) for *_, address in found)):
        raise AddressRefused("the host has an address that is not on the internet")
    return list(found)


def is_public(text: str) -> bool:
    """Whether an address is on the internet; an embedded IPv4 address has to be, too."""
    address = ip_address(text)
    inner: IPv4Address | None = None
    if isinstance(address, IPv6Address):
        inner = address.sixtofour
        if any(address in network for network in _AROUND_IPV4):
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return all(one.is_global and not one.is_multicast for one in (address, inner) if one)


def check_proxy(proxy: str, *, allow_private: bool) -> None:
    """Check the address of a proxy, "" for none.

    Args:
        allow_private: whether addresses that are not on the internet are allowed. They have to be,
            because a proxy connects to addresses that nothing here judges.

    Raises:
        ValueError: the proxy cannot be used.
    """
    if not proxy:
        return
    if not allow_private:
        raise ValueError("proxies cannot be used with allow_private=False")
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the proxy is not an http or https address")


def pool_manager(*, allow_private: bool, private_ca: str = "", **options: Any) -> PoolManager:
    """Connections of urllib3 to any host, without proxies; each one is judged when it connects.

    Args:
        allow_private: whether addresses that are not on the internet are allowed.
        private_ca: certificates (PEM) of a CA to trust besides the public ones, "" for none.
        options: further options of `PoolManager`.

    Raises:
        ssl.SSLError, TypeError, ValueError: `private_ca` is not PEM with a certificate.
    """
    manager = PoolManager(ssl_context=tls_context(private_ca), **options)
    if not allow_private:
        manager.pool_classes_by_scheme = {"http": _JudgedPool, "https": _JudgedTlsPool}
    return manager


class _JudgedConnection(HTTPConnection):
    """A connection to an address on the internet."""

    def _new_conn(self) -> socket.socket:
        failure: OSError | None = None
        for family, kind, protocol, _, address in addresses_of(self, allow_private=False):
            with ExitStack() as on_failure:
                try:
                    sock = on_failure.enter_context(socket.socket(family, kind, protocol))
                    for option in self.socket_options or ():
                        sock.setsockopt(*option)
                    sock.settimeout(Timeout.resolve_default_timeout(self.timeout))
                    sock.connect(address)
                except OSError as error:
                    failure = error
                else:
                    on_failure.pop_all()
                    return sock
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "no address answered in time") from failure
        raise NewConnectionError(self, "no address could be connected to") from failure


class _JudgedTlsConnection(_JudgedConnection, HTTPSConnection):
    """The same with TLS."""


class _JudgedPool(HTTPConnectionPool):
    ConnectionCls = _JudgedConnection


class _JudgedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _JudgedTlsConnection
