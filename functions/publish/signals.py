"""Reads the groups of signals of a scan report: what the sandbox noticed, and how bad it is. Pure.

A report lists each group several times: for the whole report, and for the file or the OSINT results
where its signals come from. A signal of OSINT origin repeats an OSINT result; if that only repeats
an answer of this service, so does the signal.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from functions.publish.layout import xml_safe
from functions.publish.osint import (
    Json,
    OsintResults,
    Resource,
    can_be_echo,
    mappings,
    resource_of,
    stated_verdict,
)
from shared.domain.evidence import MAX_EVIDENCE_TEXT_BYTES, Evidence, EvidenceSource
from shared.domain.file_facts import cut
from shared.domain.verdict import Verdict

# Bounds the work; real reports have some dozens.
_MAX_GROUPS = 10_000
_OSINT_ORIGIN = "osint"
_QUOTED_RESOURCE = re.compile(r'resource "([^"]*)"')


@dataclass(frozen=True, slots=True)
class SignalGroup:
    """A group of signals of one kind.

    Attributes:
        name: identifier and description.
        verdict: as the report states it.
        rest: what is left of the verdict without the signals that only repeat this service, None if
            nothing is.
        files: what the signals of other than OSINT origin were found in, as the report names it.
        echoed: resources of the signals that only repeat this service.
    """

    name: str
    verdict: Verdict
    rest: Verdict | None
    files: frozenset[Resource]
    echoed: frozenset[Resource]

    def evidence(self, *, echo: bool = False) -> Evidence:
        """The group as evidence.

        Args:
            echo: whether to return the part that only repeats this service.
        """
        verdict = self.verdict if echo or self.rest is None else self.rest
        return Evidence(EvidenceSource.SIGNAL, verdict, self.name, echo=echo)


def read_signal_groups(report: Json, files: list[Json], results: OsintResults) -> list[SignalGroup]:
    """Read the groups with a verdict other than NO_THREAT.

    Signals without a threat are observations, such as an icon. They are not evidence that a file is
    harmless.

    Args:
        files: the analysed files of the report.
    """
    found: dict[SignalGroup, None] = {}
    for number, raw in enumerate(_raw_groups(report, files)):
        if number == _MAX_GROUPS:
            break
        group = _read_group(raw, results)
        if group is not None:
            found[group] = None
    return list(found)


def states_signals(report: Json, files: list[Json]) -> bool:
    """Whether a report lists groups of signals at all; reports in short form do not."""
    return next(_raw_groups(report, files), None) is not None


def _read_group(raw: Json, results: OsintResults) -> SignalGroup | None:
    verdict = stated_verdict(raw)
    if verdict is None or not can_be_echo(verdict):
        return None
    rest: list[Verdict] = []
    files: set[Resource] = set()
    echoed: set[Resource] = set()
    signals = mappings(raw.get("signals"))
    for signal in signals:
        if not _is_osint(signal):
            rest.append(verdict)
            origin = signal.get("originIdentifier")
            if isinstance(origin, str):
                files.add(resource_of(origin))
            continue
        resource = _osint_resource(signal)
        left = results.verdict_of_signal(verdict, resource)
        rest += [] if left is None else [left]
        if left is not verdict and resource is not None:
            echoed.add(resource)
    if not signals:
        rest.append(verdict)
    return SignalGroup(
        _name(raw), verdict, max(rest, default=None), frozenset(files), frozenset(echoed)
    )


def _is_osint(signal: Json) -> bool:
    origin = signal.get("originPath")
    return isinstance(origin, str) and origin.casefold().startswith(_OSINT_ORIGIN)


def _osint_resource(signal: Json) -> Resource | None:
    named = signal.get("additionalInfo")
    if not isinstance(named, str) or not named:
        text = signal.get("signalReadable")
        match = _QUOTED_RESOURCE.search(text) if isinstance(text, str) else None
        named = match[1] if match else None
    return None if named is None else resource_of(named)


def _name(raw: Json) -> str:
    parts = (raw.get("identifier"), raw.get("description"))
    text = " ".join(xml_safe(part) for part in parts if isinstance(part, str))
    return cut(text, MAX_EVIDENCE_TEXT_BYTES)


def _raw_groups(report: Json, files: list[Json]) -> Iterator[Json]:
    yield from mappings(report.get("allSignalGroups"))
    resources = report.get("resources")
    listed = [*resources.values()] if isinstance(resources, Mapping) else []
    for one in [*listed, *files]:
        if isinstance(one, Mapping):
            yield from mappings(one.get("signalGroups"))
