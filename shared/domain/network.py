"""Networks of IP addresses, as lists name them, and finding those that hold an address. Pure."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType

_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
# A list that calls an eighth of all addresses bad is broken, or is meant to break its readers.
MIN_PREFIX = 3


@dataclass(frozen=True, slots=True, order=True)
class Network:
    """A network in its canonical form, such as `192.0.2.0/24`; only `parse_network` makes one."""

    value: str


def parse_network(text: str) -> Network | Indicator:
    """Canonicalise a network; one of a single address is that address.

    Bits behind the prefix are dropped, an IPv4-mapped network becomes IPv4.

    Raises:
        InvalidIndicator: no network, or one too large to mean it.

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
    if network.prefixlen < MIN_PREFIX:
        raise InvalidIndicator("a network of more than an eighth of all addresses")
    if network.prefixlen == network.max_prefixlen:
        return Indicator(IndicatorType.IP, str(network.network_address))
    return Network(str(network))


class NetworkIndex:
    """Finds the networks that hold an address, with one look for each length that occurs."""

    def __init__(self, networks: Iterable[Network]) -> None:
        # By version of the protocol and length of the prefix, the prefixes as numbers.
        self._prefixes: dict[tuple[int, int], set[int]] = {}
        for one in networks:
            network = ipaddress.ip_network(one.value)
            shift = network.max_prefixlen - network.prefixlen
            prefixes = self._prefixes.setdefault((network.version, network.prefixlen), set())
            prefixes.add(int(network.network_address) >> shift)

    def holding(self, address: Indicator) -> list[Network]:
        """The networks that hold an IP address, the largest first."""
        ip: _Ip = ipaddress.ip_address(address.value)
        found = []
        for version, length in sorted(self._prefixes):
            if version == ip.version:
                shift = ip.max_prefixlen - length
                prefix = int(ip) >> shift
                if prefix in self._prefixes[version, length]:
                    base = ipaddress.ip_network((prefix << shift, length))
                    if base.version != version:  # a small number is taken for IPv4
                        base = ipaddress.IPv6Network((prefix << shift, length))
                    found.append(Network(str(base)))
        return found
