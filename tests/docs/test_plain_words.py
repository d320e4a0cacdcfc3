"""Words that made our prose hard to read become fewer: each has a limit that may only fall.

Counted per 10,000 words of the docstrings, comments and texts in the code that ships, and of the
documents without their code. A limit is lowered when the text gets plainer, and never raised.
"""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.docs import markdown

ROOT = Path(__file__).parents[2]
FOLDERS = ("shared", "functions", "iocrep", "local")
PER = 10_000
# The word in all its forms, and how many of them are allowed in 10,000 words.
LIMITS = {
    "tell": (r"tell|tells|told|telling", 1),
    "say": (r"say|says|said|saying", 1),
    "whoever": (r"whoever", 1),
    "nobody": (r"nobody", 1),
    "stands": (r"stands?", 1),
    "beside": (r"besides?", 1),
    "is no": (r"(?:is|are) no(?! longer)", 1),
}


def prose(code: str) -> str:
    """The comments of a module, and its strings of more than one word; of f-strings the text."""
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT
    ]
    strings = [
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    ]
    return "\n".join(comments + strings)


def rates(texts: Iterable[str]) -> dict[str, float]:
    """How often each word occurs in 10,000 words."""
    words, found = 0, Counter[str]()
    for text in texts:
        words += len(re.findall(r"[A-Za-z']+", text))
        for word, (forms, _) in LIMITS.items():
            found[word] += len(re.findall(rf"\b(?:{forms})\b", text, re.IGNORECASE))
    return {word: PER * found[word] / words for word in LIMITS}


@pytest.fixture(scope="module")
def measured() -> dict[str, float]:
    modules = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return rates(prose(path.read_text(encoding="utf-8")) for path in modules)


@pytest.mark.parametrize("word", LIMITS)
def test_a_word_stays_below_its_limit(measured: dict[str, float], word: str) -> None:
    _, limit = LIMITS[word]
    assert measured[word] <= limit, f"{word}: {measured[word]:.1f} in {PER:,} words"


@pytest.fixture(scope="module")
def measured_in_documents() -> dict[str, float]:
    # The glossary and the patterns quote these words.
    quoting = ("CHANGELOG.md", "glossary.md", "PATTERNS.md")
    texts = (path.read_text() for path in markdown.DOCUMENTS if path.name not in quoting)
    return rates(re.sub(r"`[^`\n]+`", "", markdown.prose(text)) for text in texts)


@pytest.mark.parametrize("word", LIMITS)
def test_a_word_stays_below_its_limit_in_documents(
    measured_in_documents: dict[str, float], word: str
) -> None:
    rate, (_, limit) = measured_in_documents[word], LIMITS[word]
    assert rate <= limit, f"{word}: {rate:.1f} in {PER:,} words"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ('"""It told us."""', "tell"),
        ("x = 1  # what it Says", "say"),
        ('raise ValueError("whoever reads")', "whoever"),
        ('print(f"{x} is read by nobody")', "nobody"),
        ('"""What\n    stands here."""', "stands"),
        ('"""Besides, it works."""', "beside"),
        ('"""There are no rows."""', "is no"),
    ],
)
def test_a_word_is_found_wherever_it_is(code: str, word: str) -> None:
    assert [name for name, rate in rates([prose(code)]).items() if rate] == [word]


@pytest.mark.parametrize("code", ["told = is_no = 1", 'x["says"]', '"""It is no longer here."""'])
def test_names_keys_and_what_is_right_do_not_count(code: str) -> None:
    assert not any(rates([prose(f"'a text' ; {code}")]).values())
