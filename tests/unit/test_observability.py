"""Lines of the log: one printable line of ASCII each, and of an error no more than its kind."""

import io
import json

import pytest

from shared.domain.errors import StoreError
from shared.runtime.observability import Failed, failures_by_kind, log_failure, logger
from shared.runtime.settings import SettingsError

ODD = "\r\n\x00\x1b[31m\x7f\x85\x9b\u2028\u2029\u202e\ud800ü"


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def test_a_line_is_one_whatever_is_in_a_field(output: io.StringIO) -> None:
    logger.info("told", extra={"reason": ODD})
    line, end = output.getvalue().split("\n")
    assert end == ""
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["reason"] == ODD


def test_of_an_error_kind_and_place_are_told(output: io.StringIO) -> None:
    try:
        int("secret")
    except ValueError as error:
        log_failure("it failed", error, provider="list")
    line = json.loads(output.getvalue())
    assert (line["level"], line["message"], line["error"]) == ("ERROR", "it failed", "ValueError")
    assert line["provider"] == "list"
    [place] = line["at"]
    assert place.endswith(" test_of_an_error_kind_and_place_are_told")
    assert "secret" not in str(line)


def test_errors_of_our_own_come_out_as_they_are(output: io.StringIO) -> None:
    for error in (StoreError("the store did not answer"), SettingsError("FEED_URL is not set")):
        with pytest.raises(type(error), match=str(error)), failures_by_kind("run failed"):
            raise error
    assert output.getvalue() == ""


def test_other_errors_come_out_without_their_text(output: io.StringIO) -> None:
    with pytest.raises(Failed, match=r"^KeyError$"), failures_by_kind("run failed"):
        raise KeyError("secret")
    assert json.loads(output.getvalue())["message"] == "run failed"
