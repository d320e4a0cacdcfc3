"""Measures the units of requests that annotate: `python -m benchmarks.annotating`.

It writes them into benchmarks/measured.json and docs/cost.md. Units do not depend on the machine.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local import environment

# Powertools reads some of it when a handler's module is imported.
environment.prepare()

from benchmarks import cost  # noqa: E402
from benchmarks.ingestion import new_tables  # noqa: E402
from benchmarks.lookups import captured_output, event_of  # noqa: E402
from benchmarks.wire import metered_wire  # noqa: E402
from functions.annotate import app  # noqa: E402
from local.context import LocalContext  # noqa: E402
from local.engine import running_engine  # noqa: E402
from local.events import Request  # noqa: E402
from shared.domain.indicator import Indicator, IndicatorType  # noqa: E402
from shared.domain.reputation import Reputation, ScanVerdict, SightingSummary  # noqa: E402
from shared.domain.verdict import Verdict  # noqa: E402
from shared.store.api_keys import ALL_RIGHTS, ApiKeys  # noqa: E402
from shared.store.iocs import IocTable  # noqa: E402
from shared.store.items import IocItem  # noqa: E402

KEY = "a" * 32
ROWS = 10
SEEN_AT = 1_748_764_800_000
DECISION = {"verdict": "BENIGN", "reason": "our update server", "expires": "2100-01-01"}
REASON = {"reason": "our update server"}
FILE = (
    Indicator(IndicatorType.MD5, "A" * 32),
    Indicator(IndicatorType.SHA1, "A" * 40),
    Indicator(IndicatorType.SHA256, "A" * 64),
)
DOMAIN = "/v4/ioc/domain/0.customer.example"
OTHER = "/v4/ioc/domain/other.example"
HASH = f"/v4/ioc/hash/{FILE[2].value}"
BULK = {"verdicts": [{"type": "domain", "value": "bulk.example", **DECISION}]}
# By name in docs/cost.md. The lists come first, as long as they have ten rows of one kind.
REQUESTS: Mapping[str, tuple[str, str, Any]] = {
    "`GET /v4/overrides`, ten rows": ("GET", "/v4/overrides", None),
    "`GET /v4/false-positives`, ten rows": ("GET", "/v4/false-positives", None),
    "`PUT /v4/ioc/domain/{value}/verdict`": ("PUT", f"{DOMAIN}/verdict", DECISION),
    "`DELETE /v4/ioc/domain/{value}/verdict`": ("DELETE", f"{DOMAIN}/verdict", None),
    "`PUT /v4/ioc/hash/{value}/verdict`, two other digests": ("PUT", f"{HASH}/verdict", DECISION),
    "`POST /v4/ioc/verdicts`, one row": ("POST", "/v4/ioc/verdicts", BULK),
    "`POST /v4/ioc/domain/{value}/false-positive`": ("POST", f"{OTHER}/false-positive", REASON),
}


def units() -> dict[str, list[float]]:
    """Return the read and the write units of each request, on an instance that knows its key."""
    tables = new_tables()
    ApiKeys(tables.client, tables.state).put(KEY, "benchmark", now=0, rights=ALL_RIGHTS)
    os.environ["TABLE_NAME"], os.environ["STATE_TABLE_NAME"] = tables.iocs, tables.state
    iocs = IocTable(tables.client, tables.iocs)
    domains = [Indicator(IndicatorType.DOMAIN, f"{n}.customer.example") for n in range(ROWS)]
    for one in (*domains, *FILE):
        assert iocs.write(IocItem(_reputation(one), b"12345678"), None)
    app._service.cache_clear()
    found: dict[str, list[float]] = {}
    with metered_wire() as wire, captured_output():
        for number in range(ROWS):
            _ask("PUT", f"/v4/ioc/domain/{number}.customer.example/verdict", DECISION)
            _ask("POST", f"/v4/ioc/domain/{number}.customer.example/false-positive", REASON)
        for name, (method, path, body) in REQUESTS.items():
            with wire.meter.section() as usage:
                _ask(method, path, body)
            found[name] = [usage.read, usage.written]
            if method == "DELETE":
                _ask("PUT", path, DECISION)
    app._service.cache_clear()
    return found


def _reputation(indicator: Indicator) -> Reputation:
    scan = ScanVerdict(SEEN_AT, Verdict.MALICIOUS, "66b3763be7dbbbdfcd0a6a96", "", "")
    siblings = frozenset(FILE) - {indicator} if indicator in FILE else frozenset()
    summary = SightingSummary(scan, scan, SEEN_AT, SEEN_AT, frozenset(), siblings=siblings)
    return Reputation(indicator, summary, 1)


def _ask(method: str, path: str, body: Any) -> None:
    headers = [(b"apikey", KEY.encode()), (b"content-type", b"application/json")]
    # A page of exactly the rows that the table names.
    query = f"limit={ROWS}".encode() if method == "GET" else b""
    sent = b"" if body is None else json.dumps(body).encode()
    event = event_of(Request(method, path.encode(), query, headers, sent))
    answer = app.lambda_handler(event, LocalContext("annotate", 29))  # type: ignore[arg-type]
    assert answer["statusCode"] == 200, answer


def main() -> None:
    """Measure, and write the figures."""
    with running_engine() as endpoint:
        os.environ[environment.ENDPOINT] = endpoint
        measured = units()
    before = cost.read_measured(cost.MEASURED.read_text(encoding="utf-8"))
    after = replace(before, annotating=measured)
    cost.MEASURED.write_text(cost.write_measured(after), encoding="utf-8")
    cost.main()


if __name__ == "__main__":
    main()
