"""The story of docs/story.md: all consumers follow the analyst, and the page shows what happens."""

import json
from itertools import pairwise

import pytest

from tests.changes import VALIDATOR
from tests.conftest import Store
from tests.docs.markdown import blocks, read
from tests.story import BLOCK_LIST, CHANGES, RPZ, Story, play, written

STATES = ["Called MALICIOUS", "Overridden", "Repeated 1,000 times", "Expired"]


@pytest.fixture
def story(engine_store: Store, fresh_handlers: None, monkeypatch: pytest.MonkeyPatch) -> Story:
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    return play(engine_store)


def test_a_false_alarm_from_the_feed_to_its_end(story: Story) -> None:
    def of(consumer: str) -> list[str]:
        return [state[consumer] for state in story.consumers.values()]

    assert list(story.consumers) == STATES
    assert of("`detected_by` of a look-up") == ["1", "0", "0", "1"]
    assert of(f"`{BLOCK_LIST}`") == ["listed", "not listed", "not listed", "listed"]
    assert of(f"`{RPZ}`") == ["listed", "not listed", "not listed", "listed"]
    assert of(f"`{CHANGES}`, followed") == ["listed", "not listed", "not listed", "listed"]
    assert of("`to_ids` in MISP") == ["true", "false", "false", "true"]
    # A client of TAXII sees the revocation once, and the domain as a new object.
    first, revoked, repeated, back = of("STIX over TAXII")
    assert revoked == f"{first} revoked"
    assert repeated == "nothing"
    assert back.startswith("`indicator--")
    assert " " not in back
    assert back != first

    [called], [override], none, [expired] = (story.events[state] for state in STATES)
    assert none == []
    for event in (called, override, expired):
        VALIDATOR.validate(event)
    assert [(one["reason"], one["verdict"]) for one in (called, override, expired)] == [
        ("report", "MALICIOUS"),
        ("override", "BENIGN"),
        ("override_expired", "MALICIOUS"),
    ]
    assert override["override"]["reason"] == "the update server of the customer"
    assert expired["reputation"]["scan_count"] == 1001
    assert all(a["sequence"] < b["sequence"] for a, b in pairwise([called, override, expired]))

    # The page is of this story. Its outputs may be of an earlier run.
    document = read("docs/story.md")
    page, made = (blocks(text, "") for text in (document, written(document, story)))
    assert [one.text.splitlines()[0] for one in page] == [one.text.splitlines()[0] for one in made]
    page, made = (blocks(text, "json") for text in (document, written(document, story)))
    assert [[*json.loads(one.text)] for one in page] == [[*json.loads(one.text)] for one in made]
    assert _tables(document) == _tables(written(document, story))


def _tables(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]
