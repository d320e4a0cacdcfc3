"""A MISP warninglist: indicators that are known to be harmless."""

from collections.abc import Iterator, Mapping
from functools import partial

from shared.domain.indicator import IndicatorType
from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import text
from shared.formats.lists.formats.text import Get

ACCEPT = "application/json"

# The types `substring` and `regex` match parts of a value. A look-up finds whole values, and a
# trusted part would clear every name that someone puts it into.
_WHOLE_VALUES = frozenset({"string", "hostname", "cidr"})
_TYPES: Mapping[str, IndicatorType] = {
    **{name: kind for kind in INDICATOR_TYPES for name in kind.info.misp_types},
    **{f"filename|{kind}": kind for kind in HASH_TYPES},
    "ip-src|port": IndicatorType.IP,
    "ip-dst|port": IndicatorType.IP,
    "hostname|port": IndicatorType.DOMAIN,
    "uri": IndicatorType.URL,
}


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the list: `hostname` entries also hold for the names below them.

    Entries count for the types of indicators that `matching_attributes` names only.

    Raises:
        ListError: the document is not a warninglist, or its type matches parts of values.
    """
    document = text.parse(get(declaration.address))
    if not isinstance(document, dict) or not isinstance(document.get("list"), list):
        raise ListError("no list in the document")
    kind = document.get("type", "string")
    if not isinstance(kind, str) or kind not in _WHOLE_VALUES:
        shown = kind if kind in ("substring", "regex") else "unknown"
        raise ListError(f"the list is of type {shown}, which matches parts of a value")
    entry = partial(
        RawEntry,
        source_list=document.get("name"),
        below=kind == "hostname",
        types=_types(document.get("matching_attributes")),
    )
    for value in document["list"]:
        # Some lists write a name with a leading dot.
        yield entry(value.removeprefix(".") if isinstance(value, str) else value)


def _types(matching: object) -> frozenset[IndicatorType] | None:
    """Return the types of indicators that a list matches, None for all of them."""
    if matching is None or matching == []:
        return None
    if not isinstance(matching, list):
        raise ListError("matching_attributes is not a list")
    return frozenset(_TYPES[name] for name in matching if isinstance(name, str) and name in _TYPES)
