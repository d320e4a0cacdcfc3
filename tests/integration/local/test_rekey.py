"""`python -m local rekey`: what was stored under old forms is found under the present ones."""

import argparse
import io
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from functions.ingest.store.ledger import NO_ENTRY, Ledger
from functions.ingest.store.runs import RunLog
from functions.providers.snapshots import Snapshots, SnapshotState
from local import rekey as command
from local.errors import LocalError
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.store.batch import batch_put
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from tests.builders import reputation
from tests.conftest import Store
from tests.fakes import dies, failing_client
from tests.rekeying import NOW, calls_of, faults, fill, forms, reapplied, rekey

ITEMS = 30
FEW_ITEMS = 14
# Of the calls that a run takes, one in so many is where it is killed. By hand: REKEY_KILL_EVERY=1.
EVERY = int(os.environ.get("REKEY_KILL_EVERY", "23"))


def contents(store: Store) -> dict[str, list[Any]]:
    names = (store.table, store.state_table, store.report_table, store.search_table)
    return {name: store.items(name) for name in names}


def restore(store: Store, kept: Mapping[str, list[Any]]) -> None:
    store.empty(*kept)
    for name, items in kept.items():
        batch_put(store.boto3, name, items)


def test_everything_is_found_by_its_new_form_and_counts_are_exact(any_store: Store) -> None:
    old = fill(any_store, ITEMS)
    assert faults(any_store, old)
    kept = contents(any_store)
    said = rekey(any_store).preview()
    assert contents(any_store) == kept
    told = rekey(any_store).execute()
    assert faults(any_store, old) == []
    assert told["left"] == told["refused"] == 0
    for name in ("items", "moved", "joined", "ledger_entries"):
        assert told[name] == said[name] > 0
    assert told["moved"] > told["joined"]
    other_tables = ("sightings", "report_rows", "histories", "listed")
    assert all(told[name] > 0 for name in other_tables)
    again = rekey(any_store).execute()
    assert [again[name] for name in ("moved", *other_tables)] == [0] * 5
    # A second delivery of the reports, in any form, changes nothing.
    assert reapplied(any_store, old) == []


def killed_runs(store: Store, kept: Mapping[str, list[Any]]) -> Iterator[int]:
    calls = calls_of(lambda client: rekey(store, client).execute(), store.client)
    for number in range(1, calls + 1):
        if number % EVERY == 1 or EVERY == 1:
            restore(store, kept)
            yield number


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_killed_run_is_gone_on_with(moto_store: Store, *, after: bool) -> None:
    old = fill(moto_store, FEW_ITEMS)
    kept = contents(moto_store)
    killed = 0
    for number in killed_runs(moto_store, kept):
        client = failing_client(moto_store.client, fail_at=number, after=after)
        killed += dies(rekey(moto_store, client).execute)
        # Killed once more, early, before it is let go on.
        dies(rekey(moto_store, failing_client(moto_store.client, fail_at=40, after=after)).execute)
        assert rekey(moto_store).execute()["left"] == 0
        assert faults(moto_store, old) == [], f"killed at call {number}"
    assert killed >= 4


def test_what_is_no_indicator_any_more_stays_and_is_told(moto_store: Store) -> None:
    table = IocTable(moto_store.client, moto_store.table)
    one = Indicator(IndicatorType.DOMAIN, "32.1.2.0.192.rpz-ip")
    assert table.write(IocItem(reputation(one), b"12345678"), None)
    told = rekey(moto_store).execute()
    assert told["refused"] == 1
    assert list(told["refused_keys"]) == [f"domain#{one.value}"]
    assert [item["pk"]["S"] for item in moto_store.items()] == [f"domain#{one.value}"]


def test_an_old_item_that_changed_meanwhile_stays_and_is_moved_next_time(
    moto_store: Store,
) -> None:
    canonical, old, *_ = forms(1)
    table = IocTable(moto_store.client, moto_store.table)
    assert table.write(IocItem(reputation(old), b"12345678"), None)
    work = rekey(moto_store)

    def change(_: object) -> int:
        stored = IocItem(reputation(old, flow_id="later", counted=2), b"87654321")
        assert table.write(stored, table.read([old])[old])
        return 0

    object.__setattr__(work, "names", {**work.names})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command.Rekey, "_move_lists", lambda _, found: change(found))
        assert work.execute()["left"] == 1
    told = rekey(moto_store).execute()
    assert (told["left"], told["joined"]) == (0, 1)
    found = table.read([canonical])[canonical].reputation
    assert found is not None
    assert found.counted == 2


def test_a_run_of_ingestion_meanwhile_is_noticed(moto_store: Store) -> None:
    log = RunLog(moto_store.client, moto_store.state_table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command.Rekey, "_move_lists", lambda *_: log.begin()[0] * 0)
        assert rekey(moto_store).execute()["left"] == 1


def test_a_list_that_is_being_written_is_let_end_first(moto_store: Store) -> None:
    snapshots = Snapshots(moto_store.client, moto_store.state_table, "busy", "somebody")
    assert snapshots.claim(NOW, NOW + 1) == SnapshotState()
    snapshots.begin(SnapshotState(), {})
    snapshots.release()
    with pytest.raises(StoreError, match="the list of busy is being refreshed"):
        rekey(moto_store).execute()


def test_an_entry_of_the_ledger_that_is_full_takes_the_new_name_in_its_shards(
    moto_store: Store,
) -> None:
    ledger = Ledger(moto_store.client, moto_store.state_table)
    digests = frozenset(number.to_bytes(12, "big") for number in range(3_999))
    flow = b"f" * 10
    known = ledger.read([flow], consistent=True)
    assert not known
    ledger.add(flow, b"c", digests, NO_ENTRY)
    known = ledger.read([flow], consistent=True)
    more = frozenset({b"\x01" * 12, b"\xff" * 12})
    for _ in range(2):
        ledger.name_also(flow, more, known[flow])
    entry = ledger.read([flow], consistent=True)[flow]
    assert entry.iocs == digests | more
    assert entry.contents == {b"c"}


def run(*arguments: str) -> tuple[int, Any]:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    out = io.StringIO()
    status = command.command(out, parser.parse_args(arguments))
    return status, json.loads(out.getvalue())


def test_the_command_counts_first_and_then_moves(
    engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    old = fill(engine_store, ITEMS)
    status, said = run("--dry-run")
    assert (status, said["dry_run"]) == (0, True)
    status, told = run()
    assert (status, told["moved"]) == (0, said["moved"])
    assert faults(engine_store, old) == []


@pytest.mark.parametrize("name", ["SEARCH_TABLE_NAME", "REPORT_TABLE_NAME"])
def test_a_stack_is_moved_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for one in ("TABLE_NAME", "STATE_TABLE_NAME", "SEARCH_TABLE_NAME", "REPORT_TABLE_NAME"):
        monkeypatch.setenv(one, "a-table")
    monkeypatch.delenv(name)
    with pytest.raises(LocalError, match=f"{name} is not set"):
        run("--aws")
