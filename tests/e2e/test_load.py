"""More clients at once than the API works for at once: right answers or documented refusals.

Nothing is measured: the time of an answer depends more on the machine than on the service.
"""

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from local.environment import DEFAULT_API_KEY
from local.feed import SAMPLE_HASH
from local.server import CONCURRENCY
from tests.command_line import TIMEOUT_S
from tests.e2e.support import Up, ask

CLIENTS = 3 * CONCURRENCY
REQUESTS_EACH = 20
REFUSALS = {429, 503}


@pytest.fixture
def stack() -> Iterator[Up]:
    """One of its own: what is asked here counts against the day of the key."""
    running = Up()
    yield running
    running.stop()


def test_a_burst_is_answered_or_refused_and_leaves_nothing_behind(stack: Up) -> None:
    together = Barrier(CLIENTS, timeout=TIMEOUT_S)

    def client(number: int) -> Counter[int]:
        """One connection that asks for what is its own, for what is known, and in bulk."""
        statuses: Counter[int] = Counter()
        connection = http.client.HTTPConnection(
            stack.base.removeprefix("http://"), timeout=TIMEOUT_S
        )
        own = f"client-{number}.example"
        bulk = json.dumps({"fqdn": [own, "evil.example"]})
        together.wait()
        for turn in range(REQUESTS_EACH):
            headers = {"apikey": DEFAULT_API_KEY}
            if turn % 10 == 9:
                headers["Content-Type"] = "application/json"
                connection.request("POST", "/v4/domain", bulk, headers)
            else:
                asked = own if turn % 2 else "evil.example"
                connection.request("GET", f"/v4/domain/{asked}", headers=headers)
            response = connection.getresponse()
            body = json.loads(response.read())
            statuses[response.status] += 1
            if response.status != 200:
                assert body["success"] is False
            elif turn % 10 == 9:
                assert [row["address"] for row in body["data"]] == [own, "evil.example"]
            else:
                assert body["address"] == asked
                assert body["lookup_results"]["detected_by"] == (asked == "evil.example")
        connection.close()
        return statuses

    with ThreadPoolExecutor(CLIENTS) as pool:
        answered: Counter[int] = sum(pool.map(client, range(CLIENTS)), Counter())
    assert answered.total() == CLIENTS * REQUESTS_EACH
    assert answered.keys() <= {200, *REFUSALS}
    assert answered[200] > 0
    assert ask(stack.base, "/health", key=None).status == 200
    assert ask(stack.base, f"/v4/hash/{SAMPLE_HASH}").status == 200
