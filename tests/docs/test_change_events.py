"""Compares docs/events.md with the schema, the code and the template."""

import json
import time
from typing import Any

import pytest

from functions.changes.change import DETAIL_TYPE, SCHEMA_VERSION, SOURCE, Reason, change_in
from functions.webhook.delivery import signed_headers, signing_keys
from local.environment import DEFAULTS
from shared.domain.verdict import Verdict
from tests.changes import SCHEMA, VALIDATOR
from tests.docs.markdown import blocks, read, section, table

DOCUMENT = read("docs/events.md")
TEXT = " ".join(DOCUMENT.split())
KEY = DEFAULTS["WEBHOOK_SIGNING_KEY"]
EXAMPLE, RULE = [json.loads(block.text) for block in blocks(DOCUMENT, "json")]


def test_the_example_is_the_event_of_a_record() -> None:
    VALIDATOR.validate(EXAMPLE)
    records = json.loads(read("events/dynamodb-stream-changes.json"))["Records"]
    assert EXAMPLE in [change_in(record) for record in records]
    assert SCHEMA["properties"]["schema_version"]["const"] == SCHEMA_VERSION


def test_every_key_of_an_event_is_required_and_described_once() -> None:
    said = SCHEMA["properties"]["reputation"]
    assert list(EXAMPLE) == SCHEMA["required"] == list(SCHEMA["properties"])
    assert list(EXAMPLE["reputation"]) == said["required"] == list(said["properties"])


def test_every_reason_is_described() -> None:
    assert [name for name, _ in table(DOCUMENT, "Reason", "What happened")] == [*Reason]


def test_a_rule_finds_the_events_by_their_names() -> None:
    assert (RULE["source"], RULE["detail-type"]) == ([SOURCE], [DETAIL_TYPE])
    assert f"| Source | `{SOURCE}` |" in DOCUMENT
    assert f"| Detail type | `{DETAIL_TYPE}` |" in DOCUMENT
    for name, verdicts in RULE["detail"].items():
        assert name in EXAMPLE
        assert set(verdicts) <= {verdict.name for verdict in Verdict}


def test_headers_are_those_that_are_sent() -> None:
    sent = signed_headers(signing_keys(KEY), "an-id", 0, b"")
    documented = [name for name, _ in table(DOCUMENT, "Header", "Holds")]
    assert documented == [name for name in sent if name.startswith("webhook-")]


@pytest.mark.parametrize("spoiled", [None, "body", "webhook-id", "webhook-timestamp", "key"])
def test_the_receiver_tells_ours_from_others(spoiled: str | None) -> None:
    [code] = blocks(section(DOCUMENT, "## The webhook"), "python")
    made: dict[str, Any] = {}
    exec(compile(code.text, "docs/events.md", "exec"), made)  # noqa: S102
    now, body = int(time.time()), json.dumps(EXAMPLE).encode()
    headers = signed_headers(signing_keys(KEY), EXAMPLE["id"], now, body)
    if spoiled in headers:
        headers[spoiled] = str(now + 1)
    given = body + b" " if spoiled == "body" else body
    key = KEY.replace("b", "c") if spoiled == "key" else KEY
    assert made["is_genuine"](key, headers, given) == (spoiled is None)


def test_an_old_message_is_refused() -> None:
    [code] = blocks(section(DOCUMENT, "## The webhook"), "python")
    made: dict[str, Any] = {}
    exec(compile(code.text, "docs/events.md", "exec"), made)  # noqa: S102
    old = int(time.time()) - 3600
    assert not made["is_genuine"](KEY, signed_headers(signing_keys(KEY), "i", old, b""), b"")
