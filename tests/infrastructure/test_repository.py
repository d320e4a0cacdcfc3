"""What a fork gets from the first day: workflows, updates, templates of issues, hooks."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.infrastructure.support import ROOT, run

GITHUB = ROOT / ".github"
# The schemas that check-jsonschema brings, by the files that they are for.
SCHEMAS = {
    "github-workflows": "workflows/*.yml",
    "dependabot": "dependabot.yml",
    "github-issue-config": "ISSUE_TEMPLATE/config.yml",
    "github-issue-forms": "ISSUE_TEMPLATE/[!c]*.yml",
}


@pytest.fixture(scope="module")
def audit_tools() -> Path:
    run("make", ".tools/audit/.ready")
    return ROOT / ".tools" / "audit" / "bin"


def test_workflows_have_no_known_mistake(audit_tools: Path) -> None:
    # The strictest persona reports an action without a digest and a permission too many, too.
    run(audit_tools / "zizmor", "--offline", "--persona=auditor", "--strict-collection", ".")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_for_github_are_valid(audit_tools: Path, schema: str) -> None:
    files = sorted(GITHUB.glob(SCHEMAS[schema]))
    assert files, SCHEMAS[schema]
    run(audit_tools / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


def test_workflows_call_targets_that_exist() -> None:
    workflow = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    jobs = workflow["jobs"]
    called = {
        target
        for job in jobs.values()
        for step in job["steps"]
        for target in re.findall(r"make ([a-z-]+)", step.get("run", ""))
    } | set(jobs["other-tests"]["strategy"]["matrix"]["target"])
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert called >= {"test", "test-deploy", "test-ui"}
    assert called <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_hooks_pass_on_the_whole_checkout(audit_tools: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [audit_tools / "pre-commit", "run", "--all-files", "--color=never"],
        cwd=ROOT,
        env=os.environ | {"PRE_COMMIT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == 3, done.stdout


def test_documents_build_into_a_site_with_search() -> None:
    run("make", "site")
    site = ROOT / ".tools" / "site" / "html"
    assert (site / "index.html").exists()
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {page["location"].partition("#")[0] for page in index["docs"]}
    pages = (ROOT / "docs").glob("*.md")
    assert found >= {f"docs/{page.stem}.html" for page in pages if page.stem != "README"}
