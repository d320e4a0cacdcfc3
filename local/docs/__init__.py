"""`python -m local docs`: writes the parts of the documents that repeat the code."""

import argparse
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from local.docs.markers import generate

ROOT = Path(__file__).parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 if a document is outdated"
    )


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Write the generated parts of all documents, or check them; print the outdated documents.

    Returns:
        The exit status: 1 if the arguments ask for a check and a document is outdated, else 0.

    Raises:
        LocalError: a marker has no end, or names a part that the code does not make.
    """
    # Every local command imports this module for its arguments; the parts import all functions.
    parts = importlib.import_module("local.docs.parts").PARTS
    outdated = False
    for path in documents():
        text = path.read_text(encoding="utf-8")
        fresh = generate(text, parts)
        if fresh == text:
            continue
        outdated = True
        print(path.relative_to(ROOT), file=out)
        if not arguments.check:
            path.write_text(fresh, encoding="utf-8")
    if outdated and arguments.check:
        print("outdated: run `python -m local docs`", file=out)
    return int(outdated and arguments.check)


def documents() -> Iterator[Path]:
    """The documents that may have generated parts."""
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))
