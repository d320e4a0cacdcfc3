import itertools

import pytest

from functions.lookup.explanation_bodies import explanation
from functions.lookup.service import LookupResult
from functions.lookup.v4_bodies import address_report, bulk_hash_row, hash_report
from shared.domain.harmless import EffectiveVerdict, effective_verdict
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.override import Override, holds_for, join, may_pass
from shared.domain.provider import (
    IocRecord,
    Listing,
    ListingStatus,
    Provider,
    ProviderVerdict,
    provider_verdicts,
)
from shared.domain.score import Scorer
from shared.domain.verdict import Verdict
from tests.builders import reputation

DOMAIN = Indicator(IndicatorType.DOMAIN, "files.example")
URL = Indicator(IndicatorType.URL, "https://files.example/a")
HASH = Indicator(IndicatorType.SHA256, "AB" * 32)
MD5 = Indicator(IndicatorType.MD5, "AB" * 16)
LIST = Provider("list", "List", frozenset({"domain", "sha256"}), updated=1)
NOW = 1_800_000_000_000


def override(verdict: Verdict = Verdict.BENIGN, *, on: str = "", **more: int | bool) -> Override:
    facts: dict[str, int | bool] = {"set_at": NOW - 10, "id": 1, **more}
    return Override(verdict=verdict, reason="ours", by="Ann", on=on, **facts)  # type: ignore[arg-type]


def effective(
    indicator: Indicator, stated: Verdict | None, decided: Override, *more: ProviderVerdict
) -> EffectiveVerdict | None:
    known = None if stated is None else reputation(indicator, verdict=stated)
    others = provider_verdicts(IocRecord(indicator, known, override=decided), [], NOW)
    return effective_verdict(indicator, known, [*others, *more])


@pytest.mark.parametrize("indicator", [DOMAIN, URL, HASH])
@pytest.mark.parametrize(("stated", "decided"), list(itertools.product(Verdict, Verdict)))
def test_the_analyst_wins_over_the_sandbox(
    indicator: Indicator, stated: Verdict, decided: Verdict
) -> None:
    found = effective(indicator, stated, override(decided))
    if stated is decided:
        assert found == EffectiveVerdict(decided)
    else:
        assert found == EffectiveVerdict(decided, "Analyst", stated)


@pytest.mark.parametrize("status", [ListingStatus.LISTED, ListingStatus.TRUSTED])
@pytest.mark.parametrize("decided", list(Verdict))
def test_the_analyst_wins_over_lists(status: ListingStatus, decided: Verdict) -> None:
    listed = ProviderVerdict(LIST, Listing(status))
    found = effective(DOMAIN, None, override(decided), listed)
    assert found is not None
    assert found.verdict is decided


@pytest.mark.parametrize("decided", list(Verdict))
def test_an_unknown_value_becomes_known(decided: Verdict) -> None:
    assert effective(DOMAIN, None, override(decided)) == EffectiveVerdict(decided)


def test_what_is_always_harmless_stays_harmless() -> None:
    loopback = Indicator(IndicatorType.IP, "127.0.0.1")
    found = effective(loopback, None, override(Verdict.MALICIOUS))
    assert found is not None
    assert found.verdict is Verdict.BENIGN
    assert found.overruled_by == "special-purpose network 127.0.0.0/8"


def test_an_override_that_has_expired_ends_for_good() -> None:
    expired = override(expires=NOW)
    assert expired.at(NOW - 1) == expired
    ended = expired.at(NOW)
    assert ended.deleted
    assert join([expired, ended, expired]) == ended
    assert override().at(NOW) == override()


@pytest.mark.parametrize("over", [override(expires=NOW), override(deleted=True)])
def test_an_override_that_has_ended_decides_nothing(over: Override) -> None:
    assert effective(DOMAIN, Verdict.MALICIOUS, over) == EffectiveVerdict(Verdict.MALICIOUS)
    assert effective(DOMAIN, None, over) is None


def test_an_override_holds_until_it_expires() -> None:
    found = effective(DOMAIN, Verdict.MALICIOUS, override(expires=NOW + 1))
    assert found == EffectiveVerdict(Verdict.BENIGN, "Analyst", Verdict.MALICIOUS)


@pytest.mark.parametrize("stated", list(Verdict))
def test_a_bad_verdict_of_the_analyst_does_not_age(stated: Verdict) -> None:
    known = reputation(DOMAIN, verdict=stated)
    scorer = Scorer(known.summary.last_seen + 1000 * 86_400_000)
    others = provider_verdicts(
        IocRecord(DOMAIN, known, override=override(Verdict.SUSPICIOUS)), [], NOW
    )
    body = address_report(DOMAIN, DOMAIN.value, known, scorer, others)
    row = body["lookup_results"]["sources"][0]
    assert (row["score"], row["valid_until"]) == (100, "")
    found = LookupResult(DOMAIN, known, others)
    explained = explanation(found, [], scorer, with_senders=False)
    assert (explained["score"], explained["valid_until"]) == (100, "")


@pytest.mark.parametrize(("stated", "decided"), list(itertools.product(Verdict, Verdict)))
def test_rows_detect_no_more_than_the_analyst_and_no_more_than_their_own_verdict(
    stated: Verdict, decided: Verdict
) -> None:
    known = reputation(DOMAIN, verdict=stated)
    others = provider_verdicts(IocRecord(DOMAIN, known, override=override(decided)), [], NOW)
    body = address_report(DOMAIN, DOMAIN.value, known, Scorer(NOW), others)
    sandbox, analyst = body["lookup_results"]["sources"]
    assert sandbox["verdict"] == decided.name
    assert sandbox.get("overruled_verdict", stated.name) == stated.name
    assert (sandbox["status"] == 1) is (min(stated, decided) >= Verdict.SUSPICIOUS)
    assert analyst["provider"] == "Analyst"
    assert analyst["verdict"] == decided.name
    assert "overruled_by" not in analyst
    assert (analyst["status"], analyst["assessment"]) == {
        Verdict.MALICIOUS: (1, "high risk"),
        Verdict.LIKELY_MALICIOUS: (1, "high risk"),
        Verdict.SUSPICIOUS: (1, "suspicious"),
        Verdict.NO_THREAT: (5, ""),
        Verdict.BENIGN: (0, "trustworthy"),
    }[decided]


def test_a_listed_row_reads_as_no_detection() -> None:
    listed = ProviderVerdict(LIST, Listing(ListingStatus.LISTED, "botnet", category="c2"))
    others = provider_verdicts(IocRecord(DOMAIN, override=override()), [], NOW)
    body = address_report(DOMAIN, DOMAIN.value, None, Scorer(NOW), [*others, listed])
    row = body["lookup_results"]["sources"][2]
    assert (row["status"], row["assessment"]) == (0, "trustworthy")
    assert (row["overruled_by"], row["overruled_verdict"]) == ("Analyst", "LIKELY_MALICIOUS")
    assert "category" not in row
    assert body["lookup_results"]["detected_by"] == 0


def test_a_file_that_is_cleared_has_no_detection() -> None:
    known = reputation(HASH, verdict=Verdict.MALICIOUS)
    others = provider_verdicts(IocRecord(HASH, known, override=override()), [], NOW)
    results = hash_report(known, Scorer(NOW), others)["scan_results"]
    assert results["scan_all_result_a"] == "No Threat Detected"
    assert results["total_detected_avs"] == 0
    sandbox = results["scan_details"]["MetaDefender Sandbox"]
    assert (sandbox["scan_result_i"], sandbox["threat_found"]) == (0, "")
    assert sandbox["overruled_by"] == "Analyst"
    assert "Analyst" in results["scan_details"]


def test_a_file_that_is_condemned_is_infected() -> None:
    known = reputation(HASH, verdict=Verdict.BENIGN)
    decided = override(Verdict.MALICIOUS)
    others = provider_verdicts(IocRecord(HASH, known, override=decided), [], NOW)
    row = bulk_hash_row(HASH, known, Scorer(NOW), others, with_details=True)
    assert row["scan_result_i"] == 1
    assert row["total_detected_avs"] == 1
    assert row["overruled_by"] == "Analyst"


def test_the_join_keeps_the_greatest() -> None:
    some = [override(set_at=1, id=2), override(set_at=2, id=1), override(set_at=2, id=3)]
    for order in itertools.permutations([*some, None]):
        assert join(order) == some[2]
    assert join([None]) is None


def test_an_override_of_another_digest_does_not_hold_for_several_files() -> None:
    other = Indicator(IndicatorType.SHA256, "CD" * 32)
    assert holds_for(override(on=HASH.value), MD5, frozenset({HASH}))
    assert not holds_for(override(on=HASH.value), MD5, frozenset({HASH, other}))
    assert holds_for(override(on=MD5.value), MD5, frozenset({HASH, other}))


def test_nothing_passes_between_files() -> None:
    one, other = frozenset({"A"}), frozenset({"B"})
    none: frozenset[str] = frozenset()
    assert may_pass(one, one)
    assert may_pass(one, none)
    assert may_pass(none, none)
    assert not may_pass(one, other)
    assert not may_pass(one | other, one)
