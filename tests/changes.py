"""Records of the IOC table's stream, and the events that come of them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import jsonschema_rs

from functions.changes.change import Detail
from local.changes import stream_records
from shared.domain.reputation import Reputation
from shared.store.items import IocItem, Item, to_item
from tests.docs.markdown import ROOT

SCHEMA = json.loads((ROOT / "docs" / "ioc-verdict-changed.schema.json").read_bytes())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
LISTING = {"l:urlhaus": {"M": {"s": {"N": "1"}}}}
KEY = "domain#evil.example"
# A state of an item: gone, of providers alone, or of the sandbox.
State = Reputation | Item | None


def item_of(state: State, version: int) -> Item | None:
    """The item in a state; versions never come twice."""
    if isinstance(state, Reputation):
        return to_item(IocItem(state, version.to_bytes(8, "big")))
    return None if state is None else {"pk": {"S": KEY}, **state}


def history(states: Sequence[State]) -> list[dict[str, Any]]:
    """The records of an item that goes through these states, from none on."""
    items = [item_of(state, version) for version, state in enumerate([None, *states])]
    return [
        record
        for old, new in pairwise(items)
        for record in stream_records(_by_key(old), _by_key(new))
    ]


def _by_key(item: Item | None) -> dict[str, Item]:
    return {} if item is None else {item["pk"]["S"]: item}


def last_word(details: Iterable[Mapping[str, Any]]) -> Detail:
    """What a consumer of one IOC's events keeps that drops what is older."""
    newest: Detail = {}
    for detail in details:
        if not newest or detail["sequence"] > newest["sequence"]:
            newest = dict(detail)
    return newest


class Bus:
    """A stand-in for PutEvents: accepts the events it is set to accept, and records them.

    Args:
        takes: whether each entry is taken, in their order; after the last one all are.
    """

    def __init__(self, takes: Iterable[bool] = ()) -> None:
        self._takes: Iterator[bool] = iter(takes)
        self.details: list[Detail] = []
        self.entries: list[dict[str, str]] = []

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert 0 < len(Entries) <= 10
        results: list[dict[str, str]] = []
        for entry in Entries:
            if next(self._takes, True):
                self.entries.append(entry)
                self.details.append(json.loads(entry["Detail"]))
                results.append({"EventId": "1"})
            else:
                results.append({"ErrorCode": "InternalFailure", "ErrorMessage": "secret"})
        return {"FailedEntryCount": 0, "Entries": results}
