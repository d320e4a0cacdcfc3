"""Values as people and their tools write them: understood, or refused with the reason."""

from urllib.parse import quote

import pytest

from shared.domain.indicator import IndicatorType, parse
from shared.domain.verdict import Verdict
from shared.store.iocs import IocTable
from shared.store.items import IocItem
from tests.builders import reputation
from tests.conftest import Store
from tests.contract.support import Api, of_verdict

KNOWN_HASH = of_verdict(IndicatorType.SHA256, Verdict.MALICIOUS).value
BOTH = {
    "http://bare.example/mild": Verdict.SUSPICIOUS,
    "https://bare.example/mild": Verdict.MALICIOUS,
    "https://bare.example/only": Verdict.NO_THREAT,
    "http://bare.example/equal": Verdict.MALICIOUS,
    "https://bare.example/equal": Verdict.MALICIOUS,
    "http://bare.example/worse": Verdict.LIKELY_MALICIOUS,
    "https://bare.example/worse": Verdict.BENIGN,
}


@pytest.fixture(scope="module", autouse=True)
def _stored(filled_store: Store) -> None:
    table = IocTable(filled_store.client, filled_store.table)
    for value, verdict in BOTH.items():
        known = reputation(parse(IndicatorType.URL, value), verdict=verdict)
        assert table.write(IocItem(known, b"12345678"), None)


@pytest.mark.parametrize(
    ("kind", "text", "address"),
    [
        ("url", "\ufeffhttp://evil.example/", "http://evil.example/"),
        ("url", '"http://evil.example/"', "http://evil.example/"),
        ("url", "<http://evil.example/>", "http://evil.example/"),
        ("url", "http://evil\u200b.example/", "http://evil.example/"),
        ("url", "http://ev\u00adil.example/", "http://evil.example/"),
        ("url", "hxxp://evil(dot)example/", "http://evil.example/"),
        ("url", "h**p://evil{.}example/", "http://evil.example/"),
        ("url", "http:\\/\\/evil.example\\/", "http://evil.example/"),
        ("url", "http://evil.example/%7euser%2fa", "http://evil.example/~user%2Fa"),
        ("url", "http://xn--a.evil.example/", "http://xn--a.evil.example/"),
        ("domain", "foo-.example", "foo-.example"),
        ("domain", "xn--a.example", "xn--a.example"),
        ("domain", "evil.example:443", "evil.example"),
        ("domain", "evil dot example", "evil.example"),
        ("ip", "203.0.113.7:443", "203.0.113.7"),
        ("ip", "[2001:db8::7]:443", "2001:db8::7"),
        ("ip", "\u200b203[.]0[.]113[.]7", "203.0.113.7"),
    ],
)
def test_what_is_meant_is_asked_for(api: Api, kind: str, text: str, address: str) -> None:
    reply = api.look_up(kind, text)
    assert (reply.status, reply.body.get("address")) == (200, address), reply.text
    name = {"url": "url", "domain": "fqdn", "ip": "address"}[kind]
    rows = api.ask(f"/v4/{kind}", method="POST", body={name: [text]}).body["data"]
    assert [row["address"] for row in rows] == [address]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("url", "ldap://evil.example:389/a"),
        ("url", "hxtp://evil.example/a"),
        ("url", "http://evil(d0t)example/"),
        ("url", '"http://evil.example/'),
        ("domain", "evil.123"),
        ("domain", "32.1.2.0.192.rpz-ip"),
        ("ip", "192.0.2.0/24"),
        ("hash", KNOWN_HASH + "\n"),
        ("hash", f"0x{KNOWN_HASH}"),
        ("hash", KNOWN_HASH * 2),
    ],
)
def test_what_is_not_meant_so_is_refused_with_the_reason(api: Api, kind: str, text: str) -> None:
    reply = api.look_up(kind, text)
    assert reply.status == 400
    [message] = reply.body["error"]["messages"]
    assert ": " in message


@pytest.mark.parametrize(
    ("text", "address", "verdict"),
    [
        ("bare.example/mild", "https://bare.example/mild", "MALICIOUS"),
        ("bare[.]example/only", "https://bare.example/only", "NO_THREAT"),
        ("bare.example%2Fequal", "http://bare.example/equal", "MALICIOUS"),
        ("bare.example/worse", "http://bare.example/worse", "LIKELY_MALICIOUS"),
        ("bare.example/never", "http://bare.example/never", None),
        ("http://bare.example/mild", "http://bare.example/mild", "SUSPICIOUS"),
    ],
)
def test_a_url_without_a_scheme_has_the_worse_answer_of_both(
    api: Api, text: str, address: str, verdict: str | None
) -> None:
    [row] = api.ask("/v4/url", method="POST", body={"url": [text]}).body["data"]
    for body in (api.look_up("url", text).body, row):
        assert body["address"] == address
        assert body["lookup_results"]["sources"][0].get("verdict") == verdict
    [row] = api.ask("/api/reputation/url", method="POST", body=[text]).body
    assert row["ioc_value"] == address
    assert row["overall_verdict"] == (verdict or "unknown").lower()


def test_a_bulk_row_of_no_hash_is_told_from_one_never_seen(api: Api) -> None:
    texts = ["0" * 64, KNOWN_HASH + "\n", "a" * 128, f" {KNOWN_HASH}", KNOWN_HASH.lower()]
    rows = api.ask("/v4/hash", method="POST", body={"hash": texts}).body["data"]
    assert ["error" in row for row in rows] == [False, True, True, True, False]
    assert [row["scan_result_i"] for row in rows] == [5, 5, 5, 5, 1]
    for row in rows[1:4]:
        assert (row["data_id"], row["total_detected_avs"], row["scan_details"]) == ("", -1, {})
        assert row["error"]["code"] == 400064
        assert row["error"]["messages"][0].endswith("not 32, 40 or 64 hexadecimal digits")
    rows = api.ask("/api/reputation/hash", method="POST", body=[*texts[:2], texts[4]]).body
    assert ["error" in row for row in rows] == [False, True, False]


def test_the_sightings_of_a_url_without_a_scheme_are_those_of_the_one_that_has_some(
    api: Api,
) -> None:
    [seen] = [
        row
        for row in api.ask("/v4/iocs/recent?type=url").body["data"]
        if row["value"].startswith("https://")
    ][:1]
    bare = seen["value"].removeprefix("https://")
    reply = api.ask(f"/v4/ioc/url/{quote(bare, safe='')}/sightings")
    assert reply.body["value"] == seen["value"]
    assert reply.body["data"]


def test_a_search_looks_up_a_url_without_a_scheme_with_both(api: Api) -> None:
    text = (
        "bare.example/mild then bare.example/worse, bare[.]example/equal and "
        "http://bare.example/equal and https://bare.example/equal or http://bare.example/only"
    )
    rows = api.ask("/v4/search", method="POST", body={"text": text}).body["data"]
    assert [(row["value"], row["verdict"]) for row in rows] == [
        ("https://bare.example/mild", "MALICIOUS"),
        ("http://bare.example/worse", "LIKELY_MALICIOUS"),
        ("http://bare.example/equal", "MALICIOUS"),
        ("https://bare.example/equal", "MALICIOUS"),
        ("http://bare.example/only", "UNKNOWN"),
    ]
    assert all(row["report"]["address"] == row["value"] for row in rows)
