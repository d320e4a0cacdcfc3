"""What providers say, and what that comes to."""

from dataclasses import replace

import pytest

from shared.domain.indicator import IndicatorType, parse
from shared.domain.listing import Known, Listing, Provider, Stance, Voice, voices
from shared.domain.network import Network
from shared.domain.verdict import Verdict
from tests.ingestion import NOW

IP = parse(IndicatorType.IP, "192.0.2.1")
LIST = Provider("list", "list.example", frozenset({"ip", "url"}), updated=NOW - 1)
OTHER = Provider("other", "other.example", frozenset({"ip"}), updated=NOW - 2)
DOMAINS = Provider("domains", "domains.example", frozenset({"domain"}), updated=NOW)
LISTED = Listing(Stance.LISTED, "botnet", detect_time=5)


@pytest.mark.parametrize(
    ("stance", "assessment", "verdict"),
    [
        (Stance.LISTED, "botnet", Verdict.LIKELY_MALICIOUS),
        (Stance.LISTED, "", Verdict.LIKELY_MALICIOUS),
        (Stance.LISTED, "suspicious", Verdict.SUSPICIOUS),
        (Stance.LISTED, "Suspicious", Verdict.SUSPICIOUS),
        (Stance.TRUSTED, "", Verdict.BENIGN),
        (Stance.NOT_LISTED, "", None),
        (Stance.FAILED, "", None),
    ],
)
def test_what_a_word_comes_to(stance: Stance, assessment: str, verdict: Verdict | None) -> None:
    assert Voice(LIST, Listing(stance, assessment)).verdict is verdict


def test_everybody_who_covers_the_type_speaks_in_order() -> None:
    known = Known(IP, listings={"list": LISTED, "domains": LISTED, "gone": LISTED})
    said = voices(known, [OTHER, DOMAINS, LIST], NOW)
    assert said == [Voice(OTHER, Listing(Stance.NOT_LISTED)), Voice(LIST, LISTED)]


def test_the_network_is_told_of_the_provider_that_lists_it() -> None:
    network = Network("192.0.2.0/24")
    known = Known(IP, listings={"list": LISTED}, networks={"list": network})
    assert [one.network for one in voices(known, [LIST, OTHER], NOW)] == [network, None]


@pytest.mark.parametrize(("updated", "stance"), [(0, Stance.FAILED), (NOW - 1, Stance.NOT_LISTED)])
def test_who_never_had_a_list_cannot_say_that_it_is_not_on_it(updated: int, stance: Stance) -> None:
    [said] = voices(Known(IP), [replace(LIST, updated=updated)], NOW)
    assert said.listing == Listing(stance)


@pytest.mark.parametrize(
    ("expires", "holds"), [(0, True), (NOW + 1, True), (NOW, False), (1, False)]
)
def test_an_answer_is_repeated_until_it_expires(expires: int, holds: bool) -> None:
    answer = replace(LISTED, expires=expires)
    api = replace(LIST, updated=0, on_demand=True)
    [said] = voices(Known(IP, listings={"list": answer}), [api], NOW)
    assert (said.listing == answer) is holds
    assert (said.listing.stance is Stance.FAILED) is not holds
