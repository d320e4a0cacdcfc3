"""What the layer is made of: a bill of materials, and the licences."""

import csv
import json
import re
from pathlib import Path

import pytest

from tests.infrastructure.support import ROOT, run
from tests.infrastructure.test_requirements import pins

# Licences that may be shipped with Apache-2.0 code, as pip-licenses spells them.
ALLOWED = {
    # maxminddb spells it by its identifier.
    "Apache-2.0",
    "Apache Software License",
    "BSD-3-Clause",
    "MIT",
    "MIT License",
    "MIT No Attribution License (MIT-0)",
    # Weak copyleft by file; certifi and publicsuffixlist are lists, shipped unchanged. They spell
    # it differently.
    "MPL-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)",
    "PSF-2.0",
}


@pytest.fixture(scope="module")
def built() -> Path:
    run("make", "sbom")
    return ROOT / "dist"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_bill_of_materials_is_the_lock_of_the_layer(built: Path) -> None:
    bill = json.loads((built / "sbom.cdx.json").read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert {normal(one["name"]): one["version"] for one in bill["components"]} == pins("runtime")
    assert all(one["purl"].startswith("pkg:pypi/") for one in bill["components"])


def test_licences_of_the_layer_are_allowed(built: Path) -> None:
    with (built / "licences.csv").open(encoding="utf-8", newline="") as file:
        licences = {normal(row["Name"]): row["License"].split("; ") for row in csv.DictReader(file)}
    assert licences.keys() == pins("runtime").keys()
    assert {name: of for name, of in licences.items() if not set(of) <= ALLOWED} == {}
    assert {one for of in licences.values() for one in of} == ALLOWED, "one is allowed for nothing"
