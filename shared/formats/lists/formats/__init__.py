"""How the lists of providers are laid out: one module a format."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry
from shared.formats.lists.formats import (
    csv,
    json_lines,
    json_path,
    lines,
    misp_feed,
    misp_warninglist,
    stix_bundle,
    taxii,
)
from shared.formats.lists.formats.text import Get


class ListFormat(Protocol):
    """What a format's module has.

    Attributes:
        ACCEPT: the header with which such a list is asked for.
    """

    ACCEPT: str

    def read(self, declaration: Declaration, get: Get, /) -> Iterator[RawEntry]:
        """Read a list; raises ListError, and what `get` raises."""


FORMATS: Mapping[str, ListFormat] = {
    "lines": lines,
    "csv": csv,
    "json_path": json_path,
    "json_lines": json_lines,
    "misp_feed": misp_feed,
    "misp_warninglist": misp_warninglist,
    "stix_bundle": stix_bundle,
    "taxii": taxii,
}
