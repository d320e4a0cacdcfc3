"""Where an object is, by its id: when each indicator changed last, which is how the pages go.

A line has the id of an indicator without what is before `--`, and its last change in milliseconds
since the epoch. Files are by the first digit of the id, so each is a sixteenth of all.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from shared.formats.exports.source import ExportFile, IocSource, Options

_MEDIA_TYPE = "text/plain; charset=utf-8"
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def files(source: IocSource, _: Options) -> Iterator[ExportFile]:
    """A file for each first digit that there is."""
    for digit, ids in groupby(source.by_id(), lambda one: one[0][0]):
        yield ExportFile(
            _name(digit), _MEDIA_TYPE, (f"{uuid} {changed}\n" for uuid, changed in ids)
        )


def file_with(uuid: str) -> str:
    """Name of the file that has an id, if one has; "" for what is no id."""
    return _name(uuid[0]) if _UUID.fullmatch(uuid) else ""


def change_of(text: str, uuid: str) -> int | None:
    """When the indicator of an id changed last, None where the file does not have it."""
    found = re.search(f"^{uuid} ([0-9]+)$", text, re.MULTILINE)
    return int(found[1]) if found else None


def _name(digit: str) -> str:
    return f"taxii/ids-{digit}.txt"
