"""What the documents point to is there, and the decisions have the form they promise."""

import re
from pathlib import Path

import pytest

from local.__main__ import COMMANDS
from tests.docs.markdown import DOCUMENTS, ROOT, anchors, blocks, code_spans, links

RECORDS = sorted((ROOT / "docs" / "adr").glob("*.md"))
SOURCES = [
    path
    for folder in ("functions", "shared", "local", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
]
# What a code span has to begin with to be meant as a path of the checkout.
FOLDERS = ("functions/", "shared/", "local/", "tests/", "docs/", "events", "requirements/")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_resolves(document: Path) -> None:
    for link in links(document.read_text(encoding="utf-8")):
        if re.match(r"https?://", link):
            continue
        target, _, anchor = link.partition("#")
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), f"{name(document)} points to {link}"
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_path_that_is_named_exists(document: Path) -> None:
    for span in code_spans(document.read_text(encoding="utf-8")):
        if span.startswith(FOLDERS) and " " not in span:
            # Of a test the file is looked for here, its name by test_reliability.py.
            for path in _spelled_out(span.partition("::")[0]):
                assert any(ROOT.glob(path.rstrip("/"))), f"{name(document)} names {span}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_of_the_checkout_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = document.read_text(encoding="utf-8")
    for span in code_spans(text):
        if found := re.fullmatch(r"make ([a-z-]+)( .*)?", span):
            assert re.search(rf"^{found[1]}:", makefile, re.MULTILINE), span
        if found := re.match(r"(?:\.venv/bin/)?python -m local ([a-z]+)", span):
            assert found[1] in COMMANDS, span
    for block in blocks(text, "sh", "console"):
        for target in re.findall(r"(?:^|\s)make ([a-z-]+)", block.text):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"
        for program in re.findall(r"\.venv/bin/([\w-]+)", block.text):
            assert (ROOT / ".venv" / "bin" / program).exists(), program


def test_every_document_that_the_code_names_exists() -> None:
    named = {
        (path, document)
        for path in SOURCES
        for document in re.findall(r"docs/[\w/.-]+\w", path.read_text(encoding="utf-8"))
    }
    assert named
    for path, document in named:
        found = list(ROOT.glob(document)) + list(ROOT.glob(f"{document}*"))
        assert found, f"{name(path)} names {document}"


def test_decisions_are_numbered_without_a_gap() -> None:
    assert RECORDS
    assert [path.name[:4] for path in RECORDS] == [f"{n:04d}" for n in range(1, len(RECORDS) + 1)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.name)
def test_decision_has_the_form_of_all(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert text.startswith(f"# {record.name[:4]}: ")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Status", "Context", "Decision", "Consequences"]
    assert len(text.splitlines()) <= 55, "longer than a page"


def _spelled_out(path: str) -> list[str]:
    """`a/{b,c}.py` names two paths."""
    found = re.search(r"\{([^}]*)\}", path)
    if not found:
        return [path]
    return [path[: found.start()] + part + path[found.end() :] for part in found[1].split(",")]
