"""Runs the examples of docs/client.md against the API, and compares the document with the code."""

import inspect

import pytest

import functions.lookup.app as lookup
from local.environment import DEFAULT_API_KEY
from shared import client
from shared.client import AnswerCache, ReputationApiError, ReputationClient
from shared.client.client import MAX_BODY_BYTES, MAX_CHUNK_BYTES
from tests.conftest import Store
from tests.contract.support import serving
from tests.docs.markdown import blocks, read, table
from tests.docs.test_readme import LOCAL_API

DOCUMENT = read("docs/client.md")
# One line of text, however it is wrapped.
TEXT = " ".join(DOCUMENT.split())


def test_the_example_prints_what_is_shown(
    summary: dict[str, object], wired: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = blocks(DOCUMENT, "python")
    [shown] = blocks(DOCUMENT, "text")
    assert LOCAL_API in example.text
    assert DEFAULT_API_KEY in example.text
    with serving(lookup.lambda_handler) as api:
        code = example.text.replace(f"http://{LOCAL_API}", api.base)
        api.ask("/health")  # the first request writes metrics, which go to stdout, too
        capsys.readouterr()
        exec(compile(code, "docs/client.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out == shown.text


def test_error_table_has_every_error() -> None:
    documented = [name for name, _ in table(DOCUMENT, "Error", "When")]
    assert documented == [error.__name__ for error in ReputationApiError.__subclasses__()]
    assert set(documented) < set(client.__all__)


def test_numbers_are_those_of_the_code() -> None:
    asks = inspect.signature(ReputationClient).parameters
    keeps = inspect.signature(AnswerCache).parameters
    for name in ("max_addresses", "deadline_s", "max_retries"):
        assert f"`{name}" in DOCUMENT
        assert name in asks
    assert asks["max_hashes"].default == asks["max_addresses"].default == 1000
    assert MAX_CHUNK_BYTES == 1024**2
    assert "requests of up to 1,000 or 1 MB" in TEXT
    assert f"more than {MAX_BODY_BYTES // 1024**2} MB" in TEXT
    assert (keeps["known_s"].default, keeps["unknown_s"].default) == (3600, 300)
    assert "an hour if the indicator is known, five minutes if not" in TEXT
    assert f"at most {keeps['max_entries'].default:,}" in TEXT
