"""Sightings and their join into the reputation of an indicator.

The join is associative, commutative and idempotent, so the order, repetition and overlap of a
feed's reports do not change the result. docs/adr/0003-the-join.md explains why.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple, Self

from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.indicator import Indicator
from shared.domain.indicator_types import IndicatorType
from shared.domain.sighting_details import Origin, SightingDetails, unpack
from shared.domain.verdict import Verdict

MAX_SIBLINGS = 32
MAX_TAGS = 32
MAX_TAG_BYTES = 64
# Source of a verdict that an IOC inherited from its report.
OF_REPORT = "report"


class ScanVerdict(NamedTuple):
    """The part of a sighting that an answer shows as a whole; the greatest one is the latest.

    Fields are compared in their order: date, severity, flow_id. The remaining ones only make the
    order total, for a report that contradicts itself. New ones come last: they decide no tie that
    was decided before.

    Attributes:
        seen_at: milliseconds since the epoch.
        parent_verdict: verdict of the whole report, "" if it has none.
        origin: type of the first origin, "" if unknown.
        report_id: "" for a report without one.
        source: `OF_REPORT` for a verdict inherited from the report, "" for the IOC's own.
        details: origins, evidence, file and family, packed by `SightingDetails.pack`.
        sha256: for a hash the SHA-256 of the file, "" if the report does not give it.
    """

    seen_at: int
    verdict: Verdict
    flow_id: str
    parent_verdict: str
    origin: str
    report_id: str = ""
    source: str = ""
    details: str = ""
    sha256: str = ""

    def read_details(self) -> SightingDetails:
        """Return the details; the origins in them hold at least the sighting's origin."""
        details = unpack(self.details)
        if self.origin and not details.origins:
            return details._replace(origins=(Origin(self.origin),))
        return details

    def read_evidence(self) -> tuple[Evidence, ...]:
        """Return the evidence; an inherited verdict rests on the one of its report."""
        evidence = unpack(self.details).evidence
        if self.source == OF_REPORT and not evidence:
            return (Evidence(EvidenceSource.REPORT, self.verdict, decides=True),)
        return evidence


class SightingSummary(NamedTuple):
    """What several sightings of one indicator come to, except their number.

    Attributes:
        latest: the scan verdict of the newest sighting.
        worst: the scan verdict of the most severe sighting, of several the newest.
        first_seen: earliest sighting, milliseconds since the epoch.
        last_seen: latest sighting, milliseconds since the epoch.
        tags: at most `MAX_TAGS`, the first ones in alphabetical order: a rule that looks at
            anything but the tag would make the join depend on its order.
        claimed_count: the greatest scan count that a feed claimed, 0 if it claimed none.
        siblings: for a hash, the other digests of its files: at most `MAX_SIBLINGS`, by the rule
            of `cap_siblings`.
    """

    latest: ScanVerdict
    worst: ScanVerdict
    first_seen: int
    last_seen: int
    tags: frozenset[str]
    claimed_count: int = 0
    siblings: frozenset[Indicator] = frozenset()

    def join(self, other: Self) -> Self:
        """Merge two summaries of the same indicator."""
        return type(self)(
            latest=max(self.latest, other.latest),
            worst=max(self.worst, other.worst, key=_severity_first),
            first_seen=min(self.first_seen, other.first_seen),
            last_seen=max(self.last_seen, other.last_seen),
            tags=cap_tags(self.tags | other.tags),
            claimed_count=max(self.claimed_count, other.claimed_count),
            siblings=cap_siblings(self.siblings | other.siblings),
        )

    @property
    def shown(self) -> ScanVerdict:
        """The scan verdict that answers show.

        It is the latest; but of a digest that several files share, it is the worst: the clean scan
        of one file must not hide that the other one is malicious.
        """
        if not self.siblings:
            return self.latest
        files = sum(one.type is IndicatorType.SHA256 for one in self.siblings)
        return self.worst if files > 1 else self.latest


def cap_tags(tags: frozenset[str]) -> frozenset[str]:
    """Return at most `MAX_TAGS` tags, by the rule that `SightingSummary` states."""
    return tags if len(tags) <= MAX_TAGS else frozenset(sorted(tags)[:MAX_TAGS])


def cap_siblings(siblings: frozenset[Indicator]) -> frozenset[Indicator]:
    """Return at most `MAX_SIBLINGS` digests: those with the most digits, then the least."""
    if len(siblings) <= MAX_SIBLINGS:
        return siblings
    return frozenset(sorted(siblings, key=_strongest_first)[:MAX_SIBLINGS])


def _severity_first(scan: ScanVerdict) -> tuple[object, ...]:
    return scan.verdict, scan.seen_at, *scan[2:]


def _strongest_first(digest: Indicator) -> tuple[int, str]:
    return -len(digest.value), digest.value


@dataclass(frozen=True, slots=True)
class Sighting:
    """One report holds one indicator with a verdict."""

    indicator: Indicator
    summary: SightingSummary

    @property
    def flow_id(self) -> str:
        """The scan of the report."""
        return self.summary.latest.flow_id


class Reputation(NamedTuple):
    """Everything that the sandbox's reports state about one indicator.

    Attributes:
        counted: number of distinct flow_ids among its sightings.
    """

    indicator: Indicator
    summary: SightingSummary
    counted: int

    @property
    def scan_count(self) -> int:
        """Number of scans: our own count, or the feed's claim if that is greater."""
        return max(self.counted, self.summary.claimed_count)


def join_all(sightings: Iterable[Sighting]) -> Reputation:
    """Return the reputation that follows from one or more sightings of one indicator.

    This is the definition: what the store holds must be equal, however it was written.
    """
    known = list(sightings)
    return Reputation(
        indicator=known[0].indicator,
        summary=reduce(SightingSummary.join, (sighting.summary for sighting in known)),
        counted=len({sighting.flow_id for sighting in known}),
    )
