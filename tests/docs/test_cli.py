"""docs/cli.md, held against the command: what it prints, its options, its exit codes."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import iocrep.errors
from iocrep.app import app
from iocrep.errors import Exit
from iocrep.settings import DEFAULTS
from local.handlers import load_gateway
from tests.contract.support import serving
from tests.docs.markdown import ROOT, blocks, names, read, section, table
from tests.docs.test_readme import LOCAL_API

DOCUMENT = read("docs/cli.md")
TEXT = " ".join(DOCUMENT.split())
COMMANDS = typer.main.get_command(app)


@dataclass(frozen=True)
class Shown:
    command: str
    output: str


def shown(text: str) -> Iterator[Shown]:
    """The commands of the console blocks that call `iocrep`, each with what it prints."""
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            if command.startswith("iocrep "):
                yield Shown(command, output)


def told(text: str) -> list[str]:
    """The lines, without what depends on the key, the port and the time of the test."""
    text = re.sub(r"^((Key|Look-ups a day|Left today) +)\S+", r"\1KEY", text, flags=re.MULTILINE)
    text = re.sub(r'("score": |,)\d+(?=, "valid_until|,\d{4}-)', r"\1SCORE", text)
    text = re.sub(r" by \w+ until ", " by KEY until ", text)
    text = re.sub(r" Key “\w+” sent the report\.", "", text)
    return [re.sub(r"\s{2,}", "  ", line.rstrip()) for line in text.splitlines()]


def test_every_command_prints_what_is_shown(
    circle: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [exports] = [block for block in blocks(DOCUMENT, "sh") if "IOCREP_URL" in block.text]
    variables = dict(pair.split("=", 1) for pair in exports.text.split()[1:])
    [listed] = blocks(DOCUMENT, "text")
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text(listed.text)
    with serving(load_gateway()) as api:
        here = api.base.removeprefix("http://")
        environ = {name: value.replace(LOCAL_API, here) for name, value in variables.items()}
        environ |= {"COLUMNS": "100", "IOCREP_CONFIG": "config.toml"}
        for one in (*shown(DOCUMENT), *shown(read("README.md"))):
            done = CliRunner().invoke(app, shlex.split(one.command)[1:], env=environ)
            output = done.output.replace(here, LOCAL_API)
            assert told(output) == told(one.output), one.command


def documented(heading: str) -> dict[str, str]:
    rows = table(section(DOCUMENT, heading), "Option", "Meaning")
    return {names(option)[0]: meaning for option, meaning in rows}


def options(command: str) -> dict[str, str]:
    """Options of a command, "" for those before it, with their help."""
    found = COMMANDS
    for name in command.split():
        found = found.commands[name]  # type: ignore[attr-defined]
    return {
        one.opts[0]: one.help.replace("`", "")  # type: ignore[attr-defined]
        for one in found.params
        if one.param_type_name == "option" and one.name != "help"
    }


@pytest.mark.parametrize(
    ("heading", "command"),
    [
        ("## lookup", "lookup"),
        ("## watch", "watch"),
        ("## sightings, recent, report", "recent"),
        ("## export", "export"),
        ("## mark, unmark, report-fp", "mark"),
        ("## status", "status"),
        ("## Settings", ""),
    ],
)
def test_every_option_is_told_as_the_help_does(heading: str, command: str) -> None:
    assert documented(heading) == options(command)


def test_every_command_is_told() -> None:
    headings = re.findall("^## (.+)", DOCUMENT, re.MULTILINE)
    commands = COMMANDS.commands.keys() - {"config"}  # type: ignore[attr-defined]
    assert commands <= {one for heading in headings for one in heading.split(", ")}
    assert options("config show") == {}
    assert options("sightings") == options("report")
    assert options("sightings").items() <= options("recent").items()
    assert options("unmark").keys() | options("report-fp").keys() <= options("mark").keys()


def test_exit_codes_are_those_of_the_code() -> None:
    assert [int(code) for code, _ in table(DOCUMENT, "Code", "Means")] == sorted(Exit)


def test_settings_are_those_of_the_code() -> None:
    rows = table(DOCUMENT, "Setting", "Variable", "Option", "Default")
    assert [name for name, *_ in rows] == list(DEFAULTS)
    for name, variable, option, default in rows:
        assert variable == f"IOCREP_{name.upper()}"
        assert option == f"--{name.replace('_', '-')}"
        assert not DEFAULTS[name] or DEFAULTS[name] == default
    [example] = blocks(DOCUMENT, "toml")
    assert tomllib.loads(example.text).keys() <= DEFAULTS.keys()


def test_errors_that_are_shown_are_said_somewhere() -> None:
    sources = [*Path(iocrep.errors.__file__).parent.glob("*.py"), ROOT / "shared/http/failure.py"]
    code = "".join(path.read_text() for path in sources)
    for message, _ in table(DOCUMENT, "Message", "Cause"):
        for one in names(message):
            assert one in code


def test_the_command_is_installed_by_the_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"iocrep": "iocrep.__main__:main"}
    assert {re.split("[<>=]", one)[0] for one in project["optional-dependencies"]["cli"]} == {
        "rich",
        "typer",
    }


@pytest.mark.parametrize("name", sorted({*COMMANDS.commands, "config show"} - {"config"}))  # type: ignore[attr-defined]
def test_the_help_of_every_command_has_an_example_that_can_be_read(name: str) -> None:
    found = COMMANDS
    for part in name.split():
        found = found.commands[part]  # type: ignore[attr-defined]
    [example] = re.findall(r"^Example: (iocrep .+)$", found.help or "", re.MULTILINE)
    words = shlex.split(example)[1:]
    COMMANDS.make_context("iocrep", words, resilient_parsing=True)
    assert name in example
    options = [one for one in words if one.startswith("-") and one != "--url"]
    known = {option for one in found.params for option in one.opts}
    assert set(options) <= known
