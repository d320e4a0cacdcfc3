"""`python -m local quarantine`: what a person sees and does there."""

import argparse
import io
import json
from pathlib import Path

import pytest
from moto import mock_aws

from functions.ingest.store.quarantine import Quarantine, QuarantineEntries, QuarantineEntry
from functions.ingest.store.unresolved import UnresolvedReports
from local import quarantine
from local.environment import ENDPOINT
from local.errors import LocalError
from shared.domain.indicator import IndicatorType, parse
from shared.formats.feed.report import Rejected
from tests.builders import raw_ioc, raw_report
from tests.command_line import run_local
from tests.conftest import Store, new_store
from tests.fakes import FEED_URL, json_feed
from tests.ingestion import NOW, ingest, model, stored

DOMAIN = parse(IndicatorType.DOMAIN, "evil.example")
EVIL = raw_report("flow-1", iocs={"domain": [raw_ioc(verdict="EVIL"), raw_ioc("b.example")]})
GOOD = raw_report("flow-1", iocs={"domain": [raw_ioc(), raw_ioc("b.example")]})


@pytest.fixture
def store(any_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store for the commands; moto is not a server, so the test connection is skipped."""
    for name, value in any_store.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("local.environment.engine_endpoint", lambda: "")
    return any_store


def run(*arguments: str) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    quarantine.add_arguments(parser)
    out = io.StringIO()
    status = quarantine.command(out, parser.parse_args(arguments))
    return status, out.getvalue()


def put(store: Store, *rejected: Rejected, now: int = NOW) -> None:
    Quarantine(store.client, store.state_table, FEED_URL).put(rejected, now)


def entries(store: Store) -> list[QuarantineEntry]:
    return list(QuarantineEntries(store.client, store.state_table).find())


def put_evil(store: Store) -> QuarantineEntry:
    """An entry whose IOC has an unknown verdict, in a store."""
    ingest(store, json_feed([EVIL]))
    [entry] = entries(store)
    return entry


def make_known(store: Store, entry: QuarantineEntry) -> None:
    item = store.client.get_item(TableName=store.state_table, Key={"pk": {"S": entry.key}})["Item"]
    record = entry.record.replace('"EVIL"', '"MALICIOUS"')
    store.client.put_item(TableName=store.state_table, Item={**item, "record": {"S": record}})


def test_the_list_is_newest_first_and_says_that_there_is_more(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        put(store, Rejected("date is before 2000", number, f"flow-{number}"), now=NOW + number)
    status, out = run("list", "--limit", "3")
    assert status == 0
    lines = out.splitlines()
    assert [line.split("  ")[2] for line in lines] == ["flow-4", "flow-3", "flow-2"]
    assert lines[0].startswith("2026-01-05T10:00:00.004Z  quarantine#")
    assert lines[0].endswith(f"  date is before 2000  {FEED_URL}")
    assert "--limit" in capsys.readouterr().err
    assert len(run("list")[1].splitlines()) == 5
    assert capsys.readouterr().err == ""


def test_the_list_as_json(store: Store) -> None:
    assert run("list", "--json") == (0, "[]\n")
    put(store, Rejected("no", "x" * 100_000, "flow-1"), now=NOW)
    put(store, Rejected("no", 5), now=NOW + 1)
    newest, oldest = json.loads(run("list", "--json")[1])
    assert oldest == {
        "key": oldest["key"],
        "at": "2026-01-05T10:00:00.000Z",
        "reason": "no",
        "flow_id": "flow-1",
        "feed": FEED_URL,
        "replayable": False,
    }
    assert (newest["flow_id"], newest["replayable"]) == ("", True)


def test_nothing_that_a_feed_says_reaches_the_terminal_raw(store: Store) -> None:
    put(store, Rejected("no", {"\x1b[2J": "\u202e\ud800"}, "flow\u202e1"))
    [entry] = entries(store)
    for out in (run("list")[1], run("list", "--json")[1], run("show", entry.key)[1]):
        assert out.isascii()
        assert "\x1b" not in out


@pytest.mark.parametrize("record", [5, None, {"a": ["\ud800"]}])
def test_show_prints_the_record(store: Store, record: object) -> None:
    put(store, Rejected("no", record))
    [entry] = entries(store)
    for key in (entry.key, entry.key[:16], entry.key.partition("#")[2][:8]):
        status, out = run("show", key)
        assert status == 0
        assert json.loads(out)["record"] == record


def test_show_prints_as_much_of_a_cut_record_as_there_is(store: Store) -> None:
    put(store, Rejected("no", {"a": "x" * 100_000}))
    shown = json.loads(run("show", entries(store)[0].key)[1])
    assert shown["record"].startswith('{"a": "xx')
    assert not shown["replayable"]


@pytest.mark.parametrize("action", ["show", "replay", "drop"])
def test_a_key_that_names_none_or_many_is_refused(store: Store, action: str) -> None:
    put(store, Rejected("no", 1), Rejected("no", 2))
    for key, words in (("", "empty"), ("x", "no key"), ("quarantine#", "more than one")):
        with pytest.raises(LocalError, match=words):
            run(action, key)
    assert len(entries(store)) == 2


@pytest.mark.parametrize("action", ["replay", "drop"])
@pytest.mark.parametrize("which", [(), ("quarantine#1", "--all")])
def test_one_key_or_everything(action: str, which: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        run(action, *which)


@pytest.mark.parametrize("limit", ["0", "-1", "all"])
def test_a_limit_that_is_none(limit: str) -> None:
    with pytest.raises(SystemExit):
        run("list", "--limit", limit)


def test_drop(store: Store) -> None:
    put(store, *(Rejected("no", n) for n in range(3)))
    one = entries(store)[0]
    assert run("drop", one.key) == (0, f"dropped {one.key}: no\n")
    assert one not in entries(store)
    assert len(entries(store)) == 2
    status, out = run("drop", "--all")
    assert (status, len(out.splitlines())) == (0, 2)
    assert run("drop", "--all") == (0, "")


def test_replay(store: Store) -> None:
    entry = put_evil(store)
    status, out = run("replay", entry.key)
    assert status == 1
    assert out.splitlines() == [
        f"refused {entry.key}: verdict is not a known one",
        "0 replayed, 1 refused",
    ]
    make_known(store, entry)
    status, out = run("replay", "--all")
    assert status == 0
    assert out.splitlines() == [f"replayed {entry.key}: IOCs 1", "1 replayed, 0 refused"]
    assert stored(store) == model([GOOD])
    assert entries(store) == []
    assert run("replay", "--all") == (0, "0 replayed, 0 refused\n")


def test_a_report_that_was_given_up_is_fetched_by_the_next_run(store: Store) -> None:
    reason = "the report could not be fetched for 7 days"
    put(store, Rejected(reason, {"flow_id": "flow-1"}, "flow-1"))
    [entry] = entries(store)
    told = f"replayed {entry.key}: the next run fetches the report, if it has a key"
    dry = run("replay", entry.key, "--dry-run")
    assert dry == (0, f"would be {told}\n1 would be replayed, 0 would be refused\n")
    assert run("replay", entry.key) == (0, f"{told}\n1 replayed, 0 refused\n")
    waiting = UnresolvedReports(store.client, store.state_table, FEED_URL).read()
    assert [report.flow_id for report in waiting] == ["flow-1"]
    assert entries(store) == []


def test_a_dry_run_writes_nothing(store: Store) -> None:
    entry = put_evil(store)
    make_known(store, entry)
    put(store, Rejected("no", 5))
    before = [store.items(), store.items(store.state_table)]
    status, out = run("replay", "--all", "--dry-run")
    assert status == 1
    lines = out.splitlines()
    assert f"would be replayed {entry.key}: IOCs 1" in lines
    assert lines[-1] == "1 would be replayed, 1 would be refused"
    assert [store.items(), store.items(store.state_table)] == before


def test_a_replay_that_leaves_a_part_in_quarantine_ends_with_1(store: Store) -> None:
    report = raw_report(
        "flow-1", iocs={"domain": [raw_ioc(), raw_ioc("a.example", "X"), raw_ioc("b.example", "Y")]}
    )
    put(store, Rejected("date is more than a day ahead", report, "flow-1"))
    [entry] = entries(store)
    status, out = run("replay", entry.key)
    assert status == 1
    assert out.splitlines() == [
        f"replayed {entry.key}: IOCs 1, but not all of it, which has entries of its own now: "
        "2 times verdict is not a known one",
        "1 replayed, 0 refused",
    ]
    assert len(entries(store)) == 2


def test_what_is_replayed_is_kept_as_long_as_what_is_ingested(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, Rejected("no", raw_report(date="2025-06-01T00:00:00Z")))
    monkeypatch.setenv("TTL", "30")
    assert run("replay", "--all")[0] == 0
    [item] = store.items()
    assert int(item["ttl"]["N"]) == int(item["last"]["N"]) // 1000 + 30 * 86_400


def test_a_retention_that_is_none_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTL", "soon")
    with pytest.raises(LocalError, match="TTL"):
        run("replay", "--all")


def test_tables_that_are_not_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_TABLE_NAME", "not-made")
    with pytest.raises(LocalError, match="not-made"):
        run("list")


class TestOnAStack:
    def test_it_works_on_the_tables_that_are_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with mock_aws():
            stack = new_store()
            for name, value in stack.env().items():
                monkeypatch.setenv(name, value)
            monkeypatch.delenv("REPORT_TABLE_NAME")  # not every stack publishes
            monkeypatch.setenv("TTL", "0")
            put(stack, Rejected("no", raw_report()))
            assert len(run("list", "--aws")[1].splitlines()) == 1
            assert run("replay", "--all", "--aws")[0] == 0
            assert stored(stack) == model([raw_report()])

    def test_a_replay_needs_the_retention(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("TTL", raising=False)
        with mock_aws(), pytest.raises(LocalError, match="TTL is not set"):
            run("replay", "--all", "--aws")

    @pytest.mark.parametrize("name", ["TABLE_NAME", "STATE_TABLE_NAME"])
    def test_it_needs_the_names(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv(name, "")
        with pytest.raises(LocalError, match=f"{name} is not set"):
            run("list", "--aws")

    def test_an_endpoint_beside_it_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
        with pytest.raises(LocalError, match="--aws"):
            run("list", "--aws")

    def test_it_needs_a_region(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        with pytest.raises(LocalError, match="region"):
            run("list", "--aws")


class TestProcess:
    def test_a_replay_at_the_engine(self, engine: str, engine_store: Store) -> None:
        put(engine_store, Rejected("no", raw_report()), Rejected("no", 5))
        result = run_local(
            "quarantine", "replay", "--all", **{ENDPOINT: engine}, **engine_store.env()
        )
        assert result.returncode == 1
        assert result.stdout.splitlines()[-1] == "1 replayed, 1 refused"
        assert result.stderr == ""
        assert stored(engine_store) == model([raw_report()])

    def test_no_account_is_reached_by_accident(self) -> None:
        result = run_local("quarantine", "list")
        assert result.returncode == 2
        assert result.stderr.startswith(f"error: {ENDPOINT} is not set")

    def test_with_aws_nothing_is_filled_in(self) -> None:
        result = run_local("quarantine", "list", "--aws")
        assert result.returncode == 2
        assert result.stderr.startswith("error: TABLE_NAME is not set")
