"""`python -m local feed`: the sample feed, by the rules that a real feed of this project keeps."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import TextIO
from urllib.parse import parse_qs, urlsplit

from local.errors import LocalError

PAGES = Path(__file__).parent / "sample_feed"
PATH = "/feed/reports"
HOST = "127.0.0.1"
# As local/sam-env.json has it.
DEFAULT_PORT = 8080

# One indicator of each kind that the sample feed holds, to try a look-up with.
SAMPLE_HASH = "45F20E63F4726755015FDD5595BD46CCE511A5A952E1B2C1F3CF558FAD18958E"
SAMPLE_IP = "203.0.113.7"
SAMPLE_DOMAIN = "evil.example"
SAMPLE_URL = "http://evil.example/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", default=HOST, help=f"address of this machine; {HOST} if not said")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"{DEFAULT_PORT} if not said, 0 for any"
    )


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Serve the sample feed until SIGINT or SIGTERM.

    Returns:
        0: stopped by a signal.

    Raises:
        LocalError: the address is not of this machine, or the port is taken.
    """
    try:
        with suppress(KeyboardInterrupt), sample_feed(arguments.host, arguments.port) as url:
            print(f"sample feed at {url} (Ctrl-C stops it)", file=out, flush=True)
            Event().wait()
    except (OSError, OverflowError) as error:
        raise LocalError(f"{arguments.host}:{arguments.port} cannot be served: {error}") from error
    return 0


@contextmanager
def sample_feed(host: str = HOST, port: int = 0) -> Iterator[str]:
    """Serve the sample feed for the length of the `with` block.

    Args:
        host: the address of this machine where it is served.
        port: 0 picks a free one.

    Yields:
        The address of its first page. A page is chosen by `?page=N` or `?cursor=N`.
    """
    with ThreadingHTTPServer((host, port), _FeedHandler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://{host}:{server.server_port}{PATH}"
        finally:
            server.shutdown()
            thread.join()


class _FeedHandler(BaseHTTPRequestHandler):
    """Answers GET with a page, with `/info` about the feed, or with 404."""

    def do_GET(self) -> None:
        """Answer one request."""
        parts = urlsplit(self.path)
        body = None
        if parts.path == PATH:
            query = parse_qs(parts.query)
            body = _page((query.get("page") or query.get("cursor") or ["1"])[0])
        elif parts.path == f"{PATH}/info":
            body = _info()
        status = HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK
        body = b'{"detail":"Not Found"}' if body is None else body
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet: the run's summary tells what was read."""


def _page(number: str) -> bytes | None:
    # A name from a request never becomes a path: it is looked up among those that exist.
    return next((p.read_bytes() for p in _page_files() if p.stem == f"page-{number}"), None)


def _info() -> bytes:
    pages = [path.read_bytes() for path in _page_files()]
    info = {
        "count": sum(json.loads(page)["count"] for page in pages),
        "length": sum(map(len, pages)),
        "updated": json.loads(pages[0])["items"][0]["date"],
        "download_allowed": True,
    }
    return json.dumps(info).encode()


def _page_files() -> list[Path]:
    return sorted(PAGES.glob("page-*.json"))
