"""What the formats share: from bytes to text, and from text to JSON."""

from collections.abc import Callable, Iterator

import jmespath
from jmespath.exceptions import JMESPathError

from shared.domain.errors import FeedError
from shared.formats import strict_json
from shared.formats.lists.errors import ListError

# Fetches one document of a list; what it raises is not caught here.
Get = Callable[[str], bytes]

# Longer lines are no entries.
MAX_LINE_CHARS = 65_536
# Each list and object takes a hundred times its two characters once it is read.
MAX_CONTAINERS = 2_500_000


def decode(body: bytes) -> str:
    """The text of a document; bytes that are not UTF-8 cost what they stand in.

    Raises:
        ListError: markup, such as the page of a provider that is not well.
    """
    text = body.decode("utf-8-sig", errors="replace")
    if text[:1000].lstrip().startswith("<"):
        raise ListError("markup in the place of a list")
    return text


def parse(body: bytes) -> object:
    """The JSON value of a document.

    Raises:
        ListError: it has none, or one of too many parts.
    """
    text = decode(body)
    if text.count("{") + text.count("[") > MAX_CONTAINERS:
        raise ListError("the document has too many parts")
    try:
        return strict_json.parse(text, "the document")
    except FeedError as error:
        raise ListError(str(error)) from None


def lines(text: str) -> Iterator[str]:
    """The lines of a text, whatever ends them; without what is blank at their ends."""
    for line in text.split("\n"):
        yield line.strip()


Search = Callable[[object], object]


def searching(expression: str | None) -> Search:
    """What looks up a JMESPath expression in a value: None where there is nothing."""
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
