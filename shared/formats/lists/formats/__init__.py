"""Formats of providers' lists, one module each."""

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
    """The interface of a format's module.

    Attributes:
        ACCEPT: value of the header `Accept` in requests for such a list.
    """

    ACCEPT: str

    def read(self, declaration: Declaration, get: Get, /) -> Iterator[RawEntry]:
        """Read a list.

        Raises:
            ListError: the list is not valid. Errors of `get` are not caught.
        """


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
