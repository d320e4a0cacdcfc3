"""Reads the IOCs of a scan report and the evidence for each.

A report contains evidence in six parts: the entry of the IOC, the final verdict for what was
scanned, the analysed files, YARA rules, groups of signals, and the answers of OSINT providers.
docs/verdicts.md explains what each part states, and what only repeats this service. Bad input is
rejected without affecting the rest, by the rules of `shared.formats.feed.report`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from functions.publish.files import (
    INPUT_FILE,
    Origin,
    ReportFile,
    ReportFiles,
    facts_of,
    named_digests,
    source_archives,
)
from functions.publish.layout import xml_safe
from functions.publish.osint import Json, OsintResults, Resource, standing, stated_verdict
from functions.publish.related import read_related
from functions.publish.signals import SignalGroup, read_signal_groups, states_signals
from functions.publish.threats import ReportTags, Threat, tag_names
from shared.domain.errors import InvalidIndicator, InvalidRecord
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.file_facts import FileFacts, in_type_order, scanned_url
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.indicator_types import HASH_TYPES
from shared.domain.reputation import cap_tags
from shared.domain.verdict import Verdict, parent_verdict_of, read_verdict, verdict_of
from shared.formats.feed.report import TYPES, fits, is_flow_id, read_head, read_tags
from shared.formats.feed.scan_report import parse_scan, raw_report

# Of all reports of a scan together: they are in memory at once, and no entry of the feed has more.
MAX_IOCS = 50_000
MAX_ORIGINS = 8
MAX_NAME_BYTES = 512
# Of the rejected IOCs that the answer names.
MAX_REJECTED_NAMED = 20
MAX_REJECTED_CHARS = 100
_NO_FILE = FileFacts()
_NO_THREAT = Threat()


@dataclass(slots=True)
class Observed:
    """What a report contains about one IOC.

    Attributes:
        origins: where in the scan it was found, in the report's own fields.
        tags: tags of the IOC; of a file all, of others without those of the report.
        evidence: the evidence in the report.
        file: of a digest, the file that it is of, with all digests that the report gives for it.
        threat: what the tags of the file name.
    """

    origins: list[Origin] = field(default_factory=list)
    tags: frozenset[str] = frozenset()
    evidence: set[Evidence] = field(default_factory=set)
    file: FileFacts = _NO_FILE
    threat: Threat = _NO_THREAT


@dataclass(slots=True)
class ScanReport:
    """A scan report.

    Attributes:
        seen_at: date of the report, milliseconds since the epoch.
        verdict: of the whole report, "" for none.
        file: the scanned file; of a scanned URL, its name is the URL and it has no digests.
        related: context without a verdict: redirects, rendered requests, resolved addresses.
        rejected: the first IOCs that could not be read, each with its type, reason and value.
        rejected_count: number of all IOCs that could not be read.
        passed_over: number of IOCs of types that are not looked up.
        private: whether the scan, its file or an archive around it is marked as private.
    """

    flow_id: str
    report_id: str
    seen_at: int
    verdict: str
    tags: frozenset[str]
    file: FileFacts = _NO_FILE
    iocs: dict[Indicator, Observed] = field(default_factory=dict)
    related: list[Indicator] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    rejected_count: int = 0
    passed_over: int = 0
    private: bool = False

    def reject(self, kind: IndicatorType, reason: str, value: object = None) -> None:
        """Note an IOC that could not be read; a report can have hundreds of thousands of them."""
        self.rejected_count += 1
        if len(self.rejected) < MAX_REJECTED_NAMED:
            shown = f": {value[:MAX_REJECTED_CHARS]}" if isinstance(value, str) else ""
            self.rejected.append(xml_safe(f"{kind}: {reason}{shown}"))


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
    readers: list[_Reader | RejectedReport] = []
    for report_id, report in scan["reports"].items():
        try:
            readers.append(_Reader(scan, report_id, report, now))
        except InvalidRecord as error:
            readers.append(RejectedReport(report_id, str(error)))
    finals = [one.final for one in readers if isinstance(one, _Reader)]
    read: list[ScanReport | RejectedReport] = []
    left = MAX_IOCS
    for one in readers:
        if isinstance(one, _Reader):
            one.most = left
            left -= len(one.read(finals).iocs)
            read.append(one.report)
        else:
            read.append(one)
    return read


@dataclass(frozen=True, slots=True)
class _Final:
    """The final verdict of a report.

    Attributes:
        stated: None for none.
        standing: what is left of it without echoes.
        archives: digests of the archives that the scanned file came out of.
    """

    stated: Verdict | None
    standing: Verdict | None
    archives: frozenset[Indicator]


class _Reader:
    """Reads one report.

    Attributes:
        most: number of IOCs of which further ones are rejected.

    Raises:
        InvalidRecord: a hard field is missing or not valid.
    """

    most = MAX_IOCS

    def __init__(self, scan: Json, report_id: str, report: object, now: int) -> None:
        raw = raw_report(scan, report_id, report)
        if not is_flow_id(report_id):
            raise InvalidRecord("report_id is not a text of 1 to 128 characters")
        if not isinstance(report, Mapping):
            raise InvalidRecord("report is not an object")
        flow_id, seen_at, self._raw_iocs = read_head(raw, now)
        if xml_safe(flow_id + report_id) != flow_id + report_id:
            raise InvalidRecord("flow_id or report_id has a character that XML cannot represent")
        named = _named_file(raw["file"], report)
        # The digest of a scanned URL is that of its whole text, which the facts of a file cut.
        whole = raw["file"].get("name", "")
        self._url = scanned_url(named._replace(name=whole))
        self._report = report
        self._files = ReportFiles(report, named)
        self._archives = self._add_archives(scan)
        self._results = OsintResults(report)
        analyses = [one for file in self._files for one in file.raw]
        self._states_signals = states_signals(report, analyses)
        self._groups = read_signal_groups(report, analyses, self._results)
        self._groups_in: defaultdict[Resource, list[SignalGroup]] = defaultdict(list)
        self._echoes_about: defaultdict[Resource, list[SignalGroup]] = defaultdict(list)
        for group in self._groups:
            for resource in group.files:
                self._groups_in[resource].append(group)
            for resource in group.echoed:
                self._echoes_about[resource].append(group)
        self._tags = ReportTags(report)
        shown = self._files.input.facts
        self.report = ScanReport(
            flow_id,
            report_id,
            seen_at,
            parent_verdict_of(raw),
            cap_tags(_tags(raw["tags"])),
            shown._replace(digests=()) if self._url else shown,
            private="private" in raw,
        )
        self.final = self._final()

    def read(self, finals: list[_Final]) -> ScanReport:
        """Return the report with its IOCs.

        Args:
            finals: the final verdicts of all reports of the scan, which judge its archive.
        """
        self._read_iocs()
        self._read_scanned()
        for file in self._files:
            if file is not self._files.input:
                self._read_found_file(file)
        for file, raw in self._archives:
            self._read_archive(file, raw, finals)
        self._read_osint()
        self._read_echoed_signals()
        self._describe_files()
        known = self.report.iocs.keys()
        self.report.related = [one for one in read_related(self._report) if one not in known]
        return self.report

    def _add_archives(self, scan: Json) -> list[tuple[ReportFile, Json]]:
        """Add the archives of the scan to the files, each with the object that describes it."""
        found: dict[ReportFile, Json] = {}
        for facts, raw in source_archives(scan, self._report):
            file = self._files.add(facts)
            if file is not self._files.input:
                found.setdefault(file, raw)
        return list(found.items())

    # The final verdict

    def _final(self) -> _Final:
        archives = frozenset(one for file, _ in self._archives for one in file.facts.digests)
        stated = read_verdict(self.report.verdict)
        left = None if stated is None else standing(stated, *self._grounds)
        return _Final(stated, left, archives)

    @cached_property
    def _grounds(self) -> tuple[list[Verdict], list[Verdict]]:
        """What can have led to the verdict of what was scanned: echoes, and the rest.

        Anything in the report can, an answer about another resource as well.
        """
        results = list(self._results.all())
        echoes = [one.echo for one in results if one.echo is not None]
        echoes += [group.verdict for group in self._groups if group.echoed]
        rest = [one.verdict for one in results if one.verdict is not None]
        rest += [group.rest for group in self._groups if group.rest is not None]
        for file in self._files:
            rest += [rule.verdict for rule in file.rules]
            if file is not self._files.input:
                rest += [row.verdict for row in self._analysis_rows(file) if not row.echo]
            elif not self._states_signals:
                # Where a report states signals, the verdict of its file only sums them up.
                rest += [row.verdict for row in file.stated]
        return echoes, rest

    # The parts of a report

    def _read_iocs(self) -> None:
        for kind, entry in _entries(self._raw_iocs, self.report):
            try:
                self._read_ioc(kind, entry)
            except (InvalidIndicator, InvalidRecord) as error:
                self.report.reject(kind, str(error), entry.get("data"))

    def _read_ioc(self, kind: IndicatorType, entry: Json) -> None:
        if len(self.report.iocs) >= self.most:
            raise InvalidRecord(f"the scan has more than {MAX_IOCS} IOCs")
        verdict = verdict_of(entry)
        indicator = parse(kind, entry.get("data"))
        if kind in HASH_TYPES:
            digests = in_type_order([indicator, *named_digests(entry.get("digests"))])
            file = self._files.add(FileFacts(digests=digests))
            if self._url and file is self._files.input:
                return  # the digest of a URL is of no file
        same = self._digests_like(indicator)
        rows = [] if verdict is None else self._ioc_rows(indicator, verdict)
        origins = entry.get("origins")
        found = origins if isinstance(origins, list) else [{"type": entry.get("origin")}]
        self._observe(same, found, rows, _tags(entry.get("tags")))

    def _ioc_rows(self, indicator: Indicator, verdict: Verdict) -> list[Evidence]:
        files = self._files.with_digest(indicator)
        if self._files.input in files or indicator == self._url:
            left = standing(verdict, *self._grounds)
        else:
            rest = [rule.verdict for file in files for rule in file.rules]
            rest += [
                row.verdict for file in files for row in self._analysis_rows(file) if not row.echo
            ]
            left = self._standing_of(self._digests_like(indicator), verdict, rest)
        return _rows(EvidenceSource.REPORT, verdict, left)

    def _read_scanned(self) -> None:
        """Add what was scanned, a file or a URL, with the final verdict of the report."""
        file = self._files.input
        stated, left = self.final.stated, self.final.standing
        rows = [] if stated is None else _rows(EvidenceSource.REPORT, stated, left)
        # The final verdict includes that of the file, which counts only where the other does not.
        if left is not stated or not self.report.verdict:
            for row in file.stated:
                rows += _rows(row.source, row.verdict, standing(row.verdict, *self._grounds))
        rows += file.rules
        rows += self._signal_rows(file)
        origin: Origin = {"type": INPUT_FILE}
        if self._url:
            self._observe([self._url], [origin], rows)
            return
        if file.facts.digests:
            named = file.facts.digest(IndicatorType.SHA256) or file.facts.digests[0].value
            origin["identifier"] = named.lower()
        self._observe(file.facts.digests, [origin], rows)

    def _read_found_file(self, file: ReportFile) -> None:
        """Add the digests of a file that came out of the scanned one, if anything judges it."""
        rows = [*self._analysis_rows(file), *file.rules, *self._signal_rows(file)]
        if rows:
            self._observe(file.facts.digests, file.origins, rows)

    def _analysis_rows(self, file: ReportFile) -> list[Evidence]:
        """The verdicts of the analyses of a file that came out of the scanned one."""
        if not self._states_signals:
            return file.stated
        rest = [rule.verdict for rule in file.rules]
        rest += [row.verdict for row in self._signal_rows(file)]
        rows: list[Evidence] = []
        for row in file.stated:
            left = self._standing_of(file.facts.digests, row.verdict, rest)
            rows += _rows(row.source, row.verdict, left)
        return rows

    def _read_archive(self, file: ReportFile, raw: Json, finals: list[_Final]) -> None:
        """Add an archive with its own verdict, else with the worst one of what came out of it."""
        digests = file.facts.digests
        inside = [one for one in finals if not one.archives.isdisjoint(digests)]
        final = [one.stated for one in inside if one.stated is not None]
        left = [one.standing for one in inside if one.standing is not None]
        stated = stated_verdict(raw)
        rows: list[Evidence] = []
        if stated is not None:
            echoes = [
                one.stated
                for one in inside
                if one.stated is not None and one.stated is not one.standing
            ]
            rows = _rows(EvidenceSource.FILE, stated, standing(stated, echoes, left))
        elif final:
            rows = _rows(EvidenceSource.REPORT, max(final), max(left, default=None))
        self._observe(digests, [{"type": INPUT_FILE}], rows, tag_names(raw.get("tags")))

    def _read_osint(self) -> None:
        """Add the verdicts of OSINT providers to the IOCs of this report."""
        for result in self._results.all():
            if not isinstance(result.resource, Indicator):
                continue
            same = [one for one in self._digests_like(result.resource) if one in self.report.iocs]
            self._observe(same, [], result.evidence())

    def _read_echoed_signals(self) -> None:
        """Show the signals that only repeat this service where they would have counted."""
        for group in self._groups:
            about: set[Indicator] = set()
            for resource in group.echoed:
                if isinstance(resource, Indicator):
                    about.update(self._digests_like(resource))
            if group.echoed:
                about.update([self._url] if self._url else self._files.input.facts.digests)
            same = [one for one in about if one in self.report.iocs]
            self._observe(same, [], [group.evidence(echo=True)])

    def _describe_files(self) -> None:
        """Give each digest its file, the tags of that file, and the threat that they name."""
        for file in self._files:
            digests = [one for one in file.facts.digests if one in self.report.iocs]
            if not digests:
                continue
            results = [one for digest in digests for one in self._results.about(digest)]
            threat = self._tags.threat_of(
                file,
                is_input=file is self._files.input,
                only_echoes=bool(results) and all(one.verdict is None for one in results),
            )
            tags = self._tags.of_file(file)
            for digest in digests:
                observed = self.report.iocs[digest]
                observed.tags = cap_tags(observed.tags | tags)
                if len(self._files.with_digest(digest)) > 1:
                    # A digest of two files connects nothing: no verdict may pass between them.
                    observed.file = FileFacts(digests=(digest,))
                else:
                    observed.file, observed.threat = file.facts, threat

    # Helpers

    def _standing_of(
        self, about: Iterable[Indicator], verdict: Verdict, rest: list[Verdict]
    ) -> Verdict | None:
        """What is left of a verdict that the report states for one IOC."""
        about = list(about)
        results = [one for resource in about for one in self._results.about(resource)]
        echoes = [one.echo for one in results if one.echo is not None]
        echoes += [one.verdict for resource in about for one in self._echoes_about[resource]]
        heard = [one.verdict for one in results if one.verdict is not None]
        return standing(verdict, echoes, [*rest, *heard])

    def _signal_rows(self, file: ReportFile) -> list[Evidence]:
        groups = [group for digest in file.facts.digests for group in self._groups_in[digest]]
        return [group.evidence() for group in groups if group.rest is not None]

    def _digests_like(self, indicator: Indicator) -> list[Indicator]:
        """All digests of the file that a digest is of; the indicator itself for all others."""
        files = self._files.with_digest(indicator)
        if len(files) != 1:
            return [indicator]
        return [one for one in files[0].facts.digests if len(self._files.with_digest(one)) == 1]

    def _observe(
        self,
        indicators: Iterable[Indicator],
        origins: Iterable[object],
        evidence: Iterable[Evidence],
        tags: frozenset[str] = frozenset(),
    ) -> None:
        origins, evidence = list(origins), list(evidence)
        for indicator in indicators:
            observed = self.report.iocs.setdefault(indicator, Observed())
            for origin in origins:
                _add_origin(observed, origin)
            observed.evidence.update(evidence)
            observed.tags = cap_tags(observed.tags | tags)


def _rows(source: EvidenceSource, stated: Verdict, left: Verdict | None) -> list[Evidence]:
    """What a report states, as evidence: what holds, and what only repeats this service."""
    rows = [] if left is None else [Evidence(source, left)]
    return rows if left is stated else [*rows, Evidence(source, stated, echo=True)]


def _named_file(file: Json, report: Json) -> FileFacts:
    """The scanned file as the report itself names it."""
    task = report.get("taskReference")
    details = task.get("additionalInfo") if isinstance(task, Mapping) else None
    facts = facts_of(file, file.get("name"), file.get("type"))
    named = named_digests(details.get("digests") if isinstance(details, Mapping) else None)
    return facts if facts.digests else facts._replace(digests=in_type_order(named))


def _entries(iocs: Json, read: ScanReport) -> Iterator[tuple[IndicatorType, Json]]:
    for name, entries in iocs.items():
        kind = TYPES.get(name.lower())
        if not isinstance(entries, list):
            if kind is not None and entries is not None:
                read.reject(kind, "the list of IOCs is not a list")
        elif kind is None:
            read.passed_over += len(entries)
        else:
            for entry in entries:
                if isinstance(entry, Mapping):
                    yield kind, entry
                else:
                    read.reject(kind, "IOC is not an object", entry)


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
