"""Reads raw reports of a feed, in any format, into sightings.

Bad input does not affect good input. A bad soft field is ignored; a bad hard field rejects its IOC
or its report, which goes to quarantine with the reason.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from shared.domain.errors import InvalidIndicator, InvalidRecord
from shared.domain.indicator import IndicatorType, parse
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.domain.moment import format_millis, read_moment
from shared.domain.reputation import (
    MAX_TAG_BYTES,
    OF_REPORT,
    ScanVerdict,
    Sighting,
    SightingSummary,
    cap_tags,
)
from shared.domain.verdict import FIELDS, Verdict, parent_verdict_of, verdict_of

MAX_FLOW_ID_CHARS = 128
MAX_ORIGIN_BYTES = 128
MAX_REPORT_ID_BYTES = 64
MAX_KEPT_VERDICT_CHARS = 64
# Further IOCs of a report are rejected: the sightings of a report are in memory together.
MAX_SIGHTINGS = 50_000
# Of a report, so many rejected records are kept, and the first of each reason.
MAX_REJECTED = 200
# A greater count is not plausible, and would exceed the integers of some clients.
MAX_CLAIMED_COUNT = 2**31 - 1

TYPES = {kind.value: kind for kind in INDICATOR_TYPES}

RawReport = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that breaks a hard rule.

    Attributes:
        reason: the broken rule, without the value.
        record: the raw object from the feed.
        flow_id: flow_id of the report that it is or was part of, "" without a valid one.
        again: for a record that is not a whole report, a raw report that holds only the record.
    """

    reason: str
    record: object
    flow_id: str = ""
    again: RawReport | None = None

    def as_report(self) -> object:
        """Return the raw report from which this record can be read again."""
        return self.record if self.again is None else self.again


@dataclass(slots=True)
class Report:
    """A report after reading.

    Attributes:
        flow_id: the scan, "" if the report itself was rejected.
        seen_at: date that the report states, milliseconds since the epoch. It can be up to a day
            in the future; ingestion then sets an earlier date with `dated`.
        sightings: the IOCs with a valid verdict.
        rejected: records for quarantine: the first `MAX_REJECTED`, and the first of each reason.
        reasons: number of all rejected records by reason.
        without_verdict: number of IOCs whose verdict is missing or UNKNOWN.
        passed_over: number of IOCs of types that cannot be looked up.
    """

    flow_id: str = ""
    seen_at: int = 0
    sightings: list[Sighting] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    without_verdict: int = 0
    passed_over: int = 0

    def reject(self, reason: str, build: Callable[[], Rejected]) -> None:
        """Count a rejected record, and keep it unless there are too many."""
        if len(self.rejected) < MAX_REJECTED or reason not in self.reasons:
            self.rejected.append(build())
        self.reasons[reason] += 1

    def dated(self, seen_at: int) -> "Report":
        """Return the report with an earlier date, milliseconds since the epoch."""
        return replace(
            self,
            seen_at=seen_at,
            sightings=[_dated(sighting, seen_at) for sighting in self.sightings],
        )


def _dated(sighting: Sighting, seen_at: int) -> Sighting:
    summary = sighting.summary
    return Sighting(
        sighting.indicator,
        summary._replace(
            latest=summary.latest._replace(seen_at=seen_at),
            first_seen=min(summary.first_seen, seen_at),
            last_seen=seen_at,
        ),
    )


def read_report(
    raw: object,
    now: int,
    *,
    inherit_verdict: bool = False,
    check_time: Callable[[], None] = lambda: None,
) -> Report:
    """Read one report by the rules of docs/feed.md.

    Args:
        raw: the report from a feed page; any JSON value.
        now: time of the run, in milliseconds since the epoch.
        inherit_verdict: whether an IOC without a verdict gets the one of the report.
        check_time: called for each IOC; raises an error to stop.
    """
    report = Report()
    try:
        flow_id, seen_at, iocs = read_head(raw, now)
    except InvalidRecord as error:
        reason = str(error)
        report.reject(reason, lambda: Rejected(reason, raw, _flow_id(raw)))
        return report
    assert isinstance(raw, Mapping)  # noqa: S101  # read_head has checked it
    report.flow_id, report.seen_at = flow_id, seen_at
    common = _Common(
        flow_id,
        seen_at,
        parent_verdict_of(raw),
        cap_tags(read_tags(raw.get("tags"))),
        now,
        _kept_verdict(raw),
        _report_id(raw.get("report_id")),
        inherit_verdict,
    )
    for kind, entry in _entries(iocs, common, report):
        check_time()
        try:
            if len(report.sightings) == MAX_SIGHTINGS:
                raise InvalidRecord(f"the report has more than {MAX_SIGHTINGS} IOCs")
            sighting = _sighting(kind, entry, common)
        except (InvalidIndicator, InvalidRecord) as error:
            _reject_ioc(str(error), kind.value, entry, common, report)
            continue
        if sighting is None:
            report.without_verdict += 1
        else:
            report.sightings.append(sighting)
    return report


@dataclass(frozen=True, slots=True)
class _Common:
    """Values that all IOCs of a report share."""

    flow_id: str
    seen_at: int
    parent_verdict: str
    tags: frozenset[str]
    now: int
    raw_verdict: RawReport
    report_id: str
    inherit_verdict: bool

    def inherited(self, entry: Mapping[str, Any]) -> Verdict | None:
        """Return the report's verdict for an IOC that states none; UNKNOWN counts as stated."""
        if not self.inherit_verdict or parent_verdict_of(entry):
            return None
        return Verdict.__members__.get(self.parent_verdict)


def _reject_ioc(reason: str, kind: str, entry: object, common: _Common, report: Report) -> None:
    def build() -> Rejected:
        again = _report_of(kind, [entry], common)
        return Rejected(reason, {"type": kind, "ioc": entry}, common.flow_id, again)

    report.reject(reason, build)


def _reject_list(name: str, entries: object, common: _Common, report: Report) -> None:
    def build() -> Rejected:
        again = _report_of(name, entries, common)
        return Rejected(reason, {"type": name, "iocs": entries}, common.flow_id, again)

    reason = "the list of IOCs is not a list"
    report.reject(reason, build)


def _report_of(kind: str, iocs: object, common: _Common) -> RawReport:
    """Build a raw report with IOCs of one type only.

    It is as small as possible, because a report with thousands of bad IOCs needs thousands.
    """
    name = {"report_id": common.report_id} if common.report_id else {}
    return {
        "flow_id": common.flow_id,
        **name,
        "date": format_millis(common.seen_at),
        **common.raw_verdict,
        "tags": sorted(common.tags),
        "iocs": {kind: iocs},
    }


def _kept_verdict(raw: RawReport) -> RawReport:
    """Return the raw verdict fields, so that a later release can read verdicts unknown today."""
    kept: dict[str, object] = {"verdict": None}
    for name in FIELDS:
        value = raw.get(name)
        if (
            len(value) <= MAX_KEPT_VERDICT_CHARS
            if isinstance(value, str)
            else isinstance(value, int | float) and -1 <= value <= 1
        ):
            kept[name] = value
    return kept


def _flow_id(raw: object) -> str:
    flow_id = raw.get("flow_id") if isinstance(raw, Mapping) else None
    return flow_id if is_flow_id(flow_id) else ""


def read_head(raw: object, now: int) -> tuple[str, int, Mapping[str, Any]]:
    """Read the hard fields of a report.

    Returns:
        flow_id, date in milliseconds since the epoch, and the raw IOCs by type.

    Raises:
        InvalidRecord: a hard field is missing or not valid.
    """
    if not isinstance(raw, Mapping):
        raise InvalidRecord("report is not an object")
    flow_id = raw.get("flow_id")
    if not is_flow_id(flow_id):
        raise InvalidRecord(
            f"flow_id is not a text of 1 to {MAX_FLOW_ID_CHARS} characters "
            "without control characters"
        )
    seen_at = read_moment(raw.get("date"), now)
    iocs = raw.get("iocs")
    if iocs is None:
        raise InvalidRecord("iocs is missing")
    if not isinstance(iocs, Mapping):
        raise InvalidRecord("iocs is not an object")
    return flow_id, seen_at, iocs


def is_flow_id(value: object) -> TypeGuard[str]:
    """Whether `value` can be a flow_id: any text that fits a key and a log line."""
    return (
        isinstance(value, str) and 0 < len(value) <= MAX_FLOW_ID_CHARS and not _has_controls(value)
    )


def _report_id(value: object) -> str:
    """Return the report_id, "" if it is missing or not valid."""
    if isinstance(value, str) and fits(value, MAX_REPORT_ID_BYTES) and not _has_controls(value):
        return value
    return ""


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(char) in {"Cc", "Cs"} for char in text)


def _entries(
    iocs: Mapping[str, Any], common: _Common, report: Report
) -> Iterator[tuple[IndicatorType, Mapping[str, Any]]]:
    for name, entries in iocs.items():
        kind = TYPES.get(name.lower())
        if not isinstance(entries, list):
            if kind is not None and entries is not None:
                _reject_list(name, entries, common, report)
            continue
        if kind is None:
            report.passed_over += len(entries)
            continue
        for entry in entries:
            if isinstance(entry, Mapping):
                yield kind, entry
            else:
                _reject_ioc("IOC is not an object", name, entry, common, report)


def _sighting(kind: IndicatorType, entry: Mapping[str, Any], common: _Common) -> Sighting | None:
    verdict, source = verdict_of(entry), ""
    if verdict is None:
        verdict, source = common.inherited(entry), OF_REPORT
    if verdict is None:
        return None
    indicator = parse(kind, entry.get("data"))
    first, last, count = _claims(entry, common)
    latest = ScanVerdict(
        common.seen_at,
        verdict,
        common.flow_id,
        common.parent_verdict,
        _origin(entry),
        common.report_id,
        source,
    )
    return Sighting(
        indicator,
        SightingSummary(
            latest=latest,
            first_seen=first,
            last_seen=last,
            tags=_with_own_tags(common.tags, entry),
            claimed_count=count,
        ),
    )


def _with_own_tags(common: frozenset[str], entry: Mapping[str, Any]) -> frozenset[str]:
    """Return the tags of an IOC: its own, and those of the report unless it names its file.

    A report has the tags of all its files. An icon is not malware because its parent is.
    """
    own = read_tags(entry.get("tags"))
    if entry.get("file"):
        return cap_tags(own)
    # Most IOCs add none: they share the set of the report.
    return common if own <= common else cap_tags(common | own)


def _claims(entry: Mapping[str, Any], common: _Common) -> tuple[int, int, int]:
    """Read first seen, last seen and scan count from the totals of a feed that has them."""
    first = min(common.seen_at, _claimed_moment(entry.get("first_seen"), common))
    last = max(common.seen_at, _claimed_moment(entry.get("last_seen"), common))
    count = entry.get("scan_count")
    if type(count) is not int or not 0 < count <= MAX_CLAIMED_COUNT:
        count = 0
    return first, last, count


def _claimed_moment(value: object, common: _Common) -> int:
    if value is None:
        return common.seen_at
    try:
        moment = read_moment(value, common.now)
    except InvalidRecord:
        return common.seen_at
    # A total cannot include the future.
    return moment if moment <= common.now else common.seen_at


def _origin(entry: Mapping[str, Any]) -> str:
    origins = entry.get("origins")
    first = origins[0] if isinstance(origins, list) and origins else None
    origin = first.get("type") if isinstance(first, Mapping) else entry.get("origin")
    return origin if isinstance(origin, str) and fits(origin, MAX_ORIGIN_BYTES) else ""


def read_tags(value: object) -> frozenset[str]:
    """Return the valid tags of a list: non-empty texts of limited length; none if not a list."""
    if not isinstance(value, list):
        return frozenset()
    return frozenset(
        tag for tag in value if isinstance(tag, str) and tag and fits(tag, MAX_TAG_BYTES)
    )


def fits(text: str, max_bytes: int) -> bool:
    """Whether a text has at most `max_bytes` bytes in UTF-8, and can be encoded."""
    try:
        return len(text.encode()) <= max_bytes
    except UnicodeEncodeError:  # a lone surrogate: JSON can spell it, UTF-8 and the store cannot
        return False
