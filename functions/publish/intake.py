"""From a scan report to an entry of the feed: evidence, verdicts, history, entry, in this order.

Everything up to the entry may be repeated without a change, so a report whose intake broke off is
simply sent again. The entry comes last: what the feed shows is durable in every part.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from functions.publish.history import History, Membership, ReportMention, record
from functions.publish.scan import Observed, ScanReport
from functions.publish.store.feed_log import (
    FeedLog,
    PublishedReport,
    canonical,
    pack,
    published_iocs,
)
from functions.publish.store.histories import Histories
from functions.publish.verdict_rule import Decision, Evidence, EvidenceSource, decide, of_the_report
from shared.domain.indicator import Indicator
from shared.domain.moment import format_millis
from shared.domain.verdict import UNKNOWN

# Part of every content digest: raise it when the rule finds another verdict in old reports.
RULE_VERSION = 2
MAX_EVIDENCE = 16

# What others say of IOCs: findings by IOC, or None when they could not be asked.
Ask = Callable[[Collection[Indicator]], Mapping[Indicator, Sequence[Evidence]] | None]


class Status(StrEnum):
    """What became of a report."""

    PUBLISHED = "published"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a report.

    Attributes:
        verdicts: number of its IOCs by verdict; empty for one that is unchanged.
        asked: whether the reputation services that are configured could be asked.
    """

    flow_id: str
    report_id: str
    status: Status
    verdicts: Counter[str] = field(default_factory=Counter)
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes reports, each once however often it comes.

    Attributes:
        ask: what others say of IOCs.
        now: milliseconds since the epoch.
    """

    histories: Histories
    log: FeedLog
    ask: Ask
    now: Callable[[], int]

    def publish(self, report: ScanReport) -> Published:
        """Give every IOC of a report its verdict, and put the report into the feed.

        Raises:
            EntryTooLarge: it does not fit an entry of the feed; nothing shows it then.
            StoreError: the store failed; sending the report again is right.
        """
        known = self.log.find(report.flow_id, report.report_id)
        if known and known.content == content_digest(report, asked=True):
            return Published(report.flow_id, report.report_id, Status.UNCHANGED)
        said = self.ask(report.iocs.keys())
        content = content_digest(report, asked=said is not None)
        if known and known.content == content:
            return Published(report.flow_id, report.report_id, Status.UNCHANGED, asked=False)
        before = self.histories.read(report.iocs)
        decisions = _decide(report, said or {}, before)
        seen = {one: _sighting(report, observed) for one, observed in report.iocs.items()}
        # A report that does not fit must not count either, so this comes before the histories.
        pack(_body(feed_item(report, decisions, _expected(before, seen))))
        gone = self._prepare(known, report)
        histories = self.histories.change(report.flow_id, report.report_id, seen=seen, gone=gone)
        body = _body(feed_item(report, decisions, histories))
        self.log.append(report.flow_id, report.report_id, content, body, self.now())
        return Published(
            report.flow_id,
            report.report_id,
            Status.REPLACED if known else Status.PUBLISHED,
            Counter(_name(decision) for decision in decisions.values()),
            asked=said is not None,
        )

    def _prepare(self, known: PublishedReport | None, report: ScanReport) -> set[Indicator]:
        """The IOCs that count the report, or may do so, and that it does not hold.

        They come from its last publication, and from any that broke off after that.
        """
        held = set(self.log.intended(report.flow_id, report.report_id))
        self.log.intend(report.flow_id, report.report_id, held | report.iocs.keys())
        for entry in self.log.entries([known.number] if known else []):
            held.update(canonical(published_iocs(json.loads(entry.body))))
        return held - report.iocs.keys()


def _decide(
    report: ScanReport,
    said: Mapping[Indicator, Sequence[Evidence]],
    histories: Mapping[Indicator, History],
) -> dict[Indicator, Decision]:
    return {
        one: decide(
            [
                *observed.findings,
                *_earlier(histories.get(one, History()), report.flow_id),
                *said.get(one, ()),
            ]
        )
        for one, observed in report.iocs.items()
    }


def _expected(
    before: Mapping[Indicator, History], seen: Mapping[Indicator, ReportMention]
) -> dict[Indicator, History]:
    """The histories as they will be when nobody else changes them meanwhile."""
    return {
        one: record(before.get(one, History()), Membership(), sighting)[0]
        for one, sighting in seen.items()
    }


def _body(item: Mapping[str, Any]) -> bytes:
    return json.dumps(item, separators=(",", ":")).encode()


def feed_item(
    report: ScanReport,
    decisions: Mapping[Indicator, Decision],
    histories: Mapping[Indicator, History],
) -> dict[str, Any]:
    """A report as the feed shows it; docs/feed.md describes it."""
    iocs: dict[str, list[Any]] = {}
    for one, observed in sorted(report.iocs.items()):
        iocs.setdefault(one.type.value, []).append(
            _feed_ioc(one, observed, decisions[one], histories[one])
        )
    return {
        "flow_id": report.flow_id,
        "report_id": report.report_id,
        "date": format_millis(report.seen_at),
        "verdict": report.verdict or UNKNOWN,
        "tags": sorted(report.tags),
        "file": report.file,
        "iocs": iocs,
    }


def _feed_ioc(
    one: Indicator, observed: Observed, decision: Decision, history: History
) -> dict[str, Any]:
    evidence = [_told(finding, decides=True) for finding in decision.deciding]
    evidence += [_told(finding, decides=False) for finding in decision.others]
    return {
        "data": one.value,
        "verdict": _name(decision),
        "origins": observed.origins,
        "tags": sorted(observed.tags),
        "first_seen": format_millis(history.first_seen),
        "last_seen": format_millis(history.last_seen),
        "scan_count": history.scans,
        "evidence": evidence[:MAX_EVIDENCE],
    }


def _told(finding: Evidence, *, decides: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"source": finding.source, "verdict": finding.verdict.name}
    if finding.detail:
        told["detail"] = finding.detail
    return {**told, "decides": decides}


def content_digest(report: ScanReport, *, asked: bool) -> bytes:
    """Digest of what is published of a report by itself.

    Args:
        asked: whether others could be asked; a report that went out without their word is
            published again when it comes again and they can be.
    """
    content = [
        RULE_VERSION,
        asked,
        report.seen_at,
        report.verdict,
        sorted(report.tags),
        report.file,
        [
            [
                one.type,
                one.value,
                observed.origins,
                sorted(observed.tags),
                _sorted(observed.findings),
            ]
            for one, observed in sorted(report.iocs.items())
        ],
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()[:16]


def _sorted(findings: Iterable[Evidence]) -> list[list[Any]]:
    return [[one.source, one.verdict, one.detail] for one in sorted(findings)]


def _earlier(history: History, flow_id: str) -> list[Evidence]:
    """What other scans said; a scan is no evidence for itself."""
    return [
        Evidence(said.seen_at, said.verdict, EvidenceSource.EARLIER_REPORT, said.flow_id)
        for said in history.recent
        if said.flow_id != flow_id
    ]


def _sighting(report: ScanReport, observed: Observed) -> ReportMention:
    verdict = of_the_report(observed.findings)
    return ReportMention(report.flow_id, report.report_id, report.seen_at, verdict)


def _name(decision: Decision) -> str:
    return UNKNOWN if decision.verdict is None else decision.verdict.name
