"""Computes limits and cost at scale, and writes docs/scale.md: `python -m benchmarks.scale`.

It combines benchmarks/measured.json, published quotas, the prices of benchmarks/cost.py and the
simulations of benchmarks/simulation.py.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cost, report, simulation
from benchmarks.cost import GB, MILLION, Measured, Work
from benchmarks.simulation import Publishing, Run, Service
from benchmarks.starts import LOOKUP
from functions.ingest.feed_reader import KNOWN_STREAK, LONG_FEED_PAGES
from functions.ingest.run import BATCH_REPORTS, MAX_REQUESTS
from functions.publish.store.transactions import MAX_TRIES, MAX_WRITES

DOCUMENT = cost.ROOT / "docs" / "scale.md"

# The plan.
IOCS = 1_000_000_000
LOOKUPS_S = 10_000
IOCS_IN_REPORT = 10
REFRESHED_A_DAY = 0.01

# Published quotas; docs/scale.md names the sources.
PARTITION_READS_S = 3_000  # read units, of which an eventual read takes half a one
PARTITION_WRITES_S = 1_000  # write units
TABLE_UNITS_S = 40_000  # of each kind
FRESH_TABLE_READS_S = 12_000
FRESH_TABLE_WRITES_S = 4_000
LAMBDA_CONCURRENCY = 1_000
NEW_ACCOUNT_CONCURRENCY = 10
LAMBDA_RPS_OF_ONE = 10  # requests a second of the account, for each concurrent execution
GATEWAY_RPS = 10_000
LOG_WRITES_S = 5_000
SSM_READS_S = 40

# Further list prices, dollars, us-east-1, of the same time as those of benchmarks/cost.py.
PROVISIONED_READ_HOUR = 0.00013
PROVISIONED_WRITE_HOUR = 0.00065
RESERVED_100_READS = (30.00, 0.0025)  # at once for a year, and then by the hour
INFREQUENT_GB_MONTH = 0.10  # of the table class Standard-IA
INFREQUENT_UNITS = 1.25  # times the price of the units
RESTORE_GB = 0.15
BETWEEN_REGIONS_GB = 0.02
# Of a REST API: requests of a month up to which a price begins, the price.
GATEWAY_LOWER = ((333 * MILLION, 2.80e-6), (1_000 * MILLION, 2.38e-6), (20_000 * MILLION, 1.51e-6))
PROVISIONED_GB_SECOND = 0.0000033334  # arm64, for being there
SNAPSHOT_GB_SECOND = 0.0000015046  # of a published version, three hours at least
RESTORED_GB = 0.0001397998

# Assumed.
ENVIRONMENT_S = 0.15  # until a new environment begins to import
PAGE_S = 0.5  # to fetch a page of the feed
PAGE_REPORTS = 100
IDLE_MONTH = 0.10  # the ceiling in dollars; see docs/benchmarks.md
TARGET_UTILISATION = 0.70  # of provisioned capacity, by its autoscaling
RETRY_S = 0.05  # longest wait of the look-up function before it asks again
LOOKUP_ATTEMPTS = 2
# Of a run of 300 s: until functions/ingest/app.py stops reading.
READING_S = 233.0
# Kept warm in the simulations, and instances of the look-up function at the plan.
PROVISIONED_ENVIRONMENTS = 150

DAY_S = 86_400
MONTH_S = 30 * DAY_S
YEAR_HOURS = 365 * 24
INTERVAL_H = 0.25
OUTAGE_H = 24
ITEM_OVERHEAD_BYTES = 100
LEDGER_ENTRY_BYTES = 50  # key, names and one content digest, without the names of its IOCs
LEDGER_IOC_BYTES = 12


@dataclass(frozen=True)
class Load:
    """Load on the account by one kind of look-ups.

    Attributes:
        requests_s: requests a second to the gateway and the function.
        lasts_ms: billed milliseconds of a request in the function.
        busy: mean number of busy environments.
        quota: concurrent executions that the account needs.
        read_units_s, write_units_s: units a second of both tables.
        answer_mb_s: MB of answers a second.
        dollars_month: dollars for a month of it.
    """

    requests_s: float
    lasts_ms: float
    busy: float
    quota: int
    read_units_s: float
    write_units_s: float
    answer_mb_s: float
    dollars_month: float


def little(requests_s: float, lasts_s: float) -> float:
    """Return the mean number of concurrent requests, by Little's law."""
    return requests_s * lasts_s


def concurrency_needed(requests_s: float, lasts_s: float) -> int:
    """Return the concurrent executions needed: busy ones, or a tenth of the requests a second."""
    return math.ceil(max(little(requests_s, lasts_s), requests_s / LAMBDA_RPS_OF_ONE))


def load(work: Work, lookups_s: float) -> Load:
    """Return the load of a number of look-ups a second."""
    requests_s = lookups_s * work.requests / work.things
    lasts_ms = cost.duration_ms(
        work.cpu_us / work.requests, work.waits / work.requests, cost.LOOKUP_MB
    )
    each_s = lookups_s / work.things
    dollars = cost.total(cost.shares(work, cost.LOOKUP_MB, front=cost.GATEWAY_REQUEST))
    return Load(
        requests_s=requests_s,
        lasts_ms=lasts_ms,
        busy=little(requests_s, lasts_ms / 1000),
        quota=concurrency_needed(requests_s, lasts_ms / 1000),
        read_units_s=work.read * each_s,
        write_units_s=work.written * each_s,
        answer_mb_s=work.answer_bytes * each_s / 1e6,
        dollars_month=dollars * lookups_s * MONTH_S / MILLION,
    )


def gateway_saving_month(requests_s: float) -> float:
    """Return the dollars a month saved by the gateway's lower price for many requests."""
    requests = requests_s * MONTH_S
    prices = (cost.GATEWAY_REQUEST, *(price for _, price in GATEWAY_LOWER))
    return sum(
        max(0.0, requests - beyond) * (before - price)
        for (beyond, price), before in zip(GATEWAY_LOWER, prices, strict=False)
    )


def stored_gb(items: float, item_bytes: float) -> float:
    """Return the billed GB of items."""
    return items * (item_bytes + ITEM_OVERHEAD_BYTES) / GB


def ledger_entry_bytes(iocs: int) -> int:
    """Estimate the bytes of a report's ledger entry."""
    return LEDGER_ENTRY_BYTES + LEDGER_IOC_BYTES * iocs


def on_demand_month(read_units_s: float) -> float:
    """Return the dollars for a month of steady reads, on demand."""
    return cost.dynamodb_dollars(read_units_s * MONTH_S, 0)


def snapshot_month(memory_mb: int) -> float:
    """Return the dollars for SnapStart's snapshot of one version of a function."""
    return memory_mb / 1024 * MONTH_S * SNAPSHOT_GB_SECOND


def provisioned_month(read_units_s: float) -> float:
    """Return the dollars for the same reads with provisioned capacity, used to its target."""
    return read_units_s / TARGET_UTILISATION * PROVISIONED_READ_HOUR * MONTH_S / 3600


def reserved_month(read_units_s: float) -> float:
    """Return the dollars for the same reads with capacity reserved for a year, payment spread."""
    at_once, hourly = RESERVED_100_READS
    hour = (at_once / YEAR_HOURS + hourly) / 100
    return read_units_s / TARGET_UTILISATION * hour * MONTH_S / 3600


def break_even_utilisation(unit_hour: float, unit: float) -> float:
    """Return the utilisation above which a provisioned unit is cheaper than on demand."""
    return unit_hour / (3600 * unit)


def infrequent_saving_month(gb: float, units_dollars: float) -> float:
    """Return the dollars a month saved by Standard-IA; negative if it costs more.

    Args:
        gb: stored GB.
        units_dollars: dollars a month for the table's read and write units.
    """
    return gb * (cost.STORAGE_GB_MONTH - INFREQUENT_GB_MONTH) - units_dollars * (
        INFREQUENT_UNITS - 1
    )


def infrequent_break_even_month(gb: float) -> float:
    """Return the dollars a month for units up to which Standard-IA is cheaper."""
    return gb * (cost.STORAGE_GB_MONTH - INFREQUENT_GB_MONTH) / (INFREQUENT_UNITS - 1)


def item_lookups_s() -> int:
    """Return the look-ups of one item a second that its partition serves, as eventual reads."""
    return PARTITION_READS_S * 2


def cached_reads_s(rate_rps: float, instances: int, cached_s: float) -> float:
    """Return the reads of a hot item a second, if each instance caches it."""
    each_s = rate_rps / instances
    return rate_rps / (1 + each_s * cached_s)


def service(measured: Measured, init_ms: float) -> Service:
    """Return the duration of a single look-up, for the simulation."""
    work = measured.single
    return Service(
        compute_s=cost.duration_ms(work.cpu_us / work.requests, 0, cost.LOOKUP_MB) / 1000,
        wait_s=work.waits / work.requests * cost.ROUND_TRIP_MS / 1000,
        init_s=init_ms / 1000 + ENVIRONMENT_S,
    )


def init_cpu_ms(benchmarks: str) -> float:
    """Read the CPU milliseconds of a cold start of the look-up function from docs/benchmarks.md.

    Raises:
        ValueError: the document does not have this row.
    """
    row = re.search(rf"^\| {re.escape(LOOKUP)} \| ([\d.]+) ", benchmarks, re.MULTILINE)
    if row is None:
        raise ValueError("docs/benchmarks.md does not contain the time of a cold start")
    return float(row[1])


def ingest_run(measured: Measured) -> Run:
    """Return a run of ingestion in which all sightings are new."""
    work = measured.new
    batches = work.things / (BATCH_REPORTS * IOCS_IN_REPORT)
    batch_ms = cost.duration_ms(work.cpu_us / batches, work.waits / batches, cost.INGEST_MB)
    return Run(
        reading_s=READING_S,
        requests=MAX_REQUESTS,
        page_s=PAGE_S,
        page_reports=PAGE_REPORTS,
        batch_reports=BATCH_REPORTS,
        batch_s=batch_ms / 1000,
    )


def published_by_rate() -> dict[int, Publishing]:
    """Simulate publishing at several rates, by reports a second."""
    trip_s = cost.ROUND_TRIP_MS / 1000
    return {
        rate_rps: simulation.publishing(
            rate_rps=rate_rps, seconds=60, learn_s=1.5 * trip_s, stale_s=trip_s, commit_s=trip_s
        )
        for rate_rps in (10, 25, 50, 75, 100)
    }


def calm_rps(published: Mapping[int, Publishing]) -> int:
    """Return the highest rate without failures at which 99% of the reports wait below a second."""
    return max(rate for rate, found in published.items() if not found.failed and found.slow_s < 1)


def replicated_dollars(work: Work) -> float:
    """Return the dollars for a million things, for their writes in a second region."""
    return work.written * cost.WRITE_UNIT * MILLION / work.things


_TEXT = """\
# Scale

Generated by `.venv/bin/python -m benchmarks.scale`; do not change it by hand. It combines the
measurements of `make bench` (`benchmarks/measured.json`) with published quotas and list prices, and
with small seeded simulations (`benchmarks/simulation.py`). None of it was tested on AWS. Dollars,
us-east-1, on demand, prices of {prices_of}, as in [cost.md](cost.md).

The plan: {iocs:,} IOCs, {lookups_s:,} look-ups a second.

{summary}

## A billion IOCs

A look-up does not depend on the number of IOCs: it reads one item by its key. DynamoDB splits the
table as it grows.

{billion}

- The ledger is an estimate: {ledger_bytes} bytes for a report with {iocs_in_report} IOCs.
- The table class Standard-IA takes {infrequent_saving:.0f} dollars off the storage of a month, and
  makes units {infrequent_more:.0%} dearer. For this table it pays while units cost less than
  {infrequent_break_even:.0f} dollars a month: {infrequent_lookups_s:,.0f} look-ups a second and no
  writes. Not in the template; it cannot have reserved capacity.
- One run of ingestion applies {run_reports:,.0f} reports at most, so the timer of 15 minutes takes
  {load_days:.0f} days for a billion new sightings. It is the slowest part of a first load. See
  "Ingestion that is behind" for what to raise.

## Ten thousand look-ups a second

{lookups}

- **Requests and concurrency.** By Little's law few environments are at work at a time. But an
  account may also make no more than {rps_of_one} requests a second for each concurrent execution
  that it is allowed. Single look-ups last less than a tenth of a second, so that rule decides:
  {quota_single:,} concurrent executions, which is all of the default. Ask for {quota_raise:,}.
- **The gateway's {gateway_rps:,} requests a second** are used up by single look-ups as well, and
  are shared by all APIs of the account in the region. Ask for twice as many, or send bulk requests.
- **Bulk is the answer to both**, and to the bill: {bulk_factor:.0f} times cheaper in requests of
  1,000.
- Answers to single look-ups are {answer_gb:,.0f} GB a month. To the internet that is
  {answer_dollars:,.0f} dollars at most, which cost.md leaves out. The REST API's price falls
  with the number of requests: {gateway_saving:,.0f} dollars less than in the table. A function
  URL has no price: {function_url:,.0f} dollars in place of {rest_api:,.0f}.
- {lookups_s:,} **bulk requests of 1,000** a second are ten million look-ups and
  {bulk_units:,.0f} read units a second. That does not hold: it is {bulk_times:.0f} times the quota
  of a table.

### Simulated: concurrency

Single look-ups at random times, for ten seconds. A warm one takes {warm_ms:.1f} ms on average, a
cold start {init_ms:,.0f} ms before it. A function gets {burst:,} environments at once and
{starts_s:.0f} more each second.

{concurrency}

"At work" covers the last five seconds; Little's law gives {little_busy:.0f} at the full rate. The
sudden start is the problem: until the first environments are ready, the gateway refuses nearly all
requests, in its own format. So let traffic rise over half a minute, or pay for provisioned
concurrency: {provisioned} environments cost {provisioned_dollars:.0f} dollars a month. The template
does not set it.

### SnapStart

Lambda can restore a new environment from a snapshot in place of the start. The template does not
set it, by these figures for {lookup_mb:,} MB:

| | With SnapStart | Without |
|---|---|---|
| a month of each published version, used or not | {snapshot_month:.2f} | 0 |
| a million new environments | {restored_million:.2f} | {init_million:.2f} |
| until the environment is ready | AWS publishes no figure | {init_ms:,.0f} ms |

The deployment publishes a version each time (`AutoPublishAlias`), and SAM keeps the old ones: each
is billed until it is deleted. One alone costs {snapshot_idle:.0f} times as much as 0.10 dollars,
the ceiling for a month of idling. What a snapshot can save is the import, {imports_ms:.0f} ms; the
first connection to DynamoDB is opened after the restore in any case.

### Provisioned and reserved capacity

{capacity}

Provisioned capacity pays when more than {break_even:.0%} of it is used on average; with a
reservation for a year, {break_even_reserved:.0%}. Peaks of more than {peak:.1f} times the mean are
cheaper on demand, which is what the template sets. Against the gateway's share of single look-ups
all of this is small.

## A hot IOC

A partition serves {partition_reads:,} read units a second, which are {item_lookups:,} look-ups.
Adaptive capacity gives a hot item a partition to itself, and no more than that: one item stays at
{item_lookups:,}. Reads above that are throttled; the function tries {attempts} times in all, then
answers 503. In a bulk request it reads the throttled key again; if that fails, the whole request
fails.

`CACHE_TTL` (seconds, 0 by default) lets a warm function cache what it has read. Each instance then
reads a hot item once in that time, at any rate. An answer may be older by that time, in addition to
the lag of the feed, which is minutes.

### Simulated: all {lookups_s:,} look-ups a second want one IOC

{hot}

One second is enough. DAX would do the same for more money and a VPC.

## A key with a limit

A quota is counted in one item for each key and window, and leased in blocks that grow with what an
instance has spent in the window, or has spent in the one before: when a minute begins, instances
that were busy begin with large blocks.

### Simulated: one key, {lookups_s:,} look-ups a second, a limit for the minute

{quota}

An item takes {partition_writes:,} writes a second. So an even stream holds, and **one key with a
limit that begins from nothing at that rate does not**: for some seconds some look-ups get 503. Give
such a key no limit (0 writes nothing), or several keys, or let its traffic rise over a minute.

## Ingestion that is behind

A run takes {batch_s:.1f} s for {batch_reports} reports of {iocs_in_report} new IOCs each, and
{page_s} s is assumed for a page of {page_reports} reports. It stops reading after
{reading_s:.0f} s, or {requests} requests. That is {run_reports:,.0f} reports in a run,
{run_reports_hour:,.0f} an hour by the timer of 15 minutes.

### Simulated: after an outage of a day

{catch_up}

- Nothing is lost meanwhile if the feed still shows it. Each run reads the newest pages first and
  goes on where the last one stopped; {streak} known reports in a row end the new part.
- To raise: `Schedule` to `rate(5 minutes)` makes it three times as much, since a run ends before
  the next one begins. It computes for most of that time, so more memory (up to {whole_mb:,} MB, in
  the template) makes it up to {cpu_factor:.1f} times as fast. Pages of more reports save requests.
- Runs at once do not help: they read the same pages. Beyond that the feed has to be divided among
  stacks.
- A feed of more than {long_feed} pages is read whole once a day as well. That costs {page_s} s for
  each of its pages and little else, and is left out here.

## Publishing

Every report gets its number in a transaction on one item, on condition of the last number. So
transactions run one after the other, and those that lose the race try again, at most {max_tries}
times.

### Simulated

{publishing}

A number stays the last one until another transaction commits. So {line_rps:.0f} reports a second
are the theoretical maximum, and up to {calm_rps} a second 99% wait less than a second. An item
accepts {partition_writes:,} write units a second; above that, throttling makes it slower than the
table shows. A sandbox takes minutes for a report: {calm_rps} a second are thousands of parallel
analyses.

To lift it: number several reports in one transaction (a queue in front and one writer; 24 entries
fit the {max_writes} writes of a transaction, as long as they fit its 4 MB), which makes it a
thousand a second and more; or several logs, which a consumer reads side by side. Both change what a
sender or a consumer sees, and neither is built.

## A cold region

A new stack in another region, or one without requests for a long time:

- A new table on demand serves {fresh_reads:,} read units and {fresh_writes:,} write units a second
  at once: {fresh_lookups:,.0f} look-ups. After that it follows to twice the highest peak of before;
  growing faster than that within half an hour may be throttled. Set `WarmThroughput` ahead of a
  launch; it is billed once.
- All functions start cold: the first row of the simulation above. Let traffic move over in steps.
- Each instance reads the caller's key, and with `Providers` their list, before its first answer and
  then once a minute. Of {lambda_concurrency:,} instances that is {key_reads:.0f} reads a second of
  one item, and {starts_s:.0f} a second while they start.
- APIs of other providers have their keys in SSM: {ssm} reads a second by default, and
  {starts_s:.0f} instances may start in one. Switch on higher throughput for parameters beforehand.
- Quotas are those of the region: all requests for more have to be made there, too.

## A lost region

The template is one stack in one region. If that region is lost, the service does not answer until
it is back; stored data is not lost. A second region is possible in two ways.

**Two whole stacks that read the same feed.** Each ingests for itself, counts exactly, and knows
nothing of the other. Only the API keys have to be in both: copy their items, `key#` and a digest,
in the state table. We recommend this, unless you publish.

**Global tables.** What is written in one region appears in the other within a second or so, item by
item, and of two writes to one item in two regions the last one wins. What that breaks:

- *Conditions hold within a region only.* Two regions that ingest overwrite each other's items, and
  a count that was right in both is wrong in the end. So one region alone may ingest, publish and
  refresh providers. In the other one the timers are off.
- *Transactions arrive in parts.* The feed's last number may be there before its entry, or after.
- *Tables and items arrive independently.* A ledger entry may arrive before an item that it
  names. That IOC stays unknown, or short of a scan, until another report holds it. Reading
  reports again does not help: they count as applied.
- *Run numbers may be given twice*, if the last ones did not arrive.
- *Quotas are counted in both*: a key may get up to its limit in each region, and what one region
  counts is overwritten by the other.

Look-ups may be answered in both regions all the time, either way.

{regions}

RPO is what is missing afterwards, RTO the time until it goes on. With two stacks nothing is missing
in the end, as long as the feed still shows it.

Recovery with global tables, when the region that writes is lost:

1. Point the name of the API to the other region. Look-ups need nothing else.
2. See to it that the lost region does not write when it comes back: its timers go off first.
3. In the other region, raise the number of runs beyond any that was given:

   ```sh
   aws dynamodb update-item --table-name "$STATE_TABLE" --key '{{"pk": {{"S": "runs#"}}}}' \\
     --update-expression 'ADD #n :more' --expression-attribute-names '{{"#n": "number"}}' \\
     --expression-attribute-values '{{":more": {{"N": "1000"}}}}'
   ```

4. Switch its timers on. The next runs read what is new, and what arrived without its ledger entry.
5. If it publishes: set `tail` of `info#` to the highest number of which there is an `entry#`. While
   it is lower, nothing can be published. Reports of the last seconds may be missing from the feed
   for good. Ask consumers to read it whole once.
6. When the first region is back, what it had not sent yet arrives late, and gives way to what has
   been written since. Stay, or move back by the same steps.

To be exact again, empty the IOC table and the state table but for its keys, and read the feed from
its beginning. Global tables with strong consistency, in three regions, keep conditions, but refuse
transactions, which publishing needs, and TTL, which the template sets.

## Account limits

{limits}

Sources, of AWS: "Quotas in Amazon DynamoDB", "DynamoDB burst and adaptive capacity", "Understanding
DynamoDB warm throughput", "How DynamoDB global tables work", "Lambda scaling behavior",
"Understanding Lambda function scaling", "Lambda quotas", "Amazon API Gateway quotas", "Quotas for
configuring and running a REST API", "Quotas for Amazon EventBridge Scheduler", "CloudWatch Logs
quotas", "AWS Systems Manager endpoints and quotas". Check them, and those of your account in
Service Quotas: new accounts may have less.

## How it is computed

{prices}

- Prices that are not here are in [cost.md](cost.md). Durations are computed as there, on a
  function's share of the benchmark's processor.
- Assumed: {environment_ms:.0f} ms until a new environment begins to import, {page_s} s for a page
  of the feed, provisioned capacity used to {target:.0%}; of publishing, {trip:.0f} ms for a round
  trip to the store, and as much in which a transaction holds its items.
- The simulations know nothing of how services work inside. Those of the hot IOC and of the quota
  spread requests over the instances evenly; Lambda prefers some, which helps both. DynamoDB's burst
  capacity is left out: it helps for a while, and is not promised. So is the rule of
  {rps_of_one} requests a second in the simulation of concurrency.
- A month has 30 days.
"""


def document(measured: Measured, benchmarks: str) -> str:
    """Return the text of docs/scale.md.

    Args:
        measured: the measurements.
        benchmarks: text of docs/benchmarks.md, for the cold start.
    """
    loads = {
        "one at a time": load(measured.single, LOOKUPS_S),
        "in bulk of 100": load(measured.bulk_100, LOOKUPS_S),
        "in bulk of 1,000": load(measured.bulk_1000, LOOKUPS_S),
    }
    single, bulk = loads["one at a time"], loads["in bulk of 1,000"]
    answers_gb = single.answer_mb_s * 1e6 * MONTH_S / GB
    one = service(measured, init_cpu_ms(benchmarks))
    run = ingest_run(measured)
    run_reports = run.applies(math.inf)
    published = published_by_rate()
    gb = stored_gb(IOCS, measured.item_bytes)
    infrequent_month = infrequent_break_even_month(gb)
    lookup_units = cost.shares(measured.single, cost.LOOKUP_MB)["DynamoDB"]
    provisioned_read = break_even_utilisation(PROVISIONED_READ_HOUR, cost.READ_UNIT)
    bulk_units = load(measured.bulk_1000, LOOKUPS_S * 1_000).read_units_s
    return _TEXT.format(
        prices_of=cost.PRICES_OF,
        iocs=IOCS,
        lookups_s=LOOKUPS_S,
        summary=_summary(measured, loads, gb, run, published),
        billion=_billion(measured, gb),
        ledger_bytes=ledger_entry_bytes(IOCS_IN_REPORT),
        iocs_in_report=IOCS_IN_REPORT,
        infrequent_saving=infrequent_saving_month(gb, 0),
        infrequent_more=INFREQUENT_UNITS - 1,
        infrequent_break_even=infrequent_month,
        infrequent_lookups_s=infrequent_month / lookup_units * MILLION / MONTH_S,
        run_reports=run_reports,
        load_days=IOCS / (run_reports * IOCS_IN_REPORT) * INTERVAL_H / 24,
        lookups=_loads(loads),
        rps_of_one=LAMBDA_RPS_OF_ONE,
        quota_single=single.quota,
        quota_raise=2 * single.quota,
        gateway_rps=GATEWAY_RPS,
        bulk_factor=single.dollars_month / bulk.dollars_month,
        answer_gb=answers_gb,
        answer_dollars=answers_gb * cost.INTERNET_GB,
        gateway_saving=gateway_saving_month(single.requests_s),
        function_url=single.dollars_month - single.requests_s * MONTH_S * cost.GATEWAY_REQUEST,
        rest_api=single.dollars_month - gateway_saving_month(single.requests_s),
        bulk_units=bulk_units,
        bulk_times=bulk_units / TABLE_UNITS_S,
        warm_ms=one.mean_s * 1000,
        init_ms=one.init_s * 1000,
        burst=simulation.LAMBDA_BURST,
        starts_s=simulation.LAMBDA_STARTS_S,
        concurrency=_concurrency(one),
        little_busy=little(LOOKUPS_S, one.mean_s),
        provisioned=PROVISIONED_ENVIRONMENTS,
        provisioned_dollars=PROVISIONED_ENVIRONMENTS
        * cost.LOOKUP_MB
        / 1024
        * MONTH_S
        * PROVISIONED_GB_SECOND,
        lookup_mb=cost.LOOKUP_MB,
        snapshot_month=snapshot_month(cost.LOOKUP_MB),
        snapshot_idle=snapshot_month(cost.LOOKUP_MB) / IDLE_MONTH,
        restored_million=cost.LOOKUP_MB / 1024 * RESTORED_GB * 1e6,
        imports_ms=(one.init_s - ENVIRONMENT_S) * 1000,
        init_million=cost.lambda_dollars(
            1_000_000, (one.init_s - ENVIRONMENT_S) * 1000, cost.LOOKUP_MB
        )
        - cost.lambda_dollars(1_000_000, 0, cost.LOOKUP_MB),
        capacity=_capacity(single.read_units_s),
        break_even=provisioned_read,
        break_even_reserved=reserved_month(1) * TARGET_UTILISATION / on_demand_month(1),
        peak=1 / provisioned_read,
        partition_reads=PARTITION_READS_S,
        partition_writes=PARTITION_WRITES_S,
        item_lookups=item_lookups_s(),
        attempts=LOOKUP_ATTEMPTS,
        hot=_hot(),
        quota=_quota(),
        batch_s=run.batch_s,
        batch_reports=run.batch_reports,
        page_s=PAGE_S,
        page_reports=PAGE_REPORTS,
        reading_s=READING_S,
        requests=MAX_REQUESTS,
        run_reports_hour=run_reports / INTERVAL_H,
        catch_up=_catch_up(run),
        streak=KNOWN_STREAK,
        long_feed=LONG_FEED_PAGES,
        whole_mb=cost.WHOLE_CPU_MB,
        cpu_factor=cost.WHOLE_CPU_MB / cost.INGEST_MB,
        max_tries=MAX_TRIES,
        publishing=_publishing(published),
        line_rps=1000 / (2 * cost.ROUND_TRIP_MS),
        calm_rps=calm_rps(published),
        max_writes=MAX_WRITES,
        trip=cost.ROUND_TRIP_MS,
        fresh_reads=FRESH_TABLE_READS_S,
        fresh_writes=FRESH_TABLE_WRITES_S,
        fresh_lookups=FRESH_TABLE_READS_S / (measured.single.read / measured.single.things),
        lambda_concurrency=LAMBDA_CONCURRENCY,
        key_reads=LAMBDA_CONCURRENCY / 60,
        ssm=SSM_READS_S,
        regions=_regions(measured),
        limits=_limits(loads),
        prices=_rows(["Price", "Dollars"], _price_list()),
        environment_ms=ENVIRONMENT_S * 1000,
        target=TARGET_UTILISATION,
    )


def _summary(
    measured: Measured,
    loads: Mapping[str, Load],
    gb: float,
    run: Run,
    published: Mapping[int, Publishing],
) -> str:
    single, bulk = loads["one at a time"], loads["in bulk of 1,000"]
    stored = cost.stored_month(measured.item_bytes, IOCS)
    cached = cached_reads_s(LOOKUPS_S, LAMBDA_CONCURRENCY, 1)
    again, replicated = (
        cost.total(cost.sightings(measured)["new"]),
        replicated_dollars(measured.new),
    )
    return _rows(
        ["What", "Holds", "What to raise", "Dollars"],
        [
            ("a billion IOCs", "yes", "`Schedule`, for the first load", f"{stored:.0f} a month"),
            (
                f"{LOOKUPS_S:,} look-ups a second, single",
                "just, with nothing to spare",
                "the gateway's requests a second, Lambda's concurrency",
                f"{single.dollars_month:,.0f} a month",
            ),
            (
                f"{LOOKUPS_S:,} look-ups a second, in bulk",
                "yes",
                "nothing",
                f"{bulk.dollars_month:,.0f} a month",
            ),
            (
                "a hot IOC",
                f"to {item_lookups_s():,} look-ups a second",
                f"`CACHE_TTL` to 1, which leaves {cached:,.0f} reads a second",
                "none",
            ),
            (
                "one key with a limit by the minute",
                "yes, but **not** from nothing at once",
                "the key's minute limit to 0, or several keys",
                "none",
            ),
            (
                "ingestion after a day's outage",
                f"below {run.applies(math.inf) / INTERVAL_H:,.0f} reports an hour",
                "`Schedule`, the function's memory",
                "as without",
            ),
            (
                "publishing",
                f"to {calm_rps(published)} reports a second",
                "nothing can be; it needs another design",
                "",
            ),
            (
                "a cold region",
                "with refusals at a sudden start",
                "warm throughput, provisioned concurrency; or a ramp",
                "",
            ),
            (
                "a lost region",
                "only with a second stack",
                "the template again, in another region",
                f"{gb * cost.STORAGE_GB_MONTH:.0f} a month to store, {replicated:.2f} or "
                f"{again:.2f} for a million new sightings",
            ),
        ],
    )


def _billion(measured: Measured, gb: float) -> str:
    sightings = {name: cost.total(spent) for name, spent in cost.sightings(measured).items()}
    reports = IOCS // IOCS_IN_REPORT
    ledger_gb = stored_gb(reports, ledger_entry_bytes(IOCS_IN_REPORT))
    refreshed = IOCS * REFRESHED_A_DAY
    again = sightings["seen again, in new reports"]
    return _rows(
        ["What", "Dollars"],
        [
            (f"storing {gb:,.0f} GB, a month", f"{gb * cost.STORAGE_GB_MONTH:,.2f}"),
            ("point-in-time recovery of it, a month", f"{gb * cost.BACKUP_GB_MONTH:,.2f}"),
            (
                f"the ledger of {reports:,} reports, {ledger_gb:,.0f} GB, both, a month",
                f"{ledger_gb * (cost.STORAGE_GB_MONTH + cost.BACKUP_GB_MONTH):,.2f}",
            ),
            ("the first load, through ingestion", f"{sightings['new'] * IOCS / MILLION:,.2f}"),
            (
                f"{REFRESHED_A_DAY:.0%} of it seen again each day, a month",
                f"{again * refreshed * 30 / MILLION:,.2f}",
            ),
            ("a restore of both tables", f"{(gb + ledger_gb) * RESTORE_GB:,.2f}"),
        ],
    )


def _loads(loads: Mapping[str, Load]) -> str:
    return _rows(
        [
            *("Look-ups", "Requests/s", "ms each", "At work", "Concurrency to allow"),
            *("Read units/s", "Write units/s", "Dollars a month"),
        ],
        [
            (
                name,
                f"{one.requests_s:,.0f}",
                f"{one.lasts_ms:,.0f}",
                f"{one.busy:,.1f}",
                f"{one.quota:,}",
                f"{one.read_units_s:,.0f}",
                f"{one.write_units_s:,.0f}",
                f"{one.dollars_month:,.0f}",
            )
            for name, one in loads.items()
        ],
    )


def _concurrency(one: Service) -> str:
    cases: dict[str, tuple[int, float, int]] = {
        "suddenly, from nothing": (LAMBDA_CONCURRENCY, 0, 0),
        "rising for ten seconds": (LAMBDA_CONCURRENCY, 10, 0),
        f"suddenly, {PROVISIONED_ENVIRONMENTS} provisioned": (
            LAMBDA_CONCURRENCY,
            0,
            PROVISIONED_ENVIRONMENTS,
        ),
        "suddenly, in a new account": (NEW_ACCOUNT_CONCURRENCY, 0, 0),
    }
    rows = []
    for name, (limit, ramp_s, warm) in cases.items():
        found = simulation.concurrency(
            one, rate_rps=LOOKUPS_S, seconds=10, limit=limit, ramp_s=ramp_s, warm=warm
        )
        rows.append(
            (
                name,
                f"{limit:,}",
                f"{found.environments:,}",
                f"{found.busy:.0f}",
                f"{found.refused / found.requests:.1%}",
                f"{found.slow_s * 1000:,.0f}",
            )
        )
    head = ["How they come", "Allowed", "Environments", "At work", "Refused", "p99, ms"]
    return _rows(head, rows)


def _capacity(read_units_s: float) -> str:
    return _rows(
        [f"{read_units_s:,.0f} read units a second, a month", "Dollars"],
        [
            ("on demand", f"{on_demand_month(read_units_s):,.0f}"),
            ("provisioned", f"{provisioned_month(read_units_s):,.0f}"),
            ("reserved for a year", f"{reserved_month(read_units_s):,.0f}"),
        ],
    )


def _hot() -> str:
    rows = []
    for instances in (PROVISIONED_ENVIRONMENTS, LAMBDA_CONCURRENCY):
        for cached_s in (0, 1, 5):
            found = simulation.hot_item(
                rate_rps=LOOKUPS_S,
                instances=instances,
                cached_s=cached_s,
                seconds=5,
                item_reads_s=item_lookups_s(),
                attempts=LOOKUP_ATTEMPTS,
                retry_s=RETRY_S,
            )
            paper = cached_reads_s(LOOKUPS_S, instances, cached_s)
            rows.append(
                (
                    f"{cached_s}",
                    f"{instances:,}",
                    f"{paper:,.0f}",
                    f"{found.reads_s:,.0f}",
                    f"{found.failed:.1%}",
                )
            )
    head = [
        *("`CACHE_TTL`", "Warm instances", "Reads/s on paper"),
        *("Reads/s, tries included", "Answered with 503"),
    ]
    return _rows(head, rows)


def _quota() -> str:
    rows = []
    for instances in (PROVISIONED_ENVIRONMENTS, LAMBDA_CONCURRENCY):
        for before in (0, LOOKUPS_S // 10, LOOKUPS_S):
            writes = simulation.quota_writes(
                rate_rps=LOOKUPS_S,
                instances=instances,
                minute_limit=LOOKUPS_S * 120,
                seconds=3,
                before_rps=before,
            )
            rows.append((f"{instances:,}", f"{before:,}", *(f"{count:,}" for count in writes)))
    head = [
        *("Warm instances", "Look-ups/s in the minute before"),
        *("Writes in the first second", "In the second", "In the third"),
    ]
    return _rows(head, rows)


def _catch_up(run: Run) -> str:
    rows = []
    for reports_hour in (1_000, 10_000, 20_000, 40_000, 60_000):
        runs = simulation.runs_to_catch_up(
            run, reports_hour=reports_hour, outage_h=OUTAGE_H, interval_h=INTERVAL_H
        )
        rows.append(
            (
                f"{reports_hour:,}",
                f"{reports_hour * OUTAGE_H:,}",
                "never" if runs is None else f"{runs:,}",
                "" if runs is None else f"{runs * INTERVAL_H:,.1f}",
            )
        )
    return _rows(["Reports an hour", "Missed", "Runs until read to the end", "Hours"], rows)


def _publishing(published: Mapping[int, Publishing]) -> str:
    head = [
        *("Sent in a second", "Published", "Answered with 503", "Tries each"),
        *("p99, s", "Write units/s of the item"),
    ]
    return _rows(
        head,
        [
            (
                f"{rate_rps}",
                f"{found.published_s:.0f}",
                f"{found.failed:.1%}",
                f"{found.tries:.1f}",
                f"{found.slow_s:.1f}",
                f"{found.units_s:,.0f}",
            )
            for rate_rps, found in published.items()
        ],
    )


def _regions(measured: Measured) -> str:
    again = cost.total(cost.sightings(measured)["new"])
    replicated = replicated_dollars(measured.new)
    moved_gb = measured.item_bytes * MILLION / GB
    return _rows(
        ["", "Two stacks", "Global tables"],
        [
            ("a million new sightings, extra", f"{again:.3f}", f"{replicated:.3f}"),
            ("their way between regions", "none", f"{moved_gb * BETWEEN_REGIONS_GB:.3f} and more"),
            (
                "storage and recovery",
                "twice",
                "twice the storage; recovery where it is switched on",
            ),
            ("RPO of look-ups", "an interval of the timer, until the next run", "seconds"),
            ("RTO of look-ups", "until the name points there", "the same"),
            ("RTO of ingestion", "none", "until a person has done the steps below"),
            ("counts", "exact in each", "exact until the writer is lost"),
            ("publishing", "in one of them only", "in one of them only"),
            ("needs", "the template again", "streams, replicas; not in the template"),
        ],
    )


def _limits(loads: Mapping[str, Load]) -> str:
    single, bulk = loads["one at a time"], loads["in bulk of 1,000"]
    table_lookups_s = TABLE_UNITS_S / single.read_units_s * LOOKUPS_S
    support = "Service Quotas"
    return _rows(
        ["Limit", "Default", "Reached", "To raise"],
        [
            (
                "API Gateway, requests a second of account and region",
                f"{GATEWAY_RPS:,}; 2,500 in younger regions",
                f"at {GATEWAY_RPS:,} single look-ups a second; in bulk of 1,000 at "
                f"{GATEWAY_RPS / bulk.requests_s:,.0f} times the plan",
                support,
            ),
            (
                "API Gateway, burst",
                "5,000, set by AWS with the rate",
                "by a sudden start",
                "not on request; rises with the rate",
            ),
            (
                "REST API, payload",
                "10 MB",
                "never: a bulk request may have 4 MB",
                "cannot be raised",
            ),
            (
                "REST API, request line and headers",
                "10,240 bytes",
                "by single look-ups of URLs of some 8 KB; ask for them in bulk",
                "cannot be raised",
            ),
            (
                "REST API, time of an integration",
                "29 s",
                "by publishing, which may take 60 s: send again. Look-ups end after 10 s",
                support,
            ),
            (
                "Lambda, an answer",
                "6 MB",
                "by bulk answers without gzip: refused with 413 above 5 MB",
                "cannot be raised",
            ),
            (
                "Lambda, concurrent executions",
                f"{LAMBDA_CONCURRENCY:,}; {NEW_ACCOUNT_CONCURRENCY} in some new accounts",
                f"at {LAMBDA_CONCURRENCY * LAMBDA_RPS_OF_ONE:,} requests a second, by the rule of "
                f"{LAMBDA_RPS_OF_ONE} for each; {single.busy:.0f} are at work then",
                support,
            ),
            (
                "Lambda, new environments of a function",
                "1,000 in 10 s",
                "by a sudden start",
                "cannot be raised; provisioned concurrency",
            ),
            (
                "DynamoDB, units of a table on demand",
                f"{TABLE_UNITS_S:,} read, {TABLE_UNITS_S:,} write a second",
                f"at {table_lookups_s:,.0f} look-ups a second",
                support,
            ),
            (
                "DynamoDB, units of a partition",
                f"{PARTITION_READS_S:,} read, {PARTITION_WRITES_S:,} write a second",
                "by a hot IOC, a key with a limit by the minute, publishing",
                "cannot be raised; see above",
            ),
            (
                "DynamoDB, growth of a table on demand",
                f"{FRESH_TABLE_READS_S:,} read, {FRESH_TABLE_WRITES_S:,} write at first; "
                "then twice the peak in 30 minutes",
                "by a launch at full load",
                "`WarmThroughput`",
            ),
            (
                "CloudWatch Logs, writes a second",
                f"{LOG_WRITES_S:,}",
                "by a line for each of as many requests; Lambda sends several at once",
                f"{support}, or `LogLevel` up",
            ),
            (
                "CloudWatch, metrics in log lines",
                "none for what comes with the logs",
                "never: no metric is put by a call of its own",
                "nothing to raise",
            ),
            (
                "EventBridge Scheduler, calls a second",
                "1,000",
                "never: a stack has three timers at most",
                support,
            ),
            (
                "SSM, GetParameter a second",
                f"{SSM_READS_S}",
                "when many instances start and providers are asked at look-up time",
                "higher throughput, a setting of the account",
            ),
        ],
    )


def _price_list() -> list[tuple[str, str]]:
    at_once, hourly = RESERVED_100_READS
    return [
        (
            "a provisioned read unit, write unit, for an hour",
            f"{PROVISIONED_READ_HOUR:.5f}, {PROVISIONED_WRITE_HOUR:.5f}",
        ),
        (
            "100 read units reserved for a year: at once, for an hour",
            f"{at_once:.2f}, {hourly:.4f}",
        ),
        (
            "Standard-IA: a GB for a month, units",
            f"{INFREQUENT_GB_MONTH:.2f}, {INFREQUENT_UNITS:.2f} times",
        ),
        ("a million replicated write units", f"{cost.WRITE_UNIT * 1e6:.3f}"),
        ("a GB restored", f"{RESTORE_GB:.2f}"),
        (
            "a GB to another region, to the internet",
            f"{BETWEEN_REGIONS_GB:.2f}, {cost.INTERNET_GB:.2f}",
        ),
        (
            "a million requests of a REST API beyond 333 million, 1 and 20 billion of a month",
            ", ".join(f"{price * 1e6:.2f}" for _, price in GATEWAY_LOWER),
        ),
        ("a GB-second of provisioned concurrency", f"{PROVISIONED_GB_SECOND:.10f}"),
        (
            "a GB-second of a snapshot, a GB restored, of SnapStart",
            f"{SNAPSHOT_GB_SECOND:.10f}, {RESTORED_GB:.10f}",
        ),
    ]


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(line)} |" for line in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def written(measured_path: Path = cost.MEASURED, benchmarks_path: Path = report.DOCUMENT) -> str:
    """Return the text of docs/scale.md from the files that `make bench` has written."""
    measured = cost.read_measured(measured_path.read_text(encoding="utf-8"))
    return document(measured, benchmarks_path.read_text(encoding="utf-8"))


def main() -> None:
    """Write docs/scale.md."""
    DOCUMENT.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
