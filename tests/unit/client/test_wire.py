"""What a body of the API comes to, and which bodies are none."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.lookup.v4_bodies import (
    address_report,
    bulk_hash_row,
    hash_report,
    invalid_address_row,
    unknown_hash_row,
)
from shared.client import (
    Answer,
    ProviderRow,
    ReputationApiError,
    RowStatus,
    Seen,
    UnexpectedAnswer,
)
from shared.client.wire import read_address, read_addresses, read_hash, read_hashes
from shared.domain.indicator import HASH_TYPES, Indicator, IndicatorType, parse
from shared.domain.provider import SANDBOX_PROVIDER
from shared.domain.score import Scorer
from shared.domain.verdict import Verdict
from tests.builders import DOMAIN, reputation
from tests.unit.client.support import (
    EACH_TYPE,
    IP,
    MD5,
    SHA256,
    URL,
    address,
    error,
    hash_row,
    report,
    source,
)


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


def row_of(said: dict[str, Any]) -> ProviderRow:
    [row] = read_address(DOMAIN, encoded(address(DOMAIN, said))).answers[DOMAIN].rows
    return row


def test_a_row_has_the_scans_that_the_service_names() -> None:
    fields: dict[str, Any] = {
        "first_seen": "2025-06-01T08:00:00.000Z",
        "last_seen": "2025-06-02T08:00:00.000Z",
        "scan_count": 2,
        "tags": ["macro", 5, "docm"],
        "origin": "INPUT_FILE",
        "flow_id": "66b3763be7dbbbdfcd0b0001",
    }
    row = row_of(source(1, "high risk") | fields)
    assert row.seen == Seen(**{**fields, "tags": ("macro", "docm")})
    assert row_of(source(1, "high risk")).seen is None
    broken = row_of(source(1) | {"flow_id": "a", "tags": None, "scan_count": "2", "origin": []})
    assert broken.seen == Seen("", "", 0, (), "", "a")


@pytest.mark.parametrize(
    ("said", "status", "verdict"),
    [
        (source(0, "trustworthy"), RowStatus.TRUSTED, Verdict.BENIGN),
        (source(0, " Trustworthy"), RowStatus.TRUSTED, Verdict.BENIGN),
        (source(0), RowStatus.NOT_LISTED, None),
        (source(0, "low risk"), RowStatus.NOT_LISTED, None),
        (source(1), RowStatus.LISTED, Verdict.LIKELY_MALICIOUS),
        (source(1, "phishing"), RowStatus.LISTED, Verdict.LIKELY_MALICIOUS),
        (source(1, "trustworthy"), RowStatus.LISTED, Verdict.LIKELY_MALICIOUS),
        (source(1, "Suspicious"), RowStatus.LISTED, Verdict.SUSPICIOUS),
        (source(1, "high risk", verdict="MALICIOUS"), RowStatus.LISTED, Verdict.MALICIOUS),
        (source(1, "suspicious", verdict="malicious"), RowStatus.LISTED, Verdict.MALICIOUS),
        (source(1, verdict="DREADFUL"), RowStatus.LISTED, Verdict.LIKELY_MALICIOUS),
        (source(1, verdict="UNKNOWN"), RowStatus.LISTED, Verdict.LIKELY_MALICIOUS),
        (source(1, verdict=7), RowStatus.LISTED, Verdict.LIKELY_MALICIOUS),
        (source(5), RowStatus.NOT_LISTED, None),
        (source(5, "suspicious"), RowStatus.NOT_LISTED, None),
        (source(5, verdict="NO_THREAT"), RowStatus.NOT_LISTED, Verdict.NO_THREAT),
        (source(4, verdict="MALICIOUS"), RowStatus.OTHER, None),
    ],
)
def test_what_a_source_says(
    said: dict[str, Any], status: RowStatus, verdict: Verdict | None
) -> None:
    row = row_of(said)
    assert (row.status, row.verdict) == (status, verdict)


def test_a_source_that_failed_says_nothing() -> None:
    body = address(DOMAIN, source(3, "phishing", verdict="MALICIOUS"), source(1))
    answer = read_address(DOMAIN, encoded(body)).answers[DOMAIN]
    assert [(row.status, row.verdict) for row in answer.rows] == [
        (RowStatus.FAILED, None),
        (RowStatus.LISTED, Verdict.LIKELY_MALICIOUS),
    ]
    assert not answer.complete


def test_decorations_are_kept_and_cost_themselves_only() -> None:
    assert row_of(source(1, "botnet", category="Malware Sites")) == ProviderRow(
        "lists.example",
        RowStatus.LISTED,
        Verdict.LIKELY_MALICIOUS,
        "botnet",
        "Malware Sites",
    )
    row = row_of(source(1, category=None) | {"assessment": None})
    assert (row.assessment, row.detail) == ("", "")


@pytest.mark.parametrize(
    ("engine", "status", "verdict"),
    [
        ({"scan_result_i": 0}, RowStatus.NOT_LISTED, Verdict.NO_THREAT),
        ({"scan_result_i": 0, "verdict": "BENIGN"}, RowStatus.NOT_LISTED, Verdict.BENIGN),
        ({"scan_result_i": 1}, RowStatus.LISTED, Verdict.LIKELY_MALICIOUS),
        ({"scan_result_i": 1, "verdict": "MALICIOUS"}, RowStatus.LISTED, Verdict.MALICIOUS),
        ({"scan_result_i": 2}, RowStatus.LISTED, Verdict.SUSPICIOUS),
        *(({"scan_result_i": n, "verdict": "MALICIOUS"}, RowStatus.OTHER, None) for n in (3, 255)),
    ],
)
def test_what_an_engine_says(
    engine: dict[str, Any], status: RowStatus, verdict: Verdict | None
) -> None:
    expected = ProviderRow("an engine", status, verdict, detail="Trojan")
    details = {"an engine": {**engine, "threat_found": "Trojan"}}
    single = read_hash(SHA256, encoded(report(engine["scan_result_i"], **details)))
    row = hash_row(SHA256, 1, scan_details=details)
    bulk = read_hashes([SHA256], encoded({"data": [row]})).answers[SHA256]
    assert single == bulk == Answer(SHA256, known=True, rows=(expected,))


@pytest.mark.parametrize("asked", EACH_TYPE, ids=lambda asked: asked.type)
@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_of_this_service_comes_back(asked: Indicator, verdict: Verdict) -> None:
    known = reputation(asked, verdict=verdict)
    if asked.type in HASH_TYPES:
        answer = read_hash(asked, encoded(hash_report(known, Scorer(0))))
        row = bulk_hash_row(asked, known, Scorer(0), with_details=True)
        bulk = read_hashes([asked], encoded({"data": [row]}))
    else:
        row = address_report(asked, asked.value, known, Scorer(0))
        answer = read_address(asked, encoded(row)).answers[asked]
        bulk = read_addresses([asked], encoded({"data": [row]}))
    assert bulk.answers == {asked: answer}
    assert answer.known
    assert [row.provider for row in answer.rows] == [SANDBOX_PROVIDER]
    assert answer.verdict() == verdict


@pytest.mark.parametrize(
    "sources",
    [[], [source(5)], [source(0)], [source(3), source(5)], [source(42)]],
    ids=["no provider", "not listed", "older not listed", "one failed", "undecided"],
)
def test_what_nobody_lists_is_unknown(sources: list[dict[str, Any]]) -> None:
    answer = read_address(IP, encoded(address(IP, *sources))).answers[IP]
    assert not answer.known
    assert answer.verdict() is None


def test_an_unknown_hash_of_a_bulk_answer() -> None:
    for row in (
        unknown_hash_row(MD5.value),
        {"hash": MD5.value, "scan_result_i": 5, "data_id": None, "scan_details": None},
        {"hash": MD5.value.lower(), "scan_result_i": 5},
    ):
        found = read_hashes([MD5], encoded({"data": [row]}))
        assert found.answers == {MD5: Answer(MD5, known=False, rows=())}


def test_when_every_provider_failed_there_is_no_answer() -> None:
    outcome = read_address(IP, encoded(address(IP, source(3), source(3))))
    assert outcome.answers == {}
    assert outcome.failed == {IP: "no provider answered"}


def test_a_row_that_is_refused_costs_itself_only() -> None:
    refused = invalid_address_row(IndicatorType.IP, IP.value, error(400180), 0)
    other = parse(IndicatorType.IP, "2001:db8::1")
    for row in (refused, {"address": IP.value, "error": {"code": 400185}}):
        outcome = read_addresses([IP, other], encoded({"data": [row, address(other)]}))
        assert outcome.failed == {IP: "the API does not accept it"}
        assert outcome.answers.keys() == {other}


def test_rows_come_in_any_order_and_spelling() -> None:
    asked = [parse(IndicatorType.URL, f"http://evil.example/{n}") for n in range(3)]
    bare = parse(IndicatorType.URL, "http://evil.example")
    rows = [address(one, source(1, str(one.value))) for one in reversed([*asked, bare])]
    rows[0]["address"] = "HTTP://Evil.example:80"
    found = read_addresses([*asked, bare], encoded({"data": rows})).answers
    assert {one: answer.rows[0].assessment for one, answer in found.items()} == {
        one: one.value for one in [*asked, bare]
    }
    rows = [hash_row(MD5, 5), hash_row(SHA256, 1)]
    found = read_hashes([SHA256, MD5], encoded({"data": rows})).answers
    assert [found[SHA256].known, found[MD5].known] == [True, False]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [address(IP)],
        [address(IP), address(IP)],
        [address(IP), address(DOMAIN)],
        [address(IP), address(IP) | {"address": "192.0.2.9"}],
        [address(IP), address(IP) | {"address": ""}],
        [address(IP), address(IP), address(IP) | {"address": "192.0.2.1"}],
    ],
    ids=["none", "missing", "twice", "no ip", "not asked", "empty", "too many"],
)
def test_rows_about_something_else_are_no_answer(rows: list[Any]) -> None:
    asked = [IP, parse(IndicatorType.IP, "192.0.2.1")]
    with pytest.raises(UnexpectedAnswer, match="not about the requested indicators"):
        read_addresses(asked, encoded({"data": rows}))


def test_a_single_answer_about_something_else_is_none() -> None:
    with pytest.raises(UnexpectedAnswer, match="not about the requested indicators"):
        read_address(URL, encoded(address(URL) | {"address": "http://evil.example/other"}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{",
        b'{"a": "\xff"}',
        b"[" * 100_000,
        encoded({"data": None}),
        encoded({SHA256.value: "Not Found"}),
        encoded(error(404003)),
        encoded({"scan_results": {}}),
        encoded({"scan_results": {"scan_details": [], "scan_all_result_i": 1}}),
        encoded(report(1, engine=None)),
        encoded(report(1, engine={})),
        encoded(report(1, engine={"scan_result_i": "1"})),
        encoded(report(1, engine={"scan_result_i": True})),
        encoded({"scan_results": {"scan_details": {}, "scan_all_result_i": 1}}),
    ],
)
def test_a_body_of_another_form_is_no_answer_for_a_hash(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer) as caught:
        read_hash(SHA256, body)
    assert SHA256.value not in str(caught.value)
    with pytest.raises(UnexpectedAnswer):
        read_hashes([SHA256], body)


@pytest.mark.parametrize(
    "row",
    [
        None,
        {},
        {"hash": SHA256.value},
        {"hash": None, "scan_result_i": 5},
        hash_row(SHA256, scan_result_i=None),
        hash_row(SHA256, scan_result_i="5"),
        hash_row(SHA256, scan_details=[]),
        hash_row(SHA256, 0, scan_details={}),
        hash_row(SHA256, 1, scan_details=None),
    ],
)
def test_a_row_of_another_form_is_no_answer_for_a_hash(row: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        read_hashes([SHA256], encoded({"data": [row]}))


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        {},
        {"address": IP.value},
        {"address": IP.value, "lookup_results": None},
        {"address": IP.value, "lookup_results": {}},
        {"address": IP.value, "lookup_results": {"sources": {}}},
        address(IP, {}),
        address(IP, source(5) | {"status": "5"}),
        address(IP, source(5) | {"status": None}),
        address(IP, source(5) | {"provider": None}),
        address(IP, success="yes"),
    ],
)
def test_a_body_of_another_form_is_no_answer_for_an_address(row: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        read_address(IP, encoded(row))
    with pytest.raises(UnexpectedAnswer):
        read_addresses([IP], encoded({"data": [row]}))


NAMES = [
    *("data", "address", "lookup_results", "sources", "status", "provider", "error", "success"),
    *("hash", "scan_results", "scan_details", "scan_result_i", "scan_all_result_i", "verdict"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([IP.value, "", "1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_body_is_an_answer_or_an_error_of_the_client(body: Any) -> None:
    reads: list[Callable[[], Any]] = [
        lambda: read_address(IP, encoded(body)),
        lambda: read_addresses([IP], encoded(body)),
        lambda: read_hash(SHA256, encoded(body)),
        lambda: read_hashes([SHA256], encoded(body)),
    ]
    for read in reads:
        with suppress(ReputationApiError):
            read()
