"""One JSON object a line."""

from collections.abc import Iterator

from shared.domain.errors import FeedError
from shared.feed import strict_json
from shared.providers import options
from shared.providers.declaration import Declaration
from shared.providers.entry import NoEntry, RawEntry
from shared.providers.errors import ListError
from shared.providers.formats import text
from shared.providers.formats.json_path import entries
from shared.providers.formats.text import MAX_LINE_CHARS, Get

ACCEPT = "application/x-ndjson, application/json, */*;q=0.5"


def read(declaration: Declaration, get: Get) -> Iterator[RawEntry]:
    """Read the list.

    Raises:
        ListError: the object that ends the list is not there, where the declaration knows one.
    """
    wanted = declaration.read_options(options.JsonLines)
    found = [line for line in text.lines(text.decode(get(declaration.address))) if line]
    if wanted.end is not None:
        last = _object(found.pop()) if found else None
        if text.searching(wanted.end)(last) is not True:
            raise ListError("the list has no end")
    for line in found:
        one = _object(line)
        if isinstance(one, NoEntry):
            yield RawEntry(one)
        else:
            yield from entries([one], wanted)


def _object(line: str) -> object:
    if len(line) > MAX_LINE_CHARS:
        return NoEntry("a line that is too long")
    try:
        return strict_json.parse(line, "the line")
    except FeedError:
        return NoEntry("a line that is no JSON")
