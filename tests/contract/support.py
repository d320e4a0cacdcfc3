"""The API on a real port, what its store holds, and how the tests of this layer ask it."""

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from local.events import REST, Front, rest_with_stage
from local.handlers import Handler
from local.server import HOST, bind, make_server
from shared.domain.indicator import HASH_TYPES, Indicator, IndicatorType, parse
from shared.domain.indicator_types import INDICATOR_TYPES
from shared.domain.reputation import MAX_TAG_BYTES, MAX_TAGS, Reputation
from shared.domain.verdict import Verdict
from tests.builders import reputation

KEY = "a-key-for-contract-tests"
# Looks up and reads the feed, and may not publish.
READER_KEY = "a-key-that-may-not-publish"
# Too high for any test to reach, and a limit, so that answers have its headers.
DAILY_LIMIT = 10_000_000

_HASH_DIGITS = {IndicatorType.MD5: 32, IndicatorType.SHA1: 40, IndicatorType.SHA256: 64}


def of_verdict(kind: IndicatorType, verdict: Verdict) -> Indicator:
    """The indicator that the store knows with this verdict."""
    number = verdict.value + 1
    name = verdict.name.lower().replace("_", "-")
    if kind in HASH_TYPES:
        return parse(kind, str(number) * _HASH_DIGITS[kind])
    text = {
        IndicatorType.IP: f"198.51.100.{number}",
        IndicatorType.DOMAIN: f"{name}.verdicts.example",
        IndicatorType.URL: f"http://verdicts.example/{name}",
    }[kind]
    return parse(kind, text)


def reputations_of_all_verdicts() -> list[Reputation]:
    """One of each type and verdict; malicious ones with all there can be, others with little."""
    everything: dict[str, Any] = {
        "parent_verdict": "SUSPICIOUS",
        "origin": "VBA_EMULATION",
        "tags": frozenset(f"{number:0{MAX_TAG_BYTES}}" for number in range(MAX_TAGS)),
        "claimed_count": 1_000_000,
    }
    return [
        reputation(
            of_verdict(kind, verdict),
            verdict=verdict,
            **(everything if verdict is Verdict.MALICIOUS else {}),
        )
        for kind in INDICATOR_TYPES
        for verdict in Verdict
    ]


@dataclass(frozen=True)
class Reply:
    """An answer over HTTP; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Api:
    """A server, and a key that it accepts.

    Attributes:
        stage: first segment of every path, "" for none.
    """

    port: int
    key: str = KEY
    stage: str = ""

    @property
    def base(self) -> str:
        return f"http://{HOST}:{self.port}{self._stage_path}"

    @property
    def _stage_path(self) -> str:
        return f"/{self.stage}" if self.stage else ""

    def ask(self, target: str, *, method: str = "GET", body: Any = None, **headers: str) -> Reply:
        """Ask for a path, after the stage, and query that reach the server as they are written."""
        sent = {"apikey": self.key, **headers}
        text = None
        if body is not None:
            text = json.dumps(body)
            sent["content-type"] = "application/json"
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            connection.request(method, self._stage_path + target, text, sent)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read().decode())
        finally:
            connection.close()

    def look_up(self, kind: str, value: str) -> Reply:
        """Ask for one hash, ip, domain or url."""
        return self.ask(f"/v4/{kind}/{quote(value, safe='')}")


@contextmanager
def serving(handler: Handler, front: Front = REST) -> Iterator[Api]:
    """Serve a handler on a free port, behind the front that is deployed or another."""
    listener = bind(0)
    server = make_server(handler, "lookup", budget_s=10, front=front)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Api(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving_stage(handler: Handler, stage: str) -> Iterator[Api]:
    """Serve a handler as a REST API does: below a stage, or with "" behind a domain name."""
    with serving(handler, rest_with_stage(stage)) as api:
        yield replace(api, stage=stage)
