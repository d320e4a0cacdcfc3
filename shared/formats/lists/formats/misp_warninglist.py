"""A MISP warninglist: indicators that are known to be harmless."""

from collections.abc import Iterator

from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import text
from shared.formats.lists.formats.text import Get

ACCEPT = "application/json"

# The other types match parts of a value, which look-ups of whole values cannot do.
_EXACT = frozenset({"string", "hostname", "cidr"})


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the list.

    Raises:
        ListError: the document is not a warninglist, or its type matches parts of values.
    """
    document = text.parse(get(declaration.address))
    if not isinstance(document, dict) or not isinstance(document.get("list"), list):
        raise ListError("no list in the document")
    kind = document.get("type", "string")
    if not isinstance(kind, str) or kind not in _EXACT:
        raise ListError("the list is of a type that matches parts of a value")
    for value in document["list"]:
        # A leading dot means the name and all names below it.
        plain = value.removeprefix(".") if isinstance(value, str) else value
        yield RawEntry(plain, source_list=document.get("name"))
