"""The store contract: what the code relies upon, on every engine that it is run on."""

from dataclasses import replace

import pytest

from functions.ingest.feed_reader import FeedState
from functions.ingest.store.ledger import (
    MAX_CONTENTS,
    MAX_DIGESTS_IN_ENTRY,
    NO_ENTRY,
    Ledger,
    LedgerEntry,
)
from functions.ingest.store.runs import FeedStates, RunLog
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.network import Network
from shared.domain.provider import IocRecord, Listing, ListingStatus, Provider
from shared.domain.verdict import Verdict
from shared.store.api_keys import ApiKeys, digest_of
from shared.store.feed_runs import FeedRun, FeedRuns
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from shared.store.keys import flow_key
from shared.store.providers import ProviderState, ProviderStates
from tests.builders import DOMAIN, reputation
from tests.conftest import Store

OTHER = Indicator(IndicatorType.IP, "192.0.2.1")


def stored(version: bytes, indicator: Indicator = DOMAIN, counted: int = 1) -> IocItem:
    return IocItem(reputation(indicator, counted=counted), version, {flow_key("a"): 7})


class TestIocs:
    def test_what_is_written_is_found(self, every_store: Store) -> None:
        table = IocTable(every_store.client, every_store.table)
        assert table.find(DOMAIN) == IocRecord(DOMAIN)
        assert table.write(stored(b"1"), None)
        assert table.find(DOMAIN) == IocRecord(DOMAIN, stored(b"1").reputation)
        assert table.read([DOMAIN, OTHER], consistent=True) == {DOMAIN: stored(b"1")}

    def test_the_winner_comes_back_whole(self, every_store: Store) -> None:
        table = IocTable(every_store.client, every_store.table)
        named = IocItem(
            reputation(parent_verdict="BENIGN", origin="INPUT_FILE", report_id="r-1"), b"1"
        )
        assert table.write(named, None)
        assert table.find(DOMAIN).reputation == named.reputation
        assert table.write(stored(b"2"), named)
        assert table.find(DOMAIN).reputation == stored(b"2").reputation
        [item] = every_store.items()
        assert not {"parent", "origin", "report"} & item.keys()

    def test_a_write_needs_the_version_that_was_read(self, every_store: Store) -> None:
        table = IocTable(every_store.client, every_store.table)
        first, second = stored(b"1"), stored(b"2", counted=2)
        assert table.write(first, None)
        assert not table.write(second, None)
        assert not table.write(second, stored(b"0"))
        assert table.write(second, first)
        assert not table.write(stored(b"3"), first)
        assert table.read([DOMAIN])[DOMAIN] == second

    def test_a_batch_reads_more_than_one_call_takes_and_each_key_once(
        self, every_store: Store
    ) -> None:
        table = IocTable(every_store.client, every_store.table)
        known = [Indicator(IndicatorType.DOMAIN, f"{n}.example.com") for n in range(230)]
        for indicator in known[::2]:
            table.write(stored(b"1", indicator), None)
        assert set(table.read(known + known)) == set(known[::2])
        assert table.read([]) == {}

    def test_long_urls_with_a_common_beginning_are_different_items(
        self, every_store: Store
    ) -> None:
        table = IocTable(every_store.client, every_store.table)
        long = [
            parse(IndicatorType.URL, "http://evil.example/" + "a" * 4000 + tail) for tail in "xy"
        ]
        assert table.write(stored(b"1", long[0]), None)
        assert table.find(long[1]) == IocRecord(long[1])
        assert table.write(stored(b"1", long[1], counted=3), None)
        found = table.read(long)
        counts = [one.reputation.counted for url in long if (one := found[url]).reputation]
        assert counts == [1, 3]

    def test_retention_is_counted_from_the_last_sighting(self, every_store: Store) -> None:
        table = IocTable(every_store.client, every_store.table, retention_s=60)
        table.write(stored(b"1"), None)
        [item] = every_store.items()
        last_seen = reputation().summary.last_seen
        assert item["ttl"] == {"N": str(last_seen // 1000 + 60)}

    def test_what_is_past_its_retention_is_not_found_though_it_is_stored(
        self, every_store: Store
    ) -> None:
        end = reputation().summary.last_seen // 1000 + 60

        def table(now: float) -> IocTable:
            return IocTable(
                every_store.client, every_store.table, retention_s=60, clock=lambda: now
            )

        assert table(end).write(stored(b"1"), None)
        known = IocRecord(DOMAIN, stored(b"1").reputation)
        assert table(end - 1).find(DOMAIN) == known
        assert table(end - 1).find_many([DOMAIN]) == {DOMAIN: known}
        assert table(end).find(DOMAIN) == IocRecord(DOMAIN)
        assert table(end).find_many([DOMAIN]) == {DOMAIN: IocRecord(DOMAIN)}
        # Ingestion replaces it on its version.
        assert table(end).read([DOMAIN]) == {DOMAIN: stored(b"1")}

    def test_the_verdict_of_a_hash_is_found_without_its_dates_and_tags(
        self, every_store: Store
    ) -> None:
        table = IocTable(
            every_store.client, every_store.table, retention_s=60, clock=lambda: 2_000_000_000
        )
        md5, listed, old, absent = (parse(IndicatorType.MD5, digit * 32) for digit in "abcd")
        known = reputation(md5, seen_at=2_000_000_000_000, tags=frozenset({"packed"}))
        assert table.write(IocItem(known, b"1"), None)
        assert table.write(stored(b"1", old), None)
        for provider in ("one", "two"):
            table.list_subject(provider, listed, LISTED)
        found = table.find_verdicts([md5, listed, old, absent], ["one"])
        assert found == {
            md5: IocRecord(md5, reputation(md5, seen_at=0, counted=0)),
            listed: IocRecord(listed, None, {"one": LISTED}),
            old: IocRecord(old),
            absent: IocRecord(absent),
        }


LISTED = Listing(ListingStatus.LISTED, "botnet", "c2", 1_700_000_000_000, "list a", 4, 5)
TRUSTED = Listing(ListingStatus.TRUSTED)
NETWORK = Network("192.0.2.0/24")
WIDER = Network("192.0.0.0/16")


class TestListings:
    def test_each_provider_has_a_part_of_its_own(self, every_store: Store) -> None:
        table = IocTable(every_store.client, every_store.table)
        table.list_subject("one", DOMAIN, LISTED)
        table.list_subject("two", DOMAIN, TRUSTED)
        assert table.find(DOMAIN) == IocRecord(DOMAIN, None, {"one": LISTED, "two": TRUSTED})
        table.list_subject("one", DOMAIN, None)
        assert table.find(DOMAIN).listings == {"two": TRUSTED}

    def test_the_sandbox_and_a_provider_leave_each_other_alone(self, every_store: Store) -> None:
        table = IocTable(every_store.client, every_store.table)
        table.list_subject("one", DOMAIN, LISTED)
        [before] = table.read([DOMAIN]).values()
        assert before.reputation is None
        assert table.write(replace(stored(b"1"), other_providers=before.other_providers), before)
        assert table.find(DOMAIN) == IocRecord(DOMAIN, stored(b"1").reputation, {"one": LISTED})
        table.list_subject("two", DOMAIN, TRUSTED)
        assert set(table.find(DOMAIN).listings) == {"one", "two"}

    def test_a_writer_of_the_whole_item_notices_a_part_that_came_in_between(
        self, every_store: Store
    ) -> None:
        table = IocTable(every_store.client, every_store.table)
        assert table.write(stored(b"1"), None)
        table.list_subject("one", DOMAIN, LISTED)
        assert not table.write(stored(b"2"), stored(b"1"))

    def test_what_is_listed_does_not_expire_with_what_the_sandbox_saw(
        self, every_store: Store
    ) -> None:
        table = IocTable(every_store.client, every_store.table, retention_s=60)
        table.write(stored(b"1"), None)
        table.list_subject("one", DOMAIN, LISTED)
        [item] = every_store.items()
        assert "ttl" not in item
        [known] = table.read([DOMAIN]).values()
        table.write(replace(stored(b"2"), other_providers=known.other_providers), known)
        [item] = every_store.items()
        assert "ttl" not in item

    def test_a_long_url_that_only_a_provider_knows_keeps_its_value(
        self, every_store: Store
    ) -> None:
        table = IocTable(every_store.client, every_store.table)
        long = parse(IndicatorType.URL, "http://evil.example/" + "a" * 4000)
        table.list_subject("one", long, LISTED)
        assert table.find(long).indicator == long
        assert table.find_many([long])[long].listings == {"one": LISTED}

    def test_an_address_is_found_by_the_networks_around_it(self, every_store: Store) -> None:
        table = IocTable(every_store.client, every_store.table)
        table.list_subject("one", NETWORK, LISTED)
        table.list_subject("one", WIDER, TRUSTED)
        table.list_subject("two", WIDER, TRUSTED)
        table.list_subject("two", OTHER, LISTED)
        known = table.find(OTHER, [WIDER, NETWORK])
        assert known.listings == {"one": LISTED, "two": LISTED}
        assert known.covering == {"one": NETWORK}
        assert table.find(OTHER).listings == {"two": LISTED}
        assert table.find_many([OTHER, DOMAIN], {OTHER: [WIDER]})[DOMAIN] == IocRecord(DOMAIN)

    def test_a_domain_is_found_by_a_listed_name_above_it(self, every_store: Store) -> None:
        table = IocTable(every_store.client, every_store.table)
        top, middle, name = (
            parse(IndicatorType.DOMAIN, one)
            for one in ("b.example", "a.b.example", "x.a.b.example")
        )
        below = replace(TRUSTED, below=True)
        table.list_subject("one", top, below)
        table.list_subject("two", top, TRUSTED)
        table.list_subject("three", top, below)
        table.list_subject("three", middle, replace(below, category="nearer"))
        table.list_subject("four", top, below)
        table.list_subject("four", name, LISTED)
        known = table.find(name, [top, middle])
        assert known.listings == {
            "one": below,
            "three": replace(below, category="nearer"),
            "four": LISTED,
        }
        assert known.covering == {"one": top, "three": middle}
        assert table.find(top).listings["two"] == TRUSTED

    def test_an_indicator_that_is_asked_for_may_cover_another_one(self, every_store: Store) -> None:
        table = IocTable(every_store.client, every_store.table)
        top, name = (parse(IndicatorType.DOMAIN, one) for one in ("b.example", "a.b.example"))
        table.list_subject("one", top, replace(TRUSTED, below=True))
        found = table.find_many([top, name], {name: [top]})
        assert [set(found[one].listings) for one in (top, name)] == [{"one"}, {"one"}]


class TestProviderStates:
    def test_each_is_written_by_itself(self, every_store: Store) -> None:
        states = ProviderStates(every_store.client, every_store.state_table)
        assert states.read() == []
        one = ProviderState(Provider("b", "b.example", frozenset({"ip"}), overrules=True), order=1)
        two = ProviderState(
            Provider("a", "a.example", frozenset({"ip", "url"}), 5, on_demand=True, notes=True),
            order=2,
            licence="free",
            entries=7,
            generation=3,
            network_chunks=1,
            tried=9,
            error="gone",
            below=True,
        )
        states.write(two)
        states.write(one)
        assert states.read(consistent=True) == [one, two]
        states.remove("b")
        assert states.read() == [two]

    def test_networks_come_back(self, every_store: Store) -> None:
        states = ProviderStates(every_store.client, every_store.state_table)
        networks = [Network(f"10.{n // 256}.{n % 256}.0/24") for n in range(30_000)]
        chunks = states.write_networks("one", 4, networks)
        assert chunks == 2
        state = ProviderState(
            Provider("one", "one", frozenset({"ip"})), generation=4, network_chunks=chunks
        )
        assert sorted(states.read_networks(state)) == sorted(networks)
        states.retire_networks("one", 4, chunks, now=1_000_000)
        # Who has just heard of this list may still read it; then it goes by itself.
        assert sorted(states.read_networks(state)) == sorted(networks)
        kept = every_store.items(every_store.state_table)
        assert {item["ttl"]["N"] for item in kept} == {str(1_000 + 3600)}


class TestLedger:
    def test_facts_only_grow(self, every_store: Store) -> None:
        ledger = Ledger(every_store.client, every_store.state_table)
        flow = flow_key("a")
        assert ledger.read([flow], consistent=True) == {}
        ledger.add(flow, b"content-1", frozenset({b"ioc-1"}), NO_ENTRY)
        ledger.add(flow, b"content-1", frozenset({b"ioc-1"}), NO_ENTRY)
        ledger.add(flow, b"content-2", frozenset({b"ioc-2"}), NO_ENTRY)
        ledger.add(flow_key("b"), b"content", frozenset(), NO_ENTRY)
        assert ledger.read([flow, flow_key("b"), flow_key("c")], consistent=True) == {
            flow: LedgerEntry(
                frozenset({b"content-1", b"content-2"}), frozenset({b"ioc-1", b"ioc-2"})
            ),
            flow_key("b"): LedgerEntry(frozenset({b"content"}), frozenset()),
        }

    def test_a_report_that_always_changes_does_not_fill_its_entry(self, every_store: Store) -> None:
        ledger = Ledger(every_store.client, every_store.state_table)
        flow, ioc = flow_key("a"), frozenset({b"ioc-1"})
        for number in range(2 * MAX_CONTENTS + 10):
            known = ledger.read([flow], consistent=True).get(flow, NO_ENTRY)
            ledger.add(flow, b"content-%d" % number, ioc, known)
        entry = ledger.read([flow], consistent=True)[flow]
        assert b"content-%d" % (2 * MAX_CONTENTS + 9) in entry.contents
        assert len(entry.contents) <= MAX_CONTENTS
        assert entry.iocs == ioc

    def test_an_entry_too_large_for_one_item_is_split(self, every_store: Store) -> None:
        ledger = Ledger(every_store.client, every_store.state_table)
        flow = flow_key("a")
        few = frozenset({b"ioc-0001"})
        many = frozenset(n.to_bytes(8, "little") for n in range(2 * MAX_DIGESTS_IN_ENTRY))
        ledger.add(flow, b"content-1", few, NO_ENTRY)
        known = ledger.read([flow], consistent=True)[flow]
        ledger.add(flow, b"content-2", many, known)
        entry = ledger.read([flow], consistent=True)[flow]
        assert entry == LedgerEntry(frozenset({b"content-1", b"content-2"}), few | many)


class TestRuns:
    def test_no_number_is_given_twice_and_complete_runs_are_remembered(
        self, every_store: Store
    ) -> None:
        log = RunLog(every_store.client, every_store.state_table)
        assert log.begin() == (1, frozenset())
        number, complete = log.begin()
        log.complete(number, complete)
        assert log.begin() == (3, frozenset({2}))

    def test_old_complete_runs_are_forgotten(self, every_store: Store) -> None:
        log = RunLog(every_store.client, every_store.state_table)
        log.complete(1, frozenset())
        log.complete(2, frozenset())
        log.complete(1000, frozenset({1, 2}))
        assert log.begin()[1] == {1000}


class TestFeedStates:
    def test_a_run_closes_only_what_it_saw(self, every_store: Store) -> None:
        states = FeedStates(every_store.client, every_store.state_table, "http://feed.example/")
        assert states.read() == FeedState()
        states.open_run(1)
        states.open_run(2)
        states.read_whole({1}, pages=3, at=5, tail="")
        assert states.read() == FeedState(frozenset({2}), pages=3, swept_at=5)
        states.read_to_known({2}, tail="http://feed.example/?page=2")
        assert states.read() == FeedState(pages=3, swept_at=5, tail="http://feed.example/?page=2")

    def test_the_place_of_a_run_that_stopped(self, every_store: Store) -> None:
        states = FeedStates(every_store.client, every_store.state_table, "http://feed.example/")
        states.stopped_at("http://feed.example/?page=9")
        assert states.read().backlog == "http://feed.example/?page=9"
        states.stopped_at("")
        assert states.read().backlog == ""
        states.stopped_at("http://feed.example/?page=9")
        states.read_whole([], pages=10, at=5, tail="")
        assert states.read() == FeedState(pages=10, swept_at=5)

    def test_feeds_do_not_share_a_place(self, every_store: Store) -> None:
        one, other = (
            FeedStates(every_store.client, every_store.state_table, url)
            for url in ("http://feed.example/", "http://other.example/")
        )
        one.open_run(1)
        assert other.read() == FeedState()


class TestFeedRuns:
    def test_the_last_run_of_each_feed_is_noted(self, every_store: Store) -> None:
        runs = FeedRuns(every_store.client, every_store.state_table)
        assert runs.read() == []
        good = FeedRun("feed.example", 5, complete=True, newest=3)
        bad = FeedRun("feed.example", 9, complete=False, stopped="why", failures=2, left=None)
        runs.record("http://feed.example/", good)
        runs.record("http://feed.example/", bad)
        runs.record("http://other.example/", replace(good, feed="other.example"))
        assert runs.read() == [
            replace(bad, whole=5, newest=3),
            replace(good, feed="other.example", whole=5),
        ]


class TestApiKeys:
    def test_a_key_is_found_by_its_digest_and_never_stored(self, every_store: Store) -> None:
        keys = ApiKeys(every_store.client, every_store.state_table)
        keys.put("a-secret-key", "somebody", now=1000)
        found = keys.find(digest_of("a-secret-key"))
        assert found is not None
        assert found.name == "somebody"
        assert keys.find(digest_of("another")) is None
        assert "a-secret-key" not in str(every_store.items(every_store.state_table))


def test_a_store_that_refuses_is_an_error_and_not_an_absence(every_store: Store) -> None:
    with pytest.raises(StoreError, match="ResourceNotFound"):
        IocTable(every_store.client, "no-such-table").find(DOMAIN)


def test_verdicts_are_stored_by_number(every_store: Store) -> None:
    table = IocTable(every_store.client, every_store.table)
    for verdict in Verdict:
        indicator = Indicator(IndicatorType.DOMAIN, f"{verdict.value}.example.com")
        table.write(IocItem(reputation(indicator, verdict=verdict), b"1"), None)
        found = table.find(indicator).reputation
        assert found is not None
        assert found.summary.latest.verdict is verdict
