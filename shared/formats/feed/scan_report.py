"""Reads scan reports from the sandbox's API, whole or filtered.

A scan has one or more reports. Each is converted to a raw report as in a feed page, which
`shared.formats.feed.report` then reads and checks.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from shared.domain.errors import FeedError
from shared.domain.indicator_types import TYPE_BY_HASH_DIGITS
from shared.domain.verdict import FIELDS
from shared.formats import strict_json
from shared.formats.feed.privacy import is_private
from shared.formats.feed.report import RawReport
from shared.formats.strict_json import JsonLimits

# A real report of 32 MB has about 160,000 objects and lists, and a million parts.
LIMITS = JsonLimits(size=32 * 1024 * 1024, containers=800_000, parts=3_000_000)


class ScanNotEnded(FeedError):
    """The scan is still running; its report will follow."""


# The parts of a report that are read here; the whole report is many times larger.
_FILTERS = "filter=general&filter=finalVerdict&filter=allTags&filter=iocs"


def report_url(feed_url: str, flow_id: str) -> str:
    """Return the address of a scan's reports on the host of the feed, with the needed parts only.

    Raises:
        FeedError: an address cannot contain this flow_id.
    """
    return urlsplit(scan_url(feed_url, flow_id))._replace(query=_FILTERS).geturl()


def scan_url(sandbox_url: str, flow_id: str) -> str:
    """Return the address of a scan's complete reports.

    Raises:
        FeedError: an address cannot contain this flow_id.
    """
    # HTTP clients resolve these as parts of the path, even if they are encoded.
    if flow_id in {".", ".."}:
        raise FeedError("an address cannot contain the flow_id")
    path = f"/api/scan/{quote(flow_id, safe='')}/report"
    return urlsplit(sandbox_url)._replace(path=path, query="", fragment="").geturl()


def read_scan_report(body: bytes) -> list[RawReport]:
    """Return the raw reports of a scan, for `shared.formats.feed.report.read_report`.

    A broken report is included, and `read_report` rejects it.

    Raises:
        ScanNotEnded: the scan is still running.
        FeedError: the body is not a scan report.
    """
    scan = parse_scan(body)
    return [raw_report(scan, report_id, report) for report_id, report in scan["reports"].items()]


def parse_scan(body: bytes) -> dict[str, Any]:
    """Parse a scan report; the result and its `reports` are objects.

    Raises:
        ScanNotEnded: the scan is still running.
        FeedError: the body is not a scan report.
    """
    scan = strict_json.parse(body, "the scan report", LIMITS)
    if not isinstance(scan, dict) or not isinstance(scan.get("reports"), dict):
        raise FeedError("the scan report has no reports")
    if scan.get("allFinished") is False:
        # The reports so far would be taken for all of them.
        raise ScanNotEnded("the scan has not ended")
    return scan


def raw_report(scan: Mapping[str, Any], report_id: str, report: object) -> RawReport:
    """Convert a report of a scan to a raw report for `shared.formats.feed.report.read_report`."""
    name = {"flow_id": scan.get("flowId"), "report_id": report_id}
    if is_private(scan) or is_private(report):
        name["private"] = True
    if not isinstance(report, Mapping):
        return {**name, "report": report}
    return {
        **name,
        "date": report.get("created_date") or scan.get("scanStartedDate"),
        **_verdict(report.get("finalVerdict")),
        "tags": _tags(report.get("allTags")),
        "file": _file(report.get("file")),
        # A scan without IOCs may lack the field.
        "iocs": {} if report.get("iocs") is None else report["iocs"],
    }


def _verdict(final: object) -> dict[str, object]:
    found = final if isinstance(final, Mapping) else {}
    return {"verdict": None, **{name: found[name] for name in FIELDS if name in found}}


def _tags(tags: object) -> list[str]:
    """Return the distinct names of tags; a scan report repeats a tag for each of its sources."""
    names: dict[str, None] = {}
    for entry in tags if isinstance(tags, list) else []:
        tag = entry.get("tag") if isinstance(entry, Mapping) else None
        name = tag.get("name") if isinstance(tag, Mapping) else None
        if isinstance(name, str):
            names[name] = None
    return list(names)


def _file(file: object) -> dict[str, Any]:
    if not isinstance(file, Mapping):
        return {}
    found = {name: file[name] for name in ("name", "type") if isinstance(file.get(name), str)}
    digest = file.get("hash")
    if isinstance(digest, str) and len(digest) in TYPE_BY_HASH_DIGITS:
        found[TYPE_BY_HASH_DIGITS[len(digest)].value] = digest
    return found
