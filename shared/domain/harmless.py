"""What overrules the verdicts of reports and lists, and the verdict that follows. Pure.

Two things overrule a verdict of SUSPICIOUS or worse: a rule that always holds (special-purpose
networks, trivial files, local names), and a provider that is declared to overrule and trusts the
indicator. Both hold for IPs, domains and hashes. A URL is never overruled, because malware is
served from trusted hosts. docs/harmless.md explains the rules to users.

The verdict that an analyst set overrules every other verdict, for URLs, too; but it cannot make bad
what is always harmless. docs/overrides.md explains it to users.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.indicator_types import HASH_TYPES
from shared.domain.network import Network, NetworkIndex
from shared.domain.override import Override
from shared.domain.provider import ANALYST_PROVIDER, ListingStatus, ProviderVerdict
from shared.domain.reputation import Reputation, ScanVerdict
from shared.domain.sighting_details import unpack
from shared.domain.verdict import Verdict, overall_verdict

_LEAST_BAD: Final = Verdict.SUSPICIOUS
_OVERRULED: Final = Verdict.BENIGN


class Ruling(NamedTuple):
    """What overrules verdicts about an indicator.

    Attributes:
        name: the rule, or the name of the provider.
        verdict: the verdict that holds instead.
        of_analyst: whether it overrules every other verdict, not only bad ones.
    """

    name: str
    verdict: Verdict = Verdict.BENIGN
    of_analyst: bool = False


def evidence_after(rule: Ruling | None, evidence: Sequence[Evidence]) -> Sequence[Evidence]:
    """Return the evidence for the verdict that results: that of an analyst rests on nothing else.

    Args:
        rule: the result of `overruling_rule`.
        evidence: for the verdict of the sandbox.
    """
    if rule is not None and rule.of_analyst:
        return [Evidence(EvidenceSource.ANALYST, rule.verdict, rule.name)]
    return evidence


class EffectiveVerdict(NamedTuple):
    """A verdict after the rules of this module.

    Attributes:
        overruled_by: the rule, or the name of the provider, that overrules; "" for none.
        overruled_verdict: the verdict that was overruled; None for none.
    """

    verdict: Verdict
    overruled_by: str = ""
    overruled_verdict: Verdict | None = None

    @property
    def shown_as(self) -> Verdict:
        """The verdict whose numbers a row shows.

        An overruled row detects nothing that the effective verdict does not, nor anything that its
        own provider did not detect.
        """
        if self.overruled_verdict is None:
            return self.verdict
        return min(self.verdict, self.overruled_verdict)


def effective_verdict(
    indicator: Indicator, reputation: Reputation | None, others: Sequence[ProviderVerdict] = ()
) -> EffectiveVerdict | None:
    """Combine what the sandbox and the other providers state about an indicator.

    Answers, events, exports and publishing all use the verdict of this function.

    Args:
        reputation: reputation from the sandbox's reports, None if unknown.
        others: verdicts of the other providers.

    Returns:
        None if no provider has a verdict.
    """
    rule = overruling_rule(indicator, reputation, others)
    if rule is not None and rule.of_analyst:
        others = [one for one in others if one.override is None]
    stated = [one.verdict for one in others if one.verdict is not None]
    if reputation is not None:
        stated.append(_stated(indicator, reputation.summary.shown))
    overall = overall_verdict(stated)
    if rule is not None and rule.of_analyst:
        return EffectiveVerdict(rule.verdict) if overall is None else apply_rule(overall, rule)
    worst = max(filter(is_bad, stated), default=None)
    if rule is not None and worst is not None:
        return apply_rule(worst, rule)
    return None if overall is None else EffectiveVerdict(overall)


def overruling_rule(
    indicator: Indicator, reputation: Reputation | None, others: Sequence[ProviderVerdict] = ()
) -> Ruling | None:
    """Return what overrules the verdicts about an indicator; None if nothing does.

    Rules and trusted lists are named only if there is a bad verdict, which they overrule.
    The arguments are those of `effective_verdict`.
    """
    for one in others:
        if one.override is not None and (ruling := ruling_of(indicator, one.override)):
            return ruling
    bad = reputation is not None and (
        is_bad(reputation.summary.worst.verdict)
        or is_bad(_stated(indicator, reputation.summary.shown))
    )
    if bad or any(is_bad(one.verdict) for one in others):
        name = always_harmless(indicator) or trusted_by(indicator, others)
        return Ruling(name) if name else None
    return None


def ruling_of(indicator: Indicator, override: Override) -> Ruling | None:
    """Return what an override overrules with; None if it calls bad what is always harmless."""
    if is_bad(override.verdict) and always_harmless(indicator):
        return None
    return Ruling(ANALYST_PROVIDER, override.verdict, of_analyst=True)


def apply_rule(verdict: Verdict, rule: Ruling | None) -> EffectiveVerdict:
    """Overrule one verdict about an indicator.

    Args:
        rule: the result of `overruling_rule`.
    """
    if rule and (verdict != rule.verdict if rule.of_analyst else is_bad(verdict)):
        return EffectiveVerdict(rule.verdict, rule.name, verdict)
    return EffectiveVerdict(verdict)


def effective_sighting(
    indicator: Indicator, scan: ScanVerdict, rule: Ruling | None
) -> EffectiveVerdict:
    """Overrule the verdict of a sighting, which may have been bad before it was published.

    Args:
        rule: as `apply_rule` takes it.
    """
    return apply_rule(_stated(indicator, scan), rule)


def _stated(indicator: Indicator, scan: ScanVerdict) -> Verdict:
    """The verdict of a sighting; that before publishing, if publishing has overruled it.

    So the answer shows what was overruled, whichever way the sighting has come.
    """
    # Most sightings end here: their details are not read.
    if scan.verdict is not _OVERRULED or not scan.details or not always_harmless(indicator):
        return scan.verdict
    evidence = [one for one in unpack(scan.details).evidence if not one.echo]
    if any(one.source is EvidenceSource.RULE for one in evidence):
        return max(one.verdict for one in evidence)
    return scan.verdict


def is_bad(verdict: Verdict | None) -> bool:
    """Whether a verdict is one that rules overrule: SUSPICIOUS or worse."""
    return verdict is not None and verdict >= _LEAST_BAD


def trusted_by(indicator: Indicator, others: Iterable[ProviderVerdict]) -> str:
    """Return the name of the first provider that overrules and trusts an indicator, or ""."""
    if indicator.type is IndicatorType.URL:
        return ""
    for one in others:
        if one.provider.overrules and one.listing.status is ListingStatus.TRUSTED:
            return one.provider.name
    return ""


def always_harmless(indicator: Indicator) -> str:
    """Return the rule by which an indicator is harmless whatever anyone states, or "".

    Example:
        >>> always_harmless(Indicator(IndicatorType.IP, "127.8.8.8"))
        'special-purpose network 127.0.0.0/8'
    """
    kind, value = indicator.type, indicator.value
    if kind is IndicatorType.IP:
        network = special_purpose_network(value)
        return f"special-purpose network {network}" if network else ""
    if kind is IndicatorType.DOMAIN:
        return "local name" if value.endswith(_LOCAL_NAMES) else ""
    if kind in HASH_TYPES:
        name = _trivial_digests(kind).get(value)
        return f"trivial file: {name}" if name else ""
    return ""


# RFC 6761 and RFC 6762, and `localhost.localdomain`, which the hosts files of many systems have.
# The names for documentation (`.example`, `.test`) are not among them: blocking does no harm,
# and samples need them.
_LOCAL_NAMES: Final = (".localhost", ".local", ".localdomain")

_ZEROS = tuple(2**power for power in range(1, 13))
# Files that many harmless programs write: a report that contains one states nothing about it.
TRIVIAL_FILES: Final = {
    "empty": b"",
    "one newline": b"\n",
    "one newline of Windows": b"\r\n",
    "one carriage return": b"\r",
    "two newlines": b"\n\n",
    "two newlines of Windows": b"\r\n\r\n",
    "one space": b" ",
    "one tab": b"\t",
    "one NUL byte": b"\0",
    "one zero": b"0",
    "one one": b"1",
    "byte order mark of UTF-8": b"\xef\xbb\xbf",
    "byte order mark of UTF-16, little-endian": b"\xff\xfe",
    "byte order mark of UTF-16, big-endian": b"\xfe\xff",
    "empty JSON object": b"{}",
    "empty JSON object and a newline": b"{}\n",
    "empty JSON list": b"[]",
    "empty JSON list and a newline": b"[]\n",
    "JSON null": b"null",
    "empty ZIP archive": b"PK\x05\x06" + bytes(18),
    **{f"{count} NUL bytes": bytes(count) for count in _ZEROS},
}


@cache
def _trivial_digests(kind: IndicatorType) -> dict[str, str]:
    """The names of the trivial files by their digests of one type, in canonical form."""
    return {
        hashlib.new(kind.value, content, usedforsecurity=False).hexdigest().upper(): name
        for name, content in TRIVIAL_FILES.items()
    }


# From the IANA special-purpose address registries for IPv4 and IPv6, as of November 2026, and the
# multicast, site-local and reserved blocks of the address space registries. True: not globally
# reachable. False: an exception within a larger network. Of several that hold an address, the
# smallest decides. The table is frozen here because Python's own changes with its version.
# The networks for documentation (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32 and
# 3fff::/20) are not in it: samples need them, and blocking does no harm.
SPECIAL_PURPOSE_NETWORKS: Final = {
    "0.0.0.0/8": True,  # "this network"
    "10.0.0.0/8": True,  # private use
    "100.64.0.0/10": True,  # shared address space of carriers
    "127.0.0.0/8": True,  # loopback
    "169.254.0.0/16": True,  # link-local
    "172.16.0.0/12": True,  # private use
    "192.0.0.0/24": True,  # IETF protocol assignments
    "192.0.0.9/32": False,  # anycast of the Port Control Protocol
    "192.0.0.10/32": False,  # anycast of TURN
    "192.168.0.0/16": True,  # private use
    "198.18.0.0/15": True,  # benchmarks
    "224.0.0.0/4": True,  # multicast
    "240.0.0.0/4": True,  # reserved, with the broadcast address
    "::/128": True,  # unspecified
    "::1/128": True,  # loopback
    "64:ff9b:1::/48": True,  # local-use translation
    "100::/64": True,  # discard-only
    "100:0:0:1::/64": True,  # dummy prefix
    "2001::/23": True,  # IETF protocol assignments
    "2001:1::1/128": False,  # anycast of the Port Control Protocol
    "2001:1::2/128": False,  # anycast of TURN
    "2001:1::3/128": False,  # anycast of DNS-SD service registration
    "2001:3::/32": False,  # automatic multicast tunnelling
    "2001:4:112::/48": False,  # AS112
    "2001:20::/28": False,  # ORCHIDv2
    "2001:30::/28": False,  # drone remote identification
    "5f00::/16": True,  # segment routing
    "fc00::/7": True,  # unique local
    "fe80::/10": True,  # link-local
    "fec0::/10": True,  # site-local, deprecated
    "ff00::/8": True,  # multicast
}

# IPv6 networks whose addresses end with an IPv4 address.
_EMBEDDING: Final = (
    "::/96",  # IPv4-compatible, deprecated
    "::ffff:0:0/96",  # IPv4-mapped
    "::ffff:0:0:0/96",  # IPv4-translated
    "64:ff9b::/96",  # translation by the well-known prefix
)


@lru_cache(maxsize=4096)
def special_purpose_network(address: str) -> str:
    """Return the special-purpose network that holds an address, or "" if it is an ordinary one.

    An IPv6 address that carries an IPv4 address (translated, 6to4, Teredo) is judged by that one.

    Args:
        address: an IPv4 or IPv6 address in canonical form.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and (inner := _carried(ip)):
        address = str(inner)
    holding = _special_purpose_index().holding(Indicator(IndicatorType.IP, address))
    smallest = holding[-1].value if holding else ""
    return smallest if SPECIAL_PURPOSE_NETWORKS.get(smallest) else ""


def _carried(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip.sixtofour:
        return ip.sixtofour
    if ip.teredo:
        _server, client = ip.teredo
        return client
    # `::` and `::1` are in the table.
    if int(ip) > 1 and any(ip in network for network in _embedding_networks()):
        return ipaddress.IPv4Address(int(ip) % 2**32)
    return None


@cache
def _special_purpose_index() -> NetworkIndex:
    return NetworkIndex(map(Network, SPECIAL_PURPOSE_NETWORKS))


@cache
def _embedding_networks() -> list[ipaddress.IPv6Network]:
    return [ipaddress.IPv6Network(one) for one in _EMBEDDING]
