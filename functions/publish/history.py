"""History of an IOC: the scans whose published reports contain it. Pure.

A scan counts once, however many reports it has and however often they are published. If a report is
published again without an IOC, it no longer counts for that IOC. Only the dates stay, because
correcting them would mean reading all other reports.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.domain.verdict import Verdict

# Earlier verdicts that are kept. The newest of another scan decides; the others are spare.
MAX_RECENT = 8


@dataclass(frozen=True, slots=True, order=True)
class PastVerdict:
    """The verdict that an earlier report gave an IOC from its own evidence.

    Attributes:
        seen_at: date of the report, milliseconds since the epoch.
    """

    seen_at: int
    verdict: Verdict
    flow_id: str
    report_id: str


@dataclass(frozen=True, slots=True)
class History:
    """The history of one IOC.

    Attributes:
        scans: number of distinct scans.
        first_seen: date of the earliest report, milliseconds since the epoch.
        last_seen: date of the latest.
        recent: the newest verdicts of reports from their own evidence, the newest first.
    """

    scans: int = 0
    first_seen: int = 0
    last_seen: int = 0
    recent: Sequence[PastVerdict] = ()


@dataclass(frozen=True, slots=True)
class Membership:
    """The reports of one scan that contain an IOC: their dates by report_id."""

    reports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportMention:
    """One report contains an IOC.

    Attributes:
        seen_at: date of the report, milliseconds since the epoch.
        verdict: from the report's own evidence, None without any.
    """

    flow_id: str
    report_id: str
    seen_at: int
    verdict: Verdict | None


def record(
    history: History, membership: Membership, mention: ReportMention
) -> tuple[History, Membership]:
    """Add a mention to both; the same mention again changes nothing."""
    seen_at = mention.seen_at
    recent = _without(history.recent, mention.flow_id, mention.report_id)
    if mention.verdict is not None:
        past = PastVerdict(seen_at, mention.verdict, mention.flow_id, mention.report_id)
        recent = sorted([*recent, past], reverse=True)[:MAX_RECENT]
    return (
        History(
            scans=history.scans + (not membership.reports),
            first_seen=min(history.first_seen, seen_at) if history.scans else seen_at,
            last_seen=max(history.last_seen, seen_at) if history.scans else seen_at,
            recent=tuple(recent),
        ),
        Membership({**membership.reports, mention.report_id: seen_at}),
    )


def forget(
    history: History, membership: Membership, flow_id: str, report_id: str
) -> tuple[History, Membership]:
    """Remove a report from both; one that never contained the IOC changes nothing."""
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
    return [past for past in recent if (past.flow_id, past.report_id) != (flow_id, report_id)]
