"""Compares docs/runbook.md and docs/operations.md with the template and the programs."""

import argparse
import importlib
import re
import shlex

import pytest

from local.__main__ import COMMANDS, WITH_ARGUMENTS
from local.template import load_template
from tests.docs.markdown import DOCUMENTS, ROOT, blocks, read, section

RUNBOOK = read("docs/runbook.md")
DOCUMENT = RUNBOOK + read("docs/operations.md")


def test_every_alarm_has_a_section() -> None:
    headings = re.findall(r"^### (.+)$", section(RUNBOOK, "## Alarms"), re.MULTILINE)
    assert headings == [
        name
        for name, resource in load_template()["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]


def test_outputs_and_parameters_that_are_named_exist() -> None:
    template = load_template()
    known = {*template["Outputs"], *template["Parameters"], *template["Resources"]}
    named = set(re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", DOCUMENT))
    assert named
    assert named <= known


def test_reasons_that_are_quoted_are_in_the_code() -> None:
    """A reason is quoted up to what varies."""
    sources = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("functions", "shared")
        for path in (ROOT / folder).rglob("*.py")
    )
    quoted = re.findall(r"`((?:the|look-up|store|run) [a-z][^`]*)`", DOCUMENT)
    assert len(quoted) > 8
    for reason in quoted:
        fixed = re.split(r" \.\.\.|: \.\.\.| \d+", reason)[0]
        assert f'"{fixed}' in sources, reason


def commands() -> list[list[str]]:
    """The arguments of every local command in the documents."""
    text = "\n".join(block.text for path in DOCUMENTS for block in blocks(path.read_text(), "sh"))
    return [shlex.split(line) for line in re.findall(r"python -m local (.+)$", text, re.MULTILINE)]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_local_command_takes_the_arguments_that_are_documented(command: list[str]) -> None:
    parser = argparse.ArgumentParser()
    if command[0] in WITH_ARGUMENTS:
        importlib.import_module(f"local.{command[0]}").add_arguments(parser)
    assert command[0] in COMMANDS
    parser.parse_args(command[1:])
