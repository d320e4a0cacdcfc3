"""Input and output of the export formats: IOCs in, files out."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.score import step_of
from shared.domain.verdict import Verdict

# Namespace of the ids in exports (docs/exports.md). Never change it: tools know objects by id.
NAMESPACE = uuid.UUID("3f7a6c1e-52a8-5d0b-9a51-6f1f0d3c8e72")
PUBLISHER = "IOC reputation"
# Exports keep removals for so long. A client with an older cursor has to begin anew.
WITHDRAWN_KEPT_MS = 400 * 86_400_000


class Tlp(StrEnum):
    """Marking of the Traffic Light Protocol 2.0: with whom exports may be shared."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class ExportedIoc:
    """An indicator with the sandbox's reputation; times are milliseconds since the epoch.

    Attributes:
        flow_id, report_id: scan and report of its verdict; both are "" if only an analyst gave it,
            report_id also if there is none.
        tags: sorted.
        created: when its STIX indicator was first exported; 0 if it never had one.
        changed: when it was first exported in its present form.
        withdrawn: when its STIX indicator was withdrawn; 0 if it has one, or never had one.
        episode: how often a STIX indicator of it was withdrawn and it became bad again.
        score: 0 to 100, at the time of the run.
        valid_until: end of its validity; 0 for none.
        gone: since when it is in no list, because it is past its validity or no longer stored; 0
            if it is listed.
        moved: when its row in the lists last changed, its score crossed a step, or it was added to
            them or removed.
    """

    indicator: Indicator
    verdict: Verdict
    first_seen: int
    last_seen: int
    scan_count: int
    flow_id: str
    report_id: str
    tags: tuple[str, ...]
    created: int
    changed: int
    withdrawn: int = 0
    episode: int = 0
    score: int = 0
    valid_until: int = 0
    gone: int = 0
    moved: int = 0

    @property
    def labels(self) -> list[str]:
        """The verdict and the tags, as labels of STIX and tags of MISP."""
        return [f"verdict:{self.verdict.name.lower()}", *self.tags]

    @property
    def indicator_changed(self) -> int:
        """When its STIX indicator last changed: a withdrawn one never changes again."""
        return self.withdrawn or self.changed

    @property
    def step(self) -> int:
        """The step that its score reaches, 0 for none."""
        return step_of(self.score)


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a stack's exports.

    Attributes:
        report_link: address of a report's page with placeholders `{flow_id}` and `{report_id}`;
            "" for no links.
        least_indicator: the mildest verdict that makes a STIX indicator.
    """

    tlp: Tlp
    report_link: str
    least_indicator: Verdict = Verdict.LIKELY_MALICIOUS

    def link(self, ioc: ExportedIoc) -> str:
        """Return the address of the page of the report of a verdict, "" if there is none."""
        if not (self.report_link and ioc.report_id):
            return ""
        return self.report_link.format(
            flow_id=quote(ioc.flow_id, safe=""), report_id=quote(ioc.report_id, safe="")
        )


class IocSource(Protocol):
    """All exported IOCs, in several orders. Each method can be called repeatedly."""

    def by_value(
        self, kind: IndicatorType | None = None, least: Verdict = Verdict.BENIGN, step: int = 0
    ) -> Iterator[ExportedIoc]:
        """List the listed IOCs by type and value.

        Args:
            kind: only IOCs of this type.
            least: only IOCs with this verdict or a worse one.
            step: only IOCs whose score reaches this step.
        """

    def by_change(self) -> Iterator[ExportedIoc]:
        """List the STIX indicators, valid and withdrawn ones, by last change and id."""

    def by_id(self) -> Iterator[tuple[str, int]]:
        """List the UUID and the last change of the same STIX indicators, by UUID."""

    def by_day(self) -> Iterator[ExportedIoc]:
        """List by the day (UTC) of the first sighting, then by type and value; gone ones, too."""

    def by_move(self) -> Iterator[ExportedIoc]:
        """List by the last change of the row in the lists; gone ones, too."""

    def last_move(self, kind: IndicatorType) -> int:
        """Return when the lists of a type last changed; 0 if they are empty."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file of an export.

    Attributes:
        name: its path under the exports.
        parts: its content in pieces; can be iterated once.
        first: last change and id of the first indicator, for pages of changed IOCs; else None.
    """

    name: str
    media_type: str
    parts: Iterable[str]
    first: tuple[int, str] | None = None


def id_of(what: str, indicator: Indicator) -> uuid.UUID:
    """Return the id of an object about an indicator, equal in every run and on every stack."""
    return uuid.uuid5(NAMESPACE, f"{what}:{indicator.type}:{indicator.value}")


def indicator_id(indicator: Indicator, episode: int) -> uuid.UUID:
    """Return the id of a STIX indicator: what was withdrawn and returns gets a new one."""
    return id_of(f"indicator-{episode}" if episode else "indicator", indicator)


def name_with_step(name: str, step: int) -> str:
    """Return the name of the part of a list whose scores reach a step, as `a-50.txt` of `a.txt`."""
    stem, _, ending = name.rpartition(".")
    return f"{stem}-{step}.{ending}" if step else name


def as_tools_write(indicator: Indicator) -> str:
    """Return the value as other tools write it: hashes in lower case."""
    return indicator.value.lower() if indicator.type.info.hash_digits else indicator.value
