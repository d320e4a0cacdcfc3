"""The objects of a TAXII 2.1 collection, page by page."""

from collections.abc import Iterator
from urllib.parse import urlencode

from shared.formats.lists import options
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import text
from shared.formats.lists.formats.stix_bundle import entries
from shared.formats.lists.formats.text import Get

ACCEPT = "application/taxii+json;version=2.1"


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the collection.

    Raises:
        ListError: a page is not an envelope, or there are more than `max_pages`.
    """
    wanted = declaration.read_options(options.Taxii)
    yield from entries(_objects(declaration.address, wanted.max_pages, get))


def _objects(address: str, max_pages: int, get: Get) -> Iterator[object]:
    url = address
    joint = "&" if "?" in address else "?"
    for _ in range(max_pages):
        page = text.parse(get(url))
        # All fields are optional, but an error of a server has other ones.
        if not isinstance(page, dict) or not page.keys() <= {"more", "next", "objects"}:
            raise ListError("a page is not an envelope")
        objects = page.get("objects", [])
        if not isinstance(objects, list):
            raise ListError("a page has no objects")
        yield from objects
        if page.get("more") is not True:
            return
        following = page.get("next")
        if not isinstance(following, str) or not following or not following.isprintable():
            raise ListError("a page does not name the next one")
        url = f"{address}{joint}{urlencode({'next': following})}"
    raise ListError(f"the collection has more than {max_pages} pages")
