"""`python -m local keys`: keys that are made, listed and taken away."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.__main__ import main
from shared.store.api_keys import ApiKeys, digest_of
from tests.command_line import run_local
from tests.conftest import Store

Run = Callable[..., str]


@pytest.fixture
def keys(
    engine_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs `keys` with arguments in this process; gives what it printed to stdout."""
    monkeypatch.setenv("STATE_TABLE_NAME", engine_store.state_table)

    def run(*arguments: str) -> str:
        assert main(["keys", *arguments]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def refused(keys: Run, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `keys` with arguments that it must refuse; gives what it printed to stderr."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        try:
            status: Any = main(["keys", *arguments])
        except SystemExit as exit_:
            status = exit_.code
        said = capsys.readouterr()
        assert status == 2
        assert said.out == ""
        return said.err

    return run


def listed(keys: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(keys("list", "--json"))
    return found


def test_a_key_is_printed_once_and_lets_in(keys: Run, engine_store: Store) -> None:
    key = keys("create", "soc").strip()
    record = ApiKeys(engine_store.client, engine_store.state_table).find(digest_of(key))
    assert record
    assert (record.name, record.daily_limit, record.minute_limit) == ("soc", 4000, 0)
    assert record.is_valid(2**45)
    assert key not in str(engine_store.items(engine_store.state_table))
    assert key not in keys("list") + keys("list", "--json")
    assert record.short_digest in keys("list")


def test_json(keys: Run) -> None:
    made = json.loads(
        keys(
            "create",
            "an analyst",
            "--daily",
            "0",
            "--per-minute",
            "60",
            "--expires",
            "2999-12-31",
            "--json",
        )
    )
    key = made.pop("key")
    assert digest_of(key).startswith(made["digest"])
    assert made["created"].endswith("Z")
    assert made == {
        "digest": made["digest"],
        "name": "an analyst",
        "state": "active",
        "created": made["created"],
        "expires": "2999-12-31T00:00:00.000Z",
        "daily_limit": 0,
        "minute_limit": 60,
        "rights": ["lookup", "export"],
    }
    assert listed(keys) == [made]


def test_disable_and_enable(keys: Run) -> None:
    made = json.loads(keys("create", "soc", "--json"))
    other = json.loads(keys("create", "other", "--json"))
    prefix = made["digest"]
    assert json.loads(keys("disable", prefix, "--json"))["state"] == "disabled"
    assert [key["state"] for key in listed(keys)] == ["disabled", "active"]
    assert " disabled " in keys("list")
    assert json.loads(keys("enable", prefix.upper(), "--json"))["state"] == "active"
    assert [key["digest"] for key in listed(keys)] == [prefix, other["digest"]]


def test_expire(keys: Run) -> None:
    prefix = json.loads(keys("create", "soc", "--json"))["digest"]
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert json.loads(keys("expire", prefix, soon.isoformat(), "--json"))["state"] == "active"
    expired = json.loads(keys("expire", prefix, "2020-01-01T02:00+02:00", "--json"))
    assert (expired["state"], expired["expires"]) == ("expired", "2020-01-01T00:00:00.000Z")
    assert json.loads(keys("expire", prefix, "never", "--json"))["expires"] is None


def test_limit(keys: Run) -> None:
    prefix = json.loads(keys("create", "soc", "--daily", "10", "--json"))["digest"]
    changed = json.loads(keys("limit", prefix, "--per-minute", "5", "--json"))
    assert (changed["daily_limit"], changed["minute_limit"]) == (10, 5)
    changed = json.loads(keys("limit", prefix, "--daily", "0", "--json"))
    assert (changed["daily_limit"], changed["minute_limit"]) == (0, 5)
    assert "no limit a day, 5 a minute" in keys("list")


def test_rights(keys: Run) -> None:
    made = json.loads(keys("create", "sandbox", "--rights", "publish, lookup", "--json"))
    assert made["rights"] == ["lookup", "publish"]
    assert "may lookup,publish  sandbox" in keys("list")
    added = json.loads(keys("create", "sandbox", "--publish", "--json"))
    assert added["rights"] == ["lookup", "publish", "export"]
    changed = json.loads(keys("rights", made["digest"], "annotate", "--json"))
    assert changed["rights"] == ["annotate"]
    assert [key["rights"] for key in listed(keys)] == [changed["rights"], added["rights"]]


def test_every_change_leaves_a_mark_and_a_line(
    keys: Run, engine_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(*arguments: str) -> str:
        assert main(["keys", *arguments, "--by", "an operator"]) == 0
        printed = capsys.readouterr()
        lines.append(printed.err.splitlines()[0])
        return printed.out

    lines: list[str] = []
    key = change("create", "soc").strip()
    prefix = digest_of(key)[:12]
    for arguments in (
        ("disable", prefix),
        ("enable", prefix),
        ("expire", prefix, "never"),
        ("limit", prefix, "--daily", "5"),
        ("rights", prefix, "lookup"),
        ("delete", prefix),
    ):
        change(*arguments)
    assert main(["keys", "list"]) == 0
    marks = sorted(
        (one for one in engine_store.items(engine_store.state_table) if "action" in one),
        key=lambda one: int(one["at"]["N"]),
    )
    actions = ["create", "disable", "enable", "expire", "limit", "rights", "delete"]
    assert [one["action"]["S"] for one in marks] == actions
    for mark, line, action in zip(marks, lines, actions, strict=True):
        assert mark["by"]["S"] == "an operator"
        assert (mark["name"]["S"], mark["key"]["S"]) == ("soc", prefix)
        assert line.endswith(f" an operator: {action} {prefix} (soc)")
        assert key not in f"{mark}{line}"


def test_delete(keys: Run) -> None:
    made = json.loads(keys("create", "soc", "--json"))
    assert json.loads(keys("delete", made["digest"], "--json"))["state"] == "deleted"
    assert keys("list") == ""
    assert listed(keys) == []


def test_a_digest_that_names_none_or_many(keys: Run, refused: Run, engine_store: Store) -> None:
    assert "no key has a digest that begins with abcd" in refused("disable", "abcd")
    for pk in ("key#" + "ab" * 32, "key#" + "ab" * 31 + "cd"):
        engine_store.client.put_item(
            TableName=engine_store.state_table, Item={"pk": {"S": pk}, "name": {"S": "x"}}
        )
    assert "more than one key" in refused("delete", "abab")
    assert len(listed(keys)) == 2
    assert json.loads(keys("delete", "ab" * 31 + "cd", "--json"))["state"] == "deleted"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create", " "], "printable"),
        (["create", "a\nb"], "printable"),
        (["create", "x" * 65], "printable"),
        (["create", "x", "--daily", "-1"], "daily"),
        (["create", "x", "--daily", "many"], "many is not a number"),
        (["create", "x", "--per-minute", "1.5"], "1.5 is not a number"),
        (["create", "x", "--expires", "soon"], "soon is not a date"),
        (["create", "x", "--expires", "1960-01-01"], "before 1970"),
        (["create", "x", "--expires", "2020-01-01"], "has passed"),
        (["expire", "abcd", "tomorrow"], "tomorrow is not a date"),
        (["create", "x", "--rights", "lookup,everything"], "lookup, publish, export, annotate"),
        (["create", "x", "--rights", ""], "lookup, publish, export, annotate"),
        (["rights", "abcd", "write"], "lookup, publish, export, annotate"),
        (["disable", "abc"], "4 to 64 hexadecimal digits"),
        (["limit", "abcd"], "no key has a digest"),
        (["lend", "abcd"], "invalid choice"),
        ([], "required: ACTION"),
    ],
)
def test_what_makes_no_sense_is_refused(refused: Run, arguments: list[str], words: str) -> None:
    assert words in refused(*arguments)


def test_a_limit_to_change_has_to_be_named(keys: Run, refused: Run) -> None:
    prefix = json.loads(keys("create", "soc", "--json"))["digest"]
    assert "nothing to change" in refused("limit", prefix)


def test_a_key_in_place_of_its_digest_is_not_repeated(refused: Run) -> None:
    assert "s3cret" not in refused("disable", "s3cret-key-by-mistake")


def test_no_table_is_told(refused: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_TABLE_NAME", "not-made")
    said = refused("list")
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1
    assert "not-made" in said


def test_no_account_is_reached_by_accident() -> None:
    credentials = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}
    result = run_local("keys", "list", STATE_TABLE_NAME="state", TABLE_NAME="iocs", **credentials)
    assert result.returncode == 2
    assert "AWS_ENDPOINT_URL_DYNAMODB is not set" in result.stderr


def test_a_stack_has_to_be_named(engine: str) -> None:
    both = run_local("keys", "list", "--aws", AWS_ENDPOINT_URL_DYNAMODB=engine)
    assert both.returncode == 2
    assert "AWS_ENDPOINT_URL_DYNAMODB" in both.stderr
    unnamed = run_local("keys", "list", "--aws", AWS_REGION="us-east-1")
    assert unnamed.returncode == 2
    assert "TABLE_NAME is not set" in unnamed.stderr


def test_the_key_alone_goes_to_stdout(engine_store: Store) -> None:
    result = run_local(
        "keys",
        "create",
        "soc",
        AWS_ENDPOINT_URL_DYNAMODB=os.environ["AWS_ENDPOINT_URL_DYNAMODB"],
        STATE_TABLE_NAME=engine_store.state_table,
    )
    assert result.returncode == 0, result.stderr
    key = result.stdout.strip()
    assert len(key) == 32
    assert key not in result.stderr
    assert digest_of(key)[:12] in result.stderr
