"""State of ingestion per feed, for people and for monitoring. Pure."""

from typing import TYPE_CHECKING, Any

from shared.domain.moment import format_millis

if TYPE_CHECKING:
    from shared.store.feed_runs import FeedRun

# The same limit as FeedStaleAlarm of the template.
STALE_MS = 2 * 3_600_000


def feed_status(run: "FeedRun", now: int) -> dict[str, Any]:
    """One row of the answer to GET /v4/status/feed.

    Args:
        now: milliseconds since the epoch.
    """
    return {
        "feed": run.feed,
        "last_run": format_millis(run.ended),
        "age_s": _seconds(now - run.ended),
        "complete": run.complete,
        "stopped": run.stopped,
        "failures": run.failures,
        "unresolved": run.unresolved,
        "without_verdict": run.without_verdict or 0,
        "left": -1 if run.left is None else run.left,
        "last_complete": format_millis(run.whole) if run.whole else "",
        "newest_report": format_millis(run.newest) if run.newest else "",
        "lag_s": _seconds(now - run.newest) if run.newest else -1,
        "stale": now - run.whole > STALE_MS,
    }


def _seconds(millis: int) -> int:
    return max(0, millis) // 1000
