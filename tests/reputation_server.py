"""An API of the v4 shape on loopback: its answer follows from the value that is asked."""

import json
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

KEY = "a-key-for-the-command-line"
REFUSED = "refused.example"
_SAID = {"malicious": (1, "high risk", "MALICIOUS"), "suspicious": (1, "suspicious", "SUSPICIOUS")}
_PROVIDER = "lists.example"

Refusal = tuple[int, dict[str, str]]


class ReputationServer:
    """Answers bulk look-ups: what has `malicious` or `suspicious` in it is, else it is unknown.

    Attributes:
        refusals: status and headers of answers that it refuses to give, each once.
        refuse_after: how many it gives before.
        pages: answers at other paths.
        requests: values of the bulk requests that it answered, in their order.
        delay_s: how long it takes for each.
    """

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self.refusals: list[Refusal] = []
        self.refuse_after = 0
        self.pages: dict[str, Any] = {}
        self.requests: list[list[str]] = []
        self.delay_s = delay_s
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                found = outer.pages.get(self.path)
                self._send(404 if found is None else 200, found)

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                [values] = asked.values()
                if outer.refusals and len(outer.requests) >= outer.refuse_after:
                    status, headers = outer.refusals.pop(0)
                    self._send(status, {}, headers)
                    return
                if self.headers["apikey"] != KEY:
                    self._send(401, {"error": {"code": 401006}})
                    return
                time.sleep(outer.delay_s)
                outer.requests.append(values)
                self._send(200, outer.answer("hash" in asked, values))

            def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
                sent = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**(headers or {}), "Content-Length": str(len(sent))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @staticmethod
    def answer(hashes: bool, values: Sequence[str]) -> dict[str, Any]:
        """The body of an answer to a bulk request."""
        return {"data": [(_hash if hashes else _address)(value) for value in values]}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client may close its connection at any time; standard error is that of its test.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _hash(value: str) -> dict[str, Any]:
    if value.startswith("BAD"):
        engine = {"scan_result_i": 1, "threat_found": "Trojan"}
        return {"hash": value, "scan_result_i": 1, "scan_details": {_PROVIDER: engine}}
    return {"hash": value, "scan_result_i": 5}


def _address(value: str) -> dict[str, Any]:
    if value == REFUSED:
        return {"address": value, "success": False, "error": {}}
    source: dict[str, Any] = {"provider": _PROVIDER, "status": 5}
    for word, (status, assessment, verdict) in _SAID.items():
        if word in value:
            source |= {"status": status, "assessment": assessment, "verdict": verdict}
    return {"address": value, "lookup_results": {"sources": [source]}}
