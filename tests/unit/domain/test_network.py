"""Networks: their canonical form and the index of them, with `ipaddress` as the oracle."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidIndicator
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.network import Network, NetworkIndex, parse_network

_IPV4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
# Small numbers, too: they are IPv4 addresses as much as IPv6 ones.
_IPV6 = st.one_of(
    st.integers(0, 2**128 - 1),
    st.integers(0, 2**40),
    st.integers(0, 2**34).map(lambda number: 0xFFFF_0000_0000 | number),
).map(ipaddress.IPv6Address)
_ADDRESSES = st.one_of(_IPV4, _IPV6)


@st.composite
def spelled_networks(draw: st.DrawFn) -> str:
    """An address with bits behind the prefix, and a length."""
    address = draw(_ADDRESSES)
    return f"{address}/{draw(st.integers(0, address.max_prefixlen))}"


def ip(address: Any) -> Indicator:
    return parse(IndicatorType.IP, str(address))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.77/24", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("2001:DB8::1/32", "2001:db8::/32"),
        ("2001:0db8:0:0::/64", "2001:db8::/64"),
        ("::/8", "::/8"),
        ("::/127", "::/127"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:192.0.2.9/99", "192.0.0.0/3"),
        # It holds more than the mapped addresses.
        ("::ffff:0:0/95", "::fffe:0:0/95"),
        ("0.0.0.0/3", "0.0.0.0/3"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
    ],
)
def test_canonical_form(text: str, value: str) -> None:
    assert parse_network(text) == Network(value)
    assert parse_network(value) == Network(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1/32", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::1/128", "::1"),
        ("::ffff:192.0.2.1/128", "192.0.2.1"),
    ],
)
def test_one_address_is_that_address(text: str, value: str) -> None:
    assert parse_network(text) == ip(value) == Indicator(IndicatorType.IP, value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "evil.example", "192.0.2.0/33", "::/129", "192.0.2/24", "192.0.2.0/", "192.0.2.0/-1"),
        *("192.0.2.0/24/24", "fe80::%eth0/64", "192.0.2.0/a", " 192.0.2.0/24", "\ud800", "1/2"),
    ],
)
def test_what_is_not_a_network_is_refused(text: str) -> None:
    with pytest.raises(InvalidIndicator):
        parse_network(text)


@given(st.text())
def test_any_text_is_a_network_or_refused(text: str) -> None:
    try:
        parsed = parse_network(text)
    except InvalidIndicator:
        return
    assert parse_network(parsed.value) == parsed


@given(spelled_networks())
def test_a_network_holds_what_its_spelling_holds(text: str) -> None:
    meant = ipaddress.ip_network(text, strict=False)
    parsed = parse_network(text)
    first, last = ip(meant[0]), ip(meant[-1])
    if isinstance(parsed, Indicator):
        assert parsed == first == last
    else:
        ours = ipaddress.ip_network(parsed.value)
        assert (ip(ours[0]), ip(ours[-1])) == (first, last)
        assert ours.num_addresses == meant.num_addresses


def holding(networks: list[Network], address: Indicator) -> list[Network]:
    """The networks that hold an address, the largest first, by the library."""
    found = [
        network
        for network in map(ipaddress.ip_network, sorted({one.value for one in networks}))
        if network.version == (of := ipaddress.ip_address(address.value)).version and of in network
    ]
    return [Network(str(one)) for one in sorted(found, key=lambda one: one.prefixlen)]


@given(st.lists(spelled_networks(), max_size=20), _ADDRESSES)
def test_the_index_finds_what_the_library_finds(texts: list[str], other: Any) -> None:
    networks = []
    asked = [ip(other)]
    for text in texts:
        parsed = parse_network(text)
        if isinstance(parsed, Network):
            networks.append(parsed)
            network = ipaddress.ip_network(parsed.value)
            around = {int(network[0]), int(network[-1]), int(network[0]) - 1, int(network[-1]) + 1}
            kind: Any = type(network[0])
            asked += [ip(kind(one)) for one in around if 0 <= one < 2**network.max_prefixlen]
    index = NetworkIndex(networks)
    for address in asked:
        assert index.holding(address) == holding(networks, address), address


def test_small_numbers_are_of_their_own_version() -> None:
    index = NetworkIndex(map(Network, ("::/8", "::/126", "0.0.0.0/8", "0.0.0.0/30")))
    assert index.holding(ip("::1")) == [Network("::/8"), Network("::/126")]
    assert index.holding(ip("0.0.0.1")) == [Network("0.0.0.0/8"), Network("0.0.0.0/30")]
    # A mapped address is an IPv4 one.
    assert index.holding(ip("::ffff:0.0.0.1")) == [Network("0.0.0.0/8"), Network("0.0.0.0/30")]


def test_an_empty_index_holds_nothing() -> None:
    assert NetworkIndex(()).holding(ip("192.0.2.1")) == []
