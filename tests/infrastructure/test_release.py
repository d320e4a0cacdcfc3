"""What `make release` packages: a template whose artifacts are all there, and the notes."""

import re
from pathlib import Path

import pytest

from local.release import notes, package
from tests.infrastructure.support import ROOT, Artifacts, run

CHANGELOG = """# Changelog

## [Unreleased]

- Not yet.

## [1.1.0] - 2026-01-02

### Added

- A route.

## [1.0.0] - 2026-01-01

- The first.
"""


def test_packaged_template_is_valid_and_complete(
    artifacts: Artifacts, sam_tools: Path, tmp_path: Path
) -> None:
    package(tmp_path, "some-bucket", "ioc-reputation/1.0.0", artifacts.folder)
    template = tmp_path / "packaged.yaml"
    run(sam_tools / "sam", "validate", "--lint", "--template-file", template)
    keys = re.findall(r"s3://some-bucket/(\S+)", template.read_text(encoding="utf-8"))
    files = [file for file in (tmp_path / "artifacts").rglob("*") if file.is_file()]
    assert sorted(keys) == sorted(str(f.relative_to(tmp_path / "artifacts")) for f in files)
    # The functions, the layer, the licence and the README.
    assert len(keys) == len(artifacts.functions) + 3
    assert (ROOT / "LICENSE").read_bytes() in {file.read_bytes() for file in files}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.1.0", "### Added\n\n- A route.\n"),
        ("1.0.0", "- The first.\n"),
        ("1.2.0", "- Not yet.\n"),
    ],
)
def test_notes_are_the_changelogs_section(version: str, expected: str) -> None:
    assert notes(CHANGELOG, version) == expected
