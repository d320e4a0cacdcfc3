"""Counters and records of API keys, as the code relies upon them, on every engine."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import StoreError
from shared.store.api_keys import DEFAULT_DAILY_LIMIT, NEVER, ApiKey, ApiKeys, Right, digest_of
from shared.store.keys import api_key_key, quota_key
from shared.store.quotas import DAY_S, MINUTE_S, QuotaCounters, Window
from tests.conftest import Store

DIGEST = digest_of("a-key-for-tests")
DAY = Window(DIGEST, DAY_S, 1_767_571_200)
MINUTE = Window(DIGEST, MINUTE_S, 1_767_571_260)
NOW = 1_767_607_200_000


@pytest.fixture
def counters(every_store: Store) -> QuotaCounters:
    return QuotaCounters(every_store.client, every_store.state_table)


@pytest.fixture
def keys(any_store: Store) -> ApiKeys:
    return ApiKeys(any_store.client, any_store.state_table)


class TestCounters:
    def test_the_limit_holds_to_the_last_one(self, counters: QuotaCounters) -> None:
        assert counters.used(DAY) == 0
        assert counters.lease(DAY, 7, 10) == 7
        assert counters.lease(DAY, 4, 10) is None
        assert counters.lease(DAY, 3, 10) == 10
        assert counters.lease(DAY, 1, 10) is None
        assert counters.used(DAY) == 10

    def test_the_first_lease_has_a_limit_too(self, counters: QuotaCounters) -> None:
        assert counters.lease(DAY, 11, 10) is None
        assert counters.used(DAY) == 0
        assert counters.lease(DAY, 10, 10) == 10

    def test_a_lower_limit_holds_at_once(self, counters: QuotaCounters) -> None:
        counters.lease(DAY, 10, 10)
        assert counters.lease(DAY, 1, 5) is None
        assert counters.lease(DAY, 1, 11) == 11

    def test_windows_and_keys_are_counted_apart(self, counters: QuotaCounters) -> None:
        windows = [
            DAY,
            MINUTE,
            Window(DIGEST, MINUTE_S, DAY.start_s),
            Window(DIGEST, DAY_S, DAY.start_s + DAY_S),
            Window(digest_of("another"), DAY_S, DAY.start_s),
        ]
        for number, window in enumerate(windows, 1):
            assert counters.lease(window, number, 10) == number
        assert [counters.used(window) for window in windows] == [1, 2, 3, 4, 5]

    def test_a_counter_expires_after_its_window(
        self, counters: QuotaCounters, every_store: Store
    ) -> None:
        counters.lease(DAY, 1, 10)
        counters.lease(DAY, 1, 10)
        [item] = every_store.items(every_store.state_table)
        assert item["pk"] == {"S": f"quota#{DIGEST}#2026-01-05"}
        assert item["ttl"] == {"N": str(DAY.end_s + DAY_S)}
        assert item["used"] == {"N": "2"}

    def test_names_of_windows(self) -> None:
        assert (DAY.name, MINUTE.name) == ("2026-01-05", "2026-01-05T00:01")
        assert quota_key("ab", DAY.name) == "quota#ab#2026-01-05"

    def test_a_store_without_the_table_is_an_error(self, every_store: Store) -> None:
        nowhere = QuotaCounters(every_store.client, "not-made")
        with pytest.raises(StoreError):
            nowhere.lease(DAY, 1, 10)
        with pytest.raises(StoreError):
            nowhere.used(DAY)


class TestApiKeys:
    def test_a_record_is_found_as_it_was_made(self, keys: ApiKeys) -> None:
        made = keys.put("k", "soc", NOW, expires=NOW + 1, daily_limit=0, minute_limit=60)
        assert made == ApiKey(
            digest_of("k"), "soc", NOW, False, expires=NOW + 1, daily_limit=0, minute_limit=60
        )
        assert keys.find(digest_of("k")) == made

    def test_a_record_without_limits_has_the_defaults(
        self, keys: ApiKeys, any_store: Store
    ) -> None:
        any_store.client.put_item(
            TableName=any_store.state_table,
            Item={"pk": {"S": api_key_key(DIGEST)}, "name": {"S": "soc"}, "created": {"N": "5"}},
        )
        assert keys.find(DIGEST) == ApiKey(
            DIGEST, "soc", 5, False, NEVER, DEFAULT_DAILY_LIMIT, minute_limit=0
        )

    @pytest.mark.parametrize(
        ("stored", "rights"),
        [
            ({}, {Right.LOOKUP, Right.EXPORT}),
            ({"publish": {"BOOL": False}}, {Right.LOOKUP, Right.EXPORT}),
            ({"publish": {"BOOL": True}}, {Right.LOOKUP, Right.EXPORT, Right.PUBLISH}),
            ({"rights": {"SS": ["publish"]}, "publish": {"BOOL": False}}, {Right.PUBLISH}),
            ({"rights": {"SS": ["lookup", "of a later version"]}}, {Right.LOOKUP}),
        ],
    )
    def test_a_key_from_before_there_were_rights_keeps_what_it_may_do(
        self, every_store: Store, stored: dict[str, Any], rights: set[Right]
    ) -> None:
        item = {"pk": {"S": api_key_key(DIGEST)}, "name": {"S": "soc"}, **stored}
        every_store.client.put_item(TableName=every_store.state_table, Item=item)
        found = ApiKeys(every_store.client, every_store.state_table).find(DIGEST)
        assert found
        assert found.rights == rights

    def test_rights_are_stored_and_replaced(self, keys: ApiKeys) -> None:
        made = keys.put("k", "soc", NOW, rights=[Right.PUBLISH, Right.ANNOTATE])
        assert keys.find(made.digest) == made
        changed = keys.change(made.digest, rights=[Right.LOOKUP])
        assert changed == replace(made, rights=frozenset({Right.LOOKUP}))

    def test_a_change_leaves_the_rest_as_it_is(self, keys: ApiKeys) -> None:
        made = keys.put("k", "soc", NOW, daily_limit=5)
        changed = keys.change(made.digest, disabled=True)
        assert changed == keys.find(made.digest)
        assert changed == ApiKey(made.digest, "soc", NOW, True, daily_limit=5)
        changed = keys.change(made.digest, disabled=False, expires=9, daily_limit=0, minute_limit=3)
        assert changed == ApiKey(made.digest, "soc", NOW, False, 9, 0, 3)

    def test_what_is_not_there_cannot_be_changed(self, keys: ApiKeys) -> None:
        assert keys.change(DIGEST, disabled=True) is None
        assert keys.find(DIGEST) is None

    def test_a_deleted_key_is_gone(self, keys: ApiKeys) -> None:
        made = keys.put("k", "soc", NOW)
        keys.delete(made.digest)
        keys.delete(made.digest)
        assert keys.find(made.digest) is None

    def test_all_keys_and_nothing_else_are_listed(
        self, keys: ApiKeys, counters: QuotaCounters
    ) -> None:
        assert keys.all() == []
        made = [keys.put(f"k{n}", f"holder {n}", NOW - n) for n in range(3)]
        counters.lease(DAY, 1, 10)
        assert keys.all() == made[::-1]

    def test_a_long_table_is_read_to_its_end(self, keys: ApiKeys, any_store: Store) -> None:
        # A page of a scan holds 1 MB, before the filter.
        for number in range(8):
            any_store.client.put_item(
                TableName=any_store.state_table,
                Item={"pk": {"S": f"quarantine#{number}"}, "record": {"S": "x" * 300_000}},
            )
        made = [keys.put(f"k{n}", "soc", n) for n in range(10)]
        assert keys.all() == made

    def test_the_key_itself_is_nowhere_in_the_table(self, keys: ApiKeys, any_store: Store) -> None:
        keys.put("s3cret-key", "soc", NOW)
        assert "s3cret" not in str(any_store.items(any_store.state_table))
