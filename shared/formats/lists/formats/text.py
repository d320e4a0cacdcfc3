"""Functions that the formats share: bytes to text, text to JSON, and JMESPath."""

from collections.abc import Callable, Iterator

import jmespath
from jmespath.exceptions import JMESPathError

from shared.domain.errors import FeedError
from shared.formats import strict_json
from shared.formats.lists.decompress import decompress
from shared.formats.lists.errors import ListError
from shared.formats.strict_json import JsonLimits

# Fetches one document of a list; its errors are not caught here.
Get = Callable[[str], bytes]

# Longer lines are not entries.
MAX_LINE_CHARS = 65_536
# The largest documents have a million entries of one text each, or 200,000 objects.
LIMITS = JsonLimits(size=32 * 1024 * 1024, containers=2_000_000, parts=6_000_000)
_TRUE = frozenset({"1", "true", "yes", "on"})


def decode(body: bytes) -> str:
    """Decode a document; bytes that are not UTF-8 are replaced, which rejects their entry only.

    Raises:
        ListError: the document is markup, such as an error page, or cannot be decompressed.
    """
    text = decompress(body).decode("utf-8-sig", errors="replace")
    if text[:1000].lstrip().startswith("<"):
        raise ListError("markup instead of a list")
    return text


def parse(body: bytes) -> object:
    """Parse a JSON document.

    Raises:
        ListError: the document is not JSON, or exceeds `LIMITS`.
    """
    try:
        return strict_json.parse(decode(body), "the document", LIMITS)
    except FeedError as error:
        raise ListError(str(error)) from None


def lines(text: str) -> Iterator[str]:
    """Split a text into lines, without white space at their ends."""
    for line in text.split("\n"):
        yield line.strip()


def is_true(value: object) -> bool:
    """Whether a value of a document is true, in one of the spellings that lists use."""
    return value == 1 or (isinstance(value, str) and value.strip().lower() in _TRUE)


Search = Callable[[object], object]


def searching(expression: str | None) -> Search:
    """Compile a JMESPath expression into a search; it returns None if nothing is found."""
    if expression is None:
        return lambda _: None
    compiled = jmespath.compile(expression)

    def search(value: object) -> object:
        try:
            found: object = compiled.search(value)
        except JMESPathError:
            return None
        return found

    return search
