import sys

import pytest

from iocrep.why import _wrapped

SENTENCE = "- In the latest scan, 66b3763be7dbbbdfcd0b0002, its verdict is LIKELY_MALICIOUS."


def test_a_terminal_gets_lines_of_its_width_and_whole_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert _wrapped(SENTENCE).splitlines() == [
        "- In the latest scan,",
        "  66b3763be7dbbbdfcd0b0002, its verdict",
        "  is LIKELY_MALICIOUS.",
    ]
    monkeypatch.setenv("COLUMNS", "10")
    assert "66b3763be7dbbbdfcd0b0002," in _wrapped(SENTENCE).split()


def test_a_file_or_a_pipe_gets_one_line() -> None:
    assert _wrapped(SENTENCE) == SENTENCE
