"""BIND, Unbound and dnsmasq with our lists: bad names are blocked, and nothing else changes."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from shared.domain.indicator import Indicator
from tests.dns.names import BLOCKED, HOSTILE, LONG, OTHERS
from tests.dns.servers import KNOWN, ZONE, NotStarted, Server, bind, dnsmasq, unbound

Resolver = Callable[[Path, Server, Mapping[str, str]], AbstractContextManager[Server]]
NONE = {"rpz": "$TTL 300\n@ SOA localhost. root.localhost. 1 3600 600 86400 300\n@ NS localhost.\n"}


def lines(text: str, form: str) -> str:
    """Each line of a plain list as a setting, by the recipes of docs/exports.md."""
    return "".join(f"{form.replace('&', line)}\n" for line in text.splitlines())


def bind_zone(
    folder: Path, source: Server, lists: Mapping[str, str]
) -> AbstractContextManager[Server]:
    """BIND with the zone."""
    return bind(folder, source, lists["rpz"])


def unbound_zone(
    folder: Path, source: Server, lists: Mapping[str, str]
) -> AbstractContextManager[Server]:
    """Unbound with the zone."""
    return unbound(folder, source, zone=lists["rpz"])


def unbound_plain(
    folder: Path, source: Server, lists: Mapping[str, str]
) -> AbstractContextManager[Server]:
    """Unbound with the plain list."""
    settings = lines(lists.get("txt", ""), 'local-zone: "&" always_nxdomain')
    return unbound(folder, source, settings=settings)


def dnsmasq_hosts(
    folder: Path, source: Server, lists: Mapping[str, str]
) -> AbstractContextManager[Server]:
    """dnsmasq with the hosts file."""
    return dnsmasq(folder, source, hosts=lists.get("hosts", ""))


def dnsmasq_plain(
    folder: Path, source: Server, lists: Mapping[str, str]
) -> AbstractContextManager[Server]:
    """dnsmasq with the plain list."""
    return dnsmasq(folder, source, settings=lines(lists.get("txt", ""), "address=/&/"))


def answers(server: Server, names: Iterable[str]) -> dict[str, str]:
    """The answer for each name."""
    return {name: server.ask(name) for name in names}


@pytest.mark.parametrize(
    ("resolver", "blocked_as", "whole"),
    [
        (bind_zone, "NXDOMAIN", False),
        (unbound_zone, "NXDOMAIN", False),
        (dnsmasq_hosts, "0.0.0.0", True),  # noqa: S104
        (unbound_plain, "NXDOMAIN", True),
        (dnsmasq_plain, "NXDOMAIN", True),
    ],
)
def test_a_list_blocks_the_bad_names_and_changes_no_other(
    folder: Path,
    source: Server,
    lists: Mapping[str, str],
    resolver: Resolver,
    blocked_as: str,
    whole: bool,
) -> None:
    plain = resolver in {unbound_plain, dnsmasq_plain}
    # A plain list has no name that begins with a hyphen, and denies what is below its names.
    bad = [*names(BLOCKED), *(names(LONG) if whole else ())]
    bad = [name for name in bad if not (plain and name.startswith("-"))]
    others = [one for one in OTHERS if not (plain and one.endswith(tuple(f".{b}" for b in bad)))]
    with resolver(folder, source, NONE) as server:
        before = answers(server, [*bad, *others])
    with resolver(folder, source, lists) as server:
        after = answers(server, [*bad, *others])
    for answers_ in (before, after):
        assert {name: answers_[name] for name in others} == dict.fromkeys(others, KNOWN)
    # BIND answers for its own zone from the zone itself.
    outside = [name for name in bad if not name.endswith(ZONE)]
    assert {name: before[name] for name in outside} == dict.fromkeys(outside, KNOWN)
    assert {name: after[name] for name in bad} == dict.fromkeys(bad, blocked_as)


def names(indicators: Iterable[Indicator]) -> list[str]:
    return [one.value for one in indicators]


def test_lists_hold_the_bad_names_and_nothing_else(lists: Mapping[str, str]) -> None:
    bad = {*names(BLOCKED), *names(LONG)}
    assert not bad & set(names(HOSTILE))
    assert set(lists["txt"].splitlines()) == {one for one in bad if not one.startswith("-")}
    assert set(lists["hosts"].splitlines()) == {f"0.0.0.0 {one}" for one in bad}
    assert set(lists["rpz"].splitlines()[3:]) == {f"{one} CNAME ." for one in names(BLOCKED)}


@pytest.mark.parametrize(
    "trigger",
    ["1.0.0.0.0.rpz-client-ip", "32.1.2.0.192.rpz-ip", "*", "$INCLUDE /nowhere\nx", "a\n*"],
)
@pytest.mark.parametrize("resolver", [bind_zone, unbound_zone])
def test_these_names_would_do_harm_in_a_zone(
    folder: Path, source: Server, resolver: Resolver, trigger: str
) -> None:
    """Without this test, servers that ignore triggers would pass the others."""
    zone = {"rpz": f"{NONE['rpz']}evil.example CNAME .\n{trigger} CNAME .\n"}
    try:
        with resolver(folder, source, zone) as server:
            found = answers(server, ["www.org", "evil.example"])
    except NotStarted:
        return
    assert found != {"www.org": KNOWN, "evil.example": "NXDOMAIN"}
