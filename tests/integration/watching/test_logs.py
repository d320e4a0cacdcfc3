"""Nothing of a stranger, and no key, is in any line that any function writes."""

import itertools
import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

import functions.changes.app as changes
import functions.ingest.app as ingest
import functions.lookup.app as lookup
import functions.publish.app as publish
from functions.changes.change import change_in
from functions.providers.refresh import Refresh
from functions.publish.poll import Poller
from local.changes import queue_message, stream_records
from local.events import Request
from shared.domain.errors import StoreError
from shared.domain.indicator import Indicator, IndicatorType
from shared.runtime.observability import Failed, logger
from shared.store.api_keys import ApiKeys, digest_of
from shared.store.items import IocItem, to_item
from tests.builders import raw_ioc, raw_report, reputation
from tests.conftest import Store
from tests.fakes import json_page
from tests.feed_server import PATH, FeedServer, page
from tests.integration.watching.conftest import (
    EVENT_ID,
    FEED_KEY,
    KEY,
    PROVIDER_KEY,
    REQUEST_ID,
    SANDBOX_KEY,
    Functions,
    look_up,
)
from tests.scans import body_of, raw_scan, raw_scan_report, scan_ioc

# Marks foreign text, in any surroundings and with any escaping.
MARK = "Stranger7"
# What ends a line, moves a cursor or ends a text somewhere.
ENDS = ["\r\n", "\n{}", "\x1b[31m", "\x00", "\x7f", "\x85", "\x9b2J", "\u2028", "\u2029", "\u202e"]
HOSTILE = [f"{MARK}{end}{MARK}" for end in ENDS] + [f'{MARK}","level":"ERROR', f"{MARK}%0d%0a"]
SECRETS = [KEY, FEED_KEY, SANDBOX_KEY, PROVIDER_KEY, MARK]
UNEXPECTED = ValueError(f"{MARK}\n{KEY} {FEED_KEY} {SANDBOX_KEY} {PROVIDER_KEY}")
SEARCH = "/api/reports/search?page=1&page_size=20"


@pytest.fixture(autouse=True)
def _debug(monkeypatch: pytest.MonkeyPatch) -> None:
    """The level that logs most."""
    monkeypatch.setattr(logger, "level", "DEBUG", raising=False)
    monkeypatch.setattr(logger._logger, "level", 10)
    logger._logger.manager._clear_cache()  # type: ignore[attr-defined]


def clean(functions: Functions) -> list[dict[str, Any]]:
    """The lines since the last time: each is one JSON object, without anything it should not hold.

    Only records of metrics have no id of the request.
    """
    lines = list(functions.lines)
    for line in lines:
        assert line.isascii(), line
        assert line.isprintable(), line
        for secret in SECRETS:
            assert secret.lower() not in line.lower(), line
    read = functions.read()
    for one in read:
        assert "_aws" in one or one["correlation_id"] in {REQUEST_ID, EVENT_ID}
    return read


def messages(lines: list[dict[str, Any]]) -> list[str]:
    return [one["message"] for one in lines if "message" in one]


def requests_of(text: str) -> list[Request]:
    """The same text everywhere in a request."""
    raw = text.encode()
    # No request line holds these as they are, but a path may come decoded from the gateway.
    quoted = raw if text.isprintable() else text.encode("unicode_escape")
    key = (b"apikey", KEY.encode())
    body = json.dumps({"hash": [text], "address": [text], "fqdn": [text], "url": [text]}).encode()
    json_type = (b"content-type", b"application/json")
    return [
        *(Request("GET", b"/v4/%s/" % kind + raw, headers=[key]) for kind in KINDS),
        *(Request("GET", b"/v4/%s/" % kind + quoted, headers=[key]) for kind in KINDS),
        *(Request("POST", b"/v4/" + kind, b"", [key, json_type], body) for kind in KINDS),
        *(Request("POST", b"/v4/" + kind, b"", [key, json_type], raw) for kind in KINDS),
        Request("GET", b"/v4/apikey/" + KEY.encode(), headers=[key]),
        Request("GET", b"/v4/domain/" + KEY.encode() + b".example", headers=[key]),
        Request("GET", b"/v4/apikey/" + raw, headers=[key]),
        Request("GET", b"/" + raw, headers=[key]),
        Request("GET", b"/v4/ip/192.0.2.1", b"apikey=" + KEY.encode() + b"&q=" + raw),
        Request("GET", b"/v4/ip/192.0.2.1", headers=[(b"apikey", raw)]),
        Request("GET", b"/v4/ip/192.0.2.1", headers=[(b"authorization", KEY.encode())]),
        Request("GET", b"/v4/ip/192.0.2.1", headers=[(raw, raw), (b"cookie", KEY.encode())]),
        Request("POST", b"/v4/hash", headers=[key, (b"content-type", raw)], body=raw),
        Request("POST", b"/v4/hash", headers=[key, (b"includescandetails", raw)], body=raw),
        Request(text, b"/v4/hash", headers=[key]),
        Request("GET", b"/api/reputation/url", b"ioc_value=" + raw, [key]),
        Request("GET", b"/api/reputation/url", raw, [key]),
        Request("POST", b"/api/reputation/url", b"", [key, json_type], json.dumps([text]).encode()),
    ]


KINDS = [b"hash", b"ip", b"domain", b"url"]


@pytest.mark.usefixtures("outside")
def test_of_requests_for_look_ups(functions: Functions) -> None:
    for text in HOSTILE:
        requests = requests_of(text)
        statuses = [functions.ask(request)["statusCode"] for request in requests]
        lines = clean(functions)
        assert {200, 400, 401, 404, 405, 406} <= set(statuses)
        assert not {500, 503} & set(statuses)
        # At this level one line for each request, refused or not.
        assert len(messages(lines)) == len(requests)


@pytest.mark.usefixtures("outside")
def test_of_scan_reports_and_readers_of_the_feed(functions: Functions) -> None:
    for text in HOSTILE:
        raw, key = text.encode(), (b"x-api-key", KEY.encode())
        iocs = {"domain": [scan_ioc(text, text, origins=[{"type": text}])], text: [scan_ioc(text)]}
        report = raw_scan_report(iocs, file={"name": text}, created_date="06/03/2025, 08:00:00")
        odd = raw_scan_report(iocs, created_date=text)
        bodies = [
            body_of(raw_scan(report, flow_id="flow-1")),
            body_of(raw_scan(odd, flow_id="flow-2")),
            body_of(raw_scan(report, flow_id=text)),
            raw,
        ]
        sent = [Request("POST", b"/api/reports", b"", [key], body) for body in bodies]
        sent += [
            Request("POST", b"/api/reports", b"", [key, (b"content-encoding", raw)], raw),
            Request("POST", b"/api/reports", b"", [(b"x-api-key", raw)], raw),
            Request("GET", b"/feed/reports", b"cursor=" + raw, [key, (b"accept", raw)]),
            Request("GET", b"/feed/reports", b"", [key, (b"if-none-match", raw)]),
            Request("GET", b"/feed/" + raw, b"", [key]),
        ]
        statuses = [functions.ask(request, "publish")["statusCode"] for request in sent]
        logged = messages(clean(functions))
        taken = [one for one in logged if one == "scan report taken"]
        assert taken
        assert len(logged) - len(taken) == len(sent)
        assert {200, 401, 404, 415, 422} <= set(statuses)
        assert not {500, 503} & set(statuses)


def test_of_a_feed(functions: Functions, outside: FeedServer) -> None:
    for text in HOSTILE:
        iocs = {"domain": [raw_ioc(text), raw_ioc(origin=text, tags=[text])], text: [raw_ioc()]}
        pages = [
            json_page(
                [
                    raw_report(iocs=iocs, tags=[text], verdict=text),
                    raw_report(text),
                    raw_report("flow-2", date=text),
                    text,
                ],
                following=text,
            ),
            text.encode(),
            json.dumps({text: text}).encode(),
            f'<feed xmlns="http://www.w3.org/2005/Atom"><id>{text}</id><{text}/></feed>'.encode(),
        ]
        for body in pages:
            outside.answer(PATH, page(body))
            functions.tick("ingest")
            assert messages(clean(functions)) == ["run ended"]
        outside.answer(PATH, page(b"", status="302 Found", location=f"http://{MARK}/"))
        functions.tick("ingest")
        assert messages(clean(functions)) == ["run ended"]


def test_of_a_sandbox_that_is_polled(functions: Functions, outside: FeedServer) -> None:
    for text in HOSTILE:
        lists: list[Any] = [
            {"items": [{"id": "r1", "scan_init": {"id": text}}, {"id": text, "scan_init": text}]},
            {"items": [{"id": "r1", "scan_init": {"id": MARK}}]},
            {text: text},
            text,
        ]
        outside.answer(f"/api/scan/{MARK}/report", page(text.encode()))
        for found in lists:
            outside.answer(SEARCH, page(json.dumps(found).encode()))
            functions.tick("publish")
            assert messages(clean(functions)) == ["poll ended"]


def test_of_providers(functions: Functions, outside: FeedServer) -> None:
    numbers = itertools.count()
    for text in HOSTILE:
        for body in (text.encode(), f"{text}\nevil.example\n".encode(), b"\xff" + text.encode()):
            outside.answer("/list", page(body))
            functions.invoke("providers", {"refresh": ["list"], "id": EVENT_ID})
            assert messages(clean(functions)) == ["refresh ended"]
        for answer in (text.encode(), json.dumps({text: text}).encode(), b"\xff"):
            name = f"{next(numbers)}.example"  # an answer is kept
            outside.answer(f"/asked?q={name}", page(answer))
            lookup._asker.cache_clear()
            assert functions.ask(look_up(f"domain/{name}"))["statusCode"] == 200
            clean(functions)
    assert len([one for one in outside.asked() if "/asked" in one]) == 3 * len(HOSTILE)


@pytest.mark.usefixtures("outside")
def test_of_changes_and_of_a_webhook(
    functions: Functions, outside: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_BUS_NAME", "a-bus")
    monkeypatch.setenv("WEBHOOK_URL", f"http://127.0.0.1:{outside.port}/hook/{MARK}")
    outside.answer(f"/hook/{MARK}", page(MARK.encode(), status=f"400 {MARK}"))
    for text in HOSTILE:
        mine = Indicator(IndicatorType.URL, f"http://{text}/")
        item = to_item(IocItem(reputation(mine, flow_id=text, parent_verdict=text), b"12345678"))
        records = stream_records({}, {item["pk"]["S"]: item})
        refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Busy", "ErrorMessage": text}]}
        bus = SimpleNamespace(put_events=lambda refused=refused, **_: refused)
        monkeypatch.setattr(changes, "_client", lambda bus=bus: bus)
        event = {"id": EVENT_ID, "Records": records}
        assert functions.invoke("changes", event)["batchItemFailures"]
        assert messages(clean(functions)) == ["event failed"]
        bodies = [json.dumps(change_in(records[0])), text, json.dumps({"id": text})]
        event = {"id": EVENT_ID, "Records": list(map(queue_message, bodies))}
        assert len(functions.invoke("webhook", event)["batchItemFailures"]) == len(bodies)
        assert messages(clean(functions)) == ["not delivered"] * len(bodies)
        del records[0]["dynamodb"]["NewImage"]["last"]
        with pytest.raises(Failed, match="KeyError"):
            functions.invoke("changes", {"id": EVENT_ID, "Records": records})
        assert messages(clean(functions)) == ["changes failed"]


@pytest.mark.parametrize("end", ["\n", "\r\nX-Mark: 1", "\x00", "\u2028", " "], ids=ascii)
def test_keys_that_no_header_can_hold(
    functions: Functions, outside: FeedServer, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """A line break at the end of a parameter is soon copied."""
    outside.answer(PATH, page(json_page([raw_report()])))
    if "\x00" not in end:
        monkeypatch.setenv("FEED_API_KEY", FEED_KEY + end)
        monkeypatch.setenv("SANDBOX_API_KEY", SANDBOX_KEY + end)
        publish._settings.cache_clear()
    monkeypatch.setattr(
        "shared.runtime.provider_keys.get_parameter", lambda *_, **__: PROVIDER_KEY + end
    )
    functions.tick("ingest")
    functions.tick("publish")
    functions.tick("providers")
    clean(functions)
    answer = functions.ask(look_up("domain/evil.example"))
    lines = clean(functions)
    assert answer["statusCode"] == 200
    # These two a header can hold.
    assert (end in {" ", "\x00"}) == ("provider did not answer" not in messages(lines))
    monkeypatch.setenv("REPUTATION_URL", "http://127.0.0.1:9/v4")
    monkeypatch.setenv("REPUTATION_API_KEY", (KEY + end).replace("\x00", "\n"))
    publish._settings.cache_clear()
    key = (b"x-api-key", KEY.encode())
    body = body_of(raw_scan(raw_scan_report(), flow_id="flow-1"))
    answer = functions.ask(Request("POST", b"/api/reports", b"", [key], body), "publish")
    assert answer["statusCode"] == 500
    assert messages(clean(functions)) == ["request failed"]


class Broken:
    """Replaces any object: every operation on it raises an unexpected error."""

    def __getattr__(self, name: str) -> Any:
        raise UNEXPECTED


def fail(*_: Any, **__: Any) -> Any:
    raise UNEXPECTED


@pytest.mark.usefixtures("outside")
def test_an_error_that_nobody_expected_is_told_by_kind_and_place(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "_service", Broken)
    monkeypatch.setattr(publish, "_publisher", fail)
    monkeypatch.setattr(Poller, "poll", fail)
    monkeypatch.setattr(Refresh, "execute", fail)
    monkeypatch.setattr(ingest, "FeedClient", fail)
    key = (b"x-api-key", KEY.encode())
    for function, path in (("lookup", b"/v4/ip/192.0.2.1"), ("publish", b"/api/reports")):
        answer = functions.ask(Request("GET", path, b"", [key]), function)
        assert answer["statusCode"] == 500
        [line] = [one for one in clean(functions) if "message" in one]
        assert (line["level"], line["message"]) == ("ERROR", "request failed")
        assert line["error"] == "ValueError"
        assert any("respond" in place or "app.py" in place for place in line["at"])
    functions.tick("providers")
    failed, ended = [one for one in clean(functions) if "message" in one]
    assert (failed["message"], failed["provider"]) == ("refresh failed", "list")
    assert ended["providers"] == {"list": {"error": "the refresh failed"}}
    for function, message in (("ingest", "run failed"), ("publish", "poll failed")):
        # The runtime logs what comes out of a handler.
        with pytest.raises(Failed, match=r"^ValueError$") as raised:
            functions.tick(function)
        assert raised.value.__suppress_context__
        [line] = clean(functions)
        assert (line["level"], line["message"]) == ("ERROR", message)


@pytest.mark.usefixtures("outside")
def test_what_is_refused_or_fails_has_one_line_and_nothing_else_has(
    functions: Functions, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger._logger, "level", 20)
    logger._logger.manager._clear_cache()  # type: ignore[attr-defined]
    ApiKeys(engine_store.client, engine_store.state_table).put("few", "few", 0, daily_limit=1)

    def told(path: str, key: str = KEY) -> list[tuple[Any, ...]]:
        functions.ask(look_up(path, key))
        names = ("level", "message", "status", "code", "route", "key")
        return [tuple(map(one.get, names)) for one in clean(functions) if "message" in one]

    ours, few = (digest_of(key)[:12] for key in (KEY, "few"))
    assert told("domain/evil.example") == []
    assert told("hash/" + "a" * 64) == []
    route = "/v4/hash/{hash}"
    refused = ("INFO", "request refused")
    assert told("hash/x") == [(*refused, 400, 400064, route, ours)]
    assert told("hash/x", "nobody's") == [(*refused, 401, 401006, route, None)]
    assert told("nowhere") == [(*refused, 404, 404000, "", ours)]
    assert told("domain/evil.example", "few") == []
    assert told("domain/evil.example", "few") == [
        (*refused, 429, 429000, "/v4/domain/{domain}", few)
    ]

    def refuse(*_: Any, **__: Any) -> Any:
        raise StoreError("the store refused: ThrottlingException")

    monkeypatch.setattr("shared.store.iocs.IocTable.find", refuse)
    assert told("domain/evil.example") == [
        ("ERROR", "store failed", None, None, "/v4/domain/{domain}", ours)
    ]


def test_libraries_say_nothing_at_the_level_of_debug(outside: FeedServer) -> None:
    """As the runtime sets it up: every logger has a handler, and may log everything."""
    outside.answer(PATH, page(json_page([raw_report()])))
    program = (
        "import logging\n"
        "logging.basicConfig(level=logging.DEBUG)\n"
        "from local.context import LocalContext\n"
        "from functions.ingest import app\n"
        "app.lambda_handler({}, LocalContext('ingest', 60))\n"
    )
    environment = os.environ | {"AWS_LAMBDA_LOG_LEVEL": "DEBUG", "POWERTOOLS_LOG_LEVEL": "DEBUG"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    for secret in (FEED_KEY, os.environ["AWS_SECRET_ACCESS_KEY"], "evil.example", "x-amz"):
        assert secret not in done.stdout
    written = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert [one["message"] for one in written if "_aws" not in one] == ["run ended"]
