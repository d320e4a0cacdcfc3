import http.server
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import against
from benchmarks.against import Outcome, Target, drive, percentile, process_cpu_s
from benchmarks.load import recovery_s
from benchmarks.questions import KEY, bulk, questions, single, unknown

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


class Server(http.server.BaseHTTPRequestHandler):
    """Answers the statuses in turns; 0 breaks the connection off."""

    protocol_version = "HTTP/1.1"
    statuses: Iterator[int]
    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["apikey"]))
        status = next(self.statuses)
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/base/"
        running.shutdown()


def test_answers_are_told_apart(server: str) -> None:
    Server.statuses, Server.seen = iter([200, 404, 429, 500, 0, 200]), []
    outcome = drive(Target(server, "key"), [single(HASH)] * 6, 1)
    assert len(outcome.answered) == 3
    assert (outcome.found, outcome.refused, outcome.errors) == (2, 1, 2)
    assert set(Server.seen) == {(f"/base/v4/hash/{'a' * 64}", "key")}


def test_requests_are_due_by_the_rate(server: str) -> None:
    Server.statuses, Server.seen = iter([200] * 3), []
    outcome = drive(Target(server, KEY), [single(HASH)] * 3, 1, rate=50)
    assert [due for due, _ in outcome.answered] == pytest.approx([0, 0.02, 0.04])
    assert outcome.seconds >= 0.04


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
