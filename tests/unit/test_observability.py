"""Lines of the log: one printable line of ASCII each, and of an error no more than its kind."""

import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from shared.domain.errors import StoreError
from shared.runtime.observability import Failed, failures_by_kind, log_failure, logged, logger
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


def test_a_line_has_the_keys_of_its_invocation_only(output: io.StringIO) -> None:
    def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
        logger.append_keys(route=event["route"])
        if event["route"] != "quiet":
            logger.info("done", extra={"status": 200})
        logger.debug("not written")
        return {}

    for number, route in enumerate(("first", "quiet", "third")):
        context: Any = SimpleNamespace(aws_request_id=f"function-{number}")
        logged(handler)({"route": route, "id": f"event-{number}"}, context)
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    names = ("function_request_id", "correlation_id", "route", "status")
    assert [[line.get(name) for name in names] for line in lines] == [
        ["function-0", "event-0", "first", 200],
        ["function-2", "event-2", "third", 200],
    ]
    assert {line["location"].partition(":")[0] for line in lines} == {"handler"}


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_the_first_line_of_a_process_may_be_one_of_debug(level: str) -> None:
    program = (
        "from shared.runtime.observability import logger as l; l.append_keys(a=1); l.debug('x')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "POWERTOOLS_LOG_LEVEL": level},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["message"], line["a"]) for line in lines] == [("x", 1)] * (level == "DEBUG")
