"""Networks of IP addresses as lists contain them, and the search for those that hold an address."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, order=True)
class Network:
    """A network in canonical form, such as `192.0.2.0/24`. Make it with `parse_network` only."""

    value: str


def parse_network(text: str) -> Network | Indicator:
    """Canonicalise a network; a network of a single address becomes that address.

    Bits after the prefix are dropped; an IPv4-mapped network becomes IPv4.

    Raises:
        InvalidIndicator: not a network.

    Example:
        >>> parse_network("2001:DB8::1/32").value
        '2001:db8::/32'
    """
    if "%" in text:
        raise InvalidIndicator("a network with a zone id")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidIndicator("not an IPv4 or IPv6 network") from None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        network = ipaddress.ip_network((mapped, network.prefixlen - 96))
    if network.prefixlen == network.max_prefixlen:
        return Indicator(IndicatorType.IP, str(network.network_address))
    return Network(str(network))


class NetworkIndex:
    """Finds the networks that hold an address, with one search per prefix length that occurs."""

    def __init__(self, networks: Iterable[Network]) -> None:
        # Prefixes as numbers, by IP version and prefix length.
        self._prefixes: dict[tuple[int, int], set[int]] = {}
        for one in networks:
            network = ipaddress.ip_network(one.value)
            shift = network.max_prefixlen - network.prefixlen
            prefixes = self._prefixes.setdefault((network.version, network.prefixlen), set())
            prefixes.add(int(network.network_address) >> shift)

    def holding(self, address: Indicator) -> list[Network]:
        """Return the networks that hold an IP address, the largest first."""
        ip: _Ip = ipaddress.ip_address(address.value)
        found = []
        for version, length in sorted(self._prefixes):
            if version == ip.version:
                shift = ip.max_prefixlen - length
                prefix = int(ip) >> shift
                if prefix in self._prefixes[version, length]:
                    base = ipaddress.ip_network((prefix << shift, length))
                    if base.version != version:  # ip_network reads a small number as IPv4
                        base = ipaddress.IPv6Network((prefix << shift, length))
                    found.append(Network(str(base)))
        return found
