"""Harmless values in reports: published as BENIGN, and never bad because of earlier reports."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from functions.publish.intake import Publisher
from functions.publish.scan import ScanReport
from shared.domain.harmless import always_harmless
from shared.domain.indicator import Indicator, IndicatorType
from tests.conftest import Store
from tests.harmless import Group, values
from tests.publishing import feed, histories_of, log_of, publish
from tests.scans import digests, raw_file, read_one, scan_ioc

POPULAR = Indicator(IndicatorType.DOMAIN, "popular.example")
LOOPBACK = Indicator(IndicatorType.IP, "127.0.0.1")


def report(flow_id: str, verdict: str | None, *iocs: Indicator) -> ScanReport:
    found: dict[str, list[Any]] = {}
    for one in iocs:
        found.setdefault(one.type.value, []).append(scan_ioc(one.value, verdict))
    return read_one(found, flow_id=flow_id, resources={}, file=None)


def published(store: Store) -> list[dict[str, Any]]:
    """The IOCs of the newest report in the feed."""
    newest = feed(store)[-1]
    return [ioc for iocs in newest["iocs"].values() for ioc in iocs]


def test_what_is_always_harmless_is_published_as_benign(engine_store: Store) -> None:
    harmless, bad = values(Group.ALWAYS), values(Group.BAD)
    publish(engine_store, report("flow-1", "MALICIOUS", *harmless, *bad))
    found = {ioc["data"]: ioc for ioc in published(engine_store)}
    for one in harmless:
        ioc = found[one.value]
        rule, stated = ioc["evidence"]
        assert (ioc["verdict"], rule["source"], rule["decides"]) == ("BENIGN", "rule", True)
        assert always_harmless(one) in rule.values()
        assert stated["verdict"] == "MALICIOUS"
        assert "decides" not in stated
    assert {found[one.value]["verdict"] for one in bad} == {"MALICIOUS"}


def test_a_digest_of_a_trivial_file_does_not_clear_another_file(engine_store: Store) -> None:
    # A report can name a digest wrongly.
    named = {**digests("b"), "MD5": hashlib.md5(b"", usedforsecurity=False).hexdigest()}
    file = raw_file("b", "MALICIOUS", digests=named)
    publish(engine_store, read_one({}, files=file, file=None))
    found = {ioc["data"].lower(): ioc["verdict"] for ioc in published(engine_store)}
    assert found[named["MD5"]] == "BENIGN"
    assert found[named["SHA-1"]] == found[named["SHA-256"]] == "MALICIOUS"


def test_a_harmless_value_is_not_bad_because_of_an_earlier_report(engine_store: Store) -> None:
    publish(engine_store, report("flow-1", "MALICIOUS", LOOPBACK), report("flow-2", None, LOOPBACK))
    [ioc] = published(engine_store)
    assert (ioc["verdict"], ioc["evidence"]) == ("UNKNOWN", [])


class Trust:
    """Trusts one domain, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Collection[Indicator]] = []

    def __call__(self, indicators: Collection[Indicator]) -> Mapping[Indicator, str]:
        self.asked.append(indicators)
        return {one: "Top sites" for one in indicators if one == POPULAR}


@pytest.mark.parametrize("trusted", [False, True])
def test_a_trusted_value_is_not_bad_because_of_an_earlier_report(
    engine_store: Store, trusted: bool
) -> None:
    trust = Trust()
    made = Publisher(histories_of(engine_store), log_of(engine_store), lambda _: {}, lambda: 0)
    if trusted:
        made = Publisher(
            histories_of(engine_store), log_of(engine_store), lambda _: {}, lambda: 0, trust
        )
    made.publish(report("flow-1", "MALICIOUS", POPULAR))
    assert trust.asked == []
    made.publish(report("flow-2", None, POPULAR))
    [ioc] = published(engine_store)
    assert ioc["verdict"] == ("UNKNOWN" if trusted else "MALICIOUS")
    assert trust.asked == ([[POPULAR]] if trusted else [])


def test_a_good_earlier_report_about_a_trusted_value_still_counts(engine_store: Store) -> None:
    trust = Trust()
    made = Publisher(
        histories_of(engine_store), log_of(engine_store), lambda _: {}, lambda: 0, trust
    )
    made.publish(report("flow-1", "NO_THREAT", POPULAR))
    made.publish(report("flow-2", None, POPULAR))
    [ioc] = published(engine_store)
    assert ioc["verdict"] == "NO_THREAT"
    assert trust.asked == []
