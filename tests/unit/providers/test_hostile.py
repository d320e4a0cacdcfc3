"""Whatever a provider sends, it is read or refused: no other error comes out."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.formats.lists.declaration import Declaration
from shared.formats.lists.errors import ListError
from shared.formats.lists.read import read_snapshot
from tests.unit.providers.support import (
    CATALOG,
    NOW,
    declare,
    documents,
    sample,
)

BUNDLE = declare("stix_bundle")
PATHS = declare(
    "json_path",
    "items = 'objects[]', value = 'pattern', date = 'valid_from', category = 'max(labels)'",
)
TRIED = [*CATALOG.values(), BUNDLE, PATHS]
ODD: list[object] = [None, True, 10**30, "", "\ud800", [[]], {"a": {}}]


def bodies_of(declaration: Declaration) -> dict[str, bytes]:
    if declaration in (BUNDLE, PATHS):
        return {declaration.address: sample("bundle.json")}
    return documents(declaration)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each part of a JSON value."""
    found = [path]
    inner = value if isinstance(value, dict) else {}
    inner = dict(enumerate(value)) if isinstance(value, list) else inner
    for key, one in inner.items():
        found += places(one, (*path, key))
    return found


def put(value: Any, path: tuple[Any, ...], odd: object) -> Any:
    if not path:
        return odd
    value[path[0]] = put(value[path[0]], path[1:], odd)
    return value


def read_or_refused(declaration: Declaration, bodies: dict[str, bytes]) -> None:
    def get(url: str) -> bytes:
        return bodies.get(url, b"{}")

    with suppress(ListError):
        snapshot = read_snapshot(declaration, get, NOW)
        assert all(listing.detect_time >= 0 for listing in snapshot.entries.values())


@pytest.mark.parametrize("declaration", TRIED, ids=lambda one: f"{one.id} {one.format}")
def test_any_part_may_be_anything(declaration: Declaration) -> None:
    bodies = bodies_of(declaration)
    for address, body in bodies.items():
        if not body.startswith(b"{") or declaration.format == "json_lines":
            continue
        for path in places(json.loads(body)):
            for odd in ODD:
                changed = json.dumps(put(json.loads(body), path, odd)).encode()
                read_or_refused(declaration, {**bodies, address: changed})


@pytest.mark.parametrize("declaration", TRIED, ids=lambda one: f"{one.id} {one.format}")
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_any_bytes_may_come(declaration: Declaration, data: st.DataObject) -> None:
    bodies = bodies_of(declaration)
    address = data.draw(st.sampled_from(sorted(bodies)))
    body = bodies[address]
    at = data.draw(st.integers(0, len(body)))
    cut = data.draw(st.integers(0, 20))
    changed = body[:at] + data.draw(st.binary(max_size=20)) + body[at + cut :]
    read_or_refused(declaration, {**bodies, address: changed})
