"""A proxy with a meter between a DynamoDB client and the engine, for clients other than boto3."""

import base64
import http.client
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from benchmarks.metering import READS, Meter
from local.environment import ENDPOINT

GATHER_S = 0.6  # less than the timeout of the look-up function


class Wire:
    """Forwards calls to the engine.

    Attributes:
        meter: counts the calls.
        gather: number of concurrent reads to wait for before they are forwarded, so that the
            peak does not depend on their duration. After a timeout reads do not wait any more.
    """

    def __init__(self) -> None:
        self.meter = Meter()
        self.gather = 1

    def call(
        self,
        engine: http.client.HTTPConnection,
        target: str,
        headers: dict[str, str],
        body: bytes,
    ) -> tuple[int, bytes]:
        """Forward a call, count it, and return status and body of the answer."""
        name = target.rpartition(".")[2]
        params = json.loads(body)
        self.meter.ask(name, params)
        if name in READS and not self.meter.begin(gather=self.gather, timeout_s=GATHER_S):
            self.gather = 1
        elif name not in READS:
            self.meter.begin()
        engine.request("POST", "/", json.dumps(params).encode(), headers)
        response = engine.getresponse()
        status, answer = response.status, response.read()
        parsed = json.loads(answer, object_hook=_binary)
        if status != 200:
            parsed["Error"] = {"Code": parsed.get("__type", "").rpartition("#")[2]}
        self.meter.end(name, json.loads(json.dumps(params), object_hook=_binary), parsed)
        return status, answer


def _binary(value: dict[str, Any]) -> dict[str, Any]:
    if set(value) == {"B"} and isinstance(value["B"], str):
        return {"B": base64.b64decode(value["B"])}
    if set(value) == {"BS"}:
        return {"BS": [base64.b64decode(one) for one in value["BS"]]}
    return value


@contextmanager
def metered_wire() -> Iterator[Wire]:
    """Run the proxy for clients that are created within the `with` block."""
    engine = os.environ[ENDPOINT]
    wire = Wire()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            self.engine = http.client.HTTPConnection(urlsplit(engine).netloc)

        def finish(self) -> None:
            self.engine.close()
            super().finish()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sent = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("host", "content-length", "connection", "accept-encoding")
            }
            status, answer = wire.call(self.engine, self.headers["x-amz-target"], sent, body)
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # a bulk connects ten times at once

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ[ENDPOINT] = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield wire
    finally:
        os.environ[ENDPOINT] = engine
        server.shutdown()
        server.server_close()
