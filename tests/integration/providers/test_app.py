"""The real handler over several providers at once, of which some fail."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import functions.lookup.app as lookup
from functions.providers import app
from local.context import LocalContext
from local.environment import DEFAULT_API_KEY
from local.events import Request, http_event
from shared.store.api_keys import ApiKeys
from shared.store.iocs import IocTable
from shared.store.providers import ProviderStates
from tests.builders import DOMAIN, reputation
from tests.conftest import Store
from tests.feed_server import FeedServer, page, reset
from tests.served_providers import served_providers

LIST = """
[{id}]
name = "{id}.example"
types = ["ip", "domain"]
address = "BASE/{id}"
format = "lines"
assessment = "malware"
every = "1h"
licence = "free"
"""
ON_DEMAND = """
[asked]
name = "asked.example"
types = ["domain"]
address = "BASE/asked?q={value}"
format = "api"
every = "1h"
assessment = "high risk"
category = "Malware Sites"
licence = "see the provider's terms"
options = { listed = "bad", keep = "1h", budget_ms = 5000 }
"""
NAMES = ("good", "other")
CATALOG = "".join(LIST.replace("{id}", name) for name in NAMES) + ON_DEMAND
EVIL = b"evil.example\n192.0.2.0/24\n"


@pytest.fixture
def served(
    fresh_handlers: None, engine_store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[FeedServer]:
    """The providers, their settings and an API key."""
    answers = {"/good": EVIL, "/other": EVIL}
    ApiKeys(engine_store.client, engine_store.state_table).put(DEFAULT_API_KEY, "test", now=0)
    with served_providers(CATALOG, answers, tmp_path) as (server, settings):
        for name, value in (engine_store.env() | settings).items():
            monkeypatch.setenv(name, value)
        app._client.cache_clear()
        lookup._asker.cache_clear()
        yield server
        app._client.cache_clear()
        lookup._asker.cache_clear()


def run(**event: Any) -> dict[str, Any]:
    context: Any = LocalContext("providers", 300)
    result: dict[str, Any] = app.lambda_handler(event, context)
    return result


def ask(path: str) -> Any:
    """What the real look-up handler answers."""
    from datetime import UTC, datetime

    lookup._service.cache_clear()
    request = Request("GET", path.encode(), headers=[(b"apikey", DEFAULT_API_KEY.encode())])
    context: Any = LocalContext("lookup", 10)
    result = lookup.lambda_handler(http_event(request, "test", datetime.now(UTC)), context)
    return json.loads(result["body"])


def rows(path: str) -> dict[str, Any]:
    sources = ask(path)["lookup_results"]["sources"]
    return {source["provider"].partition(".")[0]: source for source in sources}


def test_a_list_is_read_when_it_is_due_and_not_before(served: FeedServer) -> None:
    assert {name: one["complete"] for name, one in run().items()} == dict.fromkeys(NAMES, True)
    assert run() == {}
    assert list(run(refresh=["good"])) == ["good"]
    assert rows("/v4/domain/evil.example")["good"]["status"] == 1
    assert rows("/v4/domain/fine.example")["good"]["status"] == 5
    found = rows("/v4/ip/192.0.2.77")["other"]
    assert (found["status"], found["network"]) == (1, "192.0.2.0/24")


@pytest.mark.parametrize(
    "failure",
    [
        page(b"<html>We are down</html>"),
        page(b"", status="500 Internal Server Error"),
        reset(),
        page(b"no list at all\nof anything\n"),
    ],
    ids=["HTML", "500", "reset", "garbage"],
)
def test_one_that_never_answered_says_so_and_the_others_are_untouched(
    served: FeedServer, failure: Any
) -> None:
    served.answer("/good", failure)
    results = run()
    assert results["good"]["error"]
    assert results["other"]["complete"]
    found = rows("/v4/domain/evil.example")
    assert (found["good"]["status"], found["good"]["assessment"]) == (3, "")
    assert found["other"]["status"] == 1


def test_one_that_stops_answering_says_what_it_said_with_its_age(
    served: FeedServer, engine_store: Store
) -> None:
    run()
    before = rows("/v4/domain/evil.example")["good"]
    served.answer("/good", page(b"<html>"))
    assert "error" in run(refresh=["good"])["good"]
    assert rows("/v4/domain/evil.example")["good"] == before
    [status] = [one for one in ask("/v4/status/providers")["providers"] if one["id"] == "good"]
    assert status["error"]
    assert status["last_success"] == before["update_time"]
    assert status["entries"] == 2


@pytest.mark.parametrize("line", ["2000::/3", "0.0.0.0/0", "0.0.0.0-255.255.255.255"])
def test_a_list_of_too_much_is_refused_with_the_reason_and_the_old_one_stays(
    served: FeedServer, line: str
) -> None:
    run()
    before = rows("/v4/domain/evil.example")["good"]
    served.answer("/good", page(EVIL + f"new.example\n{line}\n".encode()))
    assert "is larger than a /" in run(refresh=["good"])["good"]["error"]
    assert rows("/v4/domain/evil.example")["good"] == before
    assert rows("/v4/domain/new.example")["good"]["status"] == 5
    assert rows("/v4/ip/198.51.100.1")["good"]["status"] == 5
    [status] = [one for one in ask("/v4/status/providers")["providers"] if one["id"] == "good"]
    assert "is larger than a /" in status["error"]


def test_a_list_that_stays_bad_is_told_of_in_the_metric_of_the_alarm(
    served: FeedServer, engine_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    served.answer("/good", page(b"<html>"))
    run()
    capsys.readouterr()
    run()
    told = [line for line in capsys.readouterr().out.splitlines() if "providers_stale" in line]
    assert json.loads(told[0])["providers_stale"] == [1.0]


def test_a_provider_that_is_switched_off_is_named_no_more(
    served: FeedServer, engine_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    monkeypatch.setenv("PROVIDERS", "other")
    run()
    states = ProviderStates(engine_store.client, engine_store.state_table).read()
    assert [state.provider.id for state in states] == ["other"]
    assert set(rows("/v4/domain/evil.example")) == {"MetaDefender Sandbox", "other"}


def test_a_provider_without_a_list_is_asked_once_and_then_remembered(served: FeedServer) -> None:
    served.answer("/asked?q=evil.example", page(b'{"bad": true}'))
    served.answer("/asked?q=fine.example", page(b'{"bad": false}'))
    run()
    for _ in range(2):
        found = rows("/v4/domain/evil.example")["asked"]
        assert (found["status"], found["assessment"]) == (1, "high risk")
        assert (found["category"], found["detect_time"]) == ("Malware Sites", "")
        assert rows("/v4/domain/fine.example")["asked"]["status"] == 5
    asked = [target for target in served.asked() if target.startswith("/asked")]
    assert asked == ["/asked?q=evil.example", "/asked?q=fine.example"]


def test_a_provider_that_does_not_answer_costs_its_row_only(
    served: FeedServer, engine_store: Store
) -> None:
    served.answer("/asked?q=evil.example", page(b"<html>"))
    known = reputation(DOMAIN)
    from shared.store.items import IocItem

    IocTable(engine_store.client, engine_store.table).write(IocItem(known, b"1"), None)
    run()
    found = rows("/v4/domain/evil.example")
    assert found["asked"]["status"] == 3
    assert found["MetaDefender Sandbox"]["status"] == 1
    assert found["good"]["status"] == 1
    listed = IocTable(engine_store.client, engine_store.table).find(DOMAIN).listings
    assert set(listed) == {"good", "other"}


def test_a_hash_report_of_one_that_only_lists_know(served: FeedServer) -> None:
    run()
    assert ask("/v4/hash/" + "a" * 32)["error"]["code"] == 404003
