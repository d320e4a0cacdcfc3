"""Converts reports in the vendor's XML layout to raw reports as on a JSON page.

```
details / verdict, flow_id, date, tags / value, ...                     of the report
details // iocs / domains / value / url, verdict, origins / value, ...  an IOC
```

The layout is known only in part, from one consumer of the vendor's feed, and is not documented. So
it is read by rules (docs/feed.md), not by a list of elements: an unknown element becomes metadata
or counts as passed over, and is never an error.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from shared.domain.errors import InvalidIndicator
from shared.domain.extract import extract
from shared.domain.indicator import MAX_URL_BYTES, IndicatorType, parse, parse_hash
from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES
from shared.formats.feed.bounded_xml import Element

# Role of an element: an indicator type, or one of these.
_HASH = "hash"  # a hash whose type follows from its length
_DATA = "data"  # the value of an IOC of any type
_OTHER = "other"  # a type that cannot be looked up
_TYPES = frozenset(kind.value for kind in INDICATOR_TYPES)
_DIGESTS = tuple(kind.value for kind in INDICATOR_TYPES if kind in HASH_TYPES)

_ROLES: Mapping[str, str] = {
    # Some of these look like hashes that can be looked up.
    **dict.fromkeys(
        ("authentihash", "email", "fuzzyfsiohash", "imphash", "mutex", "registrypath"), _OTHER
    ),
    **dict.fromkeys(("revisionsaveid", "sha512", "ssdeep", "uncpath", "uuid"), _OTHER),
    **{
        name: kind.value for kind in INDICATOR_TYPES for name in (kind.value, *kind.info.feed_names)
    },
    "digest": _HASH,
    "file": _HASH,
    "hash": _HASH,
    "data": _DATA,
    "ioc": _DATA,
    "iocvalue": _DATA,
    "value": _DATA,
}

_LISTS = frozenset({"tags", "origins", "evidence"})
_OBJECTS = frozenset({"file"})
_NUMBERS = frozenset({"scan_count", "size", "threatLevel"})
_MOMENTS = frozenset({"date", "first_seen", "last_seen"})
_BOOLEANS = frozenset({"decides", "echo"})
_NAMES = {
    name.replace("_", "").lower(): name
    for name in (
        *_LISTS,
        *_OBJECTS,
        *_NUMBERS,
        *_MOMENTS,
        *_BOOLEANS,
        *_DIGESTS,
        "flow_id",
        "report_id",
        "sender",
        "threat_name",
        "malware_family",
        "malware_type",
        "verdict",
        "verdictLabel",
        "origin",
        "iocs",
    )
}

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
# Longer text is not a number of a feed, and Python refuses some of it.
_MAX_NUMBER_CHARS = 32


def read_details(elements: Iterable[Element]) -> dict[str, Any] | None:
    """Read the report below some elements.

    Returns:
        The raw report with its metadata; None if no element contains `iocs`.
    """
    lists: list[Element] = []
    report: dict[str, Any] = {}
    for element in elements:
        _find_lists(element, lists, report)
    if not lists:
        return None
    iocs: dict[str, list[dict[str, Any]]] = {}
    for one in lists:
        _read_container(one, iocs)
    return {**report, "iocs": iocs}


def _find_lists(element: Element, lists: list[Element], report: dict[str, Any]) -> bool:
    """Find every `iocs`; elements next to the path to it are metadata, the nearest first."""
    if field_name(element.name) == "iocs":
        lists.append(element)
        return True
    metadata = [child for child in element.children if not _find_lists(child, lists, report)]
    if len(metadata) == len(element.children):
        return False
    for child in metadata:
        report.setdefault(field_name(child.name), _plain(child))
    return True


def _read_container(container: Element, iocs: dict[str, list[dict[str, Any]]]) -> None:
    """Read `iocs` or an element below it: an IOC, a list of IOCs, or a list of such lists."""
    role = _role(container.name).replace(_DATA, "")
    if _is_ioc(container, role):
        _read_ioc(container, container, role, iocs)
        return
    for child in container.children:
        if child.name == "value":
            _read_ioc(child, container, role, iocs)
        else:
            _read_container(child, iocs)


def _is_ioc(element: Element, role: str) -> bool:
    """Whether an element with another name than `value` is an IOC."""
    if not element.children:
        return bool(element.text)
    if role not in _TYPES or element.named("value"):
        return False
    names = [_role(child.name) for child in element.children if not child.children]
    return names.count(role) + names.count(_DATA) == 1


def _read_ioc(
    element: Element, container: Element, role: str, iocs: dict[str, list[dict[str, Any]]]
) -> None:
    chosen = _values(element, role)
    read = [one for kind, child in chosen for one in _typed(kind, child.text)]
    metadata = {
        field_name(child.name): _plain(child)
        for child in reversed(element.children)  # of equal names, the first is kept
        if not any(child is one for _, one in chosen)
    }
    if len(read) > 1 and all(kind in _DIGESTS for kind, _ in read):
        # The digests of one file.
        file = metadata.get("file")
        metadata["file"] = {**dict(read), **(file if isinstance(file, Mapping) else {})}
    for kind, text in read:
        iocs.setdefault(kind, []).append({**metadata, "data": text})
    if not read:
        iocs.setdefault(role if role in _TYPES else container.name, []).append(metadata)


def _values(element: Element, role: str) -> list[tuple[str, Element]]:
    """Find the elements that hold the value of an IOC, with its type; "" if its form decides."""
    if role == _OTHER:
        return []
    found: dict[str, Element] = {}
    for child in element.children:
        named = _role(child.name)
        if named and child.text and not child.children:
            found.setdefault(named, child)
    if not found and element.text:
        found[_DATA] = element
    typed = next((kind for kind in found if kind in _TYPES or kind == _HASH), "")
    if role in ("ip", "domain", "url"):
        # The vendor's list of domains names each value `url`.
        candidates = (role, "url" if role == "domain" else role, _DATA, typed)
        return next(([(role, found[one])] for one in candidates if one in found), [])
    if role or typed in _DIGESTS or typed == _HASH:
        digests = [(kind, found[kind]) for kind in _DIGESTS if kind in found]
        other = next((found[kind] for kind in (_HASH, _DATA) if kind in found), None)
        return digests or ([(role or _HASH, other)] if other else [])
    if typed:
        return [(typed, found[typed])]
    return [("", found[_DATA])] if _DATA in found else []


def _typed(kind: str, text: str) -> Iterator[tuple[str, str]]:
    """Read the indicators in a text, each with its type."""
    if kind == "domain":
        yield from _domains(text)
    elif kind == _HASH:
        try:
            yield parse_hash(text).type.value, text
        except InvalidIndicator:
            return
    elif kind:
        yield kind, text
    elif len(text) <= MAX_URL_BYTES:
        read = extract(text, most=2).found
        if len(read) == 1 and read[0].text == text:
            yield read[0].indicator.type.value, text


def _domains(text: str) -> Iterator[tuple[str, str]]:
    """Read a value of a list of domains: a host, a host with a port, or a URL."""
    authority = text
    if "://" in text:
        yield "url", text
        try:
            authority = parse(IndicatorType.URL, text).value.split("/")[2].rpartition("@")[2]
        except InvalidIndicator:
            return
    host = _host(authority.partition("/")[0])
    try:
        ip_address(host)
    except ValueError:
        yield "domain", host
    else:
        yield "ip", host


def _host(authority: str) -> str:
    """Remove the port of a host, and the brackets around an IPv6 address."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    host, colon, port = authority.rpartition(":")
    return host if colon and ":" not in host and port.isdigit() else authority


@lru_cache(maxsize=4096)
def field_name(name: str) -> str:
    """Return the name of a field on JSON pages for its name in XML, in any case and separators."""
    return _NAMES.get(_squeezed(name), name)


def _squeezed(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(".", "").lower()


@lru_cache(maxsize=4096)
def _role(name: str) -> str:
    squeezed = _squeezed(name)
    for ending in ("", "s", "es"):
        role = _ROLES.get(squeezed.removesuffix(ending)) if squeezed.endswith(ending) else None
        if role:
            return role
    return ""


def _plain(element: Element) -> Any:
    """Convert an element to its JSON value: a text, a number, a list, or an object."""
    name = field_name(element.name)
    if name in _LISTS:
        return _list(name, element)
    if not element.children:
        return {} if name in _OBJECTS and not element.text else _scalar(name, element.text)
    if all(child.name == "value" for child in element.children):
        return [_plain(child) for child in element.children]
    return {field_name(child.name): _plain(child) for child in reversed(element.children)}


def _list(name: str, element: Element) -> list[Any]:
    children = element.children or ([element] if element.text else [])
    return [_item(name, child) for child in children]


def _item(name: str, element: Element) -> Any:
    if name == "tags":
        named = [one.text for one in element.children if one.name == "name"]
        return named[0] if named else element.text
    if element.children:
        return {field_name(child.name): _plain(child) for child in reversed(element.children)}
    return {"type": element.text} if name == "origins" else element.text


def _scalar(name: str, text: str) -> Any:
    if name in _BOOLEANS and text in ("true", "false"):
        return text == "true"
    if name in _NUMBERS or name in _MOMENTS:
        return _number(text)
    return text


def _number(text: str) -> int | float | str:
    """Read a number; returns the text if it is not a number."""
    if len(text) > _MAX_NUMBER_CHARS or not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)
