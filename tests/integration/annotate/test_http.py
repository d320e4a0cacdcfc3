"""Overrides and reports of false positives as clients send them, by every kind of key."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.annotate.routes import ROUTES
from local.context import LocalContext
from local.events import Request, http_event, http_response
from local.handlers import load_gateway
from shared.domain.indicator import Indicator, IndicatorType
from shared.domain.verdict import Verdict
from shared.store.annotations import AnnotationLog, Kind
from shared.store.api_keys import ApiKeys, Right
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from tests.builders import reputation
from tests.conftest import Store

ANALYST, CLIENT = "a" * 32, "c" * 32
DOMAIN = "/v4/ioc/domain/files.example"
OURS = {"verdict": "BENIGN", "reason": "ours"}

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(engine_store: Store, fresh_handlers: None, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Sends a request through the REST API, with the key of an analyst."""
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    keys = ApiKeys(engine_store.client, engine_store.state_table)
    keys.put(ANALYST, "Ann", 0, rights={Right.LOOKUP, Right.ANNOTATE})
    keys.put(CLIENT, "help desk", 0, daily_limit=2)
    gateway = load_gateway()

    def answer(method: str, path: str, body: Any = None, *, key: str = ANALYST) -> tuple[int, Any]:
        headers = [(b"apikey", key.encode()), (b"content-type", b"application/json")]
        path, _, query = path.partition("?")
        sent = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        request = Request(method, path.encode(), query.encode(), headers, sent)
        event = http_event(request, "one", datetime.now(UTC))
        result = http_response(gateway(event, LocalContext("annotate", 29)))
        return result.status, json.loads(result.body)

    return answer


def store_domain(store: Store, verdict: Verdict = Verdict.MALICIOUS) -> None:
    known = reputation(Indicator(IndicatorType.DOMAIN, "files.example"), verdict=verdict)
    assert IocTable(store.client, store.table).write(IocItem(known, b"12345678"), None)


def test_an_override_is_set_shown_and_taken_back(ask: Ask, engine_store: Store) -> None:
    store_domain(engine_store)
    status, body = ask("PUT", f"{DOMAIN}/verdict", {**OURS, "expires": "2090-01-01"})
    assert status == 200
    assert (body["by"], body["verdict"]) == ("Ann", "BENIGN")
    assert body["expires"] == "2090-01-01T00:00:00.000Z"
    looked_up = ask("GET", "/v4/domain/files.example")[1]["lookup_results"]
    assert looked_up["detected_by"] == 0
    assert [row["provider"] for row in looked_up["sources"]] == ["MetaDefender Sandbox", "Analyst"]
    explained = ask("GET", DOMAIN)[1]
    assert explained["override"]["by"] == "Ann"
    assert explained["overruled_by"] == "Analyst"
    assert "by" not in ask("GET", DOMAIN, key=CLIENT)[1]["override"]
    [listed] = ask("GET", "/v4/overrides")[1]["data"]
    assert listed["before"] == {"verdict": "MALICIOUS"}
    assert ask("DELETE", f"{DOMAIN}/verdict")[1]["deleted"] is True
    assert ask("GET", "/v4/domain/files.example")[1]["lookup_results"]["detected_by"] == 1
    assert ask("DELETE", f"{DOMAIN}/verdict")[0] == 404
    assert ask("GET", "/v4/overrides")[1]["data"] == []
    taken_back, put = ask("GET", "/v4/overrides?history=true")[1]["data"]
    assert (taken_back["action"], put["action"]) == ("unset", "set")
    assert taken_back["before"]["override"]["by"] == "Ann"


def test_an_unknown_value_becomes_known_and_bad(ask: Ask) -> None:
    url = "https%3A%2F%2Fevil.example%2Fa%3Fb%2Fverdict"
    assert ask("PUT", f"/v4/ioc/url/{url}/verdict", {**OURS, "verdict": "MALICIOUS"})[0] == 200
    assert ask("GET", f"/v4/url/{url}")[1]["lookup_results"]["detected_by"] == 1
    digest = "AB" * 32
    assert ask("GET", f"/v4/hash/{digest}")[0] == 404
    assert ask("PUT", f"/v4/ioc/hash/{digest}/verdict", {**OURS, "verdict": "MALICIOUS"})[0] == 200
    results = ask("GET", f"/v4/hash/{digest}")[1]["scan_results"]
    assert results["scan_all_result_a"] == "Infected"


def test_what_is_always_harmless_is_refused(ask: Ask) -> None:
    path = "/v4/ioc/ip/127.0.0.1/verdict"
    status, body = ask("PUT", path, {**OURS, "verdict": "MALICIOUS"})
    assert (status, body["error"]["code"]) == (409, 409001)
    assert "127.0.0.0/8" in body["error"]["messages"][0]
    assert ask("PUT", path, OURS)[0] == 200


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"{", "JSON object"),
        ([], "JSON object"),
        ({"reason": "ours"}, "verdict has to be one of"),
        ({**OURS, "verdict": "UNKNOWN"}, "verdict has to be one of"),
        ({**OURS, "verdict": 1}, "verdict has to be one of"),
        ({"verdict": "BENIGN"}, "reason has to be a text"),
        ({**OURS, "reason": " "}, "reason has to be a text"),
        ({**OURS, "reason": "a" * 1001}, "reason has to be a text"),
        ({**OURS, "expires": "soon"}, "expires has to be a date"),
        ({**OURS, "expires": 5}, "expires has to be a date"),
        ({**OURS, "expires": "2026-01-01"}, "expires has passed"),
        ({**OURS, "expire": "2090-01-01"}, "expire is unknown"),
    ],
)
def test_a_body_that_breaks_a_rule_changes_nothing(
    ask: Ask, engine_store: Store, body: Any, part: str
) -> None:
    status, answer = ask("PUT", f"{DOMAIN}/verdict", body)
    assert status == 400
    assert part in answer["error"]["messages"][0]
    assert engine_store.items() == []


def test_a_row_for_each_item_of_a_bulk_request(ask: Ask) -> None:
    items = [
        {"type": "domain", "value": "files.example", **OURS},
        {"type": "ip", "value": "127.0.0.1", **OURS, "verdict": "MALICIOUS"},
        {"type": "ip", "value": "nonsense", **OURS},
        {"type": ["ip"], "value": "192.0.2.1", **OURS},
        {"type": "url", "value": "files.example/a", **OURS},
        5,
    ]
    status, body = ask("POST", "/v4/ioc/verdicts", {"verdicts": items})
    assert status == 200
    codes = [row.get("error", {}).get("code") for row in body["data"]]
    assert codes == [None, 409001, 400180, 400022, 400180, 400021]
    assert [row["value"] for row in ask("GET", "/v4/overrides")[1]["data"]] == ["files.example"]
    bodies: list[Any] = [{}, {"verdicts": []}, {"verdicts": [items[0]] * 101}, {"verdicts": 5}]
    for broken in bodies:
        assert ask("POST", "/v4/ioc/verdicts", broken)[0] == 400


def test_a_key_reports_a_false_positive_once(ask: Ask, engine_store: Store) -> None:
    path = f"{DOMAIN}/false-positive"
    first = ask("POST", path, {"reason": "ours"}, key=CLIENT)[1]
    again = ask("POST", path, {"reason": "really ours"}, key=CLIENT)[1]
    assert (first["repeated"], again["repeated"]) == (False, True)
    # Each report counts as a look-up.
    status, refused = ask("POST", path, {"reason": "ours"}, key=CLIENT)
    assert (status, refused["error"]["code"]) == (429, 429000)
    [listed] = ask("GET", "/v4/false-positives")[1]["data"]
    assert (listed["by"], listed["reason"]) == ("help desk", "really ours")
    assert ask("POST", path, {"reason": "mine, too"})[1]["repeated"] is False
    assert len(ask("GET", "/v4/false-positives")[1]["data"]) == 2
    # It changes no verdict.
    assert engine_store.items() == []


def test_lists_are_paged_without_a_gap(ask: Ask, engine_store: Store) -> None:
    log = AnnotationLog(engine_store.client, engine_store.state_table)
    for number in range(7):
        assert log.next_number(Kind.FALSE_POSITIVE) == number + 1
        if number != 3:
            log.put(Kind.FALSE_POSITIVE, number + 1, {"number": number + 1}, 0)
    found, path = [], "/v4/false-positives?limit=2"
    cursor = ""
    while cursor is not None:
        page = ask("GET", f"{path}&cursor={cursor}")[1]
        found += [row["number"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert found == [7, 6, 5, 3, 2, 1]
    for query in ("limit=0", "limit=101", "limit=x", "cursor=-1", "since=1"):
        assert ask("GET", f"/v4/false-positives?{query}")[0] == 400


def test_each_route_with_each_kind_of_key(ask: Ask, engine_store: Store) -> None:
    keys = ApiKeys(engine_store.client, engine_store.state_table)
    for number, right in enumerate(Right):
        keys.put(f"{number}" * 32, right, 0, rights={right})
    for route in ROUTES:
        path = route.template.replace("{value}", "x")
        for method in route.methods:
            assert ask(method, path, key="")[1]["error"]["code"] == 401001
            assert ask(method, path, key="wrong")[1]["error"]["code"] == 401006
            for number, right in enumerate(Right):
                status, body = ask(method, path, key=f"{number}" * 32)
                refused = (status, body.get("error", {}).get("code")) == (403, 403003)
                assert refused == (route.right not in {None, right}), (method, path, right)


def test_names_of_keys_are_kept_and_shown_but_never_a_key(
    ask: Ask, engine_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store_domain(engine_store)
    item = {"type": "domain", "value": "other.example", **OURS}
    requests: list[tuple[str, str, Any, str]] = [
        ("PUT", f"{DOMAIN}/verdict", OURS, ANALYST),
        ("POST", "/v4/ioc/verdicts", {"verdicts": [item]}, ANALYST),
        ("DELETE", f"{DOMAIN}/verdict", None, ANALYST),
        ("POST", f"{DOMAIN}/false-positive", {"reason": "ours"}, CLIENT),
        ("GET", "/v4/overrides", None, ANALYST),
        ("GET", "/v4/overrides?history=true", None, ANALYST),
        ("GET", "/v4/false-positives", None, ANALYST),
        ("GET", DOMAIN, None, ANALYST),
    ]
    assert {(method, path.partition("?")[0]) for method, path, *_ in requests} >= {
        (method, route.template.replace("{value}", "files.example"))
        for route in ROUTES
        for method in route.methods
        if not any(f"/{kind}/" in route.template for kind in ("hash", "ip", "url"))
    }
    with caplog.at_level("DEBUG"):
        answers = [ask(method, path, body, key=key) for method, path, body, key in requests]
    assert {status for status, _ in answers} == {200}
    history, reported = answers[5][1]["data"], answers[6][1]["data"]
    assert [(one["action"], one["value"], one["by"]) for one in history] == [
        ("unset", "files.example", "Ann"),
        ("set", "other.example", "Ann"),
        ("set", "files.example", "Ann"),
    ]
    assert [one["by"] for one in reported] == ["help desk"]
    logged = [str(vars(record)) for record in caplog.records]
    assert any("override set" in line for line in logged)
    stored = [str(one) for one in engine_store.items(engine_store.state_table)]
    for text in (str(answers), *logged, *stored, str(engine_store.items())):
        assert ANALYST not in text
        assert CLIENT not in text


def test_other_methods_and_paths_are_refused(ask: Ask) -> None:
    assert ask("PUT", "/v4/overrides")[0] == 405
    assert ask("POST", f"{DOMAIN}/verdict")[0] == 405
    assert ask("PUT", DOMAIN)[0] == 405
    for path in (f"{DOMAIN}/verdict", f"{DOMAIN}/false-positive", "/v4/ioc/verdicts"):
        assert ask("GET", path)[0] == 405
    assert ask("PUT", "/v4/ioc/other/a/verdict")[0] == 404
