"""A MISP feed: a manifest, and a file for each of its events."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin

from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES
from shared.formats.lists import options
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry, RejectedEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import text
from shared.formats.lists.formats.text import Get

ACCEPT = "application/json"

_HEX = "[0-9A-Fa-f]"
_UUID = re.compile(rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}")
_PLAIN = frozenset(name for kind in INDICATOR_TYPES for name in kind.info.misp_types)
# Positions of indicators in composite values.
_PARTS: Mapping[str, tuple[int, ...]] = {
    "ip-src|port": (0,),
    "ip-dst|port": (0,),
    "hostname|port": (0,),
    "domain|ip": (0, 1),
    **{f"filename|{kind}": (-1,) for kind in HASH_TYPES},
    "malware-sample": (-1,),
}


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the newest events of the feed.

    Raises:
        ListError: the manifest or an event is not valid.
    """
    wanted = declaration.read_options(options.MispFeed)
    manifest = text.parse(get(declaration.address))
    if not isinstance(manifest, dict) or not all(map(_UUID.fullmatch, manifest)):
        raise ListError("the manifest is not an object of events")
    newest = sorted(manifest, key=lambda uuid: (_stamp(manifest[uuid]), uuid), reverse=True)
    for uuid in newest[: wanted.max_events]:
        document = text.parse(get(urljoin(declaration.address, f"{uuid}.json")))
        event = document.get("Event") if isinstance(document, dict) else None
        if not isinstance(event, dict):
            raise ListError("an event without its object")
        yield from _entries(event)


def _entries(event: Mapping[str, object]) -> Iterator[RawEntry]:
    for attribute in _attributes(event):
        if not isinstance(attribute, dict):
            yield RawEntry(RejectedEntry("an attribute that is not an object"))
        elif not text.is_true(attribute.get("to_ids")) or text.is_true(attribute.get("deleted")):
            yield RawEntry(RejectedEntry("an attribute that is not for detection", broken=False))
        else:
            for value in _values(attribute.get("type"), attribute.get("value")):
                yield RawEntry(
                    value=value,
                    date=attribute.get("first_seen") or attribute.get("timestamp"),
                    category=attribute.get("category"),
                    source_list=event.get("info"),
                )


def _attributes(event: Mapping[str, object]) -> Iterator[object]:
    yield from _list(event.get("Attribute"))
    for one in _list(event.get("Object")):
        if isinstance(one, dict) and not text.is_true(one.get("deleted")):
            yield from _list(one.get("Attribute"))


def _values(kind: object, value: object) -> Iterator[object]:
    if not isinstance(kind, str):
        yield RejectedEntry("an attribute without a type")
    elif kind in _PLAIN:
        yield value
    elif kind in _PARTS:
        parts = value.split("|") if isinstance(value, str) else []
        for position in _PARTS[kind]:
            yield (
                parts[position]
                if -len(parts) <= position < len(parts)
                else RejectedEntry("a part is missing")
            )
    else:
        yield RejectedEntry("an attribute of another type", broken=False)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _stamp(event: object) -> int:
    stamp = event.get("timestamp") if isinstance(event, dict) else None
    found = re.fullmatch(r"[0-9]{1,12}", str(stamp))
    return int(found[0]) if found else 0
