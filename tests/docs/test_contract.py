"""The tables of docs/contract.md, held against the error table and the answers."""

import re

from functions.lookup.feed_status_body import STALE_MS, feed_status
from functions.lookup.provider_status_body import provider_status
from functions.lookup.reputation_bodies import reputation_report
from functions.lookup.v4_bodies import (
    address_report,
    bulk_hash_row,
    hash_report,
    listed_hash_report,
)
from local.template import load_template
from shared.domain.indicator import Indicator, IndicatorType, Query
from shared.domain.provider import SUSPICIOUS, Listing, ListingStatus, Provider, ProviderVerdict
from shared.domain.score import Scorer
from shared.domain.verdict import Verdict
from shared.http import errors
from shared.store.feed_runs import FeedRun
from shared.store.providers import ProviderState
from tests.builders import reputation
from tests.docs.markdown import names, read, table

DOCUMENT = read("docs/contract.md")
FILE = Indicator(IndicatorType.SHA256, "0" * 64)


def test_shown_error_is_one() -> None:
    [shown] = re.findall(r"`(\{\"success\": false.*?\})`", DOCUMENT)
    assert shown == str(errors.HASH_NOT_FOUND.body()).replace("'", '"').replace("False", "false")


def test_verdict_table_is_what_is_answered() -> None:
    rows = table(
        DOCUMENT,
        *("Verdict", "Hash: scan_result_i", "Address: status", "Address: assessment"),
        "Counts as detected",
    )
    assert {row[0] for row in rows} == {verdict.name for verdict in Verdict}
    for name, *cells in rows:
        known = reputation(verdict=Verdict[name])
        scan = hash_report(reputation(FILE, verdict=Verdict[name]), Scorer(0))["scan_results"]
        address = address_report(known.indicator, "", known, Scorer(0))["lookup_results"]
        source = address["sources"][0]
        assert scan["total_detected_avs"] == address["detected_by"]
        counts = "yes" if address["detected_by"] else "no"
        answered = [scan["scan_all_result_i"], source["status"], source["assessment"], counts]
        assert cells == [str(value) for value in answered], name


# In the order of the rows: the provider lists it, trusts it, does not know it, could not be asked.
LISTINGS = [
    [Listing(ListingStatus.LISTED, "botnet"), Listing(ListingStatus.LISTED, SUSPICIOUS)],
    [Listing(ListingStatus.TRUSTED)],
    [Listing(ListingStatus.NOT_LISTED)],
    [Listing(ListingStatus.FAILED)],
]


def voice(listing: Listing) -> ProviderVerdict:
    return ProviderVerdict(Provider("a", "a.example", frozenset(IndicatorType), 1), listing)


def test_rows_of_providers_are_what_is_answered() -> None:
    columns = ("The provider", "status", "assessment", "detect_time", "Counts as detected")
    rows = table(DOCUMENT, *columns)
    for (_, status, assessment, _, counts), listings in zip(rows, LISTINGS, strict=True):
        for listing in listings:
            known = reputation(verdict=Verdict.NO_THREAT)
            report = address_report(known.indicator, "", known, Scorer(0), [voice(listing)])
            results = report["lookup_results"]
            row = results["sources"][1]
            assert str(row["status"]) == status
            assert (results["detected_by"] == 1) == (counts == "yes")
            if status != "1":
                assert row["assessment"] == assessment


def test_engines_of_providers_are_what_is_answered() -> None:
    columns = ("The provider", "scan_result_i", "threat_found", "Counts in total_detected_avs")
    rows = table(DOCUMENT, *columns)
    for (_, result, threat, counts), listings in zip(rows, LISTINGS, strict=True):
        for listing in listings:
            scan = listed_hash_report(FILE, [voice(listing)])["scan_results"]
            engine = scan["scan_details"]["a.example"]
            assert str(engine["scan_result_i"]) in re.findall(r"\d", result)
            assert bool(engine["threat_found"]) == bool(threat)
            assert (scan["total_detected_avs"] == 1) == (counts == "yes")


def test_keys_of_the_status_of_a_provider_are_told() -> None:
    provider = Provider("a", "a.example", frozenset(IndicatorType))
    said = DOCUMENT[DOCUMENT.index("`GET /v4/status/providers`") :].partition("\n\n")[0]
    for key in provider_status(ProviderState(provider), 0):
        assert f"`{key}`" in said, key


def test_keys_of_the_status_of_a_feed_are_told() -> None:
    told = [name for row in table(DOCUMENT, "Key", "Holds") for name in names(row[0])]
    assert told == list(feed_status(FeedRun("feed.example", 0, complete=True), 0))


def test_a_feed_is_stale_when_the_alarm_goes_off() -> None:
    alarm = load_template()["Resources"]["FeedStaleAlarm"]["Properties"]
    assert alarm["MetricName"] == "ingest_complete"
    assert alarm["Period"] * alarm["EvaluationPeriods"] * 1000 == STALE_MS


def test_every_key_that_a_client_needs_is_in_an_answer() -> None:
    needed = needed_by_clients("Key", "Read by", "Without it")
    ip = Indicator(IndicatorType.IP, "192.0.2.1")
    answers = [
        hash_report(reputation(FILE), Scorer(0)),
        address_report(ip, ip.value, reputation(ip), Scorer(0)),
        bulk_hash_row(FILE, reputation(FILE), Scorer(0), with_details=False),
    ]
    assert len(needed) > 15
    assert needed <= set().union(*map(keys, answers))


def test_every_key_that_a_client_of_the_sandbox_needs_is_in_an_answer() -> None:
    needed = needed_by_clients("Key of a reputation", "Read by", "What they do with it")
    known = reputation()
    answers = [
        reputation_report(Query(FILE, FILE.value), None),
        reputation_report(Query(known.indicator, known.indicator.value), known),
    ]
    assert needed == set().union(*map(keys, answers))


def test_the_order_of_verdicts_is_that_of_the_code() -> None:
    order = ", ".join(f"`{verdict.name.lower()}`" for verdict in sorted(Verdict, reverse=True))
    assert order in DOCUMENT


def needed_by_clients(*columns: str) -> set[str]:
    """The keys in the first column of a table."""
    rows = table(DOCUMENT, *columns)
    marked = re.findall(r"^\| (.+?) \| ", DOCUMENT, re.MULTILINE)
    return {
        part
        for cell in marked
        if any(cell.replace("`", "") == row[0] for row in rows)
        for span in re.findall(r"`([^`]+)`", cell)
        for part in span.replace("*.", "").split(".")
    }


def keys(value: object) -> set[str]:
    """Every key anywhere in an answer."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    if isinstance(value, list):
        return set().union(*map(keys, value))
    return set()
