"""Simulates load at scale; benchmarks/scale.py shows the results next to its arithmetic.

Each simulation is seeded, so its result does not change. They follow the published rules of AWS's
services, not their internals, and our code's rules for waits and retries.
"""

import heapq
import random
from collections import Counter
from dataclasses import dataclass

from functions.publish.store.transactions import MAX_TRIES
from shared.domain.errors import StoreError
from shared.http.quota import Quota
from shared.store.api_keys import NO_LIMIT, ApiKey
from shared.store.quotas import MINUTE_S, Window

# Environments that a function may start at once, and per second after that.
LAMBDA_BURST = 1_000
LAMBDA_STARTS_S = 100.0
# Pauses between the tries of a transaction, as in functions/publish/store/transactions.py.
FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.5


@dataclass(slots=True)
class Bucket:
    """A token bucket: full at the start, refilled continuously.

    Attributes:
        size: maximum of tokens.
        refill_s: tokens added in a second.
    """

    size: float
    refill_s: float
    _held: float = -1.0
    _at_s: float = 0.0

    def take(self, at_s: float) -> bool:
        """Take a token if one is available; the times of the calls must not decrease."""
        if self._held < 0:
            self._held = self.size
        self._held = min(self.size, self._held + (at_s - self._at_s) * self.refill_s)
        self._at_s = at_s
        if self._held < 1:
            return False
        self._held -= 1
        return True


@dataclass(frozen=True)
class Service:
    """Duration of an invocation: computing time, and a wait with exponential distribution.

    Attributes:
        compute_s: seconds of computing.
        wait_s: mean of the wait, in seconds.
        init_s: seconds of a cold start before it.
    """

    compute_s: float
    wait_s: float
    init_s: float

    @property
    def mean_s(self) -> float:
        """Mean seconds of a warm invocation."""
        return self.compute_s + self.wait_s


@dataclass(frozen=True)
class Concurrency:
    """Results of requests to a function.

    Attributes:
        requests: number of requests.
        refused: those refused, because no environment was free or could be started.
        cold: those with a cold start.
        environments: number of environments at the end.
        busy: mean number of busy environments in the second half.
        slow_s: 99th percentile of the seconds of requests that were not refused.
    """

    requests: int
    refused: int
    cold: int
    environments: int
    busy: float
    slow_s: float


def concurrency(
    service: Service,
    *,
    rate_rps: float,
    seconds: float,
    limit: int,
    ramp_s: float = 0.0,
    warm: int = 0,
    seed: int = 1,
) -> Concurrency:
    """Simulate requests to a function at random times.

    Args:
        service: duration of an invocation.
        rate_rps: requests a second after the ramp.
        seconds: simulated time.
        limit: concurrent executions of the account.
        ramp_s: seconds in which the rate rises from zero.
        warm: number of environments at the start.
        seed: seed of the random numbers.
    """
    rng = random.Random(seed)
    starts = Bucket(LAMBDA_BURST, LAMBDA_STARTS_S)
    busy_until: list[float] = []
    idle, environments = warm, warm
    requests = refused = cold = 0
    took: list[float] = []
    work_s = 0.0
    at_s = 0.0
    while (at_s := at_s + rng.expovariate(rate_rps)) < seconds:
        if at_s < ramp_s and rng.random() * ramp_s > at_s:
            continue
        requests += 1
        while busy_until and busy_until[0] <= at_s:
            heapq.heappop(busy_until)
            idle += 1
        lasts_s = service.compute_s + rng.expovariate(1 / service.wait_s)
        if idle:
            idle -= 1
        elif environments < limit and starts.take(at_s):
            environments += 1
            cold += 1
            lasts_s += service.init_s
        else:
            refused += 1
            continue
        heapq.heappush(busy_until, at_s + lasts_s)
        took.append(lasts_s)
        work_s += max(0.0, min(at_s + lasts_s, seconds) - max(at_s, seconds / 2))
    took.sort()
    slow_s = took[int(len(took) * 0.99)]
    return Concurrency(requests, refused, cold, environments, work_s / (seconds / 2), slow_s)


@dataclass(frozen=True)
class HotItem:
    """Results of look-ups of one item.

    Attributes:
        reads_s: mean number of reads of its partition in a second.
        failed: share of the look-ups without an answer.
    """

    reads_s: float
    failed: float


def hot_item(
    *,
    rate_rps: float,
    instances: int,
    cached_s: float,
    seconds: float,
    item_reads_s: float,
    attempts: int,
    retry_s: float,
    seed: int = 1,
) -> HotItem:
    """Simulate look-ups of one item at random times, each in a random warm instance.

    Args:
        rate_rps: look-ups a second.
        instances: number of warm instances.
        cached_s: seconds that an instance caches the item; 0 for no cache.
        seconds: measured time; as much before it is not counted, because all caches begin empty.
        item_reads_s: reads of one item that its partition serves in a second.
        attempts: attempts of one look-up, the first included.
        retry_s: longest wait between two attempts.
        seed: seed of the random numbers.
    """
    rng = random.Random(seed)
    partition = Bucket(item_reads_s, item_reads_s)
    fresh_until = [0.0] * instances
    arrivals = reads = lookups = failed = 0
    end_s = 2 * seconds
    # (when, attempt, instance); each arrival schedules the next one.
    events = [(rng.expovariate(rate_rps), 1, rng.randrange(instances))]
    while events:
        at_s, attempt, instance = heapq.heappop(events)
        if attempt == 1:
            arrivals += 1
            next_s = at_s + rng.expovariate(rate_rps)
            if next_s < end_s:
                heapq.heappush(events, (next_s, 1, rng.randrange(instances)))
        counts = seconds <= at_s < end_s
        lookups += counts and attempt == 1
        if at_s < fresh_until[instance]:
            continue
        reads += counts
        if partition.take(at_s):
            fresh_until[instance] = at_s + cached_s
        elif attempt < attempts:
            heapq.heappush(events, (at_s + rng.uniform(0, retry_s), attempt + 1, instance))
        else:
            failed += counts
    return HotItem(reads / seconds, failed / lookups)


class _Counter:
    """The counter from which instances lease quota; it counts the writes of each second."""

    def __init__(self) -> None:
        self.second = 0
        self.writes: Counter[int] = Counter()
        self._used: Counter[Window] = Counter()

    def lease(self, window: Window, amount: int, limit: int) -> int | None:
        self.writes[self.second] += 1
        if self._used[window] + amount > limit:
            return None
        self._used[window] += amount
        return self._used[window]

    def used(self, window: Window) -> int:
        raise StoreError("the limit is never reached here")


def quota_writes(
    *,
    rate_rps: float,
    instances: int,
    minute_limit: int,
    seconds: int,
    before_rps: float = 0.0,
    seed: int = 1,
) -> list[int]:
    """Return the writes to the counter of one key in each second after a minute begins.

    It runs the quota code of the look-up function.

    Args:
        rate_rps: look-ups a second.
        instances: number of warm instances.
        minute_limit: limit of the key for the minute.
        seconds: simulated time.
        before_rps: rate in the minute before, even over the instances.
        seed: seed of the random numbers.
    """
    rng = random.Random(seed)
    counter = _Counter()
    key = ApiKey("0" * 64, "simulated", daily_limit=NO_LIMIT, minute_limit=minute_limit)
    at_s = 0.0
    quotas = [Quota(counter, lambda: int(at_s * 1000)) for _ in range(instances)]
    if each := int(before_rps * MINUTE_S / instances):
        counter.second, at_s = -1, -1.0
        for quota in quotas:
            assert quota.take(key, each).allowed
        at_s = 0.0
    while (at_s := at_s + rng.expovariate(rate_rps)) < seconds:
        counter.second = int(at_s)
        assert quotas[rng.randrange(instances)].take(key).allowed
    return [counter.writes[second] for second in range(seconds)]


@dataclass(frozen=True)
class Run:
    """Limits and durations of a run of ingestion.

    Attributes:
        reading_s: seconds after which it fetches no more pages.
        requests: limit of its requests.
        page_s: seconds to fetch a page.
        page_reports: reports on a page.
        batch_reports: reports in a batch.
        batch_s: seconds to apply a batch.
    """

    reading_s: float
    requests: int
    page_s: float
    page_reports: int
    batch_reports: int
    batch_s: float

    def applies(self, reports: float) -> float:
        """Return how many of the waiting reports the run applies."""
        at_s = 0.0
        read = waiting = 0.0
        requests = 0
        while read < reports and at_s < self.reading_s and requests < self.requests:
            at_s += self.page_s
            requests += 1
            taken = min(self.page_reports, reports - read)
            read += taken
            waiting += taken
            if waiting >= self.batch_reports:
                at_s += self.batch_s
                waiting -= self.batch_reports
        return read


def runs_to_catch_up(
    run: Run, *, reports_hour: float, outage_h: float, interval_h: float, runs_at_most: int = 10_000
) -> int | None:
    """Count the runs after an outage until one reads the feed to its end; None if none does."""
    backlog = reports_hour * outage_h
    for number in range(1, runs_at_most + 1):
        applied = run.applies(backlog)
        if applied >= backlog:
            return number
        before, backlog = backlog, backlog - applied + reports_hour * interval_h
        if backlog >= before:
            return None
    return None


@dataclass(frozen=True)
class Publishing:
    """Results of publishing reports.

    Attributes:
        published_s: reports published in a second.
        failed: share of the reports that used up their tries.
        tries: mean number of tries of a published report.
        slow_s: 99th percentile of the seconds of published reports.
        units_s: write units a second on the item with the last number.
    """

    published_s: float
    failed: float
    tries: float
    slow_s: float
    units_s: float


def publishing(
    *,
    rate_rps: float,
    seconds: float,
    learn_s: float,
    stale_s: float,
    commit_s: float,
    seed: int = 1,
) -> Publishing:
    """Simulate the numbering of reports that arrive at random times, as in `FeedLog.append`.

    Args:
        rate_rps: reports a second.
        seconds: simulated time.
        learn_s: seconds to read the last number.
        stale_s: seconds from then until the transaction arrives.
        commit_s: seconds that a transaction locks the item; others fail meanwhile.
        seed: seed of the random numbers.
    """
    rng = random.Random(seed)
    tail, held_until_s = 0, 0.0
    units = failed = 0
    published: list[tuple[float, int]] = []
    # (when, order, step, known number, tries, arrival); the order separates equal times.
    events: list[tuple[float, int, str, int, int, float]] = []
    at_s = 0.0
    while (at_s := at_s + rng.expovariate(rate_rps)) < seconds:
        events.append((at_s + learn_s, len(events), "learn", 0, 0, at_s))
    reports = order = len(events)
    heapq.heapify(events)
    while events:
        at_s, _, step, number, tried, came_s = heapq.heappop(events)
        order += 1
        if step == "learn":
            event = (at_s + stale_s, order, "write", tail, tried + 1, came_s)
        elif step == "commit":
            tail += 1
            published.append((at_s - came_s, tried))
            continue
        else:
            units += 2
            if number == tail and at_s >= held_until_s:
                held_until_s = at_s + commit_s
                event = (held_until_s, order, "commit", number, tried, came_s)
            elif tried < MAX_TRIES:
                pause_s = rng.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**tried))
                event = (at_s + commit_s + pause_s + learn_s, order, "learn", 0, tried, came_s)
            else:
                failed += 1
                continue
        heapq.heappush(events, event)
    took = sorted(lasted for lasted, _ in published)
    return Publishing(
        published_s=len(published) / at_s,
        failed=failed / reports,
        tries=sum(tried for _, tried in published) / len(published),
        slow_s=took[int(len(took) * 0.99)],
        units_s=units / at_s,
    )
