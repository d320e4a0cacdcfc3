"""A feed with reports of every verdict, and a text of 300 lines that names what they hold."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

REPORTS = 60
LINES = 300
VERDICTS = ("MALICIOUS", "LIKELY_MALICIOUS", "SUSPICIOUS", "NO_THREAT", "BENIGN")
# A spreadsheet would take it for a formula, and a browser for an image.
FORMULA, IMAGE = "+1+1", "<img src=x onerror=alert(1)>"


def verdict_of(number: int) -> str:
    return VERDICTS[number % len(VERDICTS)]


def digest_of(number: int) -> str:
    return sha256(f"page sample {number}".encode()).hexdigest()


def _values(number: int) -> dict[str, str]:
    """What a report holds, by the names of the feed."""
    return {
        "sha256": digest_of(number),
        "ip": f"198.51.100.{number}",
        "domain": f"host-{number}.samples.example",
        "url": f"http://files.example/{number}.bin?id={number}",
    }


def _report(number: int) -> dict[str, object]:
    return {
        "flow_id": f"66b3763be7dbbbdfcd0c{number:04x}",
        "report_id": f"4c1a0000-0000-4000-8000-{number:012x}",
        "date": f"2025-05-{number % 28 + 1:02}T08:00:00.000Z",
        "verdict": verdict_of(number),
        "tags": [FORMULA, IMAGE, "sample"],
        "iocs": {
            name: [{"data": value, "verdict": verdict_of(number)}]
            for name, value in _values(number).items()
        },
    }


@contextmanager
def feed() -> Iterator[str]:
    """Serve the reports on a free port of 127.0.0.1; yields the address of the page."""
    body = json.dumps({"items": [_report(number) for number in range(REPORTS)]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/feed/reports"
        finally:
            server.shutdown()
            thread.join()


def _lines(number: int) -> dict[str, str]:
    """Each value of a report as an answer has it, with a line that names it in some spelling."""
    value = _values(number)
    dot = "[.]" if number % 2 else "."
    return {
        value["sha256"].upper(): f"{number};{value['sha256']};dropped",
        value["ip"]: f"2025-05-01 src={value['ip'].replace('.', dot)} dst=10.0.0.0/8",
        value["domain"]: f"> they asked for {value['domain'].replace('.', dot)}, twice",
        value["url"]: value["url"].replace("http", "hxxp" if number % 2 else "http"),
    }


def mixed_text() -> tuple[str, dict[str, str]]:
    """A text of 300 lines, and the verdict of each indicator in it by its value."""
    lines, verdicts = [], {}
    for number in range(REPORTS):
        for value, line in _lines(number).items():
            lines.append(line)
            verdicts[value] = verdict_of(number)
    for number in range(LINES - len(lines)):
        value = f"unheard-{number}.samples.example"
        lines.insert(number * 5, f"{IMAGE} Fwd: {value}")
        verdicts[value] = "UNKNOWN"
    return "\n".join(lines), verdicts
