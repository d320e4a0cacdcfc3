import pytest

from benchmarks import cost, scale
from benchmarks.cost import Work
from benchmarks.simulation import Publishing
from tests.unit.benchmarks.test_cost import WORK, measured

SHORT = Work(1000, 1000, read=500.0, written=5.0, cpu_us=1_000_000, waits=1000, answer_bytes=500)


def test_littles_law() -> None:
    assert scale.little(10_000, 0.009) == pytest.approx(90)


def test_short_requests_need_a_tenth_of_their_rate_and_long_ones_their_time() -> None:
    assert scale.concurrency_needed(10_000, 0.009) == 1_000
    assert scale.concurrency_needed(10_000, 0.1) == 1_000
    assert scale.concurrency_needed(10_000, 0.25) == 2_500
    assert scale.concurrency_needed(1, 0.001) == 1


def test_a_load_is_what_was_measured_at_the_rate() -> None:
    one = scale.load(SHORT, 10_000)
    assert one.requests_s == 10_000
    assert one.lasts_ms == cost.duration_ms(1000, 1, cost.LOOKUP_MB)
    assert one.busy == pytest.approx(10_000 * one.lasts_ms / 1000)
    assert (one.read_units_s, one.write_units_s) == (5_000, 50)
    assert one.answer_mb_s == pytest.approx(10_000 * 0.5 / 1e6)
    assert one.quota == 1_000


def test_bulk_requests_are_fewer_and_their_units_the_same() -> None:
    bulk = scale.load(WORK, 10_000)  # ten requests for a thousand
    assert bulk.requests_s == 100
    assert bulk.read_units_s == 5_000


def test_a_month_costs_what_cost_md_says_for_a_million() -> None:
    million = cost.total(cost.shares(SHORT, cost.LOOKUP_MB, front=cost.GATEWAY_REQUEST))
    month = scale.load(SHORT, 1).dollars_month
    assert month == pytest.approx(million * 30 * 86_400 / 1_000_000)


def test_the_gateway_is_cheaper_beyond_its_first_requests() -> None:
    assert scale.gateway_saving_month(100) == 0
    saved = (25_920 - 333) * 0.70 + (25_920 - 1_000) * 0.42 + (25_920 - 20_000) * 0.87
    assert scale.gateway_saving_month(10_000) == pytest.approx(saved)


def test_stored_items_are_billed_with_their_overhead() -> None:
    assert scale.stored_gb(1024**3, 156) == pytest.approx(256)
    with_backups = scale.stored_gb(1_000_000, 225) * (0.25 + 0.20)
    assert with_backups == pytest.approx(cost.stored_month(225))


def test_a_ledger_entry_grows_with_its_iocs() -> None:
    assert scale.ledger_entry_bytes(10) - scale.ledger_entry_bytes(0) == 120


def test_the_three_ways_to_pay_for_reads() -> None:
    assert scale.on_demand_month(1_000) == pytest.approx(1_000 * 2_592_000 * 0.125e-6)
    assert scale.provisioned_month(700) == pytest.approx(1_000 * 0.00013 * 720)
    hour = (30 / 8_760 + 0.0025) * 10
    assert scale.reserved_month(700) == pytest.approx(hour * 720)
    assert scale.on_demand_month(9) > scale.provisioned_month(9) > scale.reserved_month(9)


def test_at_the_break_even_both_cost_the_same() -> None:
    used = scale.break_even_utilisation(scale.PROVISIONED_READ_HOUR, cost.READ_UNIT)
    assert used * 3_600 * cost.READ_UNIT == pytest.approx(scale.PROVISIONED_READ_HOUR)
    writes = scale.break_even_utilisation(scale.PROVISIONED_WRITE_HOUR, cost.WRITE_UNIT)
    assert writes == pytest.approx(used)


def test_the_infrequent_class_pays_up_to_its_break_even() -> None:
    even = scale.infrequent_break_even_month(300)
    assert scale.infrequent_saving_month(300, even) == pytest.approx(0)
    assert scale.infrequent_saving_month(300, 0) == pytest.approx(45)
    assert scale.infrequent_saving_month(300, even + 1) < 0


def test_an_item_serves_two_eventual_reads_for_a_unit() -> None:
    assert scale.item_lookups_s() == 6_000


def test_a_cache_never_reads_more_than_is_asked_or_once_for_each_instance_and_time() -> None:
    assert scale.cached_reads_s(10_000, 100, 0) == 10_000
    assert scale.cached_reads_s(10_000, 100, 5) == pytest.approx(100 / 5, rel=0.01)
    assert scale.cached_reads_s(10, 1_000, 1) == pytest.approx(10, rel=0.01)


def test_a_look_up_computes_and_waits() -> None:
    one = scale.service(measured(single=SHORT), init_ms=400)
    assert one.mean_s * 1000 == pytest.approx(cost.duration_ms(1000, 1, cost.LOOKUP_MB), abs=1)
    assert one.init_s == pytest.approx(0.4 + scale.ENVIRONMENT_S)


def test_the_cold_start_is_read_from_the_report() -> None:
    row = "| functions.lookup.app, client made | 393 (337 to 490) |"
    assert scale.init_cpu_ms(f"| functions.lookup.app | 250 (1 to 2) |\n{row}\n") == 393
    with pytest.raises(ValueError, match="cold start"):
        scale.init_cpu_ms("# Benchmarks")


def test_a_batch_takes_its_share_of_what_was_measured() -> None:
    batch = Work(5_000, 1, cpu_us=4_000_000, waits=40)
    once = scale.ingest_run(measured(new=batch))
    assert once.batch_reports == 500
    assert once.batch_s == cost.duration_ms(4_000_000, 40, cost.INGEST_MB) / 1000
    twice = Work(10_000, 1, cpu_us=8_000_000, waits=80)
    assert scale.ingest_run(measured(new=twice)).batch_s == once.batch_s


def test_replication_writes_once_more() -> None:
    work = Work(1000, read=500.0, written=800.0)
    assert scale.replicated_dollars(work) == pytest.approx(800_000 * 0.625e-6 * 1.0)


def test_nobody_waits_at_the_calm_rate() -> None:
    def found(failed: float, slow_s: float) -> Publishing:
        return Publishing(published_s=1, failed=failed, tries=1, slow_s=slow_s, units_s=2)

    rates = {10: found(0, 0.1), 20: found(0, 0.9), 30: found(0, 1.1), 40: found(0.1, 0.5)}
    assert scale.calm_rps(rates) == 20
