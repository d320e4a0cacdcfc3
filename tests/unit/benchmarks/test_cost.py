import pytest

from benchmarks import cost
from benchmarks.cost import Measured, Work

WORK = Work(1000, 10, read=500.0, written=100.0, cpu_us=50_000, waits=20, answer_bytes=1000)


def measured(**fields: object) -> Measured:
    facts = dict.fromkeys(
        (
            *("single", "bulk_100", "bulk_1000", "new", "seen_again", "redelivered"),
            *("publishing", "list_first", "list_refresh", "idle_run"),
        ),
        WORK,
    )
    numbers = {"metrics": 20, "alarms": 3, "item_bytes": 200.0}
    return Measured(**{**numbers, "without_key": {"GET /": WORK}, **facts, **fields})  # type: ignore[arg-type]


def test_duration_grows_as_the_share_of_a_processor_shrinks() -> None:
    assert cost.duration_ms(10_000, 0, cost.WHOLE_CPU_MB) == 10
    assert cost.duration_ms(10_000, 0, 10 * cost.WHOLE_CPU_MB) == 10
    assert cost.duration_ms(10_000, 0, cost.WHOLE_CPU_MB // 2) == 21
    assert cost.duration_ms(10_000, 2, cost.WHOLE_CPU_MB) == 20


def test_duration_is_billed_by_whole_milliseconds() -> None:
    assert cost.duration_ms(0, 0, 512) == 1
    assert cost.duration_ms(1100, 0, cost.WHOLE_CPU_MB) == 2


def test_invocations_cost_by_number_and_by_gigabyte_seconds() -> None:
    assert cost.lambda_dollars(1_000_000, 0, 512) == pytest.approx(0.20)
    assert cost.lambda_dollars(1_000_000, 1000, 1024) == pytest.approx(0.20 + 13.3334)


def test_units_cost_what_they_are_listed_for() -> None:
    assert cost.dynamodb_dollars(1_000_000, 0) == pytest.approx(0.125)
    assert cost.dynamodb_dollars(0, 1_000_000) == pytest.approx(0.625)


def test_shares_are_of_a_million_things() -> None:
    spent = cost.shares(WORK, cost.WHOLE_CPU_MB, front=cost.GATEWAY_REQUEST)
    assert spent["API Gateway"] == pytest.approx(0.035)
    assert spent["DynamoDB"] == pytest.approx(1000 * (500 * 0.125e-6 + 100 * 0.625e-6))
    # 10 invocations of 5 ms and two round trips each, for 1000 things.
    each = cost.lambda_dollars(1, 15, cost.WHOLE_CPU_MB)
    assert spent["Lambda"] == pytest.approx(10 * each * 1000)
    assert spent["logs"] == 0
    assert cost.total(spent) == pytest.approx(sum(spent.values()))


def test_a_front_costs_its_requests_and_nothing_else() -> None:
    rest, direct = (cost.lookups(measured(), front) for front in ("REST API", "function URL"))
    for kind, spent in rest.items():
        assert spent["API Gateway"] == pytest.approx(3.50 * WORK.requests / WORK.things)
        assert direct[kind] == {**spent, "API Gateway": 0}


def test_an_hour_without_a_key_is_as_many_requests_as_the_front_lets_in() -> None:
    spent = cost.hour_without_key(WORK, 1000 / 3.6, front=3.50e-6)  # a million requests
    million = cost.shares(WORK, cost.LOOKUP_MB, front=3.50e-6)
    gb = WORK.answer_bytes / WORK.things * 1_000_000 / cost.GB
    assert spent == {
        **{service: pytest.approx(dollars) for service, dollars in million.items()},
        "bytes out": pytest.approx(gb * 0.09),
    }


def test_open_documents_are_throttled_apart_and_a_function_url_by_its_executions() -> None:
    assert cost.let_in("GET /docs", "REST API") == 5
    assert cost.let_in("a look-up without a key", "REST API") == 500
    assert cost.let_in("GET /docs", "function URL") == 100


def test_a_month_of_idling_tells_metrics_and_alarms_apart() -> None:
    month = cost.idle_month(measured())
    assert month["metrics"] == pytest.approx(6.0)
    assert month["alarms"] == pytest.approx(0.3)
    assert month["schedule"] == pytest.approx(2880e-6)
    rest = cost.total(month) - month["metrics"] - month["alarms"]
    assert cost.tables_and_schedule(month) == pytest.approx(rest)


def test_stored_items_cost_with_what_is_billed_beside_them() -> None:
    assert cost.stored_month(924, 1024**2) == pytest.approx(0.45)


def test_what_was_measured_is_read_back() -> None:
    known = measured(metrics=7)
    assert cost.read_measured(cost.write_measured(known)) == known
