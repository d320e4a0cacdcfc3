"""Values that no answer may call bad, and the verdict that follows."""

import hashlib
import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.lookup.v4_bodies import address_report
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.harmless import (
    SPECIAL_PURPOSE_NETWORKS,
    TRIVIAL_FILES,
    Ruling,
    always_harmless,
    apply_rule,
    effective_verdict,
    overruling_rule,
)
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES
from shared.domain.provider import SUSPICIOUS, Listing, ListingStatus, Provider, ProviderVerdict
from shared.domain.reputation import Reputation
from shared.domain.score import Scorer
from shared.domain.sighting_details import SightingDetails
from shared.domain.verdict import Verdict, overall_verdict
from tests.builders import reputation, sighting_summary
from tests.harmless import Group, values

LOOPBACK = Indicator(IndicatorType.IP, "127.0.0.1")
ORDINARY = Indicator(IndicatorType.IP, "198.51.100.7")
DOCUMENTATION = (
    *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
    *("2001:db8::/32", "3fff::/20"),
)


def ip(address: object) -> Indicator:
    return parse(IndicatorType.IP, str(address))


def row(
    status: ListingStatus, assessment: str = "malware", *, name: str = "a list", overrules: bool
) -> ProviderVerdict:
    provider = Provider("a", name, frozenset(IndicatorType), 1, overrules=overrules)
    return ProviderVerdict(provider, Listing(status, assessment))


TRUSTED = row(ListingStatus.TRUSTED, "", name="Top sites", overrules=True)
NOTED = row(ListingStatus.TRUSTED, "", name="Clouds", overrules=False)
LISTED = row(ListingStatus.LISTED, overrules=False)


@pytest.mark.parametrize("indicator", values(Group.ALWAYS), ids=lambda one: one.value)
def test_infrastructure_is_always_harmless(indicator: Indicator) -> None:
    assert always_harmless(indicator)


@pytest.mark.parametrize(
    "indicator", values(Group.BAD) + values(Group.BY_CHOICE), ids=lambda one: one.value
)
def test_no_rule_covers_a_neighbour_or_a_popular_name(indicator: Indicator) -> None:
    assert not always_harmless(indicator)


@pytest.mark.parametrize(("network", "special"), SPECIAL_PURPOSE_NETWORKS.items())
def test_a_network_begins_and_ends_where_the_table_puts_it(network: str, special: bool) -> None:
    found = ipaddress.ip_network(network)
    # 2001::/23 begins with the addresses of Teredo, which the address of the client decides.
    first = found[2**96] if network == "2001::/23" else found[0]
    for address in (first, found[-1]):
        name = always_harmless(ip(address))
        assert name == (f"special-purpose network {network}" if special else ""), address


@pytest.mark.parametrize("network", DOCUMENTATION)
def test_networks_for_documentation_are_ordinary(network: str) -> None:
    found = ipaddress.ip_network(network)
    assert not always_harmless(ip(found[1]))
    assert not always_harmless(ip(found[-1]))


@pytest.mark.parametrize(
    "address",
    [
        *("192.0.0.9", "192.0.0.10", "192.31.196.1", "192.52.193.1", "192.88.99.1"),
        *("192.175.48.1", "2001:1::1", "2001:1::2", "2001:1::3", "2001:3::1", "2001:4:112::1"),
        *("2001:20::1", "2001:30::1", "2620:4f:8000::1", "2001:200::1", "2000::1"),
        *("64:ff9b:2::1", "100:0:0:2::1", "5eff::1", "5f01::1", "fbff::1"),
    ],
)
def test_what_the_registries_call_globally_reachable(address: str) -> None:
    assert not always_harmless(ip(address))


@given(st.ip_addresses(v=4))
def test_an_address_that_carries_another_is_judged_by_it(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    carriers = [
        ipaddress.IPv6Address(base << 32 | number)
        for base in (0x64FF9B << 64, 0xFFFF, 0xFFFF << 16)
    ]
    carriers.append(ipaddress.IPv6Address(0x2002 << 112 | number << 80 | 1))
    # A Teredo address has the client's address with inverted bits.
    carriers.append(ipaddress.IPv6Address(0x2001 << 112 | number ^ 0xFFFFFFFF))
    if number > 1:
        carriers.append(ipaddress.IPv6Address(number))
    assert {always_harmless(ip(one)) for one in carriers} == {always_harmless(ip(inner))}


@given(st.ip_addresses())
def test_any_address_has_an_answer(address: object) -> None:
    indicator = ip(address)
    assert isinstance(always_harmless(indicator), str)


def test_the_public_internet_is_ordinary() -> None:
    """Counted over the table: 14 % of IPv4 is special, and nothing else."""
    special = sum(
        ipaddress.ip_network(one).num_addresses * (1 if harmless else -1)
        for one, harmless in SPECIAL_PURPOSE_NETWORKS.items()
        if ":" not in one
    )
    sample = [ipaddress.IPv4Address(number * 65_537 % 2**32) for number in range(0, 65_536, 7)]
    share = sum(bool(always_harmless(ip(one))) for one in sample) / len(sample)
    assert abs(share - special / 2**32) < 0.01


@pytest.mark.parametrize("kind", sorted(HASH_TYPES))
@pytest.mark.parametrize("name", TRIVIAL_FILES)
def test_digests_of_trivial_files(name: str, kind: IndicatorType) -> None:
    digest = hashlib.new(kind.value, TRIVIAL_FILES[name]).hexdigest()
    assert always_harmless(parse(kind, digest)) == f"trivial file: {name}"


def test_no_two_trivial_files_are_one() -> None:
    assert len(set(TRIVIAL_FILES.values())) == len(TRIVIAL_FILES)


@pytest.mark.parametrize(
    ("name", "harmless"),
    [
        ("printer.local", True),
        ("a.b.local", True),
        ("db.localhost", True),
        ("localhost.localdomain", True),
        ("local.evil.example", False),
        ("printer-local.example", False),
        ("x.notlocal", False),
        ("x.localhosts", False),
        ("evil.example", False),
        ("evil.test", False),
    ],
)
def test_local_names(name: str, harmless: bool) -> None:
    assert bool(always_harmless(parse(IndicatorType.DOMAIN, name))) is harmless


def test_a_rule_overrules_every_bad_verdict_and_names_itself() -> None:
    for verdict in Verdict:
        found = effective_verdict(LOOPBACK, reputation(LOOPBACK, verdict=verdict))
        assert found
        if verdict < Verdict.SUSPICIOUS:
            assert found == (verdict, "", None)
        else:
            rule = "special-purpose network 127.0.0.0/8"
            assert found == (Verdict.BENIGN, rule, verdict)


def test_only_a_provider_that_overrules_does() -> None:
    known = reputation(ORDINARY)
    by_trust = effective_verdict(ORDINARY, known, [LISTED, TRUSTED])
    assert by_trust == (Verdict.BENIGN, "Top sites", Verdict.MALICIOUS)
    by_note = effective_verdict(ORDINARY, known, [LISTED, NOTED])
    assert by_note == (Verdict.MALICIOUS, "", None)
    silent = row(ListingStatus.NOT_LISTED, overrules=True)
    assert effective_verdict(ORDINARY, known, [silent]) == (Verdict.MALICIOUS, "", None)


def test_a_list_of_bad_things_is_overruled_as_the_sandbox_is() -> None:
    suspicious = row(ListingStatus.LISTED, SUSPICIOUS, overrules=False)
    found = effective_verdict(LOOPBACK, None, [suspicious])
    assert found
    assert found.overruled_verdict is Verdict.SUSPICIOUS


@pytest.mark.parametrize("address", ["http://127.0.0.1/a", "https://www.google.com/url?q=evil"])
def test_a_url_is_never_overruled(address: str) -> None:
    url = parse(IndicatorType.URL, address)
    found = effective_verdict(url, reputation(url), [TRUSTED])
    assert found == (Verdict.MALICIOUS, "", None)


def test_without_a_verdict_there_is_none() -> None:
    assert effective_verdict(LOOPBACK, None) is None


_INDICATORS = st.sampled_from(
    [
        LOOPBACK,
        ORDINARY,
        *(Indicator(kind, kind.info.example) for kind in INDICATOR_TYPES),
    ]
)
_ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from(ListingStatus),
        st.sampled_from(["malware", SUSPICIOUS]),
        overrules=st.booleans(),
    ),
    max_size=4,
)


@given(_INDICATORS, st.none() | st.sampled_from(Verdict), _ROWS)
def test_a_rule_only_ever_clears(
    indicator: Indicator, verdict: Verdict | None, others: Sequence[ProviderVerdict]
) -> None:
    known = None if verdict is None else reputation(indicator, verdict=verdict)
    stated = [one.verdict for one in others if one.verdict is not None]
    stated += [] if verdict is None else [verdict]
    found = effective_verdict(indicator, known, others)
    if found is None:
        assert not stated
    elif found.overruled_by:
        assert found.verdict is Verdict.BENIGN
        assert found.overruled_verdict is max(stated)
        assert all(apply_rule(one, Ruling(found.overruled_by)).verdict <= one for one in stated)
    else:
        assert found.verdict is overall_verdict(stated)


def overruled_when_published(*evidence: Evidence) -> str:
    """The details of a sighting with a rule as the evidence that decides."""
    rule = Evidence(EvidenceSource.RULE, Verdict.BENIGN, "a rule", decides=True)
    return SightingDetails(evidence=(rule, *evidence)).pack()


def test_what_publishing_overruled_is_shown() -> None:
    stated = Evidence(EvidenceSource.REPORT, Verdict.MALICIOUS)
    details = overruled_when_published(stated)
    known = reputation(LOOPBACK, verdict=Verdict.BENIGN, details=details)
    rule = "special-purpose network 127.0.0.0/8"
    assert effective_verdict(LOOPBACK, known) == (Verdict.BENIGN, rule, Verdict.MALICIOUS)


def test_a_feed_cannot_overrule_by_evidence_of_its_own() -> None:
    details = overruled_when_published(Evidence(EvidenceSource.REPORT, Verdict.MALICIOUS))
    for verdict in (Verdict.BENIGN, Verdict.MALICIOUS):
        known = reputation(ORDINARY, verdict=verdict, details=details)
        assert effective_verdict(ORDINARY, known) == (verdict, "", None)


def test_an_echo_is_not_what_was_overruled() -> None:
    echo = Evidence(EvidenceSource.OSINT, Verdict.MALICIOUS, echo=True)
    details = overruled_when_published(echo)
    known = reputation(LOOPBACK, verdict=Verdict.BENIGN, details=details)
    assert effective_verdict(LOOPBACK, known) == (Verdict.BENIGN, "", None)


def test_a_worse_sighting_of_the_past_is_overruled_too() -> None:
    clean, bad = (
        sighting_summary(verdict=verdict, seen_at=seen_at)
        for verdict, seen_at in ((Verdict.NO_THREAT, 2), (Verdict.MALICIOUS, 1))
    )
    known = Reputation(LOOPBACK, clean.join(bad), 2)
    assert effective_verdict(LOOPBACK, known) == (Verdict.NO_THREAT, "", None)
    assert overruling_rule(LOOPBACK, known)
    [row] = address_report(LOOPBACK, "", known, Scorer(2))["lookup_results"]["sources"]
    assert (row["verdict"], row["worst_verdict"]) == ("NO_THREAT", "BENIGN")
