"""Reads the IOCs of a scan report and the evidence for each.

A report contains evidence in four parts: the entry of the IOC, the final verdict for the scanned
file, the extracted files, and the answers of OSINT providers. Bad input is rejected without
affecting the rest, by the rules of `shared.formats.feed.report`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.publish.layout import xml_safe
from functions.publish.verdict_rule import Evidence, EvidenceSource
from shared.client import UnexpectedAnswer, wire
from shared.domain.errors import InvalidIndicator, InvalidRecord
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES
from shared.domain.provider import SANDBOX_PROVIDER
from shared.domain.reputation import cap_tags
from shared.domain.verdict import Verdict, parent_verdict_of, read_verdict, verdict_of
from shared.formats.feed.report import (
    MAX_ORIGIN_BYTES,
    TYPES,
    fits,
    is_flow_id,
    read_head,
    read_tags,
)
from shared.formats.feed.scan_report import parse_scan, raw_report

MAX_ORIGINS = 8
MAX_NAME_BYTES = 512
# Bounds the work for nested files; real reports have far fewer.
_MAX_FILES = 10_000

_DIGESTS = {kind.info.label: kind for kind in INDICATOR_TYPES if kind in HASH_TYPES}
_OSINT_TYPES = {kind.info.osint_type: kind for kind in INDICATOR_TYPES}

Origin = dict[str, str]
Json = Mapping[str, Any]
Hashes = dict[IndicatorType, Indicator]


@dataclass(slots=True)
class Observed:
    """What a report contains about one IOC.

    Attributes:
        origins: where in the scan it was found, in the report's own fields.
        tags: tags of the IOC, without those of the report.
        evidence: the evidence in the report.
    """

    origins: list[Origin] = field(default_factory=list)
    tags: frozenset[str] = frozenset()
    evidence: list[Evidence] = field(default_factory=list)


@dataclass(slots=True)
class ScanReport:
    """A scan report.

    Attributes:
        seen_at: date of the report, milliseconds since the epoch.
        verdict: of the whole report, "" for none.
        file: name, type and hashes of the scanned file, as far as the report contains them.
        rejected: a reason for each IOC that could not be read.
        passed_over: number of IOCs of types that are not looked up.
    """

    flow_id: str
    report_id: str
    seen_at: int
    verdict: str
    tags: frozenset[str]
    file: dict[str, str] = field(default_factory=dict)
    iocs: dict[Indicator, Observed] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class RejectedReport:
    """A report that could not be read, and the reason."""

    report_id: str
    reason: str


def read_scan(body: bytes, now: int) -> list[ScanReport | RejectedReport]:
    """Read the reports of a scan.

    Args:
        now: milliseconds since the epoch.

    Raises:
        FeedError: the body is not a scan report, or the scan has not ended.
    """
    scan = parse_scan(body)
    read: list[ScanReport | RejectedReport] = []
    for report_id, report in scan["reports"].items():
        try:
            read.append(_read_report(scan, report_id, report, now))
        except InvalidRecord as error:
            read.append(RejectedReport(report_id, str(error)))
    return read


def _read_report(scan: Json, report_id: str, report: object, now: int) -> ScanReport:
    raw = raw_report(scan, report_id, report)
    if not is_flow_id(report_id):
        raise InvalidRecord("report_id is not a text of 1 to 128 characters")
    if not isinstance(report, Mapping):
        raise InvalidRecord("report is not an object")
    flow_id, seen_at, iocs = read_head(raw, now)
    if xml_safe(flow_id + report_id) != flow_id + report_id:
        raise InvalidRecord("flow_id or report_id has a character that XML cannot represent")
    read = ScanReport(
        flow_id,
        report_id,
        seen_at,
        parent_verdict_of(raw),
        cap_tags(_tags(raw["tags"])),
        _texts(raw["file"], ("name", "type")),
    )
    for kind, entry in _entries(iocs, read):
        try:
            _read_ioc(kind, entry, read)
        except (InvalidIndicator, InvalidRecord) as error:
            read.rejected.append(f"{kind}: {error}")
    input_hashes = _input_file_hashes(raw["file"], report)
    _read_input_file(raw["file"], input_hashes, read)
    for outer, file in _files(report):
        if not _has_any_hash(file, input_hashes):
            _read_extracted_file(outer, file, read)
    for result in _osint_results(report):
        _read_osint_result(result, read)
    return read


def _entries(iocs: Json, read: ScanReport) -> Iterator[tuple[IndicatorType, Json]]:
    for name, entries in iocs.items():
        kind = TYPES.get(name.lower())
        if not isinstance(entries, list):
            if kind is not None and entries is not None:
                read.rejected.append(f"{kind}: the list of IOCs is not a list")
        elif kind is None:
            read.passed_over += len(entries)
        else:
            for entry in entries:
                if isinstance(entry, Mapping):
                    yield kind, entry
                else:
                    read.rejected.append(f"{kind}: IOC is not an object")


def _read_ioc(kind: IndicatorType, entry: Json, read: ScanReport) -> None:
    verdict = verdict_of(entry)
    observed = _observed(parse(kind, entry.get("data")), read)
    origins = entry.get("origins")
    for origin in origins if isinstance(origins, list) else [{"type": entry.get("origin")}]:
        _add_origin(observed, origin)
    observed.tags = cap_tags(observed.tags | _tags(entry.get("tags")))
    if verdict is not None:
        observed.evidence.append(Evidence(read.seen_at, verdict, EvidenceSource.IOC))


def _input_file_hashes(file: Json, report: Json) -> Hashes:
    """The hashes of the scanned file.

    The report itself names one of them; the analysis of the file contains the others.
    """
    named = _hashes({name: file.get(kind.value) for name, kind in _DIGESTS.items()})
    for _, one in _files(report):
        if _has_any_hash(one, named):
            return _hashes(one.get("digests")) | named
    return named


def _has_any_hash(file: Json, hashes: Hashes) -> bool:
    return bool(hashes.items() & _hashes(file.get("digests")).items())


def _read_input_file(file: Json, hashes: Hashes, read: ScanReport) -> None:
    """Add the hashes of the scanned file, with the verdict of the report as evidence."""
    identifier = next((file[kind.value] for kind in _DIGESTS.values() if kind.value in file), "")
    verdict = read_verdict(read.verdict)
    for kind, indicator in hashes.items():
        read.file[kind.value] = indicator.value.lower()
        observed = _observed(indicator, read)
        _add_origin(observed, {"type": "INPUT_FILE", "identifier": identifier})
        if verdict is not None:
            observed.evidence.append(Evidence(read.seen_at, verdict, EvidenceSource.INPUT_FILE))


def _read_extracted_file(outer: str, file: Json, read: ScanReport) -> None:
    """Add the hashes of an extracted file, if it has a verdict of its own."""
    verdict = _verdict_of(file)
    if verdict is None:
        return
    for indicator in _hashes(file.get("digests")).values():
        observed = _observed(indicator, read)
        _add_origin(observed, {"type": "EXTRACTED_FILE", "identifier": outer})
        observed.evidence.append(Evidence(read.seen_at, verdict, EvidenceSource.EXTRACTED_FILE))


def _read_osint_result(result: Json, read: ScanReport) -> None:
    """Add the verdict of an OSINT provider to an IOC of this report."""
    name = result.get("type")
    kind = _OSINT_TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        return
    try:
        indicator = parse(kind, result.get("resource"))
    except InvalidIndicator:
        return
    observed = read.iocs.get(indicator)
    if observed is None:
        return
    verdict = _osint_verdict(indicator, result)
    if verdict is not None:
        provider = result.get("osintProvider")
        detail = ""
        if isinstance(provider, str) and fits(provider, MAX_ORIGIN_BYTES):
            detail = xml_safe(provider)
        observed.evidence.append(Evidence(0, verdict, EvidenceSource.OSINT, detail))


def _osint_verdict(indicator: Indicator, result: Json) -> Verdict | None:
    """The verdict of an OSINT result, without the part that comes from this service.

    A sandbox that queries this service, directly or through another, gets our own verdict into its
    reports. As evidence that verdict would confirm itself for ever.
    """
    data = result.get("data")
    if not _names_this_service(data):
        ours = _names_this_service(result.get("osintProvider"))
        return None if ours else _verdict_of(result)
    try:
        body = json.dumps(data).encode()
        if indicator.type in HASH_TYPES:
            return wire.read_hash(indicator, body).verdict(excluding=[SANDBOX_PROVIDER])
        answers = wire.read_address(indicator, body).answers
    except (UnexpectedAnswer, RecursionError):
        return None
    return (
        answers[indicator].verdict(excluding=[SANDBOX_PROVIDER]) if indicator in answers else None
    )


def _names_this_service(data: object) -> bool:
    """Whether any string in an answer is the name of this service; in answers of any form."""
    # No recursion: a report may be nested deeper than Python's stack allows.
    left = [data]
    while left:
        one = left.pop()
        if isinstance(one, str) and one.casefold() == SANDBOX_PROVIDER.casefold():
            return True
        if isinstance(one, list):
            left += one
        elif isinstance(one, Mapping):
            left += [*one.keys(), *one.values()]
    return False


def _files(report: Json) -> Iterator[tuple[str, Json]]:
    """The analysed files at any depth, each with the SHA-256 of the file that contains it."""
    resources = report.get("resources")
    left: list[tuple[str, object]] = [
        ("", one)
        for one in (resources.values() if isinstance(resources, Mapping) else [])
        if isinstance(one, Mapping) and "digests" in one
    ]
    for _ in range(_MAX_FILES):
        if not left:
            return
        outer, file = left.pop()
        if isinstance(file, Mapping):
            yield outer, file
            sha256 = _hashes(file.get("digests")).get(IndicatorType.SHA256)
            inner = file.get("extractedFiles")
            around = sha256.value.lower() if sha256 else ""
            left += [(around, one) for one in (inner if isinstance(inner, list) else [])]


def _osint_results(report: Json) -> Iterator[Json]:
    resources = report.get("resources")
    for resource in resources.values() if isinstance(resources, Mapping) else []:
        results = resource.get("results") if isinstance(resource, Mapping) else None
        for result in results if isinstance(results, list) else []:
            if isinstance(result, Mapping):
                yield result


def _observed(indicator: Indicator, read: ScanReport) -> Observed:
    return read.iocs.setdefault(indicator, Observed())


def _add_origin(observed: Observed, raw: object) -> None:
    if not isinstance(raw, Mapping):
        return
    origin = _texts(raw, ("type", "identifier"))
    if (
        origin.get("type")
        and origin not in observed.origins
        and len(observed.origins) < MAX_ORIGINS
    ):
        observed.origins.append(origin)


def _texts(raw: Json, names: tuple[str, ...]) -> dict[str, str]:
    """The fields that are strings and not too long, without characters that XML forbids."""
    return {
        name: xml_safe(raw[name])
        for name in names
        if isinstance(raw.get(name), str) and fits(raw[name], MAX_NAME_BYTES)
    }


def _tags(raw: object) -> frozenset[str]:
    return frozenset(filter(None, map(xml_safe, read_tags(raw))))


def _hashes(digests: object) -> Hashes:
    """The valid hashes of a file by type."""
    found: Hashes = {}
    for name, kind in _DIGESTS.items():
        value = digests.get(name) if isinstance(digests, Mapping) else None
        try:
            found[kind] = parse(kind, value)
        except InvalidIndicator:
            continue
    return found


def _verdict_of(record: Json) -> Verdict | None:
    """The verdict of a file or a result: a string, or an object that contains one.

    Returns:
        None if the verdict is missing, UNKNOWN or not valid.
    """
    inner = record.get("verdict")
    try:
        return verdict_of(inner if isinstance(inner, Mapping) else record)
    except InvalidRecord:
        return None
