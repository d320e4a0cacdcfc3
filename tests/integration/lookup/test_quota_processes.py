"""One key, many functions: separate processes on one engine."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from shared.domain.errors import StoreError
from shared.http.quota import Quota
from shared.store.api_keys import ApiKey, digest_of
from shared.store.quotas import QuotaCounters
from tests.conftest import Store
from tests.fakes import HookedClient

FUNCTION = Path(__file__).with_name("ask_quota.py")
PROCESSES = 16
REQUESTS_EACH = 20
TIMEOUT_S = 120
NOW = 1_767_607_200_000

# Limits by day and minute, the cost of a request, and how many requests are let through then.
CASES = [(100, 0, 1, 100), (0, 100, 1, 100), (100, 0, 7, 14)]


def test_a_hundred_and_not_one_more(engine_store: Store) -> None:
    keys = [
        f"{digest_of(str(number))},{daily},{minute},{cost}"
        for number, (daily, minute, cost, _) in enumerate(CASES)
    ]
    arguments = [engine_store.state_table, str(NOW), str(REQUESTS_EACH), *keys]
    with ExitStack() as stack:
        functions = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, str(FUNCTION), *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(PROCESSES)
        ]
        for function in functions:
            assert function.stdout
            assert function.stdout.readline() == "ready\n"
        for function in functions:
            assert function.stdin
            function.stdin.write("go\n")
            function.stdin.flush()
        said = [function.communicate(timeout=TIMEOUT_S)[0].split() for function in functions]
    through = [sum(map(int, each)) for each in zip(*said, strict=True)]
    assert through == [expected for _, _, _, expected in CASES]


def test_a_lost_reply_never_lets_more_through(engine_store: Store) -> None:
    key = ApiKey(digest_of("shared"), "test", daily_limit=300)
    calls = 0

    def lose_every_fifth(operation: str) -> None:
        nonlocal calls
        calls += operation == "update_item"
        if operation == "update_item" and calls % 5 == 0:
            raise StoreError("the store did not answer")

    client = HookedClient(engine_store.client, after=lose_every_fifth)
    counters = QuotaCounters(client, engine_store.state_table)  # type: ignore[arg-type]
    quotas = [Quota(counters, lambda: NOW) for _ in range(4)]
    through = lost = 0
    for number in range(1000):
        try:
            through += quotas[number % 4].take(key).allowed
        except StoreError:
            lost += 1
    assert lost
    assert 200 < through <= 300 - lost
