"""In which scans an IOC was seen, by all reports that were published. Pure.

A scan counts once, however many reports it has and however often they come. A report that comes
again with new content takes its IOCs along: one that is no longer in it is forgotten, save its
dates, which would need all the other reports to be read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.domain.verdict import Verdict

# Earlier reports that can serve as evidence; one is enough to decide.
MAX_RECENT = 8


@dataclass(frozen=True, slots=True, order=True)
class PastVerdict:
    """What one report said of an IOC by itself.

    Attributes:
        seen_at: date of the report, milliseconds since the epoch.
    """

    seen_at: int
    verdict: Verdict
    flow_id: str
    report_id: str


@dataclass(frozen=True, slots=True)
class History:
    """What is known of one IOC.

    Attributes:
        scans: number of distinct scans.
        first_seen: date of the earliest report, milliseconds since the epoch.
        last_seen: date of the latest.
        recent: the newest reports that had a verdict of their own, the newest first.
    """

    scans: int = 0
    first_seen: int = 0
    last_seen: int = 0
    recent: Sequence[PastVerdict] = ()


@dataclass(frozen=True, slots=True)
class Membership:
    """The reports of one scan that hold an IOC: by report_id their dates."""

    reports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportMention:
    """One report holds an IOC.

    Attributes:
        verdict: what it says by itself, None for nothing.
    """

    flow_id: str
    report_id: str
    seen_at: int
    verdict: Verdict | None


def record(
    history: History, membership: Membership, sighting: ReportMention
) -> tuple[History, Membership]:
    """Both after a sighting; the same sighting again changes nothing."""
    seen_at = sighting.seen_at
    recent = _without(history.recent, sighting.flow_id, sighting.report_id)
    if sighting.verdict is not None:
        said = PastVerdict(seen_at, sighting.verdict, sighting.flow_id, sighting.report_id)
        recent = sorted([*recent, said], reverse=True)[:MAX_RECENT]
    return (
        History(
            scans=history.scans + (not membership.reports),
            first_seen=min(history.first_seen, seen_at) if history.scans else seen_at,
            last_seen=max(history.last_seen, seen_at) if history.scans else seen_at,
            recent=tuple(recent),
        ),
        Membership({**membership.reports, sighting.report_id: seen_at}),
    )


def forget(
    history: History, membership: Membership, flow_id: str, report_id: str
) -> tuple[History, Membership]:
    """Both after a report no longer holds the IOC; one that never did changes nothing."""
    if report_id not in membership.reports:
        return history, membership
    left = {name: at for name, at in membership.reports.items() if name != report_id}
    return (
        replace(
            history,
            scans=history.scans - (not left),
            recent=tuple(_without(history.recent, flow_id, report_id)),
        ),
        Membership(left),
    )


def _without(recent: Sequence[PastVerdict], flow_id: str, report_id: str) -> list[PastVerdict]:
    return [said for said in recent if (said.flow_id, said.report_id) != (flow_id, report_id)]
