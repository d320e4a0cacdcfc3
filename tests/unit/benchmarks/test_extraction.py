"""The labelled texts, and the floors under what the extractor does with them."""

from benchmarks.extraction.__main__ import COLUMNS, table
from benchmarks.extraction.score import WRITTEN_BEFORE, Score, Text, canonical, ours, score, texts
from shared.domain.extract import extract
from shared.domain.indicator import Indicator, IndicatorType, parse
from tests.docs.markdown import read

DOMAIN = Indicator(IndicatorType.DOMAIN, "evil.example")
URL = Indicator(IndicatorType.URL, "http://evil.example/")


def measured(*, held_out: bool) -> Score:
    some = [text for text in texts() if text.held_out == held_out]
    return score(some, [ours(text.text) for text in some])


def test_there_are_many_texts_and_a_third_is_held_out() -> None:
    labelled = texts()
    assert len(labelled) >= 60
    assert len({text.name for text in labelled}) == len(labelled)
    assert sum(text.held_out for text in labelled) == WRITTEN_BEFORE // 3
    assert sum(not text.found for text in labelled) >= 8


def test_labels_are_canonical_and_in_no_text_twice() -> None:
    for text in texts():
        assert len(set(text.found)) == len(text.found), text.name
        for label in text.found:
            assert parse(label.type, label.value) == label


def test_precision_and_recall_do_not_fall() -> None:
    known, held_out = measured(held_out=False), measured(held_out=True)
    assert known.precision >= 0.96
    assert known.recall >= 0.98
    assert held_out.precision >= 0.92
    assert held_out.recall >= 0.98


def test_indicators_come_in_the_order_of_the_labels() -> None:
    for text in texts():
        order = [found.indicator for found in extract(text.text).found]
        labelled = [label for label in text.found if label in order]
        assert [one for one in order if one in labelled] == labelled, text.name


def test_a_score_counts_the_host_of_a_labelled_url_neither_way() -> None:
    text = Text("a", "", [URL], held_out=False)
    assert score([text], [{URL, DOMAIN}]) == Score(1, 0, 0)
    assert score([text], [{DOMAIN}]) == Score(0, 0, 1)
    other = Text("b", "", [DOMAIN], held_out=False)
    assert score([other], [{URL}]) == Score(0, 1, 1)


def test_what_others_find_is_compared_in_its_canonical_form() -> None:
    pairs = [("domain", "Evil[.]Example"), ("hash", "0"), ("ip", "x"), ("url", "evil.example")]
    assert canonical(pairs) == {DOMAIN, URL}


def test_the_document_has_the_measured_row_of_this_project() -> None:
    labelled = texts()
    lines = table(labelled, {"this project": [ours(text.text) for text in labelled]}).splitlines()
    document = read("docs/extraction.md")
    assert " | ".join(COLUMNS) in document
    assert lines[-1] in document.splitlines(), "run: .venv/bin/python -m benchmarks.extraction"
