"""Scan reports as the sandbox answers with them, whole or filtered.

A scan is named by its flow_id and has one report or more. What a report says is brought into
the shape of a feed page and judged there, by `shared.formats.feed.report`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from shared.domain.errors import FeedError
from shared.domain.indicator_types import TYPE_BY_HASH_DIGITS
from shared.domain.verdict import FIELDS
from shared.formats import strict_json
from shared.formats.feed.report import RawReport


class ScanNotEnded(FeedError):
    """A scan is still under way: its report will come."""


# The parts of a report that are read here: the whole one is many times larger.
_FILTERS = "filter=general&filter=finalVerdict&filter=allTags&filter=iocs"


def report_url(feed_url: str, flow_id: str) -> str:
    """Address of the reports of a scan, on the origin of the feed, as far as ingestion reads them.

    Raises:
        FeedError: no address can hold this flow_id.
    """
    return urlsplit(scan_url(feed_url, flow_id))._replace(query=_FILTERS).geturl()


def scan_url(sandbox_url: str, flow_id: str) -> str:
    """Address of the whole reports of a scan.

    Raises:
        FeedError: no address can hold this flow_id.
    """
    # Every client takes these for steps of the path, however they are encoded.
    if flow_id in {".", ".."}:
        raise FeedError("no address can hold the flow_id")
    path = f"/api/scan/{quote(flow_id, safe='')}/report"
    return urlsplit(sandbox_url)._replace(path=path, query="", fragment="").geturl()


def read_scan_report(body: bytes) -> list[RawReport]:
    """The reports of a scan, in the shape that `shared.formats.feed.report.read_report` reads.

    A report that is broken costs itself: it is among them, and `read_report` rejects it.

    Raises:
        FeedError: the body is no scan report, or one of a scan that has not ended.
    """
    scan = parse_scan(body)
    return [raw_report(scan, report_id, report) for report_id, report in scan["reports"].items()]


def parse_scan(body: bytes) -> dict[str, Any]:
    """A scan report as an object whose `reports` is one, too.

    Raises:
        FeedError: the body is no scan report, or one of a scan that has not ended.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise FeedError("the scan report is not UTF-8") from None
    scan = strict_json.parse(text, "the scan report")
    if not isinstance(scan, dict) or not isinstance(scan.get("reports"), dict):
        raise FeedError("the scan report has no reports")
    if scan.get("allFinished") is False:
        # What is here by now would be taken for all of it.
        raise ScanNotEnded("the scan has not ended")
    return scan


def raw_report(scan: Mapping[str, Any], report_id: str, report: object) -> RawReport:
    """One report of a scan in the shape that `shared.formats.feed.report.read_report` reads."""
    name = {"flow_id": scan.get("flowId"), "report_id": report_id}
    if not isinstance(report, Mapping):
        return {**name, "report": report}
    return {
        **name,
        "date": report.get("created_date") or scan.get("scanStartedDate"),
        **_verdict(report.get("finalVerdict")),
        "tags": _tags(report.get("allTags")),
        "file": _file(report.get("file")),
        # A scan that found none need not say so.
        "iocs": {} if report.get("iocs") is None else report["iocs"],
    }


def _verdict(final: object) -> dict[str, object]:
    found = final if isinstance(final, Mapping) else {}
    return {"verdict": None, **{name: found[name] for name in FIELDS if name in found}}


def _tags(tags: object) -> list[str]:
    """The names of tags, each once: a tag is there once for every place that it was found in."""
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
