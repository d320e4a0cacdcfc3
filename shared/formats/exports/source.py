"""What a format gets to export, and what it makes of it."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote

from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.verdict import Verdict

# Of all ids that exports hold (docs/exports.md): never change it, tools know the objects by them.
NAMESPACE = uuid.UUID("3f7a6c1e-52a8-5d0b-9a51-6f1f0d3c8e72")
PUBLISHER = "IOC reputation"


class Tlp(StrEnum):
    """With whom exports may be shared, by the Traffic Light Protocol 2.0."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class ExportedIoc:
    """What the sandbox says of an indicator; moments are milliseconds since the epoch.

    Attributes:
        flow_id, report_id: the scan and the report that its verdict is from, "" for no report.
        tags: sorted.
        created: when it was first exported.
        changed: when it was first exported as it is now.
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


@dataclass(frozen=True, slots=True)
class Options:
    """How a stack exports.

    Attributes:
        report_link: where a person finds a report, with `{flow_id}` and `{report_id}` in it; ""
            for nowhere.
    """

    tlp: Tlp
    report_link: str

    def link(self, ioc: ExportedIoc) -> str:
        """Where a person finds the report behind a verdict, "" for nowhere."""
        if not (self.report_link and ioc.report_id):
            return ""
        return self.report_link.format(
            flow_id=quote(ioc.flow_id, safe=""), report_id=quote(ioc.report_id, safe="")
        )


class IocSource(Protocol):
    """Everything that is exported, as often as it is asked for."""

    def by_value(
        self, kind: IndicatorType | None = None, least: Verdict = Verdict.BENIGN
    ) -> Iterator[ExportedIoc]:
        """By type and value: those of a type, and with no milder verdict."""

    def by_change(self) -> Iterator[ExportedIoc]:
        """What changed last comes last; by id within the same moment."""

    def by_id(self) -> Iterator[tuple[str, int]]:
        """By id: the id of each (`id_of` of an indicator), and its last change."""

    def by_day(self) -> Iterator[ExportedIoc]:
        """By the day (UTC) on which they were first seen, then by type and value."""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file of an export.

    Attributes:
        name: its path under the exports.
        parts: its content in pieces; iterated once.
        first: the change and the id of the first indicator, in files that are pages of changes.
    """

    name: str
    media_type: str
    parts: Iterable[str]
    first: tuple[int, str] | None = None


def id_of(what: str, indicator: Indicator) -> uuid.UUID:
    """The id of an object about an indicator: the same in every run and on every stack."""
    return uuid.uuid5(NAMESPACE, f"{what}:{indicator.type}:{indicator.value}")


def as_tools_write(indicator: Indicator) -> str:
    """The value as the tools of the field write it: hashes in lower case."""
    return indicator.value.lower() if indicator.type.info.hash_digits else indicator.value
