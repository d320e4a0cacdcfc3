"""Runs the examples of docs/client.md against the API, and compares the document with the code."""

import pytest

import functions.lookup.app as lookup
from local.environment import DEFAULT_API_KEY
from shared import client
from shared.client import ReputationApiError
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
