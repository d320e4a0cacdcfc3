"""Reads what the tests of this layer need of a Markdown document."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("local/**/*.md")]
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: the word after the fence; "" if it is missing.
    """

    language: str
    text: str


def read(path: str) -> str:
    """A document of the checkout."""
    return (ROOT / path).read_text(encoding="utf-8")


def blocks(text: str, *languages: str) -> list[Block]:
    """The fenced blocks, in their order; all if no language is named."""
    found = [Block(match[1], match[2]) for match in _FENCE.finditer(text)]
    return [block for block in found if not languages or block.language in languages]


def prose(text: str) -> str:
    """The document without its fenced blocks."""
    return _FENCE.sub("", text)


def section(text: str, heading: str) -> str:
    """Return the text under a heading, to the next one of the same level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    parts = re.split(rf"^{re.escape(heading)}$", text, flags=re.MULTILINE)
    assert len(parts) == 2, f"{heading!r} occurs {len(parts) - 1} times"
    # Comments in shell blocks do not begin at the margin, so they are not read as headings.
    return re.split(rf"^#{{1,{level}}} ", parts[1], flags=re.MULTILINE)[0]


def table(text: str, *columns: str) -> list[list[str]]:
    """The rows of the one table with these columns; code marks are removed from the cells."""
    head = "| " + " | ".join(columns) + " |"
    lines = [_plain(line) for line in text.splitlines()]
    assert lines.count(head) == 1, f"{head!r} occurs {lines.count(head)} times"
    rows = []
    for line in lines[lines.index(head) + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        assert len(cells) == len(columns), line
        rows.append([cell.replace("\\|", "|") for cell in cells])
    assert rows
    return rows


def names(cell: str) -> list[str]:
    """The names in a cell that lists some."""
    return [name.strip() for name in cell.split(",") if name.strip()]


def anchors(text: str) -> set[str]:
    """The anchors that a document's headings have."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def links(text: str) -> Iterator[str]:
    """The targets of the links, those of images included."""
    yield from re.findall(r"\]\(([^)\s]+)\)", prose(text))


def code_spans(text: str) -> list[str]:
    """What is marked as code outside of blocks."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def _plain(line: str) -> str:
    return line.replace("`", "")
