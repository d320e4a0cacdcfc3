"""Lists of too many addresses are refused, and special-purpose networks do not count."""

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from shared.domain.network import Network
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import ListContent
from shared.formats.lists.errors import ListError
from shared.formats.lists.network_bounds import (
    MAX_SHARE,
    MIN_PREFIX,
    check_networks,
    is_special_purpose,
)
from shared.formats.lists.read import read_snapshot
from tests.unit.providers.support import CATALOG, NOW, declare, documents, read, serving, values

BAD = declare("lines")
SIXTEENS = [f"{first}.{second}.0.0/16" for first in range(11, 19) for second in range(250)]


def body(lines: Iterable[str]) -> bytes:
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["2000::/3"], "the network 2000::/3 is larger than a /19"),
        (["2400::/18"], "the network 2400::/18 is larger than a /19"),
        (["::/0"], "the network ::/0 is larger than a /19"),
        (["0.0.0.0/0"], "the network 0.0.0.0/0 is larger than a /8"),
        (["8.0.0.0/7"], "the network 8.0.0.0/7 is larger than a /8"),
        (["::ffff:0:0/96"], "the network 0.0.0.0/0 is larger than a /8"),
        (["64:ff9b::/96"], "the network 64:ff9b::/96 is larger than a /8"),
        ([f"{first}.0.0.0/3" for first in range(0, 256, 32)], "is larger than a /8"),
        (SIXTEENS, f"more than one of {MAX_SHARE} public IPv4 addresses"),
        ([f"{first}.0.0.0/8" for first in (20, 30, 40, 50)], "more than one of 64 public IPv4"),
        ([f"24{n:02x}::/19" for n in range(256)] * 5, None),
        (
            [f"2{a:x}{b:02x}::/19" for a in range(4, 8) for b in range(256)],
            "64 public IPv6 addresses",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_list_of_too_many_addresses_is_refused_whole(
    lines: list[str], reason: str | None
) -> None:
    # The rest of the list does not help it.
    content = body([*(f"192.0.2.{n}" for n in range(200)), *lines])
    if reason is None:
        assert len(read(BAD, content).entries) == 200 + len(set(lines))
        return
    with pytest.raises(ListError, match=reason):
        read(BAD, content)


def test_overlapping_networks_count_once() -> None:
    networks = [Network(f"20.{n}.0.0/16") for n in range(256)]
    check_networks([Network("20.0.0.0/8"), *networks])
    check_networks([Network("20.0.0.0/8"), *(Network(f"30.{n}.0.0/16") for n in range(256))])


def test_a_list_of_twenty_thousand_networks_is_accepted() -> None:
    networks = [
        f"{a}.{b}.{c}.0/23" for a in (24, 31, 45, 91) for b in range(250) for c in range(40)
    ]
    found = read(BAD, body(networks[::2]))
    assert len(found.entries) == 20_000


@pytest.mark.parametrize(
    "network",
    [
        *("10.0.0.0/8", "10.20.0.0/16", "0.0.0.0/8", "240.0.0.0/4", "224.0.0.0/3", "127.0.0.0/9"),
        *("100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "fc00::/7", "fe80::/10", "ff00::/8"),
        *("100::/8", "4000::/2", "8000::/1", "::/3", "2002:a00::/24", "64:ff9b::a00:0/104"),
        "2002:c0a8:100::/40",
    ],
)
def test_a_special_purpose_network_is_dropped_from_a_blocklist_and_counted(network: str) -> None:
    assert is_special_purpose(Network(network))
    found = read(BAD, body([network, "192.0.2.0/24"]))
    assert values(found) == ["192.0.2.0/24"]
    assert found.rejected == {"a special-purpose network": 1}


@pytest.mark.parametrize(
    "network",
    [
        *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "9.0.0.0/8"),
        *("100.0.0.0/9", "172.0.0.0/11", "8.0.0.0/6", "64:ff9b::c633:6400/120", "2002:c633::/32"),
    ],
)
def test_other_networks_are_not_special(network: str) -> None:
    assert not is_special_purpose(Network(network))


def test_an_allowlist_keeps_special_purpose_networks_and_has_the_same_bounds() -> None:
    trusted = declare("lines", stance='"trusted"', effect='"overrule"')
    assert values(read(trusted, b"10.0.0.0/8\n240.0.0.0/4")) == ["10.0.0.0/8", "240.0.0.0/4"]
    with pytest.raises(ListError, match="larger than"):
        read(trusted, b"2000::/3")
    with pytest.raises(ListError, match="one of 64"):
        read(trusted, body(SIXTEENS))


def test_a_note_about_a_large_cloud_is_accepted() -> None:
    note = declare("lines", stance='"trusted"', effect='"note"')
    assert len(read(note, body(SIXTEENS)).entries) == len(SIXTEENS)
    with pytest.raises(ListError, match=f"larger than a /{MIN_PREFIX[6]}"):
        read(note, b"2000::/3")


def sizes(*lengths: tuple[int, int]) -> list[str]:
    """Networks of a list as it is published: how many of each prefix length, side by side."""
    networks, address = [], 24 << 24
    for length, count in lengths:
        for _ in range(count):
            networks.append(f"{ipaddress.IPv4Address(address)}/{length}")
            address += 2 ** (32 - length)
    return networks


# Prefix lengths of the shipped lists that hold networks, as they were published in 2025 and 2026.
SHIPPED = {
    "spamhaus-drop": sizes((14, 3), (15, 8), (16, 120), (18, 110), (20, 220), (22, 420), (24, 700)),
    "team-cymru-bogons": sizes((16, 20), (18, 40), (20, 150), (22, 300), (24, 400)),
    "misp-public-dns": sizes((32, 62_000)),
    "misp-clouds": sizes((9, 4), (10, 6), (12, 20), (14, 150), (16, 900), (20, 2000), (24, 4000)),
    "misp-cdns": sizes((13, 1), (14, 2), (16, 10), (20, 100), (24, 900)),
    "misp-scanners": sizes((22, 2), (24, 20), (28, 40), (32, 100)),
}


@pytest.mark.parametrize("provider", sorted(SHIPPED))
def test_a_shipped_list_of_real_size_is_accepted(provider: str) -> None:
    declaration = CATALOG[provider]
    networks = SHIPPED[provider]
    if declaration.format == "json_lines":
        lines = [*(json.dumps({"cidr": one}) for one in networks), '{"type": "metadata"}']
        content = body(lines)
    elif declaration.format == "misp_warninglist":
        content = json.dumps({"name": "N", "type": "cidr", "list": networks}).encode()
    else:
        content = body(networks)
    assert len(read(declaration, content).entries) == len(networks)


def test_every_shipped_list_with_networks_is_tried() -> None:
    found = {
        one.id
        for one in CATALOG.values()
        if any(isinstance(subject, Network) for subject in sample_of(one).entries)
    }
    # This one is an example, with an address of nobody.
    assert found - {"taxii-collection"} <= SHIPPED.keys()


def sample_of(declaration: Declaration) -> ListContent:
    return read_snapshot(replace(declaration, min_entries=0), serving(documents(declaration)), NOW)
