"""Profiles, environment files and documented sam commands name only what exists."""

import json
import re
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from local import environment
from tests.infrastructure.support import ROOT, Template

PROFILES = tomllib.loads((ROOT / "samconfig.toml").read_text())
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ENVIRONMENT = json.loads((ROOT / "local" / "sam-env.json").read_text())


def sam_commands(document: Path) -> list[list[str]]:
    """Every `sam ...` in a fenced block of a document, as words."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    commands = [re.sub(r"^(\$ )?(\w+=\S+ )*(\S*/)?sam ", "sam ", line) for line in lines]
    return [shlex.split(command, comments=True) for command in commands if command[:4] == "sam "]


def test_local_environment_sets_only_what_functions_declare(template: Template) -> None:
    for function, variables in ENVIRONMENT.items():
        declared = template["Resources"][function]["Properties"]["Environment"]["Variables"]
        assert variables.keys() <= declared.keys(), "sam local would ignore the others"
        assert all(isinstance(value, str) for value in variables.values())


def test_local_environment_names_the_tables_that_local_commands_make() -> None:
    for variables in ENVIRONMENT.values():
        assert variables.keys() >= {"TABLE_NAME", "STATE_TABLE_NAME"}
        for name, value in variables.items():
            # The commands make a search table only where it is named.
            if name.endswith("TABLE_NAME") and name != "SEARCH_TABLE_NAME":
                assert value == environment.DEFAULTS[name]


def test_local_environment_covers_every_function(template: Template) -> None:
    functions = {
        name for name, r in template["Resources"].items() if r["Type"] == "AWS::Lambda::Function"
    }
    assert ENVIRONMENT.keys() == functions


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "version"])
def test_profile_sets_only_parameters_of_the_template(template: Template, profile: str) -> None:
    deploy = PROFILES[profile]["deploy"]["parameters"]
    for override in deploy["parameter_overrides"].split():
        name, value = override.split("=")
        parameter = template["Parameters"][name]
        assert value in map(str, parameter.get("AllowedValues", [value]))


def test_profiles_name_files_that_exist() -> None:
    for profile in ("local_invoke", "local_start_api"):
        assert (ROOT / PROFILES["default"][profile]["parameters"]["env_vars"]).is_file()


@pytest.mark.parametrize(
    "command",
    [command for document in DOCUMENTS for command in sam_commands(document)],
    ids=" ".join,
)
def test_documented_command_names_what_exists(template: Template, command: list[str]) -> None:
    for option, word in pairwise(command):
        if option == "--config-env":
            assert word in PROFILES
        elif re.fullmatch(r"\w+=\S*", word):
            assert word.split("=")[0] in template["Parameters"]
        elif word.startswith("dist/"):
            continue  # built by the commands before
        elif "/" in word or word.endswith((".json", ".yaml", ".toml")):
            assert (ROOT / word).exists()
        elif re.fullmatch(r"([A-Z][a-z]+){2,}", word):
            assert word in template["Resources"]
