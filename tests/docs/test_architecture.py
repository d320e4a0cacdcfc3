"""Compares docs/architecture.md and docs/data-model.md with the template, items and keys."""

import re
from typing import Any

from functions.ingest.store.unresolved import UnresolvedReports, Waiting
from functions.providers.snapshots import Snapshots
from functions.publish.store.feed_log import FeedLog
from local.environment import DEFAULT_API_KEY
from local.template import load_template
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.network import Network
from shared.domain.override import Override
from shared.domain.provider import Listing, ListingStatus, Provider
from shared.domain.reputation import OF_REPORT
from shared.domain.verdict import Verdict
from shared.store.annotations import AnnotationLog, Kind
from shared.store.api_keys import ApiKey, ApiKeys, KeyChange, digest_of
from shared.store.items import IocItem, listing_attribute, listing_value, to_item
from shared.store.keys import Prefix, feed_runs_key
from shared.store.providers import ProviderState, ProviderStates
from shared.store.quotas import DAY_S, QuotaCounters, Window
from shared.store.search_index import SHARDS, SearchIndex
from tests.builders import reputation, sighting, sighting_summary
from tests.conftest import Store
from tests.docs.markdown import ROOT, names, read, table
from tests.fakes import InlineExecutor

ARCHITECTURE = read("docs/architecture.md")
DATA_MODEL = read("docs/data-model.md")
# Made by the template, but no part of how the service works.
DETAILS = re.compile(r"AWS::(Logs::|CloudWatch::|IAM::Role|Lambda::Permission)")
IN_IOC_TABLE = (Prefix.LONG_URL, Prefix.NETWORK)
LISTING = Listing(ListingStatus.LISTED, "botnet", "c2", 1, "a list", 2, 3, below=True)


def test_components_are_those_of_the_template() -> None:
    documented = {row[0]: row[1] for row in table(ARCHITECTURE, "Component", "Lives in", "Does")}
    for not_deployed in ("the local stack", "the command line"):
        documented.pop(not_deployed)
    resources = load_template()["Resources"]
    assert documented.keys() == {
        name for name, one in resources.items() if not DETAILS.match(one["Type"])
    }
    for name, place in documented.items():
        assert (ROOT / place).exists()
        code = resources[name]["Properties"].get("CodeUri") or resources[name]["Properties"].get(
            "ContentUri", "template.yaml"
        )
        assert code.rstrip("/") == place, name


def test_ioc_table_has_every_attribute() -> None:
    url = Indicator(IndicatorType.URL, "http://evil.example/" + "a" * 3000)
    full = reputation(
        url,
        seen_at=2_000_000,
        last_seen=3_000_000,
        parent_verdict="BENIGN",
        origin="INPUT_FILE",
        report_id="4c1a7d0e-0000-4000-8000-000000000001",
        source=OF_REPORT,
        tags=frozenset({"a"}),
        claimed_count=9,
    )
    taken_back = Override(1, 1, Verdict.BENIGN, "reason", "Ann", "on", deleted=True)
    item = to_item(
        IocItem(full, b"12345678", {b"1234567890": 1}, override=taken_back), retention_s=1
    )
    item[listing_attribute("<id>")] = listing_value(LISTING)
    documented = table(DATA_MODEL, "Attribute", "Type", "Holds")
    assert {name: kind for name, kind, _ in documented} == {
        name: next(iter(value)) for name, value in item.items()
    }


def test_listing_table_has_every_part() -> None:
    parts = {name: next(iter(value)) for name, value in listing_value(LISTING)["M"].items()}
    documented = table(DATA_MODEL, "Part of a listing", "Type", "Holds")
    assert {name: kind for name, kind, _ in documented} == parts


def test_override_table_has_every_part() -> None:
    override = Override(1, 1, Verdict.BENIGN, "reason", "Ann", "on", expires=2, deleted=True)
    item = to_item(IocItem(reputation(), b"12345678", {}, override=override), retention_s=1)
    parts = {name: next(iter(value)) for name, value in item["o"]["M"].items()}
    documented = table(DATA_MODEL, "Part", "Type", "Holds")
    assert {name: kind for name, kind, _ in documented} == parts


def documented_items(first_column: str) -> dict[str, set[str]]:
    """The kinds of items in the table of StateTable or ReportTable, with their attributes."""
    found: dict[str, set[str]] = {}
    for key, attributes, _ in table(DATA_MODEL, first_column, "Attributes", "Holds"):
        found.setdefault(key.split("#")[0], {"pk"}).update(names(attributes))
    return found


def test_every_kind_of_item_is_in_one_table() -> None:
    columns = ("Key", "Item", "Partition")
    documented = [kind for column in columns for kind in documented_items(column)]
    assert sorted(documented) == sorted(one for one in Prefix if one not in IN_IOC_TABLE)
    section = DATA_MODEL[DATA_MODEL.index("## IocTable") : DATA_MODEL.index("## StateTable")]
    for kind in (*(one.value for one in IndicatorType), *IN_IOC_TABLE):
        assert f"`{kind}#`" in section


def test_state_table_has_every_attribute(summary: dict[str, Any], wired: Store) -> None:
    documented = documented_items("Key")
    assert summary["quarantined"] > 0
    # What a run and a key do not leave behind by themselves.
    digest = digest_of(DEFAULT_API_KEY)
    keys = ApiKeys(wired.client, wired.state_table)
    keys.change(digest, disabled=True)
    keys.record(KeyChange("disable", ApiKey(digest, "test"), "an operator", 0))
    QuotaCounters(wired.client, wired.state_table).lease(Window(digest, DAY_S, 0), 1, 1)
    log = AnnotationLog(wired.client, wired.state_table)
    log.put(Kind.FALSE_POSITIVE, log.next_number(Kind.FALSE_POSITIVE), {}, 0)
    log.claim(Kind.FALSE_POSITIVE, Indicator(IndicatorType.DOMAIN, "a.example"), digest, 1)
    waiting = UnresolvedReports(wired.client, wired.state_table, "http://feed.example")
    waiting.add([Waiting("a", 1)])
    kept = keep_a_list(wired)
    items = wired.items(wired.state_table)
    assert {item["pk"]["S"].split("#")[0] for item in items} == documented.keys()
    for item in items:
        attributes = {f"{kept}<id>" if name == f"{kept}a" else name for name in item}
        if item["pk"]["S"] == feed_runs_key():
            attributes = {re.sub(r":[0-9a-f]{16}$", ":<feed>", name) for name in attributes}
            assert attributes == documented["feed-runs"]
        assert attributes <= documented[item["pk"]["S"].split("#")[0]], item["pk"]


def keep_a_list(store: Store) -> str:
    """What a provider leaves behind; returns what its attribute begins with."""
    network = Network("192.0.2.0/24")
    states = ProviderStates(store.client, store.state_table)
    states.write(ProviderState(Provider("a", "a.example", frozenset({"ip"}))))
    states.write_networks("a", 1, [network])
    snapshots = Snapshots(store.client, store.state_table, "a", "me")
    state = snapshots.claim(0, 1)
    assert state
    snapshots.begin(state, {network: LISTING})
    return "p:"


def test_search_table_has_every_attribute(wired: Store) -> None:
    index = SearchIndex(wired.client, wired.search_table, retention_s=1)
    seen = sighting_summary(parent_verdict="BENIGN", origin="INPUT_FILE", report_id="a")
    index.add([(b"digest", [sighting(seen)])], InlineExecutor())
    found: dict[str, set[str]] = {}
    for item in wired.items(wired.search_table):
        found.setdefault(item["pk"]["S"].split("#")[0], set()).update(item)
    assert found == documented_items("Partition")
    assert ("day#<day>#<0-3>" in DATA_MODEL) == (SHARDS == 4)


def test_report_table_has_every_attribute(circle: list[str], wired: Store) -> None:
    documented = documented_items("Item")
    # One that comes again with other content leaves an entry without a body.
    log = FeedLog(wired.client, wired.report_table)
    for content in (b"1", b"2"):
        log.append(log.claim("flow", "report", content, []), content, b"{}", 0)
    log.claim("flow", "broken off", b"3", [Indicator(IndicatorType.DOMAIN, "evil.example")])
    found: dict[str, set[str]] = {}
    for item in wired.items(wired.report_table):
        found.setdefault(item["pk"]["S"].split("#")[0], set()).update(item)
    assert found == documented
