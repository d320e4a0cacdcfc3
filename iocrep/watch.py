"""The command `iocrep watch` follows a feed and prints its reports."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from iocrep import parameters
from iocrep.errors import Exit, exit_on_error, notice
from iocrep.follow import FeedCursor, Follower, Found
from iocrep.formats import STYLES, console, plain
from shared.domain.errors import FeedError
from shared.domain.harmless import EffectiveVerdict, Ruling, always_harmless, effective_sighting
from shared.domain.indicator_types import INDICATOR_TYPES, IndicatorType
from shared.domain.moment import format_millis
from shared.domain.reputation import Sighting
from shared.domain.verdict import Verdict, parent_verdict_of
from shared.formats.feed.page import ReportLink
from shared.formats.feed.report import Report, read_report
from shared.http.fetch import FeedRefused
from shared.runtime.clock import now_ms
from shared.runtime.deadline import Deadline

MAX_WAIT_S = 900.0


def watch(
    context: typer.Context,
    *,
    verdict: parameters.AtLeast = None,
    kinds: parameters.Types = None,
    as_json: parameters.AsJson = False,
    interval: parameters.Interval = 60.0,
    once: parameters.Once = False,
    state: parameters.State = None,
    quiet: parameters.Quiet = False,
) -> None:
    """Follow a feed and print its new reports, the newest last.

    Starts with the newest page. With --verdict or --type, only reports with such IOCs are printed.
    If the feed fails, the interval doubles with each try, up to a quarter of an hour.

    Example: iocrep watch --verdict suspicious --state feed.json
    """
    settings = parameters.settings_of(context)
    with exit_on_error(settings.each["url"].value):
        feed = settings.feed_url
        cursor = FeedCursor(feed) if state is None else FeedCursor.read(state, feed)
        deadline = Deadline(settings.timeout_s)
        follower = Follower(cursor, settings.feed_api_key, deadline.left)
        show = _json if as_json else _Screen(console()).show
        selection = _Selection(verdict, frozenset(kinds or INDICATOR_TYPES))
        failures = 0
        while True:
            deadline.start()
            try:
                with _stored(cursor, state):
                    for found in follower.poll():
                        _print(found, selection, show)
                failures = 0
            except FeedRefused:
                raise
            except FeedError as error:
                if once:
                    raise
                failures += 1
                if not quiet:
                    notice(f"{error}; trying again")
            if once:
                raise typer.Exit(Exit.NOTHING_BAD)
            time.sleep(min(interval * 2 ** min(failures, 10), max(interval, MAX_WAIT_S)))


@contextmanager
def _stored(cursor: FeedCursor, state: Path | None) -> Iterator[None]:
    """Store the cursor, even after a failed poll; then a page may be printed again."""
    try:
        yield
    finally:
        if state is not None:
            cursor.write(state)


class _Selection:
    """Selects the IOCs that are printed."""

    def __init__(self, verdict: Verdict | None, kinds: frozenset[IndicatorType]) -> None:
        self._verdict = verdict
        self._kinds = kinds
        self.everything = verdict is None and kinds == frozenset(INDICATOR_TYPES)

    def select(self, report: Report) -> list[Sighting]:
        return [
            one
            for one in report.sightings
            if one.indicator.type in self._kinds
            and (self._verdict is None or _effective(one).verdict >= self._verdict)
        ]


def _effective(sighting: Sighting) -> EffectiveVerdict:
    """The verdict of a sighting; no feed makes a harmless value bad."""
    rule = always_harmless(sighting.indicator)
    ruling = Ruling(rule) if rule else None
    return effective_sighting(sighting.indicator, sighting.summary.latest, ruling)


Show = Callable[[dict[str, Any]], None]


def _print(found: Found, selection: _Selection, show: Show) -> None:
    if isinstance(found, ReportLink):
        if selection.everything:
            show({"flow_id": found.flow_id, "link": found.url})
        return
    report = read_report(found, now_ms())
    if not report.flow_id:
        notice(f"a report cannot be read: {report.rejected[0].reason}")
        return
    iocs = selection.select(report)
    if iocs or selection.everything:
        show(_facts(found, report, iocs))


def _facts(raw: dict[str, Any], report: Report, iocs: Sequence[Sighting]) -> dict[str, Any]:
    report_id = raw.get("report_id")
    return {
        "flow_id": report.flow_id,
        "report_id": report_id if isinstance(report_id, str) else "",
        "date": format_millis(report.seen_at),
        "verdict": parent_verdict_of(raw),
        "iocs": [*map(_ioc_facts, iocs)],
    }


def _ioc_facts(sighting: Sighting) -> dict[str, Any]:
    effective = _effective(sighting)
    overruled = {"overruled_by": effective.overruled_by} if effective.overruled_by else {}
    return {
        "type": sighting.indicator.type.value,
        "indicator": sighting.indicator.value,
        "verdict": effective.verdict.name,
        **overruled,
        "origin": sighting.summary.latest.origin,
        "tags": sorted(sighting.summary.tags),
    }


def _json(report: dict[str, Any]) -> None:
    typer.echo(json.dumps(report))


class _Screen:
    """Prints reports for people."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def show(self, report: dict[str, Any]) -> None:
        if "link" in report:
            self._line("", "report at", plain(report["link"]))
            return
        head = plain(f"{report['flow_id']} {report['report_id']}".rstrip())
        self._line(report["date"], report["verdict"], head)
        for one in report["iocs"]:
            self._line("", one["verdict"], Text(f"{one['type']:6} ") + plain(one["indicator"]))

    def _line(self, date: str, verdict: str, rest: Text) -> None:
        label = Text(f"{verdict:16} ", style=STYLES.get(verdict, ""))
        self._out.print(Text(f"{date:24}  ") + label + rest, soft_wrap=True)
