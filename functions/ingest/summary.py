"""The summary of a run, in numbers."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Summary:
    """Summary of one run, for the log, the metrics and the local command.

    Attributes:
        complete: the feed was read to its end (a long feed: to known reports), at least one of its
            entries, if any, was understood, and everything is stored. Records in quarantine do
            not make a run incomplete.
        stopped: why the run is not complete, "" if it is.
        feed_failed: whether the feed is the reason: a page could not be fetched or read, time ran
            out before the first page, or no entry was understood.
        feed_failures: number of runs in a row, including this one, in which the feed failed. A run
            that stopped for another reason does not change it; None if the store failed.
        requests: pages requested.
        pages: pages read.
        reports: reports on these pages.
        private: of these, reports of private scans, which are not stored.
        known: reports whose content was in the ledger already.
        sightings: IOCs with a valid verdict in the reports that were not known.
        iocs_new, iocs_changed, iocs_unchanged: items by the effect of the run.
        without_verdict: IOCs whose verdict is missing or UNKNOWN.
        passed_over: IOCs of unsupported types.
        quarantined: records that broke a hard rule.
        quarantine_left_out: of these, those that were only counted, beyond the limits of a run or
            a report; of each reason, at least one is stored.
        quarantine_reasons: number of these by reason.
        not_understood: entries whose content contains no list of IOCs.
        unresolved: entries that only link to their report, which could not be fetched.
        unresolved_long: entries that were unresolved in more than three runs.
        left: reports of the feed that an incomplete run has not reached; None if the feed does
            not state its length, 0 for a complete run.
        lag_s: age of the newest report on the pages read, in seconds; 0 if there was none.
        units_read, units_written: capacity units that the run consumed, as the store reports them.
        seconds: duration of the run.
    """

    complete: bool = False
    stopped: str = ""
    feed_failed: bool = False
    feed_failures: int | None = None
    requests: int = 0
    pages: int = 0
    reports: int = 0
    private: int = 0
    known: int = 0
    sightings: int = 0
    iocs_new: int = 0
    iocs_changed: int = 0
    iocs_unchanged: int = 0
    without_verdict: int = 0
    passed_over: int = 0
    quarantined: int = 0
    quarantine_left_out: int = 0
    quarantine_reasons: dict[str, int] = field(default_factory=dict)
    not_understood: int = 0
    unresolved: int = 0
    unresolved_long: int = 0
    left: int | None = 0
    lag_s: float = 0.0
    units_read: float = 0.0
    units_written: float = 0.0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as a JSON object."""
        return asdict(self)
