"""What a run did, in numbers."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(slots=True)
class Summary:
    """Summary of one run; it goes to the log, the metrics and the local command alike.

    Attributes:
        complete: the feed was read to its end, or in a long feed to what is known, at least one
            of its entries was understood if it had any, and all of it is stored. Records in
            quarantine do not make a run incomplete.
        stopped: why it is not complete, "" when it is.
        feed_failed: it is not complete because of the feed: a page that could not be had or read,
            not a single page before time ran out, or no entry that was understood.
        feed_failures: runs in a row, this one included, of which that is true. A run that stopped
            for another reason leaves the number as it was; None when the store does not tell it.
        requests: pages asked for.
        pages: pages read.
        reports: reports on them.
        known: reports of which the ledger held this content already.
        sightings: IOCs with a valid verdict in the reports that were not known.
        iocs_new, iocs_changed, iocs_unchanged: what became of the items.
        without_verdict: IOCs whose verdict is missing or UNKNOWN.
        passed_over: IOCs of types that are not looked up.
        quarantined: records that broke a hard rule.
        not_understood: entries whose content gives no list of IOCs.
        unresolved: entries that only link to their report, which could not be had.
        unresolved_long: those of them that were unresolved in more than three runs.
        left: reports of the feed that an incomplete run has not reached yet; None where the
            feed does not tell how many there are, 0 for a complete run.
        lag_s: age of the newest report on the pages that were read, in seconds; 0 without one.
        units_read, units_written: what the store says the run consumed.
        seconds: how long the run took.
    """

    complete: bool = False
    stopped: str = ""
    feed_failed: bool = False
    feed_failures: int | None = None
    requests: int = 0
    pages: int = 0
    reports: int = 0
    known: int = 0
    sightings: int = 0
    iocs_new: int = 0
    iocs_changed: int = 0
    iocs_unchanged: int = 0
    without_verdict: int = 0
    passed_over: int = 0
    quarantined: int = 0
    not_understood: int = 0
    unresolved: int = 0
    unresolved_long: int = 0
    left: int | None = 0
    lag_s: float = 0.0
    units_read: float = 0.0
    units_written: float = 0.0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON has it."""
        return asdict(self)
