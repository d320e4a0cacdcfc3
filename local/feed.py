"""Serves the sample feed on loopback, by the rules that a real feed of this project keeps."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

PAGES = Path(__file__).parent / "sample_feed"
PATH = "/feed/reports"

# One indicator of each kind that the sample feed holds, to try a look-up with.
SAMPLE_HASH = "45F20E63F4726755015FDD5595BD46CCE511A5A952E1B2C1F3CF558FAD18958E"
SAMPLE_IP = "203.0.113.7"
SAMPLE_DOMAIN = "evil.example"
SAMPLE_URL = "http://evil.example/"


@contextmanager
def sample_feed() -> Iterator[str]:
    """Serve the sample feed on a free port of 127.0.0.1 for the length of the `with` block.

    Yields:
        The address of its first page. A page is chosen by `?page=N` or `?cursor=N`.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _FeedHandler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{PATH}"
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
