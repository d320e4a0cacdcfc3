"""What a user would write: one table of SQLite behind a few lines of ASGI, served by uvicorn.

It stands in for FastAPI over SQLite or Redis and does less than those: nothing routes, validates
or documents. `/cpu` answers the CPU seconds of its process. `python -m benchmarks.peer FILE PORT`.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote

import uvicorn

KEY = "benchmark-key"
_AT_ONCE = 500
_COLUMNS = "pk, verdict, first, last, flow, n"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Row = Sequence[Any]


def make_file(path: str, rows: Sequence[Row]) -> None:
    """A database with these rows."""
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE iocs (pk TEXT PRIMARY KEY, verdict INT, first INT, last INT,"
            " flow TEXT, n INT) WITHOUT ROWID"
        )
        database.executemany("INSERT INTO iocs VALUES (?, ?, ?, ?, ?, ?)", rows)


class Peer:
    """The application."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, answer = self._answer(scope, body)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _answer(self, scope: Message, body: bytes) -> tuple[int, Any]:
        path = scope["path"]
        if path == "/cpu":
            return 200, time.process_time()
        if dict(scope["headers"]).get(b"apikey") != KEY.encode():
            return 401, {"error": "no key"}
        if scope["method"] == "POST":
            wanted = [f"sha256#{value.lower()}" for value in json.loads(body)["hash"]]
            return 200, {"data": self._many(wanted)}
        _, kind, value = path.split("/", 2)
        found = self._database.execute(
            f"SELECT {_COLUMNS} FROM iocs WHERE pk = ?",  # noqa: S608
            (f"{kind}#{unquote(value)}",),
        ).fetchone()
        return (200, _told(found)) if found else (404, {"error": "not found"})

    def _many(self, wanted: list[str]) -> list[Any]:
        found: dict[str, Row] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            rows = self._database.execute(
                f"SELECT {_COLUMNS} FROM iocs WHERE pk IN ({marks})",  # noqa: S608
                part,
            )
            found |= {row[0]: row for row in rows}
        return [_told(found[key]) if key in found else {"hash": key, "known": 0} for key in wanted]


def _told(row: Row) -> dict[str, Any]:
    return dict(zip(_COLUMNS.split(", "), row, strict=True))


if __name__ == "__main__":
    uvicorn.run(
        Peer(sys.argv[1]),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        log_level="error",
        loop="asyncio",
    )
