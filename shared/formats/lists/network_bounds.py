"""Bounds of the networks in a list: a list of much of the internet is broken or hostile. Pure."""

import ipaddress
from collections.abc import Iterable, Mapping
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from shared.domain.harmless import SPECIAL_PURPOSE_NETWORKS
from shared.domain.network import Network
from shared.formats.lists.errors import ListError

# The shortest prefix that one entry may have, by IP version.
MIN_PREFIX: Final = {4: 8, 6: 19}
# A list may hold one of so many public addresses of a version.
MAX_SHARE: Final = 64

_Range = tuple[int, int]  # first and last address
_PUBLIC: Final[Mapping[int, IPv4Network | IPv6Network]] = {
    4: IPv4Network("0.0.0.0/0"),
    6: IPv6Network("2000::/3"),
}
# IPv6 networks whose addresses carry an IPv4 address, with the number of bits behind it.
_CARRYING: Final = {IPv6Network("2002::/16"): 80, IPv6Network("64:ff9b::/96"): 0}


def is_special_purpose(network: Network) -> bool:
    """Whether no address of a network is public: all are reserved, private or multicast.

    A network of IPv6 addresses that carry IPv4 addresses is judged by those.

    Example:
        >>> is_special_purpose(Network("10.1.0.0/16")), is_special_purpose(Network("8.0.0.0/8"))
        (True, False)
    """
    version, first, last = _range(network)
    public = _PUBLIC[version]
    if last < int(public.network_address) or first > int(public.broadcast_address):
        return True
    return any(low <= first and last <= high for low, high in _special_ranges(version))


def check_networks(networks: Iterable[Network], *, any_share: bool = False) -> None:
    """Check that a list's networks, without those for special purposes, are within the bounds.

    Args:
        any_share: whether all of them together may hold any number of addresses.

    Raises:
        ListError: one network is too large, or all of them together.
    """
    ranges: dict[int, list[_Range]] = {4: [], 6: []}
    for network in networks:
        version, first, last = _range(network)
        bits = _PUBLIC[version].max_prefixlen
        if last - first >= 1 << (bits - MIN_PREFIX[version]):
            raise ListError(f"the network {network.value} is larger than a /{MIN_PREFIX[version]}")
        ranges[version].append((first, last))
    if any_share:
        return
    for version, some in ranges.items():
        size = sum(last - first + 1 for first, last in _joined(some))
        if size * MAX_SHARE > _public_size(version):
            raise ListError(
                f"the networks hold more than one of {MAX_SHARE} public IPv{version} addresses"
            )


def _range(network: Network) -> tuple[int, int, int]:
    """Return the IP version of a network, and its first and last address as numbers."""
    parsed = ipaddress.ip_network(network.value)
    first, last = int(parsed.network_address), int(parsed.broadcast_address)
    if isinstance(parsed, IPv6Network):
        for outer, shift in _CARRYING.items():
            if parsed.subnet_of(outer):
                return 4, (first >> shift) % 2**32, (last >> shift) % 2**32
    return parsed.version, first, last


def _joined(ranges: Iterable[_Range]) -> list[_Range]:
    """Join ranges that overlap or touch, so that no address counts twice."""
    joined: list[_Range] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


@cache
def _special_ranges(version: int) -> list[_Range]:
    parsed = map(
        ipaddress.ip_network, (one for one, yes in SPECIAL_PURPOSE_NETWORKS.items() if yes)
    )
    return _joined(
        (int(one.network_address), int(one.broadcast_address))
        for one in parsed
        if one.version == version
    )


@cache
def _public_size(version: int) -> int:
    public = _PUBLIC[version]
    first, last = int(public.network_address), int(public.broadcast_address)
    special = sum(
        high - low + 1 for low, high in _special_ranges(version) if first <= low and high <= last
    )
    return public.num_addresses - special
