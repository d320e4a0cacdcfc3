"""Computes the cost from measured units and published prices: `python -m benchmarks.cost`.

Pure arithmetic: it reads benchmarks/measured.json, which `make bench` writes, and writes
docs/cost.md.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "benchmarks" / "measured.json"
DOCUMENT = ROOT / "docs" / "cost.md"

# Dollars in us-east-1, on demand, without free tiers; list prices as published in late 2024.
PRICES_OF = "late 2024"
READ_UNIT = 0.125e-6
WRITE_UNIT = 0.625e-6
STORAGE_GB_MONTH = 0.25
BACKUP_GB_MONTH = 0.20  # point-in-time recovery
GATEWAY_REQUEST = 3.50e-6  # of a REST API, the first 333 million of a month
LAMBDA_REQUEST = 0.20e-6
LAMBDA_GB_SECOND = 0.0000133334  # arm64
LOGS_GB = 0.50
METRIC_MONTH = 0.30
ALARM_MONTH = 0.10
SCHEDULER_CALL = 1.00e-6
DASHBOARD_MONTH = 3.00
INTERNET_GB = 0.09  # out of AWS
# Metrics of look-ups: latency, cold starts, refusals by quota.
LOOKUP_METRICS = 3

# Memory of the functions in the template.
LOOKUP_MB = 512
INGEST_MB = 1024
PUBLISH_MB = 1024
PROVIDERS_MB = 2048
# Requests a second that the template admits: for the open documents, for each other route.
OPEN_DOCUMENTS = ("GET /", "GET /docs", "GET /health", "GET /openapi.json")
DOCUMENT_REQUESTS_S = 5
REQUESTS_S = 500
# The only throttle of a function URL: requests a second for each reserved execution.
URL_REQUESTS_S = 10
RESERVED_EXECUTIONS = 10  # of the example
# How long an instance caches a known key.
KEY_CACHED_S = 60
# The memory with which a function has one whole processor.
WHOLE_CPU_MB = 1769
# Assumed: from a function to DynamoDB and back.
ROUND_TRIP_MS = 5.0
RUNS_A_MONTH = 30 * 24 * 4  # every 15 minutes
GB = 1024**3
MILLION = 1_000_000
SERVICES = ("API Gateway", "Lambda", "DynamoDB", "logs")
# What a request costs at each front, before any function runs.
FRONTS = {"REST API": GATEWAY_REQUEST, "function URL": 0.0}


@dataclass(frozen=True)
class Work:
    """Measurements of one kind of work; all numbers are totals.

    Attributes:
        things: number of look-ups, sightings, IOCs, entries or runs.
        requests: number of invocations.
        read, written: capacity units.
        cpu_us: CPU microseconds on the machine of the benchmark.
        waits: round trips to the store during which the function only waits.
        log_bytes: size of the logs.
        answer_bytes: size of the answers.
    """

    things: int
    requests: int = 1
    read: float = 0.0
    written: float = 0.0
    cpu_us: float = 0.0
    waits: float = 0.0
    log_bytes: int = 0
    answer_bytes: int = 0


@dataclass(frozen=True)
class Measured:
    """All measurements that the cost depends on.

    Attributes:
        metrics: number of custom metrics that a run of ingestion writes.
        alarms: number of metrics in the alarms that every stack has.
        item_bytes: mean size of an item of the IOC table.
        without_key: requests of clients without an API key, by name.
        annotating: read and write units of requests that annotate, by name.
    """

    single: Work
    bulk_100: Work
    bulk_1000: Work
    new: Work
    seen_again: Work
    redelivered: Work
    publishing: Work
    list_first: Work
    list_refresh: Work
    idle_run: Work
    metrics: int
    alarms: int
    item_bytes: float
    without_key: Mapping[str, Work]
    annotating: Mapping[str, Sequence[float]] = field(default_factory=dict)


Shares = Mapping[str, float]


def read_measured(text: str) -> Measured:
    """Read the measurements from the text of benchmarks/measured.json."""
    raw: dict[str, Any] = json.loads(text)
    without_key = {name: Work(**value) for name, value in raw.pop("without_key", {}).items()}
    annotating = raw.pop("annotating", {})
    facts: dict[str, Any] = {
        name: Work(**value) if isinstance(value, dict) else value for name, value in raw.items()
    }
    return Measured(**facts, without_key=without_key, annotating=annotating)


def write_measured(measured: Measured) -> str:
    """Return the text that `read_measured` reads."""
    return json.dumps(asdict(measured), indent=2) + "\n"


def duration_ms(cpu_us: float, waits: float, memory_mb: int) -> int:
    """Return the billed milliseconds of an invocation: CPU time by share of a CPU, and waits."""
    share = min(1.0, memory_mb / WHOLE_CPU_MB)
    return max(1, math.ceil(cpu_us / 1000 / share + waits * ROUND_TRIP_MS))


def lambda_dollars(requests: int, milliseconds: float, memory_mb: int) -> float:
    """Return the dollars for invocations of a given duration."""
    gb_s = requests * milliseconds / 1000 * memory_mb / 1024
    return requests * LAMBDA_REQUEST + gb_s * LAMBDA_GB_SECOND


def dynamodb_dollars(read: float, written: float) -> float:
    """Return the dollars for capacity units."""
    return read * READ_UNIT + written * WRITE_UNIT


def shares(work: Work, memory_mb: int, *, front: float = 0.0) -> dict[str, float]:
    """Return the dollars for a million things, by service.

    Args:
        work: its measurements.
        memory_mb: memory of the function.
        front: dollars for a request before any function runs.
    """
    each = duration_ms(work.cpu_us / work.requests, work.waits / work.requests, memory_mb)
    spent = {
        "API Gateway": work.requests * front,
        "Lambda": lambda_dollars(work.requests, each, memory_mb),
        "DynamoDB": dynamodb_dollars(work.read, work.written),
        "logs": work.log_bytes / GB * LOGS_GB,
    }
    return {name: dollars * MILLION / work.things for name, dollars in spent.items()}


def total(spent: Shares) -> float:
    """Return the sum over all services."""
    return sum(spent.values())


def idle_month(measured: Measured) -> dict[str, float]:
    """Return the dollars for a month without look-ups and without new reports, by item."""
    run = measured.idle_run
    each = duration_ms(run.cpu_us, run.waits, INGEST_MB)
    return {
        "schedule": RUNS_A_MONTH * SCHEDULER_CALL,
        "Lambda": lambda_dollars(RUNS_A_MONTH, each, INGEST_MB),
        "DynamoDB": RUNS_A_MONTH * dynamodb_dollars(run.read, run.written),
        "logs": RUNS_A_MONTH * run.log_bytes / GB * LOGS_GB,
        "metrics": measured.metrics * METRIC_MONTH,
        "alarms": measured.alarms * ALARM_MONTH,
    }


def tables_and_schedule(month: Shares) -> float:
    """Return the dollars of an idle month without metrics and alarms."""
    return sum(dollars for name, dollars in month.items() if name not in ("metrics", "alarms"))


def stored_month(item_bytes: float, items: int = MILLION) -> float:
    """Return the dollars to store items for a month, with backups and 100 bytes overhead each."""
    return items * (item_bytes + 100) / GB * (STORAGE_GB_MONTH + BACKUP_GB_MONTH)


def lookups(measured: Measured, front: str) -> dict[str, dict[str, float]]:
    """Return the dollars for a million look-ups over one of `FRONTS`."""
    kinds = {
        "one at a time": measured.single,
        "in bulk of 100": measured.bulk_100,
        "in bulk of 1,000": measured.bulk_1000,
    }
    return {name: shares(work, LOOKUP_MB, front=FRONTS[front]) for name, work in kinds.items()}


def lookups_by_front(measured: Measured) -> dict[str, dict[str, float]]:
    """Return the dollars for a million look-ups, by kind and front."""
    return {
        f"{kind}, {front}": spent
        for front in FRONTS
        for kind, spent in lookups(measured, front).items()
    }


def hour_without_key(work: Work, requests_s: float, *, front: float) -> dict[str, float]:
    """Return the dollars for an hour of requests without a valid key, by service, with bytes out.

    Args:
        work: measurements of the requests.
        requests_s: requests a second that the front admits.
        front: dollars for a request before any function runs.
    """
    requests = requests_s * 3600
    spent = shares(work, LOOKUP_MB, front=front)
    hour = {service: dollars * requests / MILLION for service, dollars in spent.items()}
    return hour | {"bytes out": requests * work.answer_bytes / work.things / GB * INTERNET_GB}


def hours_without_key(measured: Measured, front: str) -> dict[str, dict[str, float]]:
    """Return `hour_without_key` of each kind of request, at the throttles of one of `FRONTS`."""
    return {
        name: hour_without_key(work, let_in(name, front), front=FRONTS[front])
        for name, work in measured.without_key.items()
    }


def let_in(name: str, front: str) -> int:
    """Return the requests a second of a kind that a front admits."""
    if not FRONTS[front]:
        return URL_REQUESTS_S * RESERVED_EXECUTIONS
    return DOCUMENT_REQUESTS_S if name in OPEN_DOCUMENTS else REQUESTS_S


def sightings(measured: Measured) -> dict[str, dict[str, float]]:
    """Return the dollars for a million sightings."""
    kinds = {
        "new": measured.new,
        "seen again, in new reports": measured.seen_again,
        "re-delivered, in known reports": measured.redelivered,
    }
    return {name: shares(work, INGEST_MB) for name, work in kinds.items()}


def others(measured: Measured) -> dict[str, dict[str, float]]:
    """Return the dollars for a million IOCs published, and entries of lists."""
    return {
        "IOCs published, ten in a report": shares(
            measured.publishing, PUBLISH_MB, front=GATEWAY_REQUEST
        ),
        "entries of a provider's first list": shares(measured.list_first, PROVIDERS_MB),
        "entries of a list, 1% of them changed": shares(measured.list_refresh, PROVIDERS_MB),
    }


_TEXT = """\
# What it costs

Generated by `.venv/bin/python -m benchmarks.cost` from the measurements of `make bench`
(`benchmarks/measured.json`) and list prices; do not change it by hand. Dollars, us-east-1, on
demand, arm64, without free tiers, prices of {prices_of}: check them before you quote.

## Look-ups

{lookups}

The REST API is the default front. The function URL is the option `FunctionUrl`: it has neither a
price of its own nor a throttle. A function caches the API key of a client, and leases its quota in
blocks: the units include both. An instance reads a key at most once a minute, strongly, for one
read unit. With a look-up a second at each instance that adds {keys_often:.3f} dollars to a million;
with one a minute, so that each look-up reads the key anew, {keys_seldom:.3f}.

## Clients without an API key

Dollars for an hour of requests at the highest rate that the template admits: `RequestsPerSecond` at
the REST API, {documents_s} a second for each open document, and {url_s} for each of
`LookupReservedConcurrency` at a function URL, here {url_executions}. Bytes out are included,
uncompressed, as for a client that does not accept gzip:

{without_key}

## Sightings

{sightings}

For a feed of 500 reports with ten IOCs each, three of which occur in other reports as well.

## Publishing and lists of providers

{others}

## Overrides and false positive reports

Units of DynamoDB for items up to a kilobyte, without the read of the API key. Those of a false
positive report include the write that leases a block of the key's quota:

{annotating}

A look-up costs nothing more for an override: it is a part of the item. When an override expires,
the next export run writes once for each digest.

## A month

Without look-ups and without new reports; ingestion reads the feed of three pages every 15 minutes:

{month}

A run writes {metrics} custom metrics, and the alarms of a stack watch {alarms}; each of both is
billed. The first ten of each are free in an account; the table does not deduct them. Look-ups write
up to {lookup_metrics} more, {lookup_dollars:.2f} dollars a month; the poll of a sandbox and the
lists of providers one each. A dashboard is free for the first three of an account, then
{dashboard:.2f} dollars.

An answer of `GET /v4/iocs/changes` costs what a look-up costs at the front and in Lambda, and no
unit of DynamoDB beyond those of the key and its quota. It is read from a page of the exports: one
request to S3 (0.0004 dollars for a thousand), unless the instance still has that page. The export
job writes the pages; [exports.md](exports.md#what-it-costs) has its cost.

A million stored IOCs of {item_bytes:.0f} bytes cost {stored:.2f} dollars a month, backups included.

## How it is computed

{price_list}

- Units follow DynamoDB's published rounding; [benchmarks.md](benchmarks.md) describes it.
- An invocation lasts as long as its CPU time on the machine of the benchmark, divided by the
  function's share of a processor (its memory out of {whole:,} MB, one at most), and {trip:.0f} ms
  for each round trip to the store that it waits for. Both are estimates: Lambda's processors
  differ. Ingestion writes in parallel, so only its reads count as waits.
- The runs of an idle month all count as cold starts, which are billed. Elsewhere cold starts and
  failed requests are not included, nor is data that leaves AWS, except that of the open routes.
"""


def document(measured: Measured) -> str:
    """Return the text of docs/cost.md."""
    month = idle_month(measured)
    dollars = {name: f"{spent:.3f}" for name, spent in month.items()} | {
        "**all**": f"**{total(month):.3f}**",
        "all without metrics and alarms": f"{tables_and_schedule(month):.3f}",
    }
    return _TEXT.format(
        prices_of=PRICES_OF,
        lookups=_table("A million look-ups", lookups_by_front(measured)),
        keys_often=READ_UNIT * MILLION / KEY_CACHED_S,
        keys_seldom=READ_UNIT * MILLION,
        documents_s=DOCUMENT_REQUESTS_S,
        url_s=URL_REQUESTS_S,
        url_executions=RESERVED_EXECUTIONS,
        without_key=_without_key(measured),
        sightings=_table("A million sightings", sightings(measured)),
        others=_table("A million", others(measured)),
        annotating=_annotating(measured),
        month=_pairs("What", "Dollars a month", dollars),
        metrics=measured.metrics,
        alarms=measured.alarms,
        lookup_metrics=LOOKUP_METRICS,
        lookup_dollars=LOOKUP_METRICS * METRIC_MONTH,
        dashboard=DASHBOARD_MONTH,
        item_bytes=measured.item_bytes,
        stored=stored_month(measured.item_bytes),
        price_list=_pairs("Price", "Dollars", _price_list()),
        whole=WHOLE_CPU_MB,
        trip=ROUND_TRIP_MS,
    )


def _annotating(measured: Measured) -> str:
    rows = [
        "| Request | Read units | Write units | Dollars a million, DynamoDB |",
        "|---|---|---|---|",
    ]
    for name, (read, written) in measured.annotating.items():
        dollars = dynamodb_dollars(read, written) * MILLION
        rows.append(f"| {name} | {read:g} | {written:g} | {dollars:.2f} |")
    return "\n".join(rows)


def _price_list() -> dict[str, str]:
    return {
        "a million read units, write units": f"{READ_UNIT * 1e6:.3f}, {WRITE_UNIT * 1e6:.3f}",
        "a million requests of a REST API, of a function URL": f"{GATEWAY_REQUEST * 1e6:.2f}, 0",
        "a million invocations": f"{LAMBDA_REQUEST * 1e6:.2f}",
        "a GB-second": f"{LAMBDA_GB_SECOND:.10f}",
        "a GB of logs": f"{LOGS_GB:.2f}",
        "a metric, a metric in an alarm, for a month": f"{METRIC_MONTH:.2f}, {ALARM_MONTH:.2f}",
        "a million calls of the schedule": f"{SCHEDULER_CALL * 1e6:.2f}",
        "a GB stored, backed up, for a month": f"{STORAGE_GB_MONTH:.2f}, {BACKUP_GB_MONTH:.2f}",
        "a GB to the internet": f"{INTERNET_GB:.2f}",
    }


def _without_key(measured: Measured) -> str:
    rest, direct = (hours_without_key(measured, front) for front in FRONTS)
    head = ("Requests", "Bytes out", "REST API: a second", "the gateway", "the rest", "Dollars")
    lines = [f"| {' | '.join(head)} | Function URL: dollars |", "|---" * 7 + "|"]
    for name, work in measured.without_key.items():
        gateway, all_of_it = rest[name]["API Gateway"], total(rest[name])
        lines.append(
            f"| {name} | {work.answer_bytes / work.things:,.0f} | {let_in(name, 'REST API')} |"
            f" {gateway:.2f} | {all_of_it - gateway:.2f} | **{all_of_it:.2f}** |"
            f" **{total(direct[name]):.2f}** |"
        )
    return "\n".join(lines)


def _pairs(left: str, right: str, rows: Mapping[str, str]) -> str:
    lines = [f"| {left} | {right} |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in rows.items()])


def _table(what: str, rows: Mapping[str, Shares]) -> str:
    lines = [f"| {what} | {' | '.join(SERVICES)} | Dollars |", "|---" * (len(SERVICES) + 2) + "|"]
    for name, spent in rows.items():
        cells = " | ".join(f"{spent[service]:.4f}" for service in SERVICES)
        lines.append(f"| {name} | {cells} | **{total(spent):.4f}** |")
    return "\n".join(lines)


def main() -> None:
    """Write docs/cost.md."""
    measured = read_measured(MEASURED.read_text(encoding="utf-8"))
    DOCUMENT.write_text(document(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
