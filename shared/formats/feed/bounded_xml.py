"""Reads untrusted XML in linear time and bounded memory, with the standard library's expat.

Namespaces are not resolved: expat would put the namespace's address before every name, and a
hostile page could make the address long and the names many.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.parsers import expat

from shared.domain.errors import FeedError

MAX_DEPTH = 100
# A longer name is cut: it is none that is known, and readers cache names.
MAX_NAME_CHARS = 256
# A text can be a whole report in JSON or in escaped XML.
MAX_TEXT_CHARS = 16 * 1024 * 1024
# With each chunk, expat reads an unfinished piece of markup again from its start. Its time is
# linear only if no piece is many chunks long.
_CHUNK_BYTES = 256 * 1024
_MAX_MARKUP_BYTES = _CHUNK_BYTES
_SPACE = " \t\r\n"
# One shared object: a page may have a million elements without attributes.
_NO_ATTRIBUTES: Mapping[str, str] = {}


class NotXml(FeedError):
    """The text is not well-formed XML, or has a document type."""


@dataclass(slots=True)
class Budget:
    """Number of elements and attributes that may still be read; several documents can share one."""

    left: int

    def take(self, count: int) -> None:
        """Use a part of the budget.

        Raises:
            FeedError: the budget is exceeded.
        """
        self.left -= count
        if self.left < 0:
            raise FeedError("the page has too many elements")


@dataclass(slots=True, eq=False)
class Element:
    """An XML element.

    Attributes:
        name: its name without the prefix.
        attributes: values by name with the prefix.
        text: text of an element without children, stripped unless `xml:space` preserves it.
    """

    name: str
    attributes: Mapping[str, str]
    text: str = ""
    children: Sequence["Element"] = ()

    def named(self, name: str) -> list["Element"]:
        """Return the children with this name."""
        return [child for child in self.children if child.name == name]


def parse(body: bytes, budget: Budget) -> Element:
    """Read a whole document.

    Raises:
        NotXml: the body is not well-formed, or has a document type.
        FeedError: it exceeds the budget, or is nested too deep.
    """
    parts = read_parts(body, budget)
    root = next(parts)
    root.children = list(parts)
    return root


def read_parts(body: bytes, budget: Budget) -> Iterator[Element]:
    """Read a document in parts: first the root without its children, then each complete child.

    Args:
        body: the document in UTF-8; a declared encoding is ignored.

    Raises:
        NotXml: the body is not well-formed; parts before the error have been yielded.
        FeedError: it exceeds the budget, or is nested too deep.
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
            yield from builder.pop_complete()
        parser.Parse(b"", True)
    except expat.ExpatError:
        raise NotXml("the page is not well-formed XML") from None
    yield from builder.pop_complete()


class _Builder:
    """Builds elements from the events of the parser."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        # The open elements, each with its children so far.
        self._open: list[tuple[Element, list[Element]]] = []
        self._text: list[str] = []
        self._text_chars = 0
        self._done: list[Element] = []
        # Ignore a declared encoding, which could hide markup that is refused here.
        self.parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add_text

    def pop_complete(self) -> list[Element]:
        """Return and remove the parts that are complete."""
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
        element = Element(name[:MAX_NAME_CHARS], attributes or _NO_ATTRIBUTES)
        if not self._open:
            self._done.append(element)
        self._open.append((element, []))
        self._clear_text()

    def _add_text(self, text: str) -> None:
        self._text_chars += len(text)
        if self._text_chars > MAX_TEXT_CHARS:
            raise FeedError(f"the page has a text longer than {MAX_TEXT_CHARS} characters")
        self._text.append(text)

    def _clear_text(self) -> None:
        self._text.clear()
        self._text_chars = 0

    def _end(self, _: str) -> None:
        element, children = self._open.pop()
        if children:
            element.children = children
        elif self._text:
            text = "".join(self._text)
            kept = element.attributes.get("xml:space") == "preserve"
            element.text = text if kept else text.strip(_SPACE)
        self._clear_text()
        if len(self._open) == 1:
            self._done.append(element)
        elif self._open:
            self._open[-1][1].append(element)
