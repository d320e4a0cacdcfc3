"""The glossary's retired names stay retired, and its class names exist."""

import io
import re
import subprocess
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs/glossary.md"
# The history of the project and its decisions keep the names of their time.
_HISTORY = ("CHANGELOG.md", "docs/adr/", "docs/glossary.md", f"tests/docs/{Path(__file__).name}")


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split() if not name.startswith(_HISTORY)]


def _retired() -> tuple[set[str], set[str]]:
    """The retired names of code, which the glossary has in code marks, and the retired words."""
    text = GLOSSARY.read_text(encoding="utf-8").split("## Retired names")[1]
    cells = re.findall(r"^\| ([^|-]+) \|", text, re.MULTILINE)[1:]
    names = [name.strip() for cell in cells for name in cell.split(",")]
    code = {name.strip("`") for name in names if name.startswith("`")}
    return code, {name for name in names if not name.startswith("`")}


def _names_in(path: Path, text: str) -> set[str]:
    """The names of code in a module, or in code marks of a document."""
    if path.suffix != ".py":
        return set(re.findall(r"`(\w+)`", text))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def _found(path: Path, text: str) -> set[str]:
    code, words = _retired()
    lower = text.lower()
    return (code & _names_in(path, text)) | {
        word for word in words if re.search(rf"\b{re.escape(word)}\b", lower)
    }


def test_retired_names_do_not_come_back() -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for path in _tracked("*.py", "*.md", "*.yaml", "*.html")
        if (names := _found(path, path.read_text(encoding="utf-8")))
    }
    assert not found, found


def test_a_retired_name_is_found() -> None:
    assert _found(Path("a.py"), "from x import Winner  # hearsay") == {"Winner", "hearsay"}
    assert _found(Path("a.md"), "the class `Winner`; Refused, and Hearsay") == {"Winner", "hearsay"}
    assert not _found(Path("a.py"), "WinnerTakesAll = 1  # Winner")


def test_every_class_of_the_glossary_exists() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in _tracked("shared/*.py", "functions/*.py")
    )
    text = GLOSSARY.read_text(encoding="utf-8").split("## Retired names")[0]
    named = set(re.findall(r"(?:[Cc]lass|sources) `(\w+)`", text))
    assert named
    missing = [name for name in sorted(named) if not re.search(rf"^class {name}\b", code, re.M)]
    assert not missing, missing
