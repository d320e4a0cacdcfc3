"""XML from a stranger, read in linear time and bounded memory by the standard library's expat.

Namespaces are not resolved: expat would write the whole address of a namespace before every name,
and a page decides how long the one is and how many there are of the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.parsers import expat

from shared.domain.errors import FeedError

MAX_DEPTH = 100
# Expat reads a piece of markup again from its start with every chunk that does not end it: its
# own time is linear only as long as a piece is not many chunks long.
_CHUNK_BYTES = 256 * 1024
_MAX_MARKUP_BYTES = _CHUNK_BYTES
_SPACE = " \t\r\n"
# One for all: a page may have a million elements without any.
_NO_ATTRIBUTES: Mapping[str, str] = {}


class NotXml(FeedError):
    """It is not well-formed, or it has a document type."""


@dataclass(slots=True)
class Budget:
    """How many elements and attributes may still be read; several documents can share one."""

    left: int

    def take(self, count: int) -> None:
        """Take some.

        Raises:
            FeedError: there are not so many left.
        """
        self.left -= count
        if self.left < 0:
            raise FeedError("the page has too many elements")


@dataclass(slots=True, eq=False)
class Element:
    """An element.

    Attributes:
        name: without its prefix.
        attributes: by name, with the prefix.
        text: of an element without children; without white space at its ends unless `xml:space`
            preserves it.
    """

    name: str
    attributes: Mapping[str, str]
    text: str = ""
    children: Sequence["Element"] = ()

    def named(self, name: str) -> list["Element"]:
        """The children of this name."""
        return [child for child in self.children if child.name == name]


def parse(body: bytes, budget: Budget) -> Element:
    """Read a whole document.

    Raises:
        NotXml: it is none.
        FeedError: it is more than the budget, or nested too deep.
    """
    parts = read_parts(body, budget)
    root = next(parts)
    root.children = list(parts)
    return root


def read_parts(body: bytes, budget: Budget) -> Iterator[Element]:
    """Read a document part by part: first the root, without its children, then each child whole.

    Args:
        body: in UTF-8, whatever encoding it declares.

    Raises:
        NotXml: it is not XML; what came before it breaks off was read all the same.
        FeedError: it is more than the budget, or nested too deep.
    """
    builder = _Builder(budget)
    parser = builder.parser
    view = memoryview(body)
    try:
        for start in range(0, len(body), _CHUNK_BYTES):
            chunk = view[start : start + _CHUNK_BYTES]
            parser.Parse(chunk, False)
            if start + len(chunk) - parser.CurrentByteIndex > _MAX_MARKUP_BYTES:
                raise FeedError(f"a tag or comment is longer than {_MAX_MARKUP_BYTES} bytes")
            yield from builder.take()
        parser.Parse(b"", True)
    except expat.ExpatError:
        raise NotXml("the page is not well-formed XML") from None
    yield from builder.take()


class _Builder:
    """Makes elements of what the parser finds."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        # The elements that are open, each with the children that it has by now.
        self._open: list[tuple[Element, list[Element]]] = []
        self._text: list[str] = []
        self._done: list[Element] = []
        # An encoding of the document's own could hide what is refused here.
        self.parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append

    def take(self) -> list[Element]:
        """What is complete by now."""
        done, self._done = self._done, []
        return done

    def _doctype(self, *_: object) -> None:
        raise NotXml("the page has a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._budget.take(1 + len(attributes))
        if len(self._open) == MAX_DEPTH:
            raise FeedError("the page is nested too deep")
        if ":" in name:
            name = name.rpartition(":")[2]
        element = Element(name, attributes or _NO_ATTRIBUTES)
        if not self._open:
            self._done.append(element)
        self._open.append((element, []))
        self._text.clear()

    def _end(self, _: str) -> None:
        element, children = self._open.pop()
        if children:
            element.children = children
        elif self._text:
            text = "".join(self._text)
            kept = element.attributes.get("xml:space") == "preserve"
            element.text = text if kept else text.strip(_SPACE)
        self._text.clear()
        if len(self._open) == 1:
            self._done.append(element)
        elif self._open:
            self._open[-1][1].append(element)
