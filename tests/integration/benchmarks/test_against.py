import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.against import Target, drive
from benchmarks.questions import single

HASH = f"sha256#{'a' * 64}"


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
    outcome = drive(Target(server, "key"), [single(HASH)] * 3, 1, rate=50)
    assert [due for due, _ in outcome.answered] == pytest.approx([0, 0.02, 0.04])
    assert outcome.seconds >= 0.04
