"""One JSON object per line."""

from collections.abc import Iterator

from shared.domain.errors import FeedError
from shared.formats import strict_json
from shared.formats.lists import options
from shared.formats.lists.declaration import Declaration
from shared.formats.lists.entry import RawEntry, RejectedEntry
from shared.formats.lists.errors import ListError
from shared.formats.lists.formats import text
from shared.formats.lists.formats.json_path import entries
from shared.formats.lists.formats.text import MAX_LINE_CHARS, Get

ACCEPT = "application/x-ndjson, application/json, */*;q=0.5"


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the list.

    Raises:
        ListError: the last object is not the end that the declaration requires.
    """
    wanted = declaration.read_options(options.JsonLines)
    found = [line for line in text.lines(text.decode(get(declaration.address))) if line]
    if wanted.end is not None:
        last = _object(found.pop()) if found else None
        if text.searching(wanted.end)(last) is not True:
            raise ListError("the list has no end")
    for line in found:
        one = _object(line)
        if isinstance(one, RejectedEntry):
            yield RawEntry(one)
        else:
            yield from entries([one], wanted)


def _object(line: str) -> object:
    if len(line) > MAX_LINE_CHARS:
        return RejectedEntry("a line that is too long")
    try:
        return strict_json.parse(line, "the line", strict_json.SMALL)
    except FeedError:
        return RejectedEntry("a line that is not JSON")
