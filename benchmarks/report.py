"""docs/benchmarks.md: every ceiling with what was measured, and how."""

import os
import platform
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import against, cost
from benchmarks.comparison import (
    BOTO3,
    CONNECTIONS,
    ONE_IN,
    REDIS,
    REDIS_APP,
    SERVICE,
    SQLITE,
    STOCK,
    Compared,
)
from benchmarks.cost import MILLION, Measured
from benchmarks.cost import Work as Priced
from benchmarks.ingestion import REPORTS, Costs
from benchmarks.lookups import BATCHES, Counted
from benchmarks.metering import Usage
from benchmarks.others import IdleRun, Work
from benchmarks.starts import BARE, INGEST, NOTHING, OTHER, OURS, Starts

DOCUMENT = cost.ROOT / "docs" / "benchmarks.md"
MET, NOT_MET = "met", "**not met**"

_INTRO = """\
# Benchmarks

Made by `make bench`; do not change it by hand. Counts and ratios are what to compare: times are
those of one machine, which others use as well. Medians, with the lowest and the highest in
parentheses; what is compared took turns in one run. CPU is that of the process.
Python {python} on {machine}, {processors} processors.
"""
_BEFORE = """
What the run before has measured, to see what is noise:

| # | Measured | Result |
|---|---|---|"""
_HOW = """
## How

- **P1, P2, P9**: a feed of {reports} reports with ten IOCs each: seven are its own, three are drawn
  from a pool in which each is held by ten reports on average. It is ingested, ingested again, and
  followed by as many new reports of the same IOCs. Pages come from memory; writes run in 16
  threads, as in the function, against an embedded DynamoDB.
- **P3, P4**: the real handler, called with events as API Gateway makes them. Half of what is asked
  for is stored. The key has a daily limit, and leases of quota are counted. Calls pass a meter
  between the handler and the engine, which holds reads of a bulk back until {batches} are under
  way: how many there are at once does not depend on how long one takes.
- **P6, P7**: [peers](#peers) tells.
- **P8**: what `make build` makes, under Lambda's runtime interface emulator with the runtime's own
  client and SDK, Python 3.13, bytecode shipped. CPU of the function's process from its start to its
  first answer, the look-up of a stored hash; ours checks a key and leases quota for it. What it is
  measured against is `benchmarks/reference.py`: one `GetItem`, no key, no quota. The clock counts
  the emulator as well.
- **P10**: reports of three IOCs, 300 on a page; the store is one that takes everything and knows
  nothing. Peak memory of a process of its own.
- **P12**: the sample feed, when nothing in it is new. Its quarantined records are written again
  with every run. Every run is taken for a cold start.
- **P15**: requests to the open routes, and others without a key or with an unknown one, through
  the real handler, from the text of the event on. `.venv/bin/python -m benchmarks.open_routes`
  measures these alone.

## First answers
"""
_IMPORTS = """
Where it goes: CPU of a fresh process of the same Python on the same artifacts, by what it imports,
above one that imports nothing. The lines overlap.
"""
_PEERS = """
## Peers

Medians, with the lowest (the best) and the highest in parentheses. All sides take turns in one run
and are asked the same questions over one connection that is kept alive, half of which they know.
`x` is the ratio of the medians to that of FastAPI + SQLite.

"""
_SERVED_HOW = """
Single look-ups over HTTP, {connections} connections side by side that never pause; the client, the
servers and the embedded DynamoDB share the processors:
"""
_PEERS_HOW = """
- **The data**: {stock:,} IOCs, half of them SHA-256, a fifth each URLs and domains, a tenth
  addresses. The tables of this service hold one in {one_in} of them, evenly spread, and questions
  are drawn from these: how many more there are is DynamoDB's work, which is not counted.
- **CPU** is that of the server's processes, not of the client. For this service it is the handler,
  event in to answer out; HTTP is the part of API Gateway. Behind its local server, which is made
  for development, HTTP and the making of events are in it. Of the peers it includes HTTP, routing,
  validation and the key; only this service has quotas. What DynamoDB spends is not in it, what
  SQLite and redis-server spend is.
- **The peers** are `benchmarks/peers`: FastAPI with Pydantic models, uvicorn with uvloop and
  httptools, one process; SQLite in WAL mode by its primary key, without a thread; Redis by `GET`
  and `MGET` of JSON through redis-py with hiredis, nothing written to disk. {redis}
- **Taking in**: bulks of 1,000 through the peer's API; here reports of ten IOCs through a run, page
  parsed, IOCs canonicalised, and each report counted once, against an embedded DynamoDB on the same
  two processors.
- **Bytes** by DynamoDB's rules for an item, of the pages of the file, and of the memory that Redis
  uses above that of its start.
- **Start**: until the first answer of the whole process. That of this service is P8.
"""
_PLOTS = """
## Plots

![CPU of a single look-up: this service, its local server and the peers](benchmarks/single.svg)

![CPU for an IOC in a bulk of 1,000: this service and the peers](benchmarks/bulk.svg)

![Dollars per million look-ups and per million sightings, by service](benchmarks/dollars.svg)

![Memory of runs over 1,000 and 100,000 reports, before and at its peak](benchmarks/memory.svg)
"""
_AGAINST = """
## Another base URL

The harness measures whatever speaks the v4 API: single look-ups and bulks of 100 and 1,000, known
and unknown IOCs, with latencies, throughput, errors, and CPU if the process is on this machine:

    make bench URL=https://api.example KEY=...
    .venv/bin/python -m benchmarks against URL --key KEY --known FILE --pid PID

`FILE` names IOCs that are known there, as `sha256#...`, `ip#...`, `domain#...` or `url#...`, one a
line; without it they are those of the comparison. For single hashes the column of answers with 200
tells how many were found. Mind the quota of the key: a round asks for 62,000 IOCs in 2,240
requests, and there are three unless `--rounds` says otherwise.
"""
_UNITS = """
## Units, by published rounding and by the engine

The meter counts from requests and answers: 1 KB for a write unit, 4 KB for a read unit, half of
that for an eventual read, absent items, failed conditions, transactions double. The engine says
what it believes in `ConsumedCapacity`; where the two differ, the costs go by the meter.
"""


@dataclass(frozen=True)
class Found:
    """Everything that was measured.

    Attributes:
        ingest_cpu: microseconds for a sighting.
        memory: KB before a run and at its peak, by reports.
    """

    units: Costs
    hot_bytes: int
    ingest_cpu: Mapping[str, Sequence[float]]
    counted: Mapping[str, Counted]
    compared: Compared
    published: Work
    list_first: Work
    list_refresh: Work
    idle: IdleRun
    single_calls: Mapping[str, Usage]
    alarms: int
    starts: Starts
    memory: Mapping[int, tuple[int, int]]
    without_key: Mapping[str, Priced]


@dataclass(frozen=True)
class Line:
    """A ceiling and what stands beside it."""

    number: str
    what: str
    ceiling: str
    aim: str
    figure: str
    verdict: str


def measured(found: Found) -> Measured:
    """What the cost model needs."""
    ours = found.compared.sides[SERVICE]
    return Measured(
        single=_asked(found, "single", 1, ours.single),
        bulk_100=_asked(found, "bulk of 100", 100, ours.hundred),
        bulk_1000=_asked(found, "bulk of 1,000", 1000, ours.bulk),
        new=_sighted(found, found.units.new, "new"),
        seen_again=_sighted(found, found.units.seen, "seen again"),
        redelivered=_sighted(found, found.units.again, "re-delivered"),
        publishing=_done(found.published, requests=found.published.things // 10, alone=True),
        list_first=_done(found.list_first),
        list_refresh=_done(found.list_refresh),
        idle_run=Priced(
            1,
            1,
            found.idle.work.usage.read,
            found.idle.work.usage.written,
            # Every run is taken for a cold start, which is billed.
            round(
                found.idle.work.cpu_s * 1e6 + _above(found.starts.imports, INGEST, NOTHING) * 1e3
            ),
            found.idle.work.usage.calls.total(),
            found.idle.log_bytes,
        ),
        metrics=found.idle.metrics,
        alarms=found.alarms,
        item_bytes=round(statistics.mean(found.units.sizes), 1),
        without_key=found.without_key,
    )


def _asked(found: Found, name: str, size: int, cpu_us: Sequence[float]) -> Priced:
    counted = found.counted[name]
    usage = counted.usage
    things = counted.requests * size
    return Priced(
        things,
        counted.requests,
        usage.read,
        usage.written,
        round(statistics.median(cpu_us) * things),
        # All reads of a request are under way together; a lease of the quota goes before.
        counted.requests + usage.calls["UpdateItem"],
        counted.log_bytes,
        counted.answer_bytes,
    )


def _sighted(found: Found, usage: Usage, kind: str) -> Priced:
    things = found.units.sightings
    cpu = round(statistics.median(found.ingest_cpu[kind]) * things)
    return Priced(things, 1, usage.read, usage.written, cpu, usage.calls["BatchGetItem"])


def _done(work: Work, *, requests: int = 1, alone: bool = False) -> Priced:
    """Of work that waits for each of its calls, or writes side by side."""
    calls = work.usage.calls.total()
    return Priced(
        work.things,
        requests,
        work.usage.read,
        work.usage.written,
        round(work.cpu_s * 1e6),
        calls if alone else calls / 16,
    )


def drawn(found: Found) -> dict[str, Any]:
    """What the plots are drawn from, beside benchmarks/measured.json."""
    sides = {
        name: {"single": side.single, "bulk": side.bulk}
        for name, side in found.compared.sides.items()
    }
    memory = {f"{reports:,} reports": kb for reports, kb in found.memory.items()}
    ceilings = {"single": 2.0 * statistics.median(sides[SQLITE]["single"])}
    if found.compared.redis:
        ceilings["bulk"] = 3.0 * statistics.median(sides[REDIS]["bulk"])
    return {"sides": sides, "ceilings": ceilings, "memory": memory}


def lines(found: Found, figures: Measured) -> Iterator[Line]:
    """Every ceiling."""
    yield from _units_lines(found, figures)
    yield from _cpu_lines(found)
    few, many = found.memory
    grown = found.memory[many][1] / found.memory[few][1]
    above = _growth(found.memory[many]) / max(1, _growth(found.memory[few]))
    yield Line(
        "P10",
        "memory of a run over 100,000 reports against one over 1,000",
        "1.3 x",
        "1.1 x",
        f"{grown:.2f} x over {many:,} reports; above what the process had before, {above:.2f} x",
        _met(grown <= 1.3),
    )
    mean, largest = statistics.mean(found.units.sizes), max(found.units.sizes)
    yield Line(
        "P11",
        "mean item size; largest",
        "400 B; 8 KB",
        "120 B; 1 KB",
        f"{mean:.0f} B; {largest:,} B, and {found.hot_bytes:,} B where all reports of a fold hold"
        " one IOC and another is a URL of 1.9 KB",
        _met(mean <= 400 and max(largest, found.hot_bytes) <= 8192),
    )
    yield from _month_lines(figures)


def _month_lines(figures: Measured) -> Iterator[Line]:
    month = cost.idle_month(figures)
    spent = cost.tables_and_schedule(month)
    yield Line(
        "P12",
        "a month of idling",
        "0.10 dollars, tables and schedule",
        "0",
        f"{spent:.3f} dollars; with {figures.metrics} custom metrics and {figures.alarms} in alarms"
        f" {cost.total(month):.2f}, free tiers left out",
        _met(spent <= 0.10),
    )
    rest, direct = (cost.hours_without_key(figures, front) for front in cost.FRONTS)
    worst = max(rest, key=lambda name: _beyond_gateway(rest[name]))
    gateway = max(spent["API Gateway"] for spent in rest.values())
    of_url = max(direct, key=lambda name: cost.total(direct[name]))
    yield Line(
        "P15",
        "dollars an hour that a client without a key can cost, worst open route, bytes out"
        " included, at the template's throttles",
        "the gateway's own + 1",
        "the gateway's own",
        f"REST API: {_beyond_gateway(rest[worst]):.2f} beside the gateway's own {gateway:.2f},"
        f" by {worst}; function URL with {cost.RESERVED_EXECUTIONS} reserved executions:"
        f" {cost.total(direct[of_url]):.2f}, by {of_url}; computed: [cost.md](cost.md)",
        _met(_beyond_gateway(rest[worst]) <= 1),
    )


def _beyond_gateway(spent: cost.Shares) -> float:
    return cost.total(spent) - spent["API Gateway"]


def _units_lines(found: Found, figures: Measured) -> Iterator[Line]:
    sightings = found.units.sightings
    new, seen, again = (
        cost.dynamodb_dollars(usage.read, usage.written) * MILLION / sightings
        for usage in (found.units.new, found.units.seen, found.units.again)
    )
    yield Line(
        "P1",
        "dollars per million sightings, new or changed",
        "0.60",
        "0.44",
        f"{new:.3f} new; {seen:.3f} seen again in new reports; DynamoDB alone, as the ceiling",
        _met(max(new, seen) <= 0.60),
    )
    yield Line("P2", "the same, re-delivered", "0.01", "0.001", f"{again:.4f}", _met(again <= 0.01))
    hit, miss = found.counted["hit"].usage, found.counted["miss"].usage
    many = found.counted["single"]
    yield Line(
        "P3",
        "read units of a single look-up, hit or miss; store calls",
        "0.5; 1",
        "same",
        f"{hit.read:g} and {miss.read:g}; {hit.calls.total()} and {miss.calls.total()}. Over"
        f" {many.requests:,} look-ups {many.usage.read / many.requests:.4f} read units,"
        f" {many.usage.written / many.requests:.4f} write units (quota) and"
        f" {many.usage.calls.total() / many.requests:.4f} calls each",
        _met(max(hit.read, miss.read) <= 0.5 and hit.calls.total() == miss.calls.total() == 1),
    )
    bulk = found.counted["bulk of 1,000"]
    reads = bulk.usage.calls["BatchGetItem"] / bulk.requests
    leases = bulk.usage.calls["UpdateItem"] / bulk.requests
    rest, direct = (cost.lookups(figures, front) for front in cost.FRONTS)
    rest_bulk, direct_bulk = (cost.total(one["in bulk of 1,000"]) for one in (rest, direct))
    yield Line(
        "P4",
        "store calls for a bulk of 1,000, all in parallel; dollars per million IOCs in bulk",
        "10; 0.065",
        "same",
        f"{reads:g} reads, {bulk.usage.peak} under way at once, and {leases:g} leases of quota;"
        f" {rest_bulk:.4f} by REST API, {direct_bulk:.4f} by function URL, of which DynamoDB"
        f" {rest['in bulk of 1,000']['DynamoDB']:.4f}",
        _met(reads <= 10 and bulk.usage.peak >= reads and max(rest_bulk, direct_bulk) <= 0.065),
    )
    rest_single, direct_single = (cost.total(one["one at a time"]) for one in (rest, direct))
    yield Line(
        "P5",
        "dollars per million single look-ups with key and quota: REST API; function URL",
        "3.85; 0.33",
        "3.80; 0.28",
        f"{rest_single:.3f}; {direct_single:.3f}, computed: [cost.md](cost.md)",
        _met(rest_single <= 3.85 and direct_single <= 0.33),
    )


def _cpu_lines(found: Found) -> Iterator[Line]:
    sides = found.compared.sides
    ours, sqlite, bare = sides[SERVICE], sides[SQLITE], sides[BOTO3]
    ratio = _ratio(ours.single, sqlite.single)
    yield Line(
        "P6",
        "CPU of a warm single look-up, event to answer, store call included, against FastAPI +"
        " SQLite",
        "2.0 x",
        "0.6 x",
        f"{ratio:.2f} x ({_spread(ours.single)} µs against {_spread(sqlite.single)} µs; best to"
        f" best {min(ours.single) / min(sqlite.single):.2f} x). The same read by a bare client of"
        f" boto3 takes {_spread(bare.single)} µs",
        _met(ratio <= 2.0),
    )
    yield _bulk_line(found.compared)
    yield _start_line(found.starts)
    worst = max(statistics.median(took) for took in found.ingest_cpu.values())
    told = ", ".join(f"{_spread(took)} µs {kind}" for kind, took in found.ingest_cpu.items())
    yield Line(
        "P9",
        "CPU per sighting of ingestion (parse, canonicalise, join, store call)",
        "400 µs",
        "100 µs",
        told,
        _met(worst <= 400),
    )


def _met(yes: bool) -> str:
    return MET if yes else NOT_MET


def _start_line(starts: Starts) -> Line:
    cpu = {name: [one.cpu_ms for one in took] for name, took in starts.answers.items()}
    ours, other = _above(cpu, OURS, BARE), _above(cpu, OTHER, BARE)
    return Line(
        "P8",
        f"CPU of the first invoke above a bare handler, against {OTHER}",
        "0.35 x",
        "0.10 x",
        f"{ours / other:.2f} x from nothing to the first answer of the built artifact, under the"
        f" real runtime: {ours:.0f} ms against {other:.0f} ms, above the"
        f" {statistics.median(cpu[BARE]):.0f} ms of a bare handler",
        _met(ours / other <= 0.35),
    )


def _bulk_line(compared: Compared) -> Line:
    ours, bare = compared.sides[SERVICE], compared.sides[BOTO3]
    figure, verdict = "no redis-server on this machine", "not measured"
    if compared.redis:
        redis, app = compared.sides[REDIS], compared.sides[REDIS_APP]
        ratio = _ratio(ours.bulk, redis.bulk)
        figure = (
            f"{ratio:.2f} x, {_ratio(ours.bulk, app.bulk):.2f} x without the CPU of redis-server"
            f" ({_spread(ours.bulk)} µs against {_spread(redis.bulk)} and {_spread(app.bulk)} µs;"
            f" best to best {min(ours.bulk) / min(redis.bulk):.2f} x)"
        )
        verdict = _met(ratio <= 3)
    return Line(
        "P7",
        "CPU per IOC in a bulk of 1,000, against FastAPI + Redis",
        "3 x",
        "1 x",
        f"{figure}. The same reads by a bare client of boto3 take {_spread(bare.bulk)} µs",
        verdict,
    )


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(ours) / statistics.median(theirs)


def _above(took: Mapping[str, Sequence[float]], name: str, base: str) -> float:
    return statistics.median(took[name]) - statistics.median(took[base])


def _growth(memory: tuple[int, int]) -> int:
    return memory[1] - memory[0]


def _spread(values: Sequence[float]) -> str:
    """The median, and the lowest and highest; a dash of none."""
    if not values:
        return "-"
    digits = 0 if statistics.median(values) >= 20 else 1
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def document(found: Found, figures: Measured, before: str) -> str:
    """The report.

    Args:
        before: that of the run before, whose figures are shown as well.
    """
    return "\n".join(_document(found, figures, before)) + "\n"


def figures_of(document: str) -> list[str]:
    """Number, figure and result of each ceiling in a report, as a row of a table."""
    rows = re.findall(r"^\| (P\d+) \|.*?\|.*?\|.*?\| (.*?) \| (.*?) \|$", document, re.MULTILINE)
    return [f"| {number} | {figure} | {verdict} |" for number, figure, verdict in rows]


def _document(found: Found, figures: Measured, before: str) -> Iterator[str]:
    yield _INTRO.format(
        python=platform.python_version(), machine=platform.machine(), processors=os.cpu_count()
    )
    yield "| # | What | Ceiling | Aim | Measured | Result |"
    yield "|---|---|---|---|---|---|"
    for line in lines(found, figures):
        yield (
            f"| {line.number} | {line.what} | {line.ceiling} | {line.aim} | {line.figure} |"
            f" {line.verdict} |"
        )
    yield _BEFORE
    yield from figures_of(before)
    yield from _peers(found.compared)
    yield _PLOTS.strip("\n")
    yield _AGAINST.rstrip("\n")
    yield _HOW.format(reports=REPORTS, batches=BATCHES)
    yield from _starts(found.starts)
    yield _UNITS
    yield "| What | Calls | Read | Engine | Written | Engine | Failed conditions |"
    yield "|---|---|---|---|---|---|---|"
    for name, usage in _usages(found):
        calls = ", ".join(f"{count:,} {call}" for call, count in usage.calls.most_common())
        yield (
            f"| {name} | {calls} | {usage.read:,g} | {usage.engine_read:,g} |"
            f" {usage.written:,g} | {usage.engine_written:,g} | {usage.failed_conditions} |"
        )
    yield from _single_calls(found)


def _starts(starts: Starts) -> Iterator[str]:
    yield "| Started | CPU ms | Clock ms |"
    yield "|---|---|---|"
    for name, answers in starts.answers.items():
        cpu, wall = [one.cpu_ms for one in answers], [one.wall_ms for one in answers]
        yield f"| {name} | {_spread(cpu)} | {_spread(wall)} |"
    yield _IMPORTS
    yield "| Imported | CPU ms |"
    yield "|---|---|"
    base = statistics.median(starts.imports[NOTHING])
    for name, took in starts.imports.items():
        if name != NOTHING:
            yield f"| {name} | {_spread([one - base for one in took])} |"


def _peers(compared: Compared) -> Iterator[str]:
    yield _PEERS.rstrip("\n") + "\n"
    yield (
        "| | CPU µs per look-up | x | Bulk of 1,000: CPU µs per IOC | x | Taken in: IOC/s"
        " | CPU µs per IOC | Bytes per IOC | Start: ms | CPU ms |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    unit = compared.sides[SQLITE]
    for name, side in compared.sides.items():
        cells = [
            _spread(side.single),
            f"{_ratio(side.single, unit.single):.2f}",
            _spread(side.bulk),
            f"{_ratio(side.bulk, unit.bulk):.2f}",
            _spread(side.load_rate),
            _spread(side.loaded),
            f"{side.stored:.0f}" if side.stored else "-",
            _spread(side.start_ms),
            _spread(side.start_cpu_ms),
        ]
        yield f"| {name} | {' | '.join(cells)} |"
    if not compared.redis:
        yield f"| {REDIS} | not measured: no redis-server |" + " - |" * 8
    redis = f"This was Redis {compared.redis}." if compared.redis else "Redis was not there."
    yield _SERVED_HOW.format(connections=CONNECTIONS)
    yield from against.table(compared.driven, dict.fromkeys(compared.driven, 1))
    yield _PEERS_HOW.format(stock=STOCK, one_in=ONE_IN, redis=redis)


def _single_calls(found: Found) -> Iterator[str]:
    yield ""
    yield "Of single calls, by which the two can be told apart:"
    yield ""
    yield "| Call | Units | Engine |"
    yield "|---|---|---|"
    for name, usage in found.single_calls.items():
        engine = usage.engine_read + usage.engine_written
        yield f"| {name} | {usage.read + usage.written:g} | {engine:g} |"


def _usages(found: Found) -> Iterator[tuple[str, Usage]]:
    sightings = f"{found.units.sightings:,} sightings"
    yield f"{sightings}, new", found.units.new
    yield f"{sightings}, seen again", found.units.seen
    yield f"{sightings}, re-delivered", found.units.again
    for name in ("first of an instance", "hit", "miss", "single", "bulk of 100", "bulk of 1,000"):
        counted = found.counted[name]
        yield f"look-up: {name}, {counted.requests:,} requests", counted.usage
    yield f"publishing {found.published.things:,} IOCs", found.published.usage
    yield f"a first list of {found.list_first.things:,}", found.list_first.usage
    yield "the list, 1% of it changed", found.list_refresh.usage
    yield "a run that finds nothing new", found.idle.work.usage
