import os
import threading
import time

import pytest

from benchmarks import against
from benchmarks.against import Outcome, percentile, process_cpu_s
from benchmarks.phases import BACK, LITTLE, PLANNED, TWICE, recovery_s
from benchmarks.phases import table as load_table
from benchmarks.questions import bulk, questions, single, unknown

HASH = f"sha256#{'a' * 64}"


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([], 0.99, 0),
        ([3.0], 0.5, 3),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2),
        (list(range(1, 101)), 0.99, 99),
        (list(range(1, 101)), 0.95, 95),
        (list(range(1, 11)), 0.99, 10),
    ],
)
def test_percentile_is_a_value_that_was_measured(
    values: list[float], share: float, found: float
) -> None:
    assert percentile(values, share) == found


def test_cpu_of_a_process_is_that_of_all_its_threads() -> None:
    threads: list[float] = []

    def work() -> None:
        sum(range(200_000))
        threads.append(time.thread_time())

    own, before = time.process_time(), process_cpu_s(os.getpid())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    measured = process_cpu_s(os.getpid()) - before
    assert threads[0] <= measured <= time.process_time() - own


def test_cpu_of_a_process_that_is_not_there() -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        process_cpu_s(2**22 + 1)


def test_recovery_is_the_first_window_that_is_quick_again() -> None:
    slow, quick = 1.0, 0.01
    answered = [(at / 10, slow if at < 12 else quick) for at in range(40)]
    assert recovery_s(answered, 0.02) == 1.5
    assert recovery_s(answered, 2.0) == 0
    assert recovery_s(answered, 0.001) is None


def test_half_of_the_questions_are_known() -> None:
    keys = [HASH, "ip#11.0.0.1", "url#http://a.example/x?y=1", "domain#a.example"]
    asked = questions(keys, 8)
    assert sum(key in keys for key in asked) == 4
    assert [unknown(key).partition("#")[0] for key in keys] == ["sha256", "ip", "url", "domain"]


def test_requests_of_the_api() -> None:
    assert single("url#http://a.example/x?y=1").raw_path == (
        b"/v4/url/http%3A%2F%2Fa.example%2Fx%3Fy%3D1"
    )
    request = bulk([HASH])
    assert (request.method, request.raw_path) == ("POST", b"/v4/hash")
    assert request.body == b'{"hash": ["%s"]}' % (b"a" * 64)


def test_table_counts_what_was_sent() -> None:
    outcome = Outcome(
        [(0, 0.010), (0, 0.020)], found=1, refused=3, errors=4, seconds=2.0, cpu_s=1e-3
    )
    *_, row = against.table({"bulk": [outcome]}, {"bulk": 100})
    assert row == "| bulk | 9 | 1 | 3 | 4 | 10.00 | 20.00 | 20.00 | 100 | 5.0 |"


def test_load_is_told_phase_by_phase() -> None:
    took = {LITTLE: 0.010, PLANNED: 0.020, TWICE: 0.050, BACK: 0.030}
    phases = {name: Outcome([(0.0, one)], refused=1, seconds=2.0) for name, one in took.items()}
    *_, twice, back, recovered = load_table([phases, phases])
    assert twice == (
        "| twice as much | 1 | 2 | 2 | 0 | 50.0 (50.0 to 50.0) | 50.0 (50.0 to 50.0) |"
        " 5.0 (5.0 to 5.0) |"
    )
    assert back.endswith("| 3.0 (3.0 to 3.0) |")
    assert recovered.endswith("after: 0.0 s, 0.0 s")
