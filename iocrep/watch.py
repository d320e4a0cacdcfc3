"""`iocrep watch`: reports of a feed as they are published."""

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
from iocrep.errors import Exit, errors_told, tell
from iocrep.follow import Follower, Found, Place
from iocrep.formats import STYLES, console, plain
from shared.domain.errors import FeedError
from shared.domain.indicator import IndicatorType
from shared.domain.moment import format_millis
from shared.domain.reputation import Sighting
from shared.domain.verdict import Verdict, parent_verdict_of
from shared.formats.feed.page import ReportLink
from shared.formats.feed.report import Report, read_report
from shared.http.fetch import FeedRefused

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
    """Follow a feed and print its reports as they come, the newest last.

    Begins with the newest page. With --verdict or --type, only reports with such IOCs are printed.
    A feed that fails is tried again later, ever later up to a quarter of an hour.
    """
    settings = parameters.settings_of(context)
    with errors_told(settings.each["url"].value):
        feed = settings.feed_url
        place = Place(feed) if state is None else Place.read(state, feed)
        clock = _Clock(settings.timeout_s)
        follower = Follower(place, settings.feed_api_key, clock.left)
        shown = _json if as_json else _Screen(console()).show
        wanted = _Wanted(verdict, frozenset(kinds or IndicatorType))
        failures = 0
        while True:
            clock.start()
            try:
                with _kept(place, state):
                    for found in follower.look():
                        _print(found, wanted, shown)
                failures = 0
            except FeedRefused:
                raise
            except FeedError as error:
                if once:
                    raise
                failures += 1
                if not quiet:
                    tell(f"{error}; trying again")
            if once:
                raise typer.Exit(Exit.NOTHING_BAD)
            time.sleep(min(interval * 2 ** min(failures, 10), max(interval, MAX_WAIT_S)))


class _Clock:
    """The time of one look."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.start()

    def start(self) -> None:
        self._ends = time.monotonic() + self._seconds

    def left(self) -> float:
        return self._ends - time.monotonic()


@contextmanager
def _kept(place: Place, state: Path | None) -> Iterator[None]:
    """Keeps the place, also if a look breaks off; then a page may be printed again."""
    try:
        yield
    finally:
        if state is not None:
            place.write(state)


class _Wanted:
    """Which IOCs are printed."""

    def __init__(self, verdict: Verdict | None, kinds: frozenset[IndicatorType]) -> None:
        self._verdict = verdict
        self._kinds = kinds
        self.everything = verdict is None and kinds == frozenset(IndicatorType)

    def of(self, report: Report) -> list[Sighting]:
        return [
            one
            for one in report.sightings
            if one.indicator.type in self._kinds
            and (self._verdict is None or one.summary.latest.verdict >= self._verdict)
        ]


Shown = Callable[[dict[str, Any]], None]


def _print(found: Found, wanted: _Wanted, shown: Shown) -> None:
    if isinstance(found, ReportLink):
        if wanted.everything:
            shown({"flow_id": found.flow_id, "link": found.url})
        return
    report = read_report(found, time.time_ns() // 1_000_000)
    if not report.flow_id:
        tell(f"a report cannot be read: {report.rejected[0].reason}")
        return
    iocs = wanted.of(report)
    if iocs or wanted.everything:
        shown(_facts(found, report, iocs))


def _facts(raw: dict[str, Any], report: Report, iocs: Sequence[Sighting]) -> dict[str, Any]:
    report_id = raw.get("report_id")
    return {
        "flow_id": report.flow_id,
        "report_id": report_id if isinstance(report_id, str) else "",
        "date": format_millis(report.seen_at),
        "verdict": parent_verdict_of(raw),
        "iocs": [
            {
                "type": one.indicator.type.value,
                "indicator": one.indicator.value,
                "verdict": one.summary.latest.verdict.name,
                "origin": one.summary.latest.origin,
                "tags": sorted(one.summary.tags),
            }
            for one in iocs
        ],
    }


def _json(report: dict[str, Any]) -> None:
    typer.echo(json.dumps(report))


class _Screen:
    """A terminal, or a file for people."""

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
        said = Text(f"{verdict:16} ", style=STYLES.get(verdict, ""))
        self._out.print(Text(f"{date:24}  ") + said + rest, soft_wrap=True)
