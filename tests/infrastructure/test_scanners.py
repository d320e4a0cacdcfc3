"""Four scanners for known mistakes, without a network: what they find is waived with a reason."""

import json
import os
import subprocess
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.infrastructure.support import ROOT, Template, run

WAIVERS = tomllib.loads(Path(__file__).with_name("waivers.toml").read_text(encoding="utf-8"))
# Neither a proxy nor a host is there to be asked.
OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
# What finds something in whatever is given to it ends with a status of its own.
FOUND_SOMETHING = {0, 1, 2, 4, 6, 8, 10, 12, 14}


@dataclass(frozen=True)
class ScannerFinding:
    """A scanner's finding: the rule, the file or resource, and the message."""

    rule: str
    at: str
    says: str


@pytest.fixture(scope="module")
def audit_tools() -> Path:
    run("make", ".tools/audit/.ready")
    return ROOT / ".tools" / "audit" / "bin"


def not_waived(scanner: str, findings: Iterable[ScannerFinding]) -> set[ScannerFinding]:
    """The findings that no waiver is for."""
    waivers = WAIVERS[scanner]
    return {
        one
        for one in findings
        if not any(fnmatchcase(one.at, at) for at in waivers.get(one.rule, {"at": []})["at"])
    }


def not_needed(scanner: str, findings: Iterable[ScannerFinding]) -> set[tuple[str, str]]:
    """The waivers that are for nothing, by rule and place."""
    found = list(findings)
    return {
        (rule, at)
        for rule, waiver in WAIVERS[scanner].items()
        for at in waiver["at"]
        if not any(one.rule == rule and fnmatchcase(one.at, at) for one in found)
    }


def assert_waived(scanner: str, findings: list[ScannerFinding]) -> None:
    assert not_waived(scanner, findings) == set(), "mend it, or give the reason in waivers.toml"
    assert not_needed(scanner, findings) == set(), "these waivers are for nothing"


def said_by(*command: str | Path) -> Any:
    """What a scanner prints in JSON, whether it found something or not."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | OFFLINE | {"AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in FOUND_SOMETHING, done.stderr
    try:
        return json.loads(done.stdout)
    except ValueError:
        pytest.fail(f"{command[0]} did not scan: {done.stdout}{done.stderr}")


def everything_on(value: Any) -> Any:
    """The template where every condition is true: nothing of it is passed over."""
    if isinstance(value, list):
        return [everything_on(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        return everything_on(value["Fn::If"][1])
    return {key: everything_on(one) for key, one in value.items() if key != "Conditions"}


def test_code_that_is_deployed_or_run_by_hand(audit_tools: Path) -> None:
    said = said_by(audit_tools / "bandit", "-q", "-r", "functions", "shared", "local", "-f", "json")
    assert said["errors"] == []
    assert said["metrics"]["_totals"]["loc"] > 5000
    findings = [
        ScannerFinding(one["test_id"], one["filename"].removeprefix("./"), one["issue_text"])
        for one in said["results"]
    ]
    assert_waived("bandit", findings)


def test_template_by_the_rules_for_serverless_applications(audit_tools: Path) -> None:
    said = said_by(
        audit_tools / "cfn-lint", "-a", "cfn_lint_serverless.rules", "-f", "json", "template.yaml"
    )
    findings = [
        ScannerFinding(one["Rule"]["Id"], one["Location"]["Path"][1], one["Message"])
        for one in said
    ]
    assert_waived("cfn-lint", findings)


def test_template_by_policy_with_everything_on(
    audit_tools: Path, template: Template, tmp_path: Path
) -> None:
    whole = everything_on(template)
    for resource in whole["Resources"].values():
        resource.pop("Condition", None)
    file = tmp_path / "template.json"
    file.write_text(json.dumps(whole), encoding="utf-8")
    said = said_by(
        *(audit_tools / "checkov", "--file", file, "--framework", "cloudformation"),
        *("--skip-download", "--compact", "--quiet", "-o", "json"),
    )
    assert said["summary"]["parsing_errors"] == 0
    assert said["summary"]["passed"] > 50
    assert said["summary"]["resource_count"] >= len(whole["Resources"])
    findings = [
        ScannerFinding(one["check_id"], one["resource"].rpartition(".")[2], one["check_name"])
        for one in said["results"]["failed_checks"]
    ]
    assert_waived("checkov", findings)


def test_template_by_the_schemas_of_its_resources(audit_tools: Path) -> None:
    script = Path(__file__).with_name("scan_template.py")
    said = said_by(audit_tools / "python", script, "template.yaml")
    assert_waived("cloudformation-validate", [ScannerFinding(*one) for one in said])


def test_every_waiver_has_a_reason() -> None:
    assert set(WAIVERS) == {"bandit", "cfn-lint", "checkov", "cloudformation-validate"}
    for waivers in WAIVERS.values():
        for rule, waiver in waivers.items():
            assert waiver["at"], rule
            assert len(waiver["why"].split()) >= 4, rule


@pytest.mark.parametrize("scanner", WAIVERS)
def test_a_finding_without_a_waiver_and_a_waiver_without_a_finding_are_told(scanner: str) -> None:
    new = ScannerFinding("NEW1", "Somewhere", "something new")
    assert not_waived(scanner, [new]) == {new}
    assert {rule for rule, _ in not_needed(scanner, [new])} == set(WAIVERS[scanner])
