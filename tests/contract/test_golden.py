"""The vendor's own published answers: ours contain every key of theirs, with its type.

One date in them, 2025-02-30, cannot exist; so types are compared, and shapes of texts, and the
values that follow from what was put in.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from functions.lookup.v4_bodies import address_report, hash_report
from shared.domain.indicator import Indicator, IndicatorType, parse_query
from shared.domain.moment import read_moment
from shared.domain.reputation import Reputation
from shared.domain.score import Scorer
from shared.domain.verdict import Verdict
from tests.builders import reputation
from tests.ingestion import NOW

GOLDEN = Path(__file__).parent / "golden"
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def assert_holds(ours: Any, theirs: Any, path: str = "") -> None:
    """Every key of theirs is in ours, with the same type and the same spelling of times."""
    assert type(ours) is type(theirs), path
    if isinstance(theirs, dict):
        assert theirs.keys() <= ours.keys(), path
        for key, value in theirs.items():
            assert_holds(ours[key], value, f"{path}/{key}")
    elif isinstance(theirs, str):
        assert bool(TIME.fullmatch(ours)) == bool(TIME.fullmatch(theirs)), path


def told_by(row: Mapping[str, Any], indicator: Indicator) -> Reputation:
    """What is stored of an indicator where the sandbox's row is this one."""
    return reputation(
        indicator,
        seen_at=read_moment(row["last_seen"], NOW),
        flow_id=row["flow_id"],
        parent_verdict=row["parent_verdict"],
        origin=row["origin"],
        tags=frozenset(row["tags"]),
        counted=row["scan_count"],
    )


@pytest.fixture
def hash_answer() -> tuple[Any, Any]:
    theirs = golden("hash_lookup.json")
    engine = theirs["scan_results"]["scan_details"]["MetaDefender Sandbox"]
    question = parse_query(None, theirs["file_info"]["sha256"].lower())
    known = reputation(
        question.indicator,
        seen_at=read_moment(engine["last_seen"], NOW),
        first_seen=read_moment(engine["first_seen"], NOW),
        verdict=Verdict.MALICIOUS,
        parent_verdict="MALICIOUS",
        origin=engine["origin"],
        flow_id=engine["flow_id"],
        tags=frozenset(engine["tags"]),
        counted=engine["scan_count"],
    )
    return hash_report(known, Scorer(NOW)), theirs


def test_the_hash_answer_holds_the_example(hash_answer: tuple[Any, Any]) -> None:
    ours, theirs = hash_answer
    assert_holds(ours, theirs)


def test_the_hash_answer_says_what_the_example_says(hash_answer: tuple[Any, Any]) -> None:
    ours, theirs = hash_answer
    assert ours["file_info"]["sha256"] == theirs["file_info"]["sha256"]
    engine = dict(ours["scan_results"]["scan_details"]["MetaDefender Sandbox"])
    expected = dict(theirs["scan_results"]["scan_details"]["MetaDefender Sandbox"])
    assert set(engine.pop("tags")) == set(expected.pop("tags"))
    assert {key: engine[key] for key in expected} == expected
    for key in ("scan_all_result_i", "scan_all_result_a", "total_detected_avs", "total_avs"):
        assert ours["scan_results"][key] == theirs["scan_results"][key]


def test_the_url_answer_holds_the_example() -> None:
    theirs = golden("url_lookup.json")
    row = theirs["lookup_results"]["sources"][0]
    question = parse_query(IndicatorType.URL, theirs["address"])
    known = told_by(row, question.indicator)
    ours = address_report(question.indicator, question.shown, known, Scorer(NOW))
    assert_holds(ours, theirs)
    [source] = ours["lookup_results"]["sources"]
    assert_holds(source, row)
    assert ours["address"] == theirs["address"]
    same = ("provider", "assessment", "verdict", "origin", "flow_id", "detect_time", "scan_count")
    assert {key: source[key] for key in same} == {key: row[key] for key in same}


def test_an_unknown_url_has_the_row_of_a_provider_that_knows_nothing() -> None:
    row = golden("url_lookup.json")["lookup_results"]["sources"][3]
    question = parse_query(IndicatorType.URL, "http://fine.example")
    ours = address_report(question.indicator, question.shown, None, Scorer(NOW))
    [source] = ours["lookup_results"]["sources"]
    assert source.keys() == row.keys()
    assert_holds(source, row)
    assert (source["status"], source["assessment"]) == (row["status"], row["assessment"])
