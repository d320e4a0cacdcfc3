"""Listings of providers, and the verdict that follows."""

from dataclasses import replace

import pytest

from shared.domain.indicator import IndicatorType, parse
from shared.domain.network import Network
from shared.domain.provider import (
    IocRecord,
    Listing,
    ListingStatus,
    Provider,
    ProviderVerdict,
    provider_verdicts,
)
from shared.domain.verdict import Verdict
from tests.ingestion import NOW

IP = parse(IndicatorType.IP, "192.0.2.1")
LIST = Provider("list", "list.example", frozenset({"ip", "url"}), updated=NOW - 1)
OTHER = Provider("other", "other.example", frozenset({"ip"}), updated=NOW - 2)
DOMAINS = Provider("domains", "domains.example", frozenset({"domain"}), updated=NOW)
LISTED = Listing(ListingStatus.LISTED, "botnet", detect_time=5)


@pytest.mark.parametrize(
    ("status", "assessment", "verdict"),
    [
        (ListingStatus.LISTED, "botnet", Verdict.LIKELY_MALICIOUS),
        (ListingStatus.LISTED, "", Verdict.LIKELY_MALICIOUS),
        (ListingStatus.LISTED, "suspicious", Verdict.SUSPICIOUS),
        (ListingStatus.LISTED, "Suspicious", Verdict.SUSPICIOUS),
        (ListingStatus.TRUSTED, "", Verdict.BENIGN),
        (ListingStatus.NOT_LISTED, "", None),
        (ListingStatus.FAILED, "", None),
    ],
)
def test_what_a_word_comes_to(
    status: ListingStatus, assessment: str, verdict: Verdict | None
) -> None:
    assert ProviderVerdict(LIST, Listing(status, assessment)).verdict is verdict


def test_a_note_clears_nothing() -> None:
    trusted = Listing(ListingStatus.TRUSTED)
    verdicts = [
        ProviderVerdict(replace(LIST, notes=notes), trusted).verdict for notes in (True, False)
    ]
    assert verdicts == [Verdict.NO_THREAT, Verdict.BENIGN]


def test_everybody_who_covers_the_type_speaks_in_order() -> None:
    known = IocRecord(IP, listings={"list": LISTED, "domains": LISTED, "gone": LISTED})
    said = provider_verdicts(known, [OTHER, DOMAINS, LIST], NOW)
    assert said == [
        ProviderVerdict(OTHER, Listing(ListingStatus.NOT_LISTED)),
        ProviderVerdict(LIST, LISTED),
    ]


def test_the_network_is_told_of_the_provider_that_lists_it() -> None:
    network = Network("192.0.2.0/24")
    known = IocRecord(IP, listings={"list": LISTED}, covering={"list": network})
    assert [one.covering for one in provider_verdicts(known, [LIST, OTHER], NOW)] == [network, None]


@pytest.mark.parametrize(
    ("updated", "status"), [(0, ListingStatus.FAILED), (NOW - 1, ListingStatus.NOT_LISTED)]
)
def test_who_never_had_a_list_cannot_say_that_it_is_not_on_it(
    updated: int, status: ListingStatus
) -> None:
    [said] = provider_verdicts(IocRecord(IP), [replace(LIST, updated=updated)], NOW)
    assert said.listing == Listing(status)


@pytest.mark.parametrize(
    ("expires", "holds"), [(0, True), (NOW + 1, True), (NOW, False), (1, False)]
)
def test_an_answer_is_repeated_until_it_expires(expires: int, holds: bool) -> None:
    answer = replace(LISTED, expires=expires)
    api = replace(LIST, updated=0, on_demand=True)
    [said] = provider_verdicts(IocRecord(IP, listings={"list": answer}), [api], NOW)
    assert (said.listing == answer) is holds
    assert (said.listing.status is ListingStatus.FAILED) is not holds
