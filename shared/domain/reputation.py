"""Sightings and how they join into the reputation of an indicator.

The join is associative, commutative and idempotent: order, repetition and overlap of what a
feed says cannot matter. docs/adr/0003 tells why.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple, Self

from shared.domain.indicator import Indicator
from shared.domain.verdict import Verdict

MAX_TAGS = 32
MAX_TAG_BYTES = 64
# The source of a verdict that an IOC has inherited from its report.
OF_REPORT = "report"


class ScanVerdict(NamedTuple):
    """The part of a sighting that an answer shows whole; the greatest one wins.

    The order of the fields is the order of the rule: date, severity, flow_id. The others only
    make the order total, for a report that contradicts itself. `report_id` is "" for a report
    without one. `source` is where the verdict is from: `OF_REPORT`, or "" for the IOC's own.
    """

    seen_at: int
    verdict: Verdict
    flow_id: str
    parent_verdict: str
    origin: str
    report_id: str = ""
    source: str = ""


class SightingSummary(NamedTuple):
    """What sightings of one indicator say together, save how many there were.

    Attributes:
        latest: verdict, parent verdict, origin, flow_id and report_id, all of one sighting.
        first_seen: earliest sighting, milliseconds since the epoch.
        last_seen: latest sighting, milliseconds since the epoch.
        tags: at most `MAX_TAGS`: the first ones in the order of their characters, because a
            rule that looks at anything but the tag would make the join depend on its order.
        claimed_count: the greatest count that a feed claimed of its own, 0 for none.
    """

    latest: ScanVerdict
    first_seen: int
    last_seen: int
    tags: frozenset[str]
    claimed_count: int = 0

    def join(self, other: Self) -> Self:
        """The evidence of both."""
        return type(self)(
            latest=max(self.latest, other.latest),
            first_seen=min(self.first_seen, other.first_seen),
            last_seen=max(self.last_seen, other.last_seen),
            tags=cap_tags(self.tags | other.tags),
            claimed_count=max(self.claimed_count, other.claimed_count),
        )


def cap_tags(tags: frozenset[str]) -> frozenset[str]:
    """At most `MAX_TAGS` of `tags`, by the rule that `SightingSummary` states."""
    return tags if len(tags) <= MAX_TAGS else frozenset(sorted(tags)[:MAX_TAGS])


@dataclass(frozen=True, slots=True)
class Sighting:
    """One report says something about one indicator."""

    indicator: Indicator
    evidence: SightingSummary

    @property
    def flow_id(self) -> str:
        """The scan that the report tells of."""
        return self.evidence.latest.flow_id


class Reputation(NamedTuple):
    """What is known of one indicator.

    Attributes:
        counted: number of distinct flow_ids among its sightings.
    """

    indicator: Indicator
    evidence: SightingSummary
    counted: int

    @property
    def scan_count(self) -> int:
        """Number of scans: our own count, or what a feed claims when that is more."""
        return max(self.counted, self.evidence.claimed_count)


def join_all(sightings: Iterable[Sighting]) -> Reputation:
    """The reputation that follows from one or more sightings of one indicator.

    This is the definition that the store has to agree with, however it got there.
    """
    known = list(sightings)
    return Reputation(
        indicator=known[0].indicator,
        evidence=reduce(SightingSummary.join, (sighting.evidence for sighting in known)),
        counted=len({sighting.flow_id for sighting in known}),
    )
