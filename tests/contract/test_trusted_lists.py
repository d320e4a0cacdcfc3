"""The shipped allowlists, switched on together, against reports that call everything malicious."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import functions.lookup.app as lookup
import functions.providers.app as providers
from functions.ingest.store.meter import MeteredClient
from functions.lookup.providers import CachedProviders
from functions.lookup.routes import respond
from functions.lookup.service import Service
from local.context import LocalContext
from shared.domain.indicator import Indicator, IndicatorType, parse
from shared.domain.provider import SANDBOX_PROVIDER
from shared.formats.lists.declaration import CATALOG, load_catalog
from shared.http.web import Request
from shared.store.api_keys import ApiKeys
from shared.store.direct import direct_client
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from shared.store.providers import ProviderStates
from tests.builders import reputation
from tests.conftest import Store
from tests.contract.support import KEY
from tests.served_providers import served_providers
from tests.unit.providers.support import documents

# A list of type `hostname` that overrules. None is shipped: malware is found below many names.
HOSTNAMES = """
[hostnames]
name = "own names"
types = ["domain"]
address = "BASE/hostnames"
format = "misp_warninglist"
stance = "trusted"
effect = "overrule"
every = "1d"
licence = "none"
"""
HOSTNAME_LIST = {
    "name": "N",
    "type": "hostname",
    "list": ["corp.example", "deep.sub.corp2.example", "amazonaws.com", "github.io"],
    "matching_attributes": ["domain", "hostname"],
}
TRUSTED = {one.id: one for one in load_catalog().values() if one.stance == "trusted"}
OVERRULED = [
    *("ip 1.0.0.1", "ip 1.1.1.1", "ip 8.8.4.4", "ip 8.8.8.8", "ip 9.9.9.9", "ip 149.112.112.112"),
    *("ip 208.67.222.222", "ip 2606:4700:4700::1111", "ip 2001:4860:4860::8888", "ip 2620:fe::fe"),
    *("domain google.com", "domain www.google.com", "domain microsoft.com", "domain apple.com"),
    *("domain www.microsoft.com", "domain windowsupdate.com", "domain www.apple.com"),
    *("domain amazon.com", "domain wikipedia.org", "domain www.wikipedia.org"),
    *("domain github.com", "domain w3.org", "domain www.w3.org", "domain schemas.microsoft.com"),
    *("domain ocsp.digicert.com", "domain crl3.digicert.com", "domain ocsp.pki.goog"),
    *("domain r3.o.lencr.org", "domain ctldl.windowsupdate.com", "domain time.windows.com"),
    *("domain pool.ntp.org", "domain time.apple.com", "domain mozilla.org"),
    *("domain www.mozilla.org", "domain python.org", "domain debian.org", "domain kernel.org"),
    "md5 5d41402abc4b2a76b9719d911017c592",
    # By the list of type `hostname`.
    *("domain corp.example", "domain mail.corp.example", "domain a.b.c.d.corp.example"),
    *("domain deep.sub.corp2.example", "domain x.y.deep.sub.corp2.example"),
]
STAYS_BAD = [
    *("ip 1.1.1.2", "ip 8.8.8.9", "ip 9.255.255.254", "ip 192.0.2.7", "ip 198.51.100.7"),
    *("ip 203.0.113.7", "ip 2606:4700::7", "ip 2001:db8:c::7"),
    *("domain google.com.evil.example", "domain evil.google.com", "domain notgoogle.com"),
    *("domain evil.github.io", "domain www.github.io", "domain phish.web.app"),
    *("domain bad.duckdns.org", "domain www.duckdns.org", "domain x.s3.amazonaws.com"),
    *("domain files.googleusercontent.com", "domain evil.azurewebsites.net"),
    *("domain x.blob.core.windows.net", "domain bad.dyn.example", "domain dyn.example"),
    *("domain notcorp.example", "domain sub.corp2.example", "domain other.sub.corp2.example"),
    *("domain corp.example.evil.example", "url http://mail.corp.example/a.exe"),
    *("domain bit.ly", "domain evil.ocsp.digicert.com", "domain www.www.google.com"),
    *("url https://github.com/evil/x/raw/main/a.exe", "url https://drive.google.com/uc?id=evil"),
    *("url https://www.google.com/url?q=http://evil.example/", "url http://8.8.8.8/a.exe"),
]


def indicator(text: str) -> Indicator:
    kind, value = text.split(" ", 1)
    return parse(IndicatorType(kind), value)


@pytest.fixture
def store(engine_store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """A store whose look-ups know each value as malicious, and all allowlists."""
    for name, value in engine_store.env().items():
        monkeypatch.setenv(name, value)
    ApiKeys(engine_store.client, engine_store.state_table).put(KEY, "test", now=0)
    table = IocTable(engine_store.client, engine_store.table)
    for number, text in enumerate([*OVERRULED, *STAYS_BAD]):
        stored = IocItem(reputation(indicator(text)), f"{number:8d}".encode())
        assert table.write(stored, None)
    catalog, answers = served_samples()
    providers._client.cache_clear()
    with served_providers(catalog, answers, tmp_path) as (_, settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        context: Any = LocalContext("providers", 300)
        refreshed = providers.lambda_handler({}, context)
        assert all(one.get("complete") for one in refreshed.values()), refreshed
        assert refreshed.keys() == {*TRUSTED, "hostnames"}
        yield engine_store
    providers._client.cache_clear()


def served_samples() -> tuple[str, dict[str, bytes]]:
    """The shipped declarations of the allowlists, and their samples by path."""
    text = CATALOG.read_text(encoding="utf-8").replace('"https://', '"BASE/')
    tables = [f"[{part}" for part in text.split("\n[")]
    catalog = "\n".join(part for part in tables if part[1:].split("]")[0] in TRUSTED)
    answers = {
        f"/{address.removeprefix('https://')}": body
        for declaration in TRUSTED.values()
        for address, body in documents(declaration).items()
    }
    # As many rows as the real list has at least.
    [top] = [path for path in answers if "tranco" in path]
    answers[top] += b"".join(b"%d,site-%d.example\r\n" % (n, n) for n in range(18, 520))
    answers["/hostnames"] = json.dumps(HOSTNAME_LIST).encode()
    return catalog + HOSTNAMES, answers


def rows(store: Store, texts: list[str]) -> dict[str, Any]:
    service: Service = lookup._service.__wrapped__()
    found = {}
    for text in texts:
        kind, value = text.split(" ", 1)
        path = f"/v4/{'hash' if kind == 'md5' else kind}/{quote(value, safe='')}"
        response = respond(service, Request("GET", path, "", {"apikey": KEY}))
        assert response.status == 200, text
        found[text] = response.body
    return found


def verdict_of(body: Any) -> tuple[int, str]:
    """The number of detections in an answer, and what overrules the sandbox's verdict."""
    if "lookup_results" in body:
        found = body["lookup_results"]
        sandbox, detected = found["sources"][0], found["detected_by"]
    else:
        found = body["scan_results"]
        sandbox, detected = found["scan_details"][SANDBOX_PROVIDER], found["total_detected_avs"]
    return detected, sandbox.get("overruled_by", "")


def test_what_allowlists_overrule_and_what_stays_bad(store: Store) -> None:
    names = {one.name for one in TRUSTED.values() if one.effect == "overrule"} | {"own names"}
    found = {text: verdict_of(body) for text, body in rows(store, OVERRULED).items()}
    assert {text: one for text, one in found.items() if one[0] or one[1] not in names} == {}
    found = {text: verdict_of(body) for text, body in rows(store, STAYS_BAD).items()}
    assert {text: one for text, one in found.items() if one != (1, "")} == {}


def test_a_note_adds_a_row(store: Store) -> None:
    body = rows(store, ["domain bad.dyn.example"])["domain bad.dyn.example"]
    [row] = [
        one for one in body["lookup_results"]["sources"] if one.get("category") == "dynamic DNS"
    ]
    assert (row["provider"], row["status"]) == ("MISP dynamic DNS", 0)
    assert body["lookup_results"]["detected_by"] == 1


def _no_asker() -> Any:
    raise AssertionError("no allowlist is an API")


def test_a_row_names_the_listed_name_above_the_domain(store: Store) -> None:
    found = rows(store, ["domain mail.corp.example", "domain corp.example"])
    named = [
        next(row for row in body["lookup_results"]["sources"] if row["provider"] == "own names")
        for body in found.values()
    ]
    assert [row.get("listed_name") for row in named] == ["corp.example", None]


def test_units_of_a_look_up_with_lists_of_names(store: Store) -> None:
    states = ProviderStates(store.client, store.state_table)
    cached = CachedProviders(states, time.monotonic, _no_asker, lambda *_: None)
    client: Any = MeteredClient(direct_client())
    table = IocTable(client, store.table)

    def units(text: str) -> float:
        one = indicator(text)
        table.find(one, cached.covering(one))
        return float(client.read_units()[0])

    assert units("domain google.com") == 0.5
    assert units("domain www.google.com") == 1
    assert units("domain a.b.c.d.e.evil.example.co.uk") == 2
    assert units("domain evil.github.io") == 0.5
    assert units("md5 5d41402abc4b2a76b9719d911017c592") == 0.5


def test_units_of_a_look_up_without_names_that_stand_for_others(store: Store) -> None:
    """Lists of exact names cost nothing: only those of type hostname have a price."""
    states = ProviderStates(store.client, store.state_table)
    for state in states.read():
        if state.below:
            states.remove(state.provider.id)
    cached = CachedProviders(states, time.monotonic, _no_asker, lambda *_: None)
    assert [state.provider.id for state in states.read() if state.provider.overrules]
    assert cached.covering(indicator("domain www.google.com")) == ()
