"""Publishes a scan report: evidence, verdicts, histories and the feed entry, in this order.

Every step before the entry can be repeated without effect, so an interrupted report is simply sent
again. The entry is written last, so everything that the feed shows is already stored.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from functions.publish.history import (
    History,
    Membership,
    PastVerdict,
    ReportMention,
    record,
)
from functions.publish.scan import Observed, ScanReport
from functions.publish.store.feed_log import (
    ClaimLost,
    FeedLog,
    canonical,
    pack,
    published_iocs,
)
from functions.publish.store.histories import Histories
from functions.publish.store.transactions import check_time, tries
from functions.publish.verdict_rule import Decision, decide, overrule, report_verdict
from shared.domain.evidence import Evidence, EvidenceSource
from shared.domain.harmless import always_harmless, is_bad
from shared.domain.indicator import Indicator
from shared.domain.moment import format_millis
from shared.domain.provider import ANALYST_PROVIDER
from shared.domain.verdict import UNKNOWN, Verdict

# Part of every content digest. Raise it when the rule changes the verdicts of old reports.
RULE_VERSION = 5
MAX_EVIDENCE = 16

# Returns external evidence by IOC, or None if the service could not be asked.
ExternalReputation = Callable[
    [Collection[Indicator]], Mapping[Indicator, Sequence[Evidence]] | None
]


# Returns by IOC the name of a provider that overrules and trusts it; raises StoreError.
TrustedBy = Callable[[Collection[Indicator]], Mapping[Indicator, str]]


# Returns the verdicts that analysts set, by IOC; raises StoreError.
OverriddenBy = Callable[[Collection[Indicator]], Mapping[Indicator, Verdict]]


def no_overrides(_: Collection[Indicator]) -> Mapping[Indicator, Verdict]:
    """Return no override; for a publisher without an IOC table."""
    return {}


def no_trusted_lists(_: Collection[Indicator]) -> Mapping[Indicator, str]:
    """Return no provider; for a stack without trusted lists."""
    return {}


class Status(StrEnum):
    """What publishing did with a report."""

    PUBLISHED = "published"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    PRIVATE = "private"  # neither published nor stored


@dataclass(frozen=True, slots=True)
class Published:
    """Result of publishing one report.

    Attributes:
        verdicts: number of its IOCs by verdict; empty if the report is unchanged.
        asked: whether the external reputation was available; true if none is configured.
    """

    flow_id: str
    report_id: str
    status: Status
    verdicts: Counter[str] = field(default_factory=Counter)
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes reports; one that is sent several times is published once.

    Attributes:
        external_reputation: returns the external evidence for IOCs.
        now: milliseconds since the epoch.
        trusted_by: returns which IOCs are trusted by a provider that overrules.
        overridden_by: returns the verdicts that analysts set, of IOCs that have one.
        publish_private: whether reports of private scans are published, too.
    """

    histories: Histories
    log: FeedLog
    external_reputation: ExternalReputation
    now: Callable[[], int]
    trusted_by: TrustedBy = no_trusted_lists
    overridden_by: OverriddenBy = no_overrides
    publish_private: bool = False

    def publish(
        self, report: ScanReport, sender: str = "", left: Callable[[], float] = lambda: 1.0
    ) -> Published:
        """Decide a verdict for every IOC of a report and add the report to the feed.

        Args:
            sender: name of the key with which the report was sent, "" for a polled report.
            left: returns the seconds left. A report of very many IOCs can need more time than there
                is; each repetition continues where the last one ended.

        Raises:
            EntryTooLarge: the report is too large for an entry; the feed does not show it.
            TimeUsedUp: the time is used up, and the report is not published; a StoreError, too.
            StoreError: the store failed; publishing the report again is safe.
        """
        if report.private and not self.publish_private:
            return Published(report.flow_id, report.report_id, Status.PRIVATE)
        if self._is_published(report, content_digest(report, asked=True)):
            return Published(report.flow_id, report.report_id, Status.UNCHANGED)
        external = self.external_reputation(report.iocs.keys())
        content = content_digest(report, asked=external is not None)
        before = self.histories.read(report.iocs)
        earlier = self._handed_on(before, report.flow_id)
        overrides = self._overrides(report, earlier)
        decisions = _decide(report, external or {}, earlier, overrides)
        seen = {one: _mention(report, observed) for one, observed in report.iocs.items()}
        # A report that is too large must not count, so its size is checked before histories change.
        pack(_body(feed_item(report, decisions, _expected(before, seen), sender)))
        asked = external is not None
        for _ in tries():
            if self._is_published(report, content):
                return Published(report.flow_id, report.report_id, Status.UNCHANGED, asked=asked)
            try:
                status = self._append(report, content, seen, decisions, sender=sender, left=left)
            except ClaimLost:
                # Other content of this report was sent at the same moment. It counts as earlier.
                continue
            verdicts = Counter(_name(decision) for decision in decisions.values())
            if status is Status.UNCHANGED:
                verdicts.clear()
            return Published(report.flow_id, report.report_id, status, verdicts, asked)
        raise AssertionError  # tries() raises before this

    def _is_published(self, report: ScanReport, content: bytes) -> bool:
        """Whether this content is published, and no other one was begun after it."""
        known = self.log.find(report.flow_id, report.report_id)
        return known is not None and not known.claimed and known.content == content

    def _append(
        self,
        report: ScanReport,
        content: bytes,
        seen: Mapping[Indicator, ReportMention],
        decisions: Mapping[Indicator, Decision],
        *,
        sender: str,
        left: Callable[[], float],
    ) -> Status:
        """Count the report in the histories and add its entry, all under one claim.

        Raises:
            ClaimLost: another publisher has claimed the report.
            StoreError: the store failed, or the time is used up.
        """
        claim = self.log.claim(report.flow_id, report.report_id, content, report.iocs)
        counted = set(claim.counted)
        for entry in self.log.entries([claim.known.number] if claim.known else []):
            counted.update(canonical(published_iocs(json.loads(entry.body))))
        histories = self.histories.change(
            report.flow_id,
            report.report_id,
            seen=seen,
            gone=counted - report.iocs.keys(),
            check=claim.check,
            hold=lambda: self.log.hold(claim),
            left=left,
        )
        check_time(left)
        body = _body(feed_item(report, decisions, histories, sender))
        self.log.append(claim, content, body, self.now())
        if claim.known is None:
            return Status.PUBLISHED
        return Status.UNCHANGED if claim.known.content == content else Status.REPLACED

    def _overrides(
        self, report: ScanReport, earlier: Mapping[Indicator, Sequence[PastVerdict]]
    ) -> Mapping[Indicator, Verdict]:
        """The verdicts of analysts, of IOCs about which they can change what is published."""
        asked = [
            one
            for one, observed in report.iocs.items()
            if earlier.get(one) or report_verdict(observed.evidence) is None
        ]
        return self.overridden_by(asked) if asked else {}

    def _handed_on(
        self, histories: Mapping[Indicator, History], flow_id: str
    ) -> dict[Indicator, list[PastVerdict]]:
        """Verdicts of other scans, without bad ones about harmless values.

        A scan never confirms itself.
        """
        earlier = {
            one: [past for past in history.recent if past.flow_id != flow_id]
            for one, history in histories.items()
        }
        bad = [one for one, known in earlier.items() if any(is_bad(past.verdict) for past in known)]
        trusted = self.trusted_by(bad) if bad else {}
        for one in bad:
            if always_harmless(one) or one in trusted:
                earlier[one] = [past for past in earlier[one] if not is_bad(past.verdict)]
        return earlier


def _decide(
    report: ScanReport,
    external: Mapping[Indicator, Sequence[Evidence]],
    earlier: Mapping[Indicator, Sequence[PastVerdict]],
    overrides: Mapping[Indicator, Verdict],
) -> dict[Indicator, Decision]:
    """Decide a verdict for every IOC; all digests of one file share their evidence.

    An override replaces what earlier reports state.
    """
    decisions: dict[Indicator, Decision] = {}
    for one, observed in report.iocs.items():
        if one in decisions:
            continue
        same = [one, *(digest for digest in observed.file.digests if digest in report.iocs)]
        evidence = [row for digest in same for row in report.iocs[digest].evidence]
        evidence += [row for digest in same for row in external.get(digest, ())]
        past = [known for digest in same for known in earlier.get(digest, ())]
        if any(digest in overrides for digest in same):
            past = []
        decision = decide(evidence, past)
        for digest in same:
            # Each digest by itself: one that a report names wrongly must not clear another file.
            known = decision
            if digest in overrides:
                known = decide([*evidence, _of_analyst(overrides[digest])])
            decisions[digest] = overrule(known, always_harmless(digest))
    return decisions


def _expected(
    before: Mapping[Indicator, History], seen: Mapping[Indicator, ReportMention]
) -> dict[Indicator, History]:
    """The histories after this report, unless another writer changes them first."""
    return {
        one: record(before.get(one, History()), Membership(), mention)[0]
        for one, mention in seen.items()
    }


def _body(item: Mapping[str, Any]) -> bytes:
    return json.dumps(item, separators=(",", ":")).encode()


def feed_item(
    report: ScanReport,
    decisions: Mapping[Indicator, Decision],
    histories: Mapping[Indicator, History],
    sender: str = "",
) -> dict[str, Any]:
    """Write a report as an item of the feed; docs/published-feed.md describes the fields."""
    iocs: dict[str, list[Any]] = {}
    for one, observed in sorted(report.iocs.items()):
        iocs.setdefault(one.type.value, []).append(
            _feed_ioc(one, observed, decisions[one], histories[one])
        )
    related: dict[str, list[str]] = {}
    for one in report.related:
        related.setdefault(one.type.value, []).append(one.value)
    return {
        "flow_id": report.flow_id,
        "report_id": report.report_id,
        "date": format_millis(report.seen_at),
        "verdict": report.verdict or UNKNOWN,
        "tags": sorted(report.tags),
        **({"sender": sender} if sender else {}),
        "file": report.file.to_object(),
        "iocs": iocs,
        **({"related": related} if related else {}),
    }


def _feed_ioc(
    indicator: Indicator, observed: Observed, decision: Decision, history: History
) -> dict[str, Any]:
    file = observed.file.to_object()
    bad = decision.verdict is not None and decision.verdict >= Verdict.SUSPICIOUS
    return {
        "data": indicator.value,
        "verdict": _name(decision),
        "origins": observed.origins,
        "tags": sorted(observed.tags),
        "first_seen": format_millis(history.first_seen),
        "last_seen": format_millis(history.last_seen),
        "scan_count": history.scans,
        **({"file": file} if file else {}),
        # Tags alone do not make a threat of what is not bad.
        **(observed.threat.to_object() if bad else {}),
        "evidence": [one.to_object() for one in decision.evidence[:MAX_EVIDENCE]],
    }


def content_digest(report: ScanReport, *, asked: bool) -> bytes:
    """Digest of a report's own content; another digest means that it is published again.

    Args:
        asked: whether the external reputation was available. A report that was published without
            it is published anew when it is sent again and the reputation is available.
    """
    content = [
        RULE_VERSION,
        asked,
        report.seen_at,
        report.verdict,
        sorted(report.tags),
        report.file.to_object(),
        [[one.type, one.value] for one in report.related],
        [
            [
                one.type,
                one.value,
                observed.origins,
                sorted(observed.tags),
                sorted(observed.evidence),
                observed.file.to_object(),
                observed.threat,
            ]
            for one, observed in sorted(report.iocs.items())
        ],
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()[:16]


def _of_analyst(verdict: Verdict) -> Evidence:
    return Evidence(EvidenceSource.ANALYST, verdict, ANALYST_PROVIDER)


def _mention(report: ScanReport, observed: Observed) -> ReportMention:
    verdict = report_verdict(observed.evidence)
    return ReportMention(report.flow_id, report.report_id, report.seen_at, verdict)


def _name(decision: Decision) -> str:
    return UNKNOWN if decision.verdict is None else decision.verdict.name
