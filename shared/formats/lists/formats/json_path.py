"""One JSON document, in which JMESPath expressions find the entries."""

from collections.abc import Iterator

from shared.formats.lists import options
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import text
from shared.formats.lists.formats.text import Get

ACCEPT = "application/json"


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the list.

    Raises:
        ListError: the document is not JSON, or `items` does not find a list in it.
    """
    wanted = declaration.read_options(options.JsonPath)
    items = text.searching(wanted.items)(text.parse(get(declaration.address)))
    if not isinstance(items, list):
        raise ListError("the declared expression finds no items")
    yield from entries(items, wanted)


def entries(
    items: Iterator[object] | list[object], wanted: options.JsonPath | options.JsonLines
) -> Iterator[RawEntry]:
    """Read the entries of items; an item whose value is a list has several."""
    value, date = text.searching(wanted.value), text.searching(wanted.date)
    assessment, category = text.searching(wanted.assessment), text.searching(wanted.category)
    for item in items:
        found = value(item)
        for one in found if isinstance(found, list) else [found]:
            yield RawEntry(one, date(item), assessment(item), category(item))
