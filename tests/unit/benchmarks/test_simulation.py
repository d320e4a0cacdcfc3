import pytest

from benchmarks import simulation
from benchmarks.simulation import Bucket, Run, Service, concurrency, hot_item, publishing
from functions.publish.store.transactions import MAX_TRIES, tries

SERVICE = Service(compute_s=0.004, wait_s=0.005, init_s=0.5)
RUN = Run(reading_s=100, requests=50, page_s=1, page_reports=100, batch_reports=500, batch_s=5)


def hot(**fields: float) -> simulation.HotItem:
    facts = {
        "rate_rps": 1000,
        "instances": 20,
        "cached_s": 0,
        "seconds": 5,
        "item_reads_s": 600,
        "attempts": 2,
        "retry_s": 0.05,
    }
    return hot_item(**{**facts, **fields})  # type: ignore[arg-type]


class TestBucket:
    def test_it_is_full_at_first_and_then_refilled(self) -> None:
        bucket = Bucket(size=2, refill_s=10)
        assert [bucket.take(0), bucket.take(0), bucket.take(0)] == [True, True, False]
        assert [bucket.take(0.1), bucket.take(0.1)] == [True, False]

    def test_it_does_not_save_up(self) -> None:
        bucket = Bucket(size=2, refill_s=10)
        assert [bucket.take(60), bucket.take(60), bucket.take(60)] == [True, True, False]


class TestConcurrency:
    @pytest.mark.parametrize("rate_rps", [1000, 4000])
    def test_those_at_work_are_as_many_as_littles_law_says(self, rate_rps: float) -> None:
        found = concurrency(SERVICE, rate_rps=rate_rps, seconds=20, limit=1000, warm=200)
        assert found.busy == pytest.approx(rate_rps * SERVICE.mean_s, rel=0.05)
        assert (found.refused, found.cold, found.environments) == (0, 0, 200)

    def test_a_sudden_start_is_refused_where_a_ramp_is_not(self) -> None:
        sudden = concurrency(SERVICE, rate_rps=5000, seconds=4, limit=5000)
        ramp = concurrency(SERVICE, rate_rps=5000, seconds=4, limit=5000, ramp_s=4)
        # A thousand start at once and a hundred a second more; what else comes until the first
        # are ready is refused.
        assert sudden.environments == sudden.cold == pytest.approx(1050, abs=10)
        assert sudden.refused == pytest.approx(5000 * SERVICE.init_s - sudden.cold, rel=0.05)
        assert ramp.refused == 0

    def test_no_more_than_allowed_are_started(self) -> None:
        found = concurrency(SERVICE, rate_rps=5000, seconds=2, limit=10)
        assert found.environments == 10
        assert found.refused > 0.5 * found.requests

    def test_it_finds_the_same_each_time(self) -> None:
        first, again = (concurrency(SERVICE, rate_rps=500, seconds=2, limit=99) for _ in range(2))
        assert first == again


class TestHotItem:
    def test_a_rate_that_the_partition_serves_is_answered(self) -> None:
        found = hot(rate_rps=500)
        assert found.failed == 0
        assert found.reads_s == pytest.approx(500, rel=0.05)

    def test_what_is_above_fails_however_many_instances_there_are(self) -> None:
        for instances in (20, 200):
            assert hot(instances=instances).failed == pytest.approx(1 - 600 / 1000, abs=0.03)

    def test_a_second_try_saves_no_look_up_but_costs_reads(self) -> None:
        once, twice = hot(attempts=1), hot(attempts=2)
        assert once.failed == pytest.approx(twice.failed, abs=0.03)
        assert twice.reads_s > 1.5 * once.reads_s

    @pytest.mark.parametrize("cached_s", [0.5, 1, 2])
    def test_a_cache_reads_once_for_each_instance_and_time(self, cached_s: float) -> None:
        found = hot(cached_s=cached_s, seconds=10)
        assert found.failed == 0
        assert found.reads_s == pytest.approx(1000 / (1 + 1000 / 20 * cached_s), rel=0.05)


class TestQuota:
    def test_the_turn_of_a_minute_costs_the_most_writes(self) -> None:
        writes = simulation.quota_writes(
            rate_rps=1000, instances=100, minute_limit=120_000, seconds=3
        )
        assert writes[0] > 2 * writes[1] > 2 * writes[2] > 0

    def test_but_not_for_those_who_were_busy_in_the_minute_before(self) -> None:
        even = simulation.quota_writes(
            rate_rps=1000, instances=100, minute_limit=120_000, seconds=3, before_rps=1000
        )
        assert sum(even) == 100

    def test_without_a_limit_nothing_is_written(self) -> None:
        assert simulation.quota_writes(rate_rps=100, instances=3, minute_limit=0, seconds=2) == [
            0,
            0,
        ]


class TestIngestion:
    def test_a_run_reads_what_is_there_and_stops_in_time(self) -> None:
        assert RUN.applies(250) == 250
        # Five pages and a batch take ten seconds, so ten batches fit.
        assert RUN.applies(1e9) == 5000
        assert Run(100, 7, 1, 100, 500, 5).applies(1e9) == 700

    def test_runs_catch_up_if_they_apply_more_than_comes(self) -> None:
        def runs(reports_hour: float) -> int | None:
            return simulation.runs_to_catch_up(
                RUN, reports_hour=reports_hour, outage_h=24, interval_h=0.25
            )

        # Missed are 240,000; each run applies 5,000 while 2,500 come.
        assert runs(10_000) == pytest.approx((240_000 - 2_500) / (5_000 - 2_500), abs=1)
        assert runs(100) == 1
        assert runs(20_000) is None


class TestPublishing:
    def found(self, rate_rps: float) -> simulation.Publishing:
        return publishing(
            rate_rps=rate_rps, seconds=30, learn_s=0.0075, stale_s=0.005, commit_s=0.005
        )

    def test_a_few_get_their_number_at_once(self) -> None:
        few = self.found(5)
        assert few.published_s == pytest.approx(5, rel=0.3)
        assert few.failed == 0
        assert few.tries < 1.2
        # Two units for each try, and nothing for what is not tried.
        assert few.units_s == pytest.approx(2 * few.tries * few.published_s)

    def test_the_line_moves_no_faster_than_one_at_a_time(self) -> None:
        many = self.found(300)
        assert 50 < many.published_s < 1 / (0.005 + 0.005)
        assert many.failed > 0.4
        assert many.tries > 10

    def test_its_pauses_are_those_of_the_store(self) -> None:
        pauses: list[float] = []
        attempts = tries(pauses.append)
        for _ in range(MAX_TRIES):
            next(attempts)
        longest = [
            min(simulation.LONGEST_PAUSE_S, simulation.FIRST_PAUSE_S * 2**tried)
            for tried in range(1, MAX_TRIES)
        ]
        assert all(pause <= most for pause, most in zip(pauses, longest, strict=True))
        # Of so many at random, the longest comes close to what is allowed.
        assert max(pauses) > 0.7 * simulation.LONGEST_PAUSE_S
