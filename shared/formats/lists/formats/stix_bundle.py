"""A STIX 2.1 bundle; only indicators whose pattern compares whole values are used."""

import re
from collections.abc import Iterable, Iterator, Mapping

from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry, RejectedEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import text
from shared.formats.lists.formats.text import Get

ACCEPT = "application/json"

_PATHS = frozenset(
    path for kind in INDICATOR_TYPES if kind not in HASH_TYPES for path in kind.info.stix_paths
)
# Old bundles name an algorithm without the hyphen; some quote a name that needs no quotes.
_HASHES = frozenset(
    f"file:hashes.{name}"
    for kind in HASH_TYPES
    for name in (kind.value, f"'{kind.info.label.lower()}'")
)
_MAX_PATTERN_CHARS = 65_536
# The term of the vocabulary `indicator-type-ov`.
_BENIGN = "benign"
# A pattern with "#" for each equality of a hash, "=" for any other, "|" for OR and "&" for AND.
_SHAPE = re.compile(r"\[{0}\](?:\|\[{0}\])*".format(r"(?:[#=](?:\|[#=])*|#(?:&#)+)"))
_TOKEN = re.compile(
    r"\s*(?:(?P<sign>[\[\]])|(?P<or>OR\b)|(?P<and>AND\b)"
    r"|(?P<path>[a-z0-9-]+:[A-Za-z0-9_.'-]+)\s*=\s*'(?P<value>(?:[^'\\]|\\.)*)')"
)


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the bundle.

    Raises:
        ListError: the document is not a bundle.
    """
    document = text.parse(get(declaration.address))
    if not isinstance(document, dict) or document.get("type") != "bundle":
        raise ListError("the document is not a bundle")
    objects = document.get("objects", [])
    if not isinstance(objects, list):
        raise ListError("the bundle has no objects")
    yield from entries(objects)


def entries(objects: Iterable[object]) -> Iterator[RawEntry]:
    """Read the entries of objects; only the latest version of an object counts."""
    latest: dict[str, Mapping[str, object]] = {}
    for one in objects:
        if not isinstance(one, dict) or not isinstance(one.get("id"), str):
            yield RawEntry(RejectedEntry("an object without an id"))
        elif one.get("type") == "indicator":
            other = latest.setdefault(one["id"], one)
            if str(one.get("modified")) > str(other.get("modified")):
                latest[one["id"]] = one
    for indicator in latest.values():
        yield from _entries(indicator)


def _entries(indicator: Mapping[str, object]) -> Iterator[RawEntry]:
    if text.is_true(indicator.get("revoked")):
        yield RawEntry(RejectedEntry("revoked", broken=False))
        return
    if _BENIGN in _texts(indicator.get("indicator_types")) | _texts(indicator.get("labels")):
        # It clears no indicator, because the list is one of bad things.
        yield RawEntry(RejectedEntry("benign", broken=False))
        return
    values = _values(indicator.get("pattern")) if _is_stix(indicator) else None
    if values is None:
        values = [RejectedEntry("a pattern that is not only of equalities", broken=False)]
    for value in values:
        yield RawEntry(
            value=value,
            date=indicator.get("valid_from"),
            category=_first(indicator.get("indicator_types")) or _first(indicator.get("labels")),
            until=indicator.get("valid_until"),
        )


def _is_stix(indicator: Mapping[str, object]) -> bool:
    return indicator.get("pattern_type", "stix") == "stix"


def _values(pattern: object) -> list[object] | None:
    """Return the values of a pattern of equalities, None for any other pattern.

    They are joined by OR; or by AND inside of brackets, if they are hashes of one file.
    """
    if not isinstance(pattern, str) or len(pattern) > _MAX_PATTERN_CHARS:
        return None
    values: list[object] = []
    shape = ""
    rest = pattern.strip()
    at = 0
    while at < len(rest):
        token = _TOKEN.match(rest, at)
        if not token:
            return None
        at = token.end()
        shape += token["sign"] or ("|" if token["or"] else "&" if token["and"] else _sign(token))
        if token["path"]:
            values.append(_value(token["path"], token["value"]))
    return values if _SHAPE.fullmatch(shape) else None


def _sign(token: re.Match[str]) -> str:
    return "#" if token["path"].lower() in _HASHES else "="


def _value(path: str, quoted: str) -> object:
    if path not in _PATHS and path.lower() not in _HASHES:
        return RejectedEntry("a property that is not looked up", broken=False)
    return re.sub(r"\\(.)", r"\1", quoted)


def _texts(values: object) -> set[str]:
    return {one.strip().casefold() for one in _list(values) if isinstance(one, str)}


def _first(values: object) -> object:
    return next(iter(_list(values)), "")


def _list(values: object) -> list[object]:
    """Some bundles have a single text where STIX has a list of texts."""
    return values if isinstance(values, list) else [values] if isinstance(values, str) else []
