"""Files that map the id of a STIX indicator to its last change, by which its page is found.

A line holds the UUID of an indicator and its last change in milliseconds since the epoch. There is
one file per first digit of the UUID, so each holds a sixteenth of all indicators.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from shared.formats.exports.source import ExportFile, IocSource, Options

_MEDIA_TYPE = "text/plain; charset=utf-8"
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def files(source: IocSource, _: Options) -> Iterator[ExportFile]:
    """Write a file for each first digit that occurs."""
    for digit, ids in groupby(source.by_id(), lambda one: one[0][0]):
        yield ExportFile(
            _name(digit), _MEDIA_TYPE, (f"{uuid} {changed}\n" for uuid, changed in ids)
        )


def file_with(uuid: str) -> str:
    """Return the name of the file that may contain a UUID; "" if the text is not a UUID."""
    return _name(uuid[0]) if _UUID.fullmatch(uuid) else ""


def change_of(text: str, uuid: str) -> int | None:
    """Return the last change of an indicator, None if the file does not contain its UUID."""
    found = re.search(f"^{uuid} ([0-9]+)$", text, re.MULTILINE)
    return int(found[1]) if found else None


def _name(digit: str) -> str:
    return f"taxii/ids-{digit}.txt"
