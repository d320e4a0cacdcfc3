"""`python -m local feed`: serves the sample feed, which follows the rules of docs/feed.md."""

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
from shared.domain.indicator_types import IndicatorType

PAGES = Path(__file__).parent / "sample_feed"
PATH = "/feed/reports"
HOST = "127.0.0.1"
# The port in local/sam-env.json.
DEFAULT_PORT = 8080

# One indicator of each type in the sample feed, for a first look-up.
SAMPLE_HASH = IndicatorType.SHA256.info.example
SAMPLE_IP = IndicatorType.IP.info.example
SAMPLE_DOMAIN = IndicatorType.DOMAIN.info.example
SAMPLE_URL = IndicatorType.URL.info.example


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", default=HOST, help=f"address of this machine; default {HOST}")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0 for any free one"
    )


def command(out: TextIO, arguments: argparse.Namespace) -> int:
    """Serve the sample feed until SIGINT or SIGTERM.

    Returns:
        0: stopped by a signal.

    Raises:
        LocalError: the address is not one of this machine, or the port is in use.
    """
    try:
        with suppress(KeyboardInterrupt), sample_feed(arguments.host, arguments.port) as url:
            print(f"sample feed at {url} (Ctrl-C stops it)", file=out, flush=True)
            Event().wait()
    except (OSError, OverflowError) as error:
        raise LocalError(f"cannot listen on {arguments.host}:{arguments.port}: {error}") from error
    return 0


@contextmanager
def sample_feed(host: str = HOST, port: int = 0) -> Iterator[str]:
    """Serve the sample feed for the duration of the `with` block.

    Args:
        host: address of this machine to listen on.
        port: 0 for any free one.

    Yields:
        The address of its first page; `?page=N` or `?cursor=N` selects another.
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
    """Answers GET with a page of the feed, with its `/info`, or with 404."""

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
        """Log nothing; the run's summary reports the pages."""


def _page(number: str) -> bytes | None:
    # A name from a request never becomes a path; it is compared with the existing files.
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
