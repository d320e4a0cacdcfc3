"""Reads raw reports of a feed, in any format, into sightings.

Bad input does not affect good input. A bad soft field is ignored; a bad hard field rejects its IOC
or its report, which goes to quarantine with the reason.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeGuard

from shared.domain.errors import InvalidIndicator, InvalidRecord
from shared.domain.evidence import Evidence, EvidenceSource, read_evidence
from shared.domain.file_facts import FileFacts, read_file_facts, scanned_url
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES
from shared.domain.moment import format_millis, read_moment
from shared.domain.reputation import (
    MAX_TAG_BYTES,
    OF_REPORT,
    ScanVerdict,
    Sighting,
    SightingSummary,
    cap_siblings,
    cap_tags,
)
from shared.domain.siblings import group_by_file
from shared.domain.sighting_details import (
    MAX_ORIGINS,
    MAX_SHORT_TEXT_BYTES,
    Origin,
    SightingDetails,
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

    def add(
        self,
        summary: SightingSummary | None,
        indicator: Indicator,
        siblings: frozenset[Indicator] = frozenset(),
    ) -> None:
        """Add a sighting of an IOC, if there is one."""
        if summary is not None:
            if siblings:
                summary = summary._replace(siblings=cap_siblings(siblings))
            self.sightings.append(Sighting(indicator, summary))

    def dated(self, seen_at: int) -> "Report":
        """Return the report with an earlier date, milliseconds since the epoch."""
        return replace(
            self,
            seen_at=seen_at,
            sightings=[_dated(sighting, seen_at) for sighting in self.sightings],
        )


def _dated(sighting: Sighting, seen_at: int) -> Sighting:
    summary = sighting.summary
    scan = summary.latest._replace(seen_at=seen_at)
    return Sighting(
        sighting.indicator,
        summary._replace(
            latest=scan,
            worst=scan,
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
        _short_text(raw.get("sender")),
        _scanned_file(raw),
    )
    of_hashes: list[_Statement] = []
    digests: set[Indicator] = set()
    for kind, entry in _entries(iocs, common, report):
        check_time()
        try:
            if len(report.sightings) + len(digests) >= MAX_SIGHTINGS:
                raise InvalidRecord(f"the report has more than {MAX_SIGHTINGS} IOCs")
            statement = _statement(kind, entry, common)
        except (InvalidIndicator, InvalidRecord) as error:
            _reject_ioc(str(error), kind.value, entry, common, report)
            continue
        if statement is None:
            report.without_verdict += 1
        elif kind in HASH_TYPES:
            of_hashes.append(statement)
            digests |= {statement.indicator, *statement.file.digests}
        else:
            summary = _unite([statement], common)
            report.without_verdict += summary is None
            report.add(summary, statement.indicator)
    if url := scanned_url(common.file):
        of_hashes = _add_url(url, of_hashes, common, report)
    if of_hashes:
        _add_files(of_hashes, common, report)
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
    sender: str
    file: FileFacts

    def own_verdict(self) -> Verdict | None:
        """Return the verdict of the report itself, None if it has none or UNKNOWN."""
        return Verdict.__members__.get(self.parent_verdict)


class _Statement(NamedTuple):
    """What a report states in one entry about one IOC.

    Attributes:
        verdict: None if the entry has none.
        inherits: whether the verdict of the report counts if no other entry has one.
        names: threat name, malware family and malware type.
        first, last, claimed: the feed's totals.
    """

    indicator: Indicator
    verdict: Verdict | None
    inherits: bool
    origins: tuple[Origin, ...]
    evidence: tuple[Evidence, ...]
    tags: frozenset[str]
    file: FileFacts
    names: tuple[str, str, str]
    first: int
    last: int
    claimed: int


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
    if text.isprintable():  # as nearly all are; reading every character takes long
        return False
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


def _statement(kind: IndicatorType, entry: Mapping[str, Any], common: _Common) -> _Statement | None:
    """Read one entry; None for one without a verdict that cannot get any."""
    verdict = verdict_of(entry)
    # UNKNOWN counts as a verdict that the entry states.
    inherits = verdict is None and common.inherit_verdict and not parent_verdict_of(entry)
    evidence = tuple(read_evidence(entry["evidence"])) if "evidence" in entry else ()
    if _only_by_analyst(evidence):
        verdict = None
    is_hash = kind in HASH_TYPES
    if verdict is None and not inherits and not is_hash:
        return None
    try:
        indicator = parse(kind, entry.get("data"))
    except InvalidIndicator:
        if verdict is None and not inherits:
            return None
        raise
    file = _file(entry, indicator, common) if is_hash else _NO_FILE
    tags = read_tags(entry.get("tags"))
    if not entry.get("file"):
        # A report has the tags of all its files. An icon is not malware because its parent is, so
        # an IOC that names its file has all its tags. Most others add none, and share the set.
        tags = common.tags if tags <= common.tags else tags | common.tags
    first, last, count = _claims(entry, common)
    return _Statement(
        indicator,
        verdict,
        inherits,
        _origins(entry),
        evidence,
        tags,
        file,
        _names(entry),
        first,
        last,
        count,
    )


def _only_by_analyst(evidence: Iterable[Evidence]) -> bool:
    """Whether an override decided the verdict. As a sighting it would outlive the override."""
    deciding = [one.source for one in evidence if one.decides]
    return bool(deciding) and set(deciding) == {EvidenceSource.ANALYST}


_NO_FILE = FileFacts()
_NO_NAMES = ("", "", "")


def _names(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    names = entry.get("threat_name"), entry.get("malware_family"), entry.get("malware_type")
    if names == (None, None, None):
        return _NO_NAMES
    return _short_text(names[0]), _short_text(names[1]), _short_text(names[2])


def _scanned_file(raw: RawReport) -> FileFacts:
    """Read the file that a report is about: the object `file`, else the report's own digests."""
    file = raw.get("file")
    own = {kind.value: raw[kind.value] for kind in HASH_TYPES if kind.value in raw}
    if not own:
        return read_file_facts(file) if file else _NO_FILE
    return read_file_facts(own | (dict(file) if isinstance(file, Mapping) else {}))


def _file(entry: Mapping[str, Any], indicator: Indicator, common: _Common) -> FileFacts:
    """Read the file of a hash. Digests that belong to another file are ignored."""
    file = read_file_facts(entry["file"]) if "file" in entry else _NO_FILE
    if indicator in common.file.digests and not file.name:
        file = common.file._replace(digests=file.digests or common.file.digests)
    if file.digest(indicator.type) not in ("", indicator.value):
        return file._replace(digests=())
    return file


def _add_url(
    url: Indicator, statements: Sequence[_Statement], common: _Common, report: Report
) -> list[_Statement]:
    """Add the sighting of a scanned URL.

    Returns:
        The statements about files: those about the digest of the URL's text are about the URL.
    """
    of_url = [one for one in statements if one.indicator in common.file.digests]
    if any(sighting.indicator == url for sighting in report.sightings) and not of_url:
        return list(statements)
    scanned = _Statement(
        url,
        verdict=None,
        inherits=True,
        origins=(Origin("INPUT_FILE"),),
        evidence=(),
        tags=common.tags,
        file=_NO_FILE,
        names=("", "", ""),
        first=common.seen_at,
        last=common.seen_at,
        claimed=0,
    )
    report.add(_unite([scanned, *of_url], common), url)
    return [one for one in statements if one.indicator not in common.file.digests]


def _add_files(statements: Sequence[_Statement], common: _Common, report: Report) -> None:
    """Add one sighting per file under each of its digests."""
    files = group_by_file(
        [*([one.indicator, *one.file.digests] for one in statements), common.file.digests]
    )
    of_files: list[list[_Statement]] = [[] for _ in files.digests]
    for one in statements:
        holders = files.with_all([one.indicator, *one.file.digests])
        if len(holders) == 1:
            of_files[holders[0]].append(one)
            continue
        # Its digests belong to several files, and it does not state which of them it is about.
        summary = _unite([one], common)
        report.without_verdict += summary is None
        report.add(summary, one.indicator, files.siblings(one.indicator))
    for digests, about in zip(files.digests, of_files, strict=True):
        summary = _unite(about, common, digests) if about else None
        if summary is None:
            report.without_verdict += len(about)
            continue
        for digest in digests:
            report.add(summary, digest, frozenset(digests) - {digest})


def _unite(
    statements: Sequence[_Statement], common: _Common, digests: Iterable[Indicator] = ()
) -> SightingSummary | None:
    """Return the one sighting that statements about one thing come to; None without a verdict."""
    one = statements[0] if len(statements) == 1 else _merged(statements)
    verdict = one.verdict
    if verdict is None and one.inherits:
        verdict = common.own_verdict()
    if verdict is None:
        return None
    scan = ScanVerdict(
        common.seen_at,
        verdict,
        common.flow_id,
        common.parent_verdict,
        one.origins[0].type if one.origins else "",
        common.report_id,
        OF_REPORT if one.verdict is None else "",
        _details(one, common, digests),
        _first([digest.value for digest in digests if digest.type is IndicatorType.SHA256]),
    )
    return SightingSummary(
        scan, scan, one.first, one.last, cap_tags(one.tags), claimed_count=one.claimed
    )


def _details(one: _Statement, common: _Common, digests: Iterable[Indicator]) -> str:
    # A single type is the origin of the sighting itself.
    origins = one.origins
    if len(origins) == 1 and not origins[0].identifier:
        origins = ()
    if one.file is _NO_FILE and not (origins or one.evidence or common.sender or any(one.names)):
        return ""
    name = one.file.name
    # Many files are named by a digest, which is known anyway.
    if name.upper() in [digest.value for digest in digests]:
        name = ""
    facts = (origins, one.evidence, name, one.file.type, one.file.size, *one.names, common.sender)
    return SightingDetails._make(facts).pack()


def _merged(statements: Sequence[_Statement]) -> _Statement:
    """Merge statements about one thing: the worst verdict, and of texts those of the worst."""
    worst_first = sorted(statements, key=_severity, reverse=True)
    worst = worst_first[0]
    return _Statement(
        worst.indicator,
        worst.verdict,
        any(one.inherits for one in statements),
        tuple(dict.fromkeys(one for some in worst_first for one in some.origins)),
        tuple(one for some in worst_first for one in some.evidence),
        worst.tags.union(*(one.tags for one in worst_first[1:])),
        FileFacts(
            _first(one.file.name for one in worst_first),
            _first(one.file.type for one in worst_first),
            max(one.file.size for one in worst_first),
        ),
        (
            _first(one.names[0] for one in worst_first),
            _first(one.names[1] for one in worst_first),
            _first(one.names[2] for one in worst_first),
        ),
        min(one.first for one in statements),
        max(one.last for one in statements),
        max(one.claimed for one in statements),
    )


def _severity(statement: _Statement) -> int:
    return -1 if statement.verdict is None else statement.verdict


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")


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


def _origins(entry: Mapping[str, Any]) -> tuple[Origin, ...]:
    origins = entry.get("origins")
    if not isinstance(origins, list) or not origins:
        origins = [{"type": entry.get("origin")}] if "origin" in entry else []
    read = [_origin(one) for one in origins if isinstance(one, Mapping)]
    return tuple([one for one in read if one.type][:MAX_ORIGINS])


def _origin(raw: Mapping[str, Any]) -> Origin:
    name, identifier = raw.get("type"), raw.get("identifier")
    return Origin(
        name if isinstance(name, str) and fits(name, MAX_ORIGIN_BYTES) else "",
        identifier if isinstance(identifier, str) and fits(identifier, MAX_ORIGIN_BYTES) else "",
    )


def _short_text(value: object) -> str:
    return value if isinstance(value, str) and fits(value, MAX_SHORT_TEXT_BYTES) else ""


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
