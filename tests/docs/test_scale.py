"""docs/scale.md is what the script makes of what was measured, and of how the functions are set."""

import re

import pytest

from benchmarks import scale
from functions.ingest import app as ingest
from functions.lookup import app as lookup
from local.template import load_template
from tests.docs.markdown import read, section, table


def test_document_follows_from_what_was_measured() -> None:
    assert read("docs/scale.md") == scale.written()


def test_a_run_reads_as_long_as_the_function_does() -> None:
    timeout_s = load_template()["Resources"]["IngestFunction"]["Properties"]["Timeout"]
    writing_s = timeout_s - ingest.SPARE_S
    reading_s = writing_s - min(ingest.WRITING_MAX_S, ingest.WRITING_SHARE * writing_s)
    assert reading_s == scale.READING_S


def test_the_timer_and_the_tries_are_those_of_the_service() -> None:
    schedule = load_template()["Parameters"]["Schedule"]["Default"]
    assert schedule == f"rate({scale.INTERVAL_H * 60:.0f} minutes)"
    assert lookup.STORE_ATTEMPTS == scale.LOOKUP_ATTEMPTS


@pytest.mark.parametrize(
    "heading",
    [
        *("A billion IOCs", "Ten thousand look-ups a second", "A hot IOC", "A key with a limit"),
        *("Ingestion that is behind", "Publishing", "A cold region", "A lost region"),
    ],
)
def test_every_question_has_its_figures(heading: str) -> None:
    assert re.search(r"\d", section(read("docs/scale.md"), f"## {heading}"))


def test_every_limit_says_when_it_is_reached_and_how_to_raise_it() -> None:
    rows = table(read("docs/scale.md"), "Limit", "Default", "Reached", "To raise")
    for row in rows:
        assert all(row), row
    services = {row[0].split(",")[0] for row in rows}
    assert services >= {"API Gateway", "REST API", "Lambda", "DynamoDB", "CloudWatch Logs", "SSM"}
