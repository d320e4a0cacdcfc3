"""Reads the files of a scan report: what was scanned, what came out of it, and its archive. Pure.

One file can stand in several places of a report, each with other digests. They are joined here, so
that all digests of a file share its evidence.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.publish.layout import xml_safe
from functions.publish.osint import Json, can_be_echo, stated_verdict
from shared.domain.errors import InvalidIndicator
from shared.domain.evidence import MAX_EVIDENCE_TEXT_BYTES, Evidence, EvidenceSource
from shared.domain.file_facts import (
    FileFacts,
    cut,
    in_type_order,
    read_file_facts,
)
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.indicator_types import HASH_TYPES, INDICATOR_TYPES

# Bounds the work for nested files; real reports have far fewer.
_MAX_FILES = 10_000
_MAX_RULES = 1_000

# Digests have other names in the analysis of a file than elsewhere in a report.
_HASH_TYPES = [kind for kind in INDICATOR_TYPES if kind in HASH_TYPES]
INPUT_FILE = "INPUT_FILE"
_EXTRACTED_FILE = "EXTRACTED_FILE"
_DOWNLOADED_FILE = "DOWNLOADED_FILE"
_PARENT_FILE = "PARENT_FILE"

Origin = dict[str, str]


@dataclass(slots=True, eq=False)
class ReportFile:
    """One file of a report.

    Attributes:
        origins: where in the scan it was found.
        raw: its analyses, in the form of the report; empty for a file that was only named.
        stated: verdicts of the analyses.
        rules: YARA rules that match, with their verdicts.
    """

    facts: FileFacts
    origins: list[Origin] = field(default_factory=list)
    raw: list[Json] = field(default_factory=list)
    stated: list[Evidence] = field(default_factory=list)
    rules: list[Evidence] = field(default_factory=list)


class ReportFiles:
    """All files of a report.

    Args:
        named: the digests of the scanned file, as far as the report itself names them.
    """

    def __init__(self, report: Json, named: FileFacts) -> None:
        self._all: list[ReportFile] = []
        self._by_digest: defaultdict[Indicator, list[ReportFile]] = defaultdict(list)
        self.input = self.add(named)
        for origin, facts, raw in _analyses(report):
            if facts.digests:
                self._add_analysis(origin, facts, raw)

    def __iter__(self) -> Iterator[ReportFile]:
        return iter(self._all)

    def with_digest(self, digest: Indicator) -> list[ReportFile]:
        """The files that have a digest; several only if it is a collision."""
        return self._by_digest.get(digest, [])

    def add(self, facts: FileFacts) -> ReportFile:
        """Add a file, or complete the one that shares a digest and contradicts none."""
        for known in (one for digest in facts.digests for one in self.with_digest(digest)):
            digests = in_type_order([*known.facts.digests, *facts.digests])
            if set(digests) >= set(facts.digests):
                known.facts = FileFacts(
                    known.facts.name or facts.name,
                    known.facts.type or facts.type,
                    known.facts.size or facts.size,
                    digests,
                )
                break
        else:
            known = ReportFile(facts)
            self._all.append(known)
        for digest in known.facts.digests:
            if known not in self._by_digest[digest]:
                self._by_digest[digest].append(known)
        return known

    def _add_analysis(self, origin: Origin, facts: FileFacts, raw: Json) -> None:
        file = self.add(facts)
        file.raw.append(raw)
        if file is self.input:
            # The analysis knows the type better than the report, which has `other` for many.
            file.facts = file.facts._replace(
                type=facts.type or file.facts.type, size=facts.size or file.facts.size
            )
        elif origin not in file.origins:
            file.origins.append(origin)
        verdict = stated_verdict(raw)
        if verdict is not None:
            file.stated.append(Evidence(EvidenceSource.FILE, verdict))
        file.rules += _yara_rules(raw)


def named_digests(value: object) -> Iterator[Indicator]:
    """The valid digests of an object such as `{"MD5": ..., "SHA-256": ...}`, by any of their names.

    Args:
        value: any JSON value.
    """
    for kind in _HASH_TYPES:
        for name in (kind.info.label, kind.value):
            raw = value.get(name) if isinstance(value, Mapping) else None
            try:
                yield parse(kind, raw)
            except InvalidIndicator:
                continue


def facts_of(raw: Json, name: object, file_type: object, size: object = 0) -> FileFacts:
    """Read a file from the parts in which a report names it."""
    shown = {
        "name": xml_safe(name) if isinstance(name, str) else "",
        "type": xml_safe(file_type) if isinstance(file_type, str) else "",
        "size": size,
    }
    return read_file_facts(shown)._replace(digests=in_type_order(named_digests(raw)))


def source_archives(scan: Json, report: Json) -> list[tuple[FileFacts, Json]]:
    """The archives that the scanned file came out of, each with the object that describes it."""
    found = []
    archive = scan.get("sourceArchive")
    if isinstance(archive, Mapping):
        media = archive.get("mimeType")
        found.append(
            (facts_of(archive, archive.get("name"), media, archive.get("fileSize")), archive)
        )
    task = report.get("taskReference")
    details = task.get("additionalInfo") if isinstance(task, Mapping) else None
    context = details.get("context") if isinstance(details, Mapping) else None
    if isinstance(context, Mapping) and context.get("contextType") == _PARENT_FILE:
        found.append((_parent(context), {}))
    return [(facts, raw) for facts, raw in found if facts.digests]


def _parent(context: Json) -> FileFacts:
    meta = context.get("metaData")
    meta = meta if isinstance(meta, Mapping) else {}
    more = meta.get("additionalHashes")
    named = {
        **(more if isinstance(more, Mapping) else {}),
        IndicatorType.SHA256.info.label: context.get("contextIdentifier"),
    }
    return facts_of(named, meta.get("name"), None)


def _analysed_facts(raw: Json) -> FileFacts:
    digests: Any = raw.get("digests")
    media = raw.get("mediaType")
    kind = media.get("string") if isinstance(media, Mapping) else None
    return facts_of(digests, raw.get("submitName"), kind, raw.get("fileSize"))


def _analyses(report: Json) -> Iterator[tuple[Origin, FileFacts, Json]]:
    """The analysed files at any depth, each with where it comes from."""
    resources = report.get("resources")
    left: list[tuple[Origin, object]] = []
    for one in resources.values() if isinstance(resources, Mapping) else []:
        if isinstance(one, Mapping) and "digests" in one:
            left.append((_own_origin(one), one))
        elif isinstance(one, Mapping):
            left += [({"type": _DOWNLOADED_FILE}, file) for file in _downloads(one)]
    for _ in range(_MAX_FILES):
        if not left:
            return
        origin, file = left.pop()
        if isinstance(file, Mapping):
            facts = _analysed_facts(file)
            yield origin, facts, file
            sha256 = facts.digest(IndicatorType.SHA256).lower()
            around = {"type": _EXTRACTED_FILE, **({"identifier": sha256} if sha256 else {})}
            inner = file.get("extractedFiles")
            left += [(around, one) for one in (inner if isinstance(inner, list) else [])]


def _own_origin(file: Json) -> Origin:
    """The origin of a file next to the scanned one: extracted, unless it was fetched."""
    origin = file.get("origin")
    stated = origin.get("type") if isinstance(origin, Mapping) else None
    return {"type": _DOWNLOADED_FILE if stated == _DOWNLOADED_FILE else _EXTRACTED_FILE}


def _downloads(resource: Json) -> Iterator[Json]:
    """The files of a download task, in the task itself or one level below."""
    results = resource.get("fileDownloadResults")
    for result in results if isinstance(results, list) else []:
        if not isinstance(result, Mapping):
            continue
        for one in (result, *result.values()):
            if isinstance(one, Mapping) and "digests" in one:
                yield one


def _yara_rules(raw: Json) -> Iterator[Evidence]:
    """The YARA rules that match a file; one without a threat does not show that it is harmless."""
    matches = raw.get("yaraMatches")
    for match in matches[:_MAX_RULES] if isinstance(matches, list) else []:
        if not isinstance(match, Mapping):
            continue
        verdict = stated_verdict(match)
        name = match.get("ruleName")
        if verdict is not None and can_be_echo(verdict):
            text = xml_safe(name) if isinstance(name, str) else ""
            yield Evidence(EvidenceSource.YARA, verdict, cut(text, MAX_EVIDENCE_TEXT_BYTES))
