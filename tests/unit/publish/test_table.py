"""All evidence of the sample reports is in them: a JSON pointer names the place, which agrees.

`SCAN_REPORTS` names a folder with further scan reports; `pytest -rP` prints the table.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.publish.history import History
from functions.publish.intake import feed_item
from functions.publish.osint import stated_verdict
from functions.publish.scan import ScanReport, read_scan
from functions.publish.verdict_rule import decide
from local.up import SAMPLE_REPORTS
from tests.ingestion import NOW

FOLDERS = [SAMPLE_REPORTS, *map(Path, filter(None, [os.environ.get("SCAN_REPORTS")]))]
SCANS = [path for folder in FOLDERS for path in sorted(folder.glob("*.json"))]
WORDS = {
    "report": "the report states it",
    "file": "analysis of the file",
    "yara": "YARA rule {name}",
    "signal": "signal {name}",
    "osint": "OSINT provider {name}",
}


def places(value: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """All objects in a JSON value, each with its pointer (RFC 6901)."""
    if isinstance(value, dict):
        yield pointer, value
        for key, one in value.items():
            yield from places(one, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from places(one, f"{pointer}/{number}")


def resolve(document: Any, pointer: str) -> Any:
    """The value at a JSON pointer."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def same(text: object, values: set[str]) -> bool:
    return isinstance(text, str) and text.strip().casefold().rstrip("/") in values


def states(pointer: str, one: dict[str, Any], row: dict[str, Any], values: set[str]) -> bool:
    """Whether an object of a report states a row of evidence about an indicator."""
    name = row.get("name")
    if row["source"] == "osint":
        return one.get("osintProvider") == name and same(one.get("resource"), values)
    if row["source"] == "yara":
        return one.get("ruleName") == name
    if row["source"] == "signal":
        return f"{one.get('identifier')} {one.get('description')}" == name
    if row["source"] == "file":
        digests = one.get("digests", one if pointer == "/sourceArchive" else {})
        return any(same(text, values) for text in digests.values())
    return same(one.get("data"), values)


def pointer_to(scan: Any, report: ScanReport, row: dict[str, Any], values: set[str]) -> str:
    """The first place of a report that states a row of evidence, "" for none."""
    raw = scan["reports"][report.report_id]
    final = f"/reports/{report.report_id}/finalVerdict"
    if row["source"] == "report" and {raw["file"]["hash"], raw["file"]["name"]} & values:
        return final
    for pointer, one in places(scan):
        if states(pointer, one, row, values):
            verdict = stated_verdict(one)
            if verdict is not None and verdict.name == row["verdict"]:
                return pointer
    return ""


@pytest.mark.parametrize("path", SCANS, ids=lambda path: path.stem)
def test_every_row_of_evidence_has_its_place_in_the_report(path: Path) -> None:
    scan = json.loads(path.read_bytes())
    rows = 0
    for report in read_scan(path.read_bytes(), NOW):
        assert isinstance(report, ScanReport)
        decisions = {one: decide(observed.evidence) for one, observed in report.iocs.items()}
        item = feed_item(report, decisions, dict.fromkeys(report.iocs, History()))
        for ioc in (one for iocs in item["iocs"].values() for one in iocs):
            values = {ioc["data"].casefold().rstrip("/"), *map(str, ioc.get("file", {}).values())}
            for row in ioc["evidence"]:
                pointer = pointer_to(scan, report, row, values)
                words = WORDS[row["source"]].format(**row)
                print(f"{ioc['data']}: {ioc['verdict']} | {row['verdict']}: {words} | {pointer}")  # noqa: T201
                verdict = stated_verdict(resolve(scan, pointer))
                assert pointer, row
                assert verdict is not None
                assert verdict.name == row["verdict"], (ioc["data"], pointer)
                rows += 1
    assert rows > 0
